//! Waiting with a deadline, and waiting on a thread.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::error::WaitError;
use crate::time::{After, after, at};
use crate::wait::{Direction, Operation, Reach, Settled, block_on, on_runtime_worker, poll_proceed};

/// Goes on with an operation until it is settled or the timer fires: `None`. Delivery wins.
pub(super) async fn settle_before<C: Reach, D: Direction>(
    mut operation: Pin<&mut Operation<C, D>>,
    timer: After,
) -> Option<Settled> {
    let mut timer = pin!(timer);
    poll_fn(|cx| {
        if operation.is_fresh() && poll_proceed(cx).is_pending() {
            return Poll::Pending;
        }
        if let Poll::Ready(settled) = operation.as_mut().poll(cx) {
            return Poll::Ready(Some(settled));
        }
        match timer.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(operation.as_mut().withdraw()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits for a future that loses nothing when it is dropped, or for the timer: `None`.
pub(super) async fn ready_before<F: Future>(future: F, timer: After) -> Option<F::Output> {
    let (mut future, mut timer) = (pin!(future), pin!(timer));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.as_mut().poll(cx).map(|_| None),
    })
    .await
}

/// How long a wait may take.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    For(Duration),
    Until(Instant),
    Forever,
}

impl Limit {
    /// The instant at which the wait that begins now is up; `None` if never.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::For(duration) => after(duration).deadline(),
            Self::Until(instant) => Some(instant),
            Self::Forever => None,
        }
    }

    pub(crate) fn timer(self) -> After {
        match self {
            Self::For(duration) => after(duration),
            Self::Until(instant) => at(instant),
            Self::Forever => after(Duration::MAX),
        }
    }
}

/// Blocks this thread until the future is ready, unless the thread is a runtime's.
///
/// The future is made only then: a timer starts with the wait, and what is not sent is not touched.
pub(super) fn block<F: Future>(future: impl FnOnce() -> F) -> Result<F::Output, WaitError> {
    may_block()?;
    Ok(block_on(future()))
}

/// An error where blocking would stall a runtime's worker.
pub(crate) fn may_block() -> Result<(), WaitError> {
    // A runtime knows best: it allows a task to block in place. Elsewhere a task of ours is in somebody's poll.
    if on_runtime_worker().unwrap_or_else(crate::context::in_task) { Err(WaitError::OnRuntimeWorker) } else { Ok(()) }
}
