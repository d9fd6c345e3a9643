//! The thin forms of channels: oneshot, calls, watch, broadcast.

#[path = "../common/mod.rs"]
mod common;

mod broadcast;
mod call;
mod oneshot;
mod watch;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use aqueduct::{Ended, WaitError, task};

use common::{rounds, within};

const LIMIT: Duration = Duration::from_secs(30);

/// Runs a body outside any process, on two workers, and fails rather than hangs.
fn on_runtime<F>(body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    within(LIMIT, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body)
    })
}

/// Polls once, with a waker that wakes nobody.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A process that owns something and fails.
fn failing<T: Send + 'static>(owned: T) -> impl Future<Output = Result<(), ProcessError>> + Send {
    task("failing", async move {
        let _owned = owned;
        Err::<(), _>(Exit::failure("out of paper"))
    })
    .into_future()
}
