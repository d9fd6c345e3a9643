//! Extended rendezvous: the sender waits until the receiver has done what it wants to do with the value.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::error::{TryRecvError, WaitError};
use super::receiver::Receiver;
use super::recv::RecvOperation;
use super::shared::Shared;
use super::timed::{Limit, block, settle_before};
use crate::context::Ended;
use crate::wait::{Exchanging, Operation, poll_proceed};

/// A value whose sender waits until this guard is dropped: what is done meanwhile is part of the communication.
///
/// Made by [`Receiver::recv_held`]. A guard that is leaked holds its sender until that is cancelled.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// # aqueduct::run(async {
/// let stored = AtomicU32::new(0);
/// let (tx, rx) = aqueduct::channel();
/// par!(
///     aqueduct::task("writer", async {
///         tx.send(5).await?;
///         assert_eq!(stored.load(Ordering::Relaxed), 5, "the send completes when it has been stored");
///         Ok(())
///     }),
///     aqueduct::task("store", async {
///         let value = rx.recv_held().await?;
///         stored.store(*value, Ordering::Relaxed);
///         Ok(())
///     }),
/// )
/// .await?;
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use = "dropping the guard lets the sender go"]
pub struct Held<'a, T> {
    shared: &'a Shared<T>,
    departure: u64,
    // `None` once it has been taken out.
    value: Option<T>,
}

impl<'a, T> Held<'a, T> {
    fn new(shared: &'a Shared<T>, (departure, value): (u64, T)) -> Self {
        Self { shared, departure, value: Some(value) }
    }

    /// Lets the sender go, and keeps the value.
    pub fn into_inner(mut self) -> T {
        match self.value.take() {
            Some(value) => value,
            None => unreachable!("the value is there until the guard goes"),
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("the value is there until the guard goes"),
        }
    }
}

impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => unreachable!("the value is there until the guard goes"),
        }
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        // The value first: its drop is part of what the sender waits for.
        drop(self.value.take());
        self.shared.exchange().let_go(self.departure);
    }
}

impl<T: fmt::Debug> fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&**self).finish()
    }
}

pin_project! {
    /// The future of [`Receiver::recv_held`]; also a guard of a choice.
    #[must_use = "a receive does nothing until it is awaited"]
    pub struct RecvHeldFuture<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        operation: RecvOperation<'a, T>,
    }
}

impl<'a, T> RecvHeldFuture<'a, T> {
    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// The result, after a choice has taken this guard.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<Held<'a, T>, Ended> {
        let this = self.project();
        received(this.shared, this.operation)
    }
}

impl<'a, T> Future for RecvHeldFuture<'a, T> {
    type Output = Result<Held<'a, T>, Ended>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut operation = this.operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        Poll::Ready(received(this.shared, operation))
    }
}

/// What a settled receive gives.
fn received<'a, T>(shared: &'a Shared<T>, operation: Pin<&mut RecvOperation<'a, T>>) -> Result<Held<'a, T>, Ended> {
    match operation.take_departed() {
        Some(departed) => Ok(Held::new(shared, departed)),
        None => Err(shared.exchange().sending_ended().unwrap_or(Ended::Retired)),
    }
}

/// Extended rendezvous.
impl<T> Receiver<T> {
    /// Receives the next value, whose sender waits until the [`Held`] is dropped (occam's `??`).
    ///
    /// What the receiver does meanwhile is part of the communication: a relay that passes the value on before it lets
    /// go is invisible to both sides. It is for a rendezvous: where a buffer is between, or `try_send` was used, or a
    /// cancelled receiver gave the value back, the sender has gone already, and nobody is held.
    ///
    /// Do not wait for the held sender's next message while you hold it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv); a value that goes back into the channel no longer holds its sender. A sender that is
    /// cancelled while it is held has delivered.
    pub fn recv_held(&self) -> RecvHeldFuture<'_, T> {
        RecvHeldFuture { shared: self.shared(), operation: Operation::holding(&**self.shared()) }
    }

    /// As [`recv_held`](Self::recv_held), without waiting.
    ///
    /// # Errors
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_held(&self) -> Result<Held<'_, T>, TryRecvError> {
        Ok(Held::new(self.shared(), self.try_take(true)?))
    }

    /// As [`recv_held`](Self::recv_held), waiting for the value no longer than `limit` from now.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`recv_held`](Self::recv_held). At the limit, delivery wins.
    pub fn recv_held_timeout(&self, limit: Duration) -> impl Future<Output = Result<Held<'_, T>, WaitError>> {
        self.recv_held_limited(Limit::For(limit))
    }

    /// As [`recv_held`](Self::recv_held), waiting for the value no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`recv_held`](Self::recv_held). At the deadline, delivery wins.
    pub fn recv_held_deadline(&self, deadline: Instant) -> impl Future<Output = Result<Held<'_, T>, WaitError>> {
        self.recv_held_limited(Limit::Until(deadline))
    }

    fn recv_held_limited(&self, limit: Limit) -> impl Future<Output = Result<Held<'_, T>, WaitError>> {
        let timer = limit.timer();
        async move {
            let mut operation = pin!(RecvOperation::holding(&**self.shared()));
            match settle_before(operation.as_mut(), timer).await {
                Some(_) => Ok(received(self.shared(), operation)?),
                None => Err(WaitError::Timeout),
            }
        }
    }

    /// As [`recv_held`](Self::recv_held), blocking this thread.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking).
    pub fn recv_held_blocking(&self) -> Result<Held<'_, T>, WaitError> {
        Ok(block(|| self.recv_held())??)
    }

    /// As [`recv_held_blocking`](Self::recv_held_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking), or the time was up.
    pub fn recv_held_timeout_blocking(&self, limit: Duration) -> Result<Held<'_, T>, WaitError> {
        block(|| self.recv_held_limited(Limit::For(limit)))?
    }

    /// As [`recv_held_blocking`](Self::recv_held_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking), or the time was up.
    pub fn recv_held_deadline_blocking(&self, deadline: Instant) -> Result<Held<'_, T>, WaitError> {
        block(|| self.recv_held_limited(Limit::Until(deadline)))?
    }
}
