//! What can go wrong at a channel. Errors of a send carry the value back.

use std::error::Error;
use std::fmt;

use sync_wrapper::SyncWrapper;

use crate::context::{Cause, Ended};

/// A value was not sent; here it is, with the reason.
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::channel::<String>();
/// drop(rx);
/// let error = tx.send_blocking("hello".to_owned()).unwrap_err();
/// assert_eq!(error.into_inner(), "hello");
/// ```
pub struct SendError<T, R = Ended> {
    // In a wrapper, so that the error is `Sync` whatever the value is, and `?` works for every payload.
    value: SyncWrapper<T>,
    reason: Carried<R>,
}

/// A reason inside a [`SendError`]. Its type is private, so that `Exit` recognises our own errors by their source,
/// and never mistakes for one of them a user's error that merely has an [`Ended`] as its source.
#[derive(Debug)]
pub(crate) struct Carried<R>(pub(crate) R);

impl<R: fmt::Display> fmt::Display for Carried<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<R: Error> Error for Carried<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The error of a send that does not wait.
pub type TrySendError<T> = SendError<T, Refused>;

/// The error of a send that blocks a thread or has a deadline.
pub type SendWaitError<T> = SendError<T, WaitError>;

impl<T, R> SendError<T, R> {
    pub(crate) fn new(value: T, reason: R) -> Self {
        Self { value: SyncWrapper::new(value), reason: Carried(reason) }
    }

    /// The value that was not sent.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Why it was not sent.
    #[must_use]
    pub fn reason(&self) -> &R {
        &self.reason.0
    }

    /// The value, and why it was not sent.
    #[must_use]
    pub fn into_parts(self) -> (T, R) {
        (self.value.into_inner(), self.reason.0)
    }
}

impl<T> SendError<T, Refused> {
    /// True if the send would have had to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.reason(), Refused::Full)
    }
}

impl<T> SendError<T, WaitError> {
    /// True if the time was up.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.reason(), WaitError::Timeout)
    }
}

impl<T> From<SendError<T>> for SendError<T, WaitError> {
    fn from(error: SendError<T>) -> Self {
        let (value, ended) = error.into_parts();
        Self::new(value, WaitError::Ended(ended))
    }
}

impl<T, R: fmt::Display> fmt::Display for SendError<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value was not sent: {}", self.reason)
    }
}

impl<T, R: fmt::Debug> fmt::Debug for SendError<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("reason", &self.reason.0).finish_non_exhaustive()
    }
}

impl<T, R: Error + 'static> Error for SendError<T, R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}

/// Why a value was not sent without waiting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no room, and no receiver is waiting.
    #[error("the channel has no room, and no receiver is waiting")]
    Full,
    /// The channel has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
}

/// Why nothing was received without waiting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TryRecvError {
    /// There is no value, and no sender is waiting.
    #[error("the channel is empty, and no sender is waiting")]
    Empty,
    /// The channel has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
}

impl TryRecvError {
    /// True if there was nothing to receive, and the channel is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// Why a wait that blocks a thread or has a deadline did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was up.
    #[error("the time was up")]
    Timeout,
    /// The channel has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// A thread-blocking form was called inside a task, where it would stall every other task of the worker.
    #[error(
        "a thread-blocking call inside a task would stall the runtime's worker: await the asynchronous form \
         instead, or make this a thread process (`#[process] fn`)"
    )]
    OnRuntimeWorker,
}

impl WaitError {
    /// True if the time was up.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// True if the channel ended in good order.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self, Self::Ended(Ended::Retired))
    }

    /// True if the channel was poisoned.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        matches!(self, Self::Ended(Ended::Poisoned(_)))
    }

    /// The first cause, if the channel was poisoned.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Ended(ended) => ended.cause(),
            _ => None,
        }
    }
}
