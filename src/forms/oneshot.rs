//! One value, once.

use std::error::Error;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream as _;
use pin_project_lite::pin_project;

use crate::channel::{
    Channel, ClosedFuture, Receiver, RecvFuture, RecvStream, SendError, Sender, TryRecvError, WaitError,
};
use crate::context::Ended;

/// A channel for one value. Sending it never waits.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::oneshot();
/// tx.send(42).unwrap();
/// assert_eq!(rx.await?, 42);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use]
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let (sender, receiver) = Channel::buffered(1).open();
    (OneshotSender(sender), OneshotReceiver(receiver))
}

/// The end that sends the one value of [`oneshot`]. Dropped without sending, it retires the channel; dropped by a failing
/// process, it poisons it.
#[derive(Debug)]
pub struct OneshotSender<T>(Sender<T>);

impl<T> OneshotSender<T> {
    /// Sends the value, without waiting.
    ///
    /// # Errors
    /// [`SendError`] with the value, if the receiver has gone.
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        self.0.try_send(value).map_err(|refused| {
            let ended = self.0.ended().unwrap_or(Ended::Retired);
            SendError::new(refused.into_inner(), ended)
        })
    }

    /// Ready once the receiver has gone: nobody wants the value any more.
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        self.0.closed()
    }

    /// True if the receiver has gone.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.is_ended()
    }

    /// Ends the channel by a failure instead of a value.
    pub fn poison(self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.0.poison(cause);
    }
}

/// The end that receives the one value of [`oneshot`]: a future of it (`rx.await`), and, by [`recv`](Self::recv), a guard
/// of a choice.
#[derive(Debug)]
pub struct OneshotReceiver<T>(Receiver<T>);

impl<T> OneshotReceiver<T> {
    /// Receives the value; also a guard of a choice, `value = rx.recv()`.
    ///
    /// # Errors
    /// [`Ended`]: the sender has gone without sending, or failed; or the value has been received before.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn recv(&self) -> RecvFuture<'_, T> {
        self.0.recv()
    }

    /// Receives the value if it is there.
    ///
    /// # Errors
    /// As [`Receiver::try_recv`].
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// As [`recv`](Self::recv), waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn recv_timeout(&self, limit: Duration) -> impl Future<Output = Result<T, WaitError>> {
        self.0.recv_timeout(limit)
    }

    /// As [`recv`](Self::recv), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn recv_deadline(&self, deadline: Instant) -> impl Future<Output = Result<T, WaitError>> {
        self.0.recv_deadline(deadline)
    }

    /// As [`recv`](Self::recv), blocking this thread.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`].
    pub fn recv_blocking(&self) -> Result<T, WaitError> {
        self.0.recv_blocking()
    }

    /// As [`recv_blocking`](Self::recv_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`], or the time was up.
    pub fn recv_timeout_blocking(&self, limit: Duration) -> Result<T, WaitError> {
        self.0.recv_timeout_blocking(limit)
    }

    /// As [`recv_blocking`](Self::recv_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`Receiver::recv_blocking`], or the time was up.
    pub fn recv_deadline_blocking(&self, deadline: Instant) -> Result<T, WaitError> {
        self.0.recv_deadline_blocking(deadline)
    }
}

impl<T> IntoFuture for OneshotReceiver<T> {
    type Output = Result<T, Ended>;
    type IntoFuture = OneshotFuture<T>;

    fn into_future(self) -> OneshotFuture<T> {
        OneshotFuture { values: self.0.into_stream() }
    }
}

pin_project! {
    /// The future of an [`OneshotReceiver`].
    #[derive(Debug)]
    #[must_use = "futures do nothing until they are awaited"]
    pub struct OneshotFuture<T> {
        #[pin]
        values: RecvStream<T>,
    }
}

impl<T> Future for OneshotFuture<T> {
    type Output = Result<T, Ended>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().values.poll_next(cx).map(|next| match next {
            Some(received) => Ok(received?),
            None => Err(Ended::Retired),
        })
    }
}
