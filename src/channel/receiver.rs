//! The receiving end.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{TryRecvError, WaitError};
use super::iter::{Iter, TryIter};
use super::many;
use super::recv::{NextFuture, RecvFuture, RecvOperation, received};
use super::shared::{ChannelEnd, ChannelId, Direction, Receivers, Shared, Side};
use super::stream::RecvStream;
use super::timed::{Limit, block, settle_before};
use super::weak::WeakReceiver;
use crate::context::{Cause, Ended, Poisoned, Reason};
use crate::wait::Step;

/// The receiving end of a channel.
///
/// Clone it to join the channel with one more end (each value goes to one of them); drop it to leave. All methods
/// take `&self`: an end may be used by several waits at once.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Takes over one count of the receivers.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Receives the next value.
    ///
    /// # Errors
    /// [`Ended`]: retired, and everything that was sent has been received; or poisoned.
    ///
    /// # Cancel safety
    /// Nothing is lost: a value that a sender has handed over, and that this future has not returned, goes back into
    /// the channel, at its place in the order.
    ///
    /// # Examples
    /// ```
    /// # aqueduct::run(async {
    /// let (tx, rx) = aqueduct::buffered(1);
    /// tx.send(7).await?;
    /// drop(tx);
    /// assert_eq!(rx.recv().await, Ok(7));
    /// assert_eq!(rx.recv().await, Err(aqueduct::Ended::Retired));
    /// # aqueduct::Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn recv(&self) -> RecvFuture<'_, T> {
        RecvFuture::new(&self.shared)
    }

    /// Receives the next value; `None` once the channel is retired. For loops: `while let Some(v) = rx.next().await?`.
    ///
    /// # Errors
    /// [`Poisoned`]: what has been received is not complete. So a loop never takes truncated data for complete data.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv).
    ///
    /// # Examples
    /// ```
    /// # aqueduct::run(async {
    /// let (tx, rx) = aqueduct::buffered(3);
    /// for n in 1..=3 {
    ///     tx.send(n).await?;
    /// }
    /// drop(tx);
    /// let mut sum = 0;
    /// while let Some(n) = rx.next().await? {
    ///     sum += n;
    /// }
    /// assert_eq!(sum, 6);
    /// # aqueduct::Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn next(&self) -> NextFuture<'_, T> {
        NextFuture::new(&self.shared)
    }

    /// Receives without waiting: from the queue, or from a sender that waits.
    ///
    /// # Errors
    /// [`TryRecvError`]: nothing is there, or the channel has ended.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        Ok(self.try_take(false)?.1)
    }

    /// Takes a value without waiting, with its departure.
    pub(super) fn try_take(&self, hold: bool) -> Result<(u64, T), TryRecvError> {
        self.shared.exchange().try_recv(hold).map_err(|step| match step {
            Step::Ended => TryRecvError::Ended(self.shared.exchange().sending_ended().unwrap_or(Ended::Retired)),
            _ => TryRecvError::Empty,
        })
    }

    /// Receives, waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv). At the limit, delivery wins.
    pub fn recv_timeout(&self, limit: Duration) -> impl Future<Output = Result<T, WaitError>> {
        self.recv_limited(Limit::For(limit))
    }

    /// Receives, waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv). At the deadline, delivery wins.
    pub fn recv_deadline(&self, deadline: Instant) -> impl Future<Output = Result<T, WaitError>> {
        self.recv_limited(Limit::Until(deadline))
    }

    fn recv_limited(&self, limit: Limit) -> impl Future<Output = Result<T, WaitError>> {
        let timer = limit.timer();
        async move {
            let mut operation = pin!(RecvOperation::new(&*self.shared, None));
            match settle_before(operation.as_mut(), timer).await {
                Some(_) => Ok(received(operation)?),
                None => Err(WaitError::Timeout),
            }
        }
    }

    /// Receives, blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]: the channel has ended, or this thread is a runtime's worker
    /// ([`WaitError::OnRuntimeWorker`]).
    pub fn recv_blocking(&self) -> Result<T, WaitError> {
        Ok(block(|| self.recv())??)
    }

    /// Receives, blocking this thread; `None` once the channel is retired. For loops.
    ///
    /// # Errors
    /// [`WaitError`]: the channel was poisoned, or this thread is a runtime's worker.
    pub fn next_blocking(&self) -> Result<Option<T>, WaitError> {
        or_none(self.recv_blocking())
    }

    /// As [`next`](Self::next), waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel was poisoned.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv). At the limit, delivery wins.
    pub fn next_timeout(&self, limit: Duration) -> impl Future<Output = Result<Option<T>, WaitError>> {
        let recv = self.recv_limited(Limit::For(limit));
        async move { or_none(recv.await) }
    }

    /// As [`next`](Self::next), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel was poisoned.
    ///
    /// # Cancel safety
    /// As [`recv`](Self::recv). At the deadline, delivery wins.
    pub fn next_deadline(&self, deadline: Instant) -> impl Future<Output = Result<Option<T>, WaitError>> {
        let recv = self.recv_limited(Limit::Until(deadline));
        async move { or_none(recv.await) }
    }

    /// As [`next_blocking`](Self::next_blocking), no longer than `limit`.
    ///
    /// # Errors
    /// As [`next_blocking`](Self::next_blocking), or the time was up.
    pub fn next_timeout_blocking(&self, limit: Duration) -> Result<Option<T>, WaitError> {
        or_none(self.recv_timeout_blocking(limit))
    }

    /// As [`next_blocking`](Self::next_blocking), no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`next_blocking`](Self::next_blocking), or the time was up.
    pub fn next_deadline_blocking(&self, deadline: Instant) -> Result<Option<T>, WaitError> {
        or_none(self.recv_deadline_blocking(deadline))
    }

    /// Receives, blocking this thread no longer than `limit`.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking), or the time was up.
    pub fn recv_timeout_blocking(&self, limit: Duration) -> Result<T, WaitError> {
        block(|| self.recv_limited(Limit::For(limit)))?
    }

    /// Receives, blocking this thread no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`recv_blocking`](Self::recv_blocking), or the time was up.
    pub fn recv_deadline_blocking(&self, deadline: Instant) -> Result<T, WaitError> {
        block(|| self.recv_limited(Limit::Until(deadline)))?
    }

    /// Waits for a value, then takes what else is there, up to `limit` values, and appends them to `into`.
    ///
    /// Gives how many there were: at least one, unless `limit` is 0.
    ///
    /// # Errors
    /// [`Ended`], with nothing appended.
    ///
    /// # Cancel safety
    /// Nothing is lost: `into` is appended to only when the future is ready.
    pub async fn recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, Ended> {
        match limit {
            0 => Ok(0),
            _ => Ok(many::more(self, self.recv().await?, into, limit)),
        }
    }

    /// As [`recv_many`](Self::recv_many), waiting for the first value no longer than `time` from now.
    ///
    /// # Errors
    /// [`WaitError`], with nothing appended.
    ///
    /// # Cancel safety
    /// As [`recv_many`](Self::recv_many). When the time is up, delivery wins.
    pub fn recv_many_timeout(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        time: Duration,
    ) -> impl Future<Output = Result<usize, WaitError>> {
        self.recv_many_limited(into, limit, Limit::For(time))
    }

    /// As [`recv_many`](Self::recv_many), waiting for the first value no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError`], with nothing appended.
    ///
    /// # Cancel safety
    /// As [`recv_many`](Self::recv_many). At the deadline, delivery wins.
    pub fn recv_many_deadline(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        deadline: Instant,
    ) -> impl Future<Output = Result<usize, WaitError>> {
        self.recv_many_limited(into, limit, Limit::Until(deadline))
    }

    fn recv_many_limited(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        time: Limit,
    ) -> impl Future<Output = Result<usize, WaitError>> {
        let first = self.recv_limited(time);
        async move {
            match limit {
                0 => Ok(0),
                _ => Ok(many::more(self, first.await?, into, limit)),
            }
        }
    }

    /// As [`recv_many`](Self::recv_many), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`], with nothing appended.
    pub fn recv_many_blocking(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, WaitError> {
        Ok(block(|| self.recv_many(into, limit))??)
    }

    /// As [`recv_many_timeout`](Self::recv_many_timeout), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`], with nothing appended.
    pub fn recv_many_timeout_blocking(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        time: Duration,
    ) -> Result<usize, WaitError> {
        block(|| self.recv_many_timeout(into, limit, time))?
    }

    /// As [`recv_many_deadline`](Self::recv_many_deadline), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`], with nothing appended.
    pub fn recv_many_deadline_blocking(
        &self,
        into: &mut Vec<T>,
        limit: usize,
        deadline: Instant,
    ) -> Result<usize, WaitError> {
        block(|| self.recv_many_deadline(into, limit, deadline))?
    }

    /// Takes what is there, at one instant, up to `limit` values, without waiting; gives how many there were.
    pub fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> usize {
        self.shared.exchange().try_recv_many(into, limit)
    }

    /// Iterates on a thread until the channel has ended.
    ///
    /// An item is a `Result`, so that a loop cannot take truncated data for complete data: `for n in &rx { let n = n?; … }`.
    /// An item is an error if the channel was poisoned, or if this thread is a runtime's worker; that is the last.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// Iterates over what can be received without waiting.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// Turns the end into a `Stream` of `Result<T, Poisoned>`, which ends when the channel is retired.
    pub fn into_stream(self) -> RecvStream<T> {
        RecvStream::new(self)
    }

    /// Leaves the channel in good order, whatever the state of the process: the same as dropping the end, except
    /// that a failing process does not poison.
    pub fn retire(self) {
        super::shared::retire_quietly(self);
    }

    /// Ends the channel by a failure: everybody sees it at once, ahead of what is still in the channel.
    ///
    /// The first poison wins. A channel that is retired and drained stays retired.
    pub fn poison(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.shared.exchange().poison(Poisoned(Cause::here(Reason::Poisoned(cause.into()))));
    }

    /// Why nothing can be received any more; `None` while something can or may still be.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.shared.exchange().receiving_ended()
    }

    /// True if nothing can be received any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// Waits until nothing can be sent any more; what was sent may still be there.
    #[cfg(feature = "macros")]
    pub(crate) fn closed(&self) -> super::ClosedFuture<'_, T> {
        super::ClosedFuture::new(&self.shared)
    }

    /// A reference that does not keep the channel from retiring.
    #[must_use]
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver::new(Arc::clone(&self.shared))
    }
}

/// A retired end as the end of a sequence.
fn or_none<T>(received: Result<T, WaitError>) -> Result<Option<T>, WaitError> {
    match received {
        Ok(value) => Ok(Some(value)),
        Err(WaitError::Ended(Ended::Retired)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receivers::join(&self.shared);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        Receivers::leave(&self.shared);
    }
}

super::shared::both_ends!(Receiver, "Receiver");
