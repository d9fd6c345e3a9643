//! Where PyCSP does something else than its documentation says, or than a user expects: each such deviation with what
//! it does (measured on its sources, or taken from its issues), and with what is guaranteed here instead.
//!
//! | deviation of PyCSP | here, and where it is tested |
//! |---|---|
//! | D1 a retired end still communicates | it cannot be named any more: `ending` |
//! | D2 poison loses what is buffered, against its documentation | poison aborts and counts, retire drains: `poison` |
//! | D3 who exits or raises without retiring hangs its peers | ends go with their owner: `ending` |
//! | D4 an end that was sent away is still used, or fails oddly | a move is a move: `ending` |
//! | D5 a guard that was ready alone is starved later | fair choice rotates, and counts nothing: `choosing` |
//! | D6 a choice between a poisoned and a ready guard is a race | an ended guard is ready, in its place: `choosing` |
//! | D7 timeouts exhaust a resource | they leave nothing behind: `tests/pycsp_memory.rs` |
//! | D8 the value of an output that is not chosen is lost | it stays in its slot: `choosing` |
//! | D9 choices in opposite orders deadlock | they never do: `choosing` |
//! | D10 ends that travel are never given back | they go with whoever drops them: `ending`, `tests/pycsp_memory.rs` |

#[path = "../common/mod.rs"]
mod common;

mod choosing;
mod ending;
mod poison;

use std::time::Duration;

use aqueduct::prelude::*;

/// Longer than any test here takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What a process runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Task,
    Thread,
}

/// Two processes on tasks, on threads, and mixed.
const PAIRS: [(On, On); 4] =
    [(On::Task, On::Task), (On::Thread, On::Thread), (On::Task, On::Thread), (On::Thread, On::Task)];

/// Runs a test on a runtime with two workers, from a thread that may block; fails if it hangs.
fn on_runtime<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    common::within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let _inside = runtime.enter();
        test()
    })
}

/// Spawns a process that sends these values and then does something with its end.
fn source<T: Send + 'static>(
    on: On,
    tx: Sender<T>,
    values: Vec<T>,
    then: impl FnOnce(Sender<T>) -> Outcome + Send + 'static,
) -> aqueduct::Handle<()> {
    match on {
        On::Task => aqueduct::task("source", async move {
            for value in values {
                tx.send(value).await?;
            }
            then(tx)
        })
        .spawn(),
        On::Thread => aqueduct::thread("source", move || {
            for value in values {
                tx.send_blocking(value)?;
            }
            then(tx)
        })
        .spawn(),
    }
}

/// Spawns a process that receives until the channel is retired.
fn sink<T: Send + 'static>(on: On, rx: Receiver<T>) -> aqueduct::Handle<Vec<T>> {
    match on {
        On::Task => aqueduct::task("sink", async move {
            let mut values = Vec::new();
            while let Some(value) = rx.next().await? {
                values.push(value);
            }
            Ok(values)
        })
        .spawn(),
        On::Thread => aqueduct::thread("sink", move || Ok(rx.iter().collect::<Result<Vec<_>, _>>()?)).spawn(),
    }
}
