//! Processes: what they are before they run, how failure travels between them, and how they are composed.

#[path = "../common/mod.rs"]
mod common;

mod cancelled;
mod causes;
mod choices;
mod composed;
mod derived;
mod exits;
mod forms;
mod identity;
mod leftovers;
mod local;
mod panics;
mod shapes;

use std::future::Future;

use aqueduct::prelude::*;
use aqueduct::{Cause, Ended};

/// A user's own error.
#[derive(Debug)]
struct OutOfPaper;

impl std::fmt::Display for OutOfPaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("out of paper")
    }
}

impl std::error::Error for OutOfPaper {}

/// Passes everything on, on a task.
#[process]
async fn relay(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n).await?;
    }
    Ok(())
}

/// Passes everything on, on a thread.
#[process]
fn relay_thread(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    for n in &input {
        out.send_blocking(n?)?;
    }
    Ok(())
}

/// Runs a body outside any process, on a runtime of two workers, and fails rather than hangs.
fn on_runtime<F>(body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    common::within(std::time::Duration::from_secs(30), move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body)
    })
}

/// As [`on_runtime`], for a body that is not `Send`, such as one that holds an `Exit` while it waits.
fn locally<F>(body: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = ()>,
{
    common::within(std::time::Duration::from_secs(30), move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body());
    });
}

/// The first cause with which a channel was poisoned.
#[track_caller]
fn poison<T: std::fmt::Debug>(received: Result<T, Ended>) -> aqueduct::Poisoned {
    match received {
        Err(Ended::Poisoned(poisoned)) => poisoned,
        other => panic!("not poisoned: {other:?}"),
    }
}

/// True if both are one and the same cause, not only equal ones.
fn same(one: &Cause, other: &Cause) -> bool {
    std::ptr::eq(one, other)
}

/// Polls once.
async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
