//! What the spawner of a process keeps.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context as Cx, Poll};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::ProcessError;
use super::thread::lost;
use crate::channel::{WaitError, may_block};
use crate::context::{Cause, Identity, Reason, dispose, schedule};

/// A spawned process: a future of its result, and a guard of a choice.
///
/// Dropping the handle lets the process run on. As a guard, use `result = &mut handle`.
///
/// # Cancel safety
/// Nothing is lost by dropping a reference to it: the result stays until it is taken. Taken again, the result is an
/// error that says so.
#[must_use = "a dropped handle lets the process run on, and nobody sees how it ended"]
pub struct Handle<T> {
    identity: Identity,
    state: State<T>,
}

enum State<T> {
    Task(JoinHandle<Result<T, ProcessError>>),
    Thread(oneshot::Receiver<Result<T, ProcessError>>),
    Ended(Option<Result<T, ProcessError>>),
}

impl<T> Handle<T> {
    pub(super) fn of_task(identity: Identity, task: JoinHandle<Result<T, ProcessError>>) -> Self {
        Self { identity, state: State::Task(task) }
    }

    pub(super) fn of_thread(identity: Identity, result: oneshot::Receiver<Result<T, ProcessError>>) -> Self {
        Self { identity, state: State::Thread(result) }
    }

    pub(super) fn of_result(identity: Identity, result: Result<T, ProcessError>) -> Self {
        Self { identity, state: State::Ended(Some(result)) }
    }

    /// The process's name and number.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Cancels the process at its next await; its ends poison. True if that is possible: a thread cannot be stopped
    /// from outside, so end its channels instead.
    pub fn abort(&self) -> bool {
        match &self.state {
            State::Task(task) => {
                schedule::abort(task);
                true
            }
            State::Thread(_) | State::Ended(_) => false,
        }
    }

    /// True once the process has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match &self.state {
            State::Task(task) => task.is_finished(),
            State::Thread(result) => !result.is_empty() || result.is_terminated(),
            State::Ended(_) => true,
        }
    }

    /// Waits for the process on this thread.
    ///
    /// # Errors
    /// How the process failed; or that this thread is a runtime's worker, which must not be blocked.
    pub fn join_blocking(self) -> Result<T, ProcessError> {
        match may_block() {
            Ok(()) => crate::wait::block_on(self),
            Err(error) => Err(ProcessError::new(Cause::here(Reason::Error(Box::<WaitError>::new(error))))),
        }
    }
}

impl<T> Unpin for Handle<T> {}

impl<T> Future for Handle<T> {
    type Output = Result<T, ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let polled =
            match &mut this.state {
                State::Task(task) => Pin::new(task).poll(cx).map(|joined| match joined {
                    Ok(result) => result,
                    Err(error) => Err(ProcessError::new(Cause::new(this.identity.clone(), why(error)))),
                }),
                State::Thread(result) => {
                    Pin::new(result).poll(cx).map(|result| result.unwrap_or_else(|_| Err(lost(this.identity.clone()))))
                }
                State::Ended(result) => Poll::Ready(result.take().unwrap_or_else(|| {
                    Err(ProcessError::new(Cause::new(this.identity.clone(), Reason::AlreadyTaken)))
                })),
            };
        if polled.is_ready() {
            this.state = State::Ended(None);
        }
        polled
    }
}

/// Why tokio has no result of a task: it was aborted, or a value panicked while it was dropped.
fn why(error: tokio::task::JoinError) -> Reason {
    if error.is_panic() {
        let message = OnceLock::new();
        let _ = message.set(error.to_string());
        dispose(error.into_panic());
        Reason::Panicked(message)
    } else {
        Reason::Cancelled
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("process", &self.identity).field("finished", &self.is_finished()).finish()
    }
}
