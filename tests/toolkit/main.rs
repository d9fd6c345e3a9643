//! The toolkit: what each process does with real data, and how it ends, whoever ends it.

#[path = "../common/mod.rs"]
mod common;

mod cancelled;
mod ending;
mod farms;
mod files;
mod networks;
mod pace;
mod parts;
mod pipelines;
mod programs;
mod sharing;

use std::future::Future;
use std::time::Duration;

use aqueduct::Ended;

/// Longer than anything here takes, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a body on a runtime of two workers, and fails rather than hangs.
fn on_runtime<F>(body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    common::within(LIMIT, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body)
    })
}

/// The cause with which a channel was poisoned.
#[track_caller]
fn cause<T: std::fmt::Debug>(received: Result<T, Ended>) -> String {
    match received {
        Err(Ended::Poisoned(poisoned)) => poisoned.to_string(),
        other => panic!("not poisoned: {other:?}"),
    }
}

/// Sorted.
fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}
