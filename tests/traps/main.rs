//! The traps into which other libraries of this kind have fallen, one test or more for each, named after its number.
//!
//! | trap | where |
//! |---|---|
//! | T1 a choice that meets itself, T2 opposing choices, T4 two arms at once, T5 a channel twice, T6 a smeared poll, T11 `default` too early, T21 mutual senders | `meeting` |
//! | T7 barging, T9 modes and replay, T10 fairness by rotation, T12 the guard that is always ready, T17 order of waiters | `order` |
//! | T13 retire and poison, T14 ownership and no scanning, T15 ending twice, T16 an ended guard in its place | `ending` |
//! | T8 cancelled after the commit, T22 side effects in guards | `values` |
//! | T3 losers that stay behind | `tests/leaks.rs`, which counts memory |
//! | T18 extended rendezvous over an overwriting buffer | `tests/conformance`, `csp::jcsp::extended_buffered` |
//! | T19 barriers in a choice need a global order | `tests/conformance`, `csp::symmetric`: to arrive commits, so they do not |
//!
//! Not applicable yet:
//!
//! | trap | why |
//! |---|---|
//! | T20 the last acknowledgement lost at exit | channels do not cross hosts yet |

#[path = "../common/mod.rs"]
mod common;

mod ending;
mod meeting;
mod order;
mod values;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::Alt;

/// Longer than any test here takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Polls once, always with the same waker, which does nothing.
fn poll<F: Future + ?Sized>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// All modes of choice.
fn modes() -> [Alt; 4] {
    [Alt::pri(), Alt::fair(), Alt::arbitrary(7), Alt::unseeded()]
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }
}

/// A runtime with two workers and a timer.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
