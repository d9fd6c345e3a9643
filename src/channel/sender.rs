//! The sending end.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{Refused, SendError, SendWaitError, TrySendError, WaitError};
use super::many;
use super::send::{ClosedFuture, SendFromFuture, SendFuture, SendOperation, sent};
use super::shared::{ChannelEnd, ChannelId, Direction, Senders, Shared, Side};
use super::sink::SendSink;
use super::timed::{Limit, block, ready_before, settle_before};
use super::weak::WeakSender;
use crate::context::{Cause, Ended, Poisoned, Reason};
use crate::wait::Step;

/// The sending end of a channel.
///
/// Clone it to join the channel with one more end; drop it to leave. All methods take `&self`: an end may be used by
/// several waits at once.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Takes over one count of the senders.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// Sends a value; done when a receiver has taken it, or the queue has.
    ///
    /// # Errors
    /// [`SendError`] with the value, if the channel has ended or ends before the value is taken.
    ///
    /// # Cancel safety
    /// Dropped before it is taken, the value is dropped; after, it is delivered. Use [`send_from`](Self::send_from)
    /// to keep it.
    ///
    /// # Examples
    /// ```
    /// # aqueduct::run(async {
    /// let (tx, rx) = aqueduct::buffered(1);
    /// tx.send("hello").await?;
    /// assert_eq!(rx.recv().await?, "hello");
    /// # aqueduct::Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(&self.shared, value)
    }

    /// Sends the value in the slot; the slot has it again if it was not sent.
    ///
    /// An empty slot sends nothing: awaited, the future is ready at once; in a choice, the guard is disabled.
    ///
    /// # Errors
    /// [`Ended`], with the value back in the slot.
    ///
    /// # Cancel safety
    /// Dropped before the value is taken, the slot has it again; after, it is delivered and the slot is empty. (A
    /// future that is leaked keeps the value.)
    ///
    /// # Examples
    /// ```
    /// # use aqueduct::prelude::*;
    /// # use std::time::Duration;
    /// # aqueduct::run(async {
    /// let (tx, _rx) = aqueduct::channel();
    /// let mut pending = Some("precious".to_owned());
    /// alt! {
    ///     _ = tx.send_from(&mut pending) => unreachable!("nobody receives"),
    ///     _ = after(Duration::from_millis(1)) => {}
    /// }
    /// assert_eq!(pending.as_deref(), Some("precious"));
    /// # Outcome::Ok(()) }).unwrap();
    /// ```
    pub fn send_from<'a>(&'a self, slot: &'a mut Option<T>) -> SendFromFuture<'a, T> {
        SendFromFuture::new(&self.shared, slot)
    }

    /// Sends without waiting: to a receiver that waits, or into the queue.
    ///
    /// # Errors
    /// [`TrySendError`] with the value: there is no room, or the channel has ended.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = aqueduct::channel();
    /// let error = tx.try_send(5).unwrap_err();
    /// assert!(error.is_full());
    /// assert_eq!(error.into_inner(), 5);
    /// ```
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.exchange().try_send(value).map_err(|(value, step)| {
            let reason = match step {
                Step::Ended => Refused::Ended(self.ended().unwrap_or(Ended::Retired)),
                _ => Refused::Full,
            };
            SendError::new(value, reason)
        })
    }

    /// Sends, waiting no longer than `limit` from now.
    ///
    /// # Errors
    /// [`SendWaitError`] with the value: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send). At the limit, delivery wins.
    pub fn send_timeout(&self, value: T, limit: Duration) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        self.send_limited(value, Limit::For(limit))
    }

    /// Sends, waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// [`SendWaitError`] with the value: the time was up, or the channel has ended.
    ///
    /// # Cancel safety
    /// As [`send`](Self::send). At the deadline, delivery wins.
    pub fn send_deadline(&self, value: T, deadline: Instant) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        self.send_limited(value, Limit::Until(deadline))
    }

    fn send_limited(&self, value: T, limit: Limit) -> impl Future<Output = Result<(), SendWaitError<T>>> {
        let timer = limit.timer();
        async move {
            let mut operation = pin!(SendOperation::new(&*self.shared, Some(value)));
            match settle_before(operation.as_mut(), timer).await {
                Some(_) => Ok(sent(operation)?),
                None => match operation.take() {
                    Some(value) => Err(SendError::new(value, WaitError::Timeout)),
                    None => Ok(()),
                },
            }
        }
    }

    /// Sends, blocking this thread.
    ///
    /// # Errors
    /// [`SendWaitError`] with the value: the channel has ended, or this thread is a runtime's worker
    /// ([`WaitError::OnRuntimeWorker`]).
    pub fn send_blocking(&self, value: T) -> Result<(), SendWaitError<T>> {
        self.blocking(value, |value| Ok(crate::wait::block_on(self.send(value))?))
    }

    /// Sends, blocking this thread no longer than `limit`.
    ///
    /// # Errors
    /// As [`send_blocking`](Self::send_blocking), or the time was up.
    pub fn send_timeout_blocking(&self, value: T, limit: Duration) -> Result<(), SendWaitError<T>> {
        self.blocking(value, |value| crate::wait::block_on(self.send_limited(value, Limit::For(limit))))
    }

    /// Sends, blocking this thread no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send_blocking`](Self::send_blocking), or the time was up.
    pub fn send_deadline_blocking(&self, value: T, deadline: Instant) -> Result<(), SendWaitError<T>> {
        self.blocking(value, |value| crate::wait::block_on(self.send_limited(value, Limit::Until(deadline))))
    }

    fn blocking(&self, value: T, send: impl FnOnce(T) -> Result<(), SendWaitError<T>>) -> Result<(), SendWaitError<T>> {
        match super::may_block() {
            Ok(()) => send(value),
            Err(error) => Err(SendError::new(value, error)),
        }
    }

    /// Sends the value in the slot, waiting no longer than `limit` from now; the slot has it again if it was not sent.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended; the value is back in the slot.
    ///
    /// # Cancel safety
    /// As [`send_from`](Self::send_from). At the limit, delivery wins.
    pub fn send_from_timeout(
        &self,
        slot: &mut Option<T>,
        limit: Duration,
    ) -> impl Future<Output = Result<(), WaitError>> {
        self.send_from_limited(slot, Limit::For(limit))
    }

    /// Sends the value in the slot, waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send_from_timeout`](Self::send_from_timeout).
    ///
    /// # Cancel safety
    /// As [`send_from`](Self::send_from). At the deadline, delivery wins.
    pub fn send_from_deadline(
        &self,
        slot: &mut Option<T>,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), WaitError>> {
        self.send_from_limited(slot, Limit::Until(deadline))
    }

    /// Sends the value in the slot, blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]: the channel has ended, or this thread is a runtime's worker; the value is back in the slot.
    pub fn send_from_blocking(&self, slot: &mut Option<T>) -> Result<(), WaitError> {
        block(|| self.send_from(slot))?.map_err(WaitError::from)
    }

    /// Sends the value in the slot, blocking this thread no longer than `limit`.
    ///
    /// # Errors
    /// As [`send_from_blocking`](Self::send_from_blocking), or the time was up.
    pub fn send_from_timeout_blocking(&self, slot: &mut Option<T>, limit: Duration) -> Result<(), WaitError> {
        block(|| self.send_from_limited(slot, Limit::For(limit)))?
    }

    /// Sends the value in the slot, blocking this thread no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send_from_blocking`](Self::send_from_blocking), or the time was up.
    pub fn send_from_deadline_blocking(&self, slot: &mut Option<T>, deadline: Instant) -> Result<(), WaitError> {
        block(|| self.send_from_limited(slot, Limit::Until(deadline)))?
    }

    fn send_from_limited(&self, slot: &mut Option<T>, limit: Limit) -> impl Future<Output = Result<(), WaitError>> {
        let timer = limit.timer();
        async move { pin!(self.send_from(slot)).before(pin!(timer)).await }
    }

    /// Sends everything in `values`, in order, as fast as there is room.
    ///
    /// # Errors
    /// [`Ended`]; what was not sent is still in `values`.
    ///
    /// # Cancel safety
    /// Dropped, what was not sent is still in `values`: each value is either delivered or there.
    pub async fn send_many(&self, values: &mut VecDeque<T>) -> Result<(), Ended> {
        match many::send(self, values, Limit::Forever.timer()).await {
            Err(WaitError::Ended(ended)) => Err(ended),
            _ => Ok(()),
        }
    }

    /// As [`send_many`](Self::send_many), waiting no longer than `limit` from now for all of them together.
    ///
    /// # Errors
    /// [`WaitError`]: the time was up, or the channel has ended; what was not sent is still in `values`.
    ///
    /// # Cancel safety
    /// As [`send_many`](Self::send_many). At the limit, delivery wins.
    pub fn send_many_timeout(
        &self,
        values: &mut VecDeque<T>,
        limit: Duration,
    ) -> impl Future<Output = Result<(), WaitError>> {
        many::send(self, values, Limit::For(limit).timer())
    }

    /// As [`send_many`](Self::send_many), waiting no longer than until `deadline`.
    ///
    /// # Errors
    /// As [`send_many_timeout`](Self::send_many_timeout).
    ///
    /// # Cancel safety
    /// As [`send_many`](Self::send_many). At the deadline, delivery wins.
    pub fn send_many_deadline(
        &self,
        values: &mut VecDeque<T>,
        deadline: Instant,
    ) -> impl Future<Output = Result<(), WaitError>> {
        many::send(self, values, Limit::Until(deadline).timer())
    }

    /// Sends everything in `values`, blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]; what was not sent is still in `values`.
    pub fn send_many_blocking(&self, values: &mut VecDeque<T>) -> Result<(), WaitError> {
        block(|| many::send(self, values, Limit::Forever.timer()))?
    }

    /// As [`send_many_timeout`](Self::send_many_timeout), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]; what was not sent is still in `values`.
    pub fn send_many_timeout_blocking(&self, values: &mut VecDeque<T>, limit: Duration) -> Result<(), WaitError> {
        block(|| many::send(self, values, Limit::For(limit).timer()))?
    }

    /// As [`send_many_deadline`](Self::send_many_deadline), blocking this thread.
    ///
    /// # Errors
    /// [`WaitError`]; what was not sent is still in `values`.
    pub fn send_many_deadline_blocking(&self, values: &mut VecDeque<T>, deadline: Instant) -> Result<(), WaitError> {
        block(|| many::send(self, values, Limit::Until(deadline).timer()))?
    }

    /// Sends as much of `values` as there is room for, at one instant, without waiting; the rest stays there.
    ///
    /// # Errors
    /// [`Refused`], if something is left: there is no more room, or the channel has ended.
    pub fn try_send_many(&self, values: &mut VecDeque<T>) -> Result<(), Refused> {
        match self.shared.exchange().try_send_many(values, false) {
            Step::Done | Step::Held => Ok(()),
            Step::Wait => Err(Refused::Full),
            Step::Ended => Err(Refused::Ended(self.ended().unwrap_or(Ended::Retired))),
        }
    }

    /// Turns the end into a `Sink`.
    pub fn into_sink(self) -> SendSink<T> {
        SendSink::new(self)
    }

    /// Leaves the channel in good order, whatever the state of the process: the same as dropping the end, except
    /// that a failing process does not poison.
    pub fn retire(self) {
        super::shared::retire_quietly(self);
    }

    /// Ends the channel by a failure: everybody sees it at once, ahead of what is still in the channel.
    ///
    /// The first poison wins. A channel that is retired and drained stays retired.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = aqueduct::buffered(1);
    /// tx.try_send(1).unwrap();
    /// tx.poison("the disk is full");
    /// let error = rx.recv_blocking().unwrap_err();
    /// assert!(error.to_string().contains("the disk is full"));
    /// assert_eq!(tx.undelivered(), 1);
    /// ```
    pub fn poison(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) {
        self.shared.exchange().poison(Poisoned(Cause::here(Reason::Poisoned(cause.into()))));
    }

    /// Waits until nothing can be sent any more, and says why.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture::new(&self.shared)
    }

    /// Waits until nothing can be sent any more, but no longer than `limit` from now: `None`.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub fn closed_timeout(&self, limit: Duration) -> impl Future<Output = Option<Ended>> {
        ready_before(self.closed(), Limit::For(limit).timer())
    }

    /// Waits until nothing can be sent any more, but no longer than until `deadline`: `None`.
    ///
    /// # Cancel safety
    /// Dropping it changes nothing.
    pub fn closed_deadline(&self, deadline: Instant) -> impl Future<Output = Option<Ended>> {
        ready_before(self.closed(), Limit::Until(deadline).timer())
    }

    /// Blocks this thread until nothing can be sent any more, and says why.
    ///
    /// # Errors
    /// [`WaitError::OnRuntimeWorker`] inside a task.
    pub fn closed_blocking(&self) -> Result<Ended, WaitError> {
        block(|| self.closed())
    }

    /// Blocks this thread until nothing can be sent any more, but no longer than `limit`.
    ///
    /// # Errors
    /// [`WaitError::Timeout`], or [`WaitError::OnRuntimeWorker`] inside a task.
    pub fn closed_timeout_blocking(&self, limit: Duration) -> Result<Ended, WaitError> {
        block(|| self.closed_timeout(limit))?.ok_or(WaitError::Timeout)
    }

    /// Blocks this thread until nothing can be sent any more, but no longer than until `deadline`.
    ///
    /// # Errors
    /// [`WaitError::Timeout`], or [`WaitError::OnRuntimeWorker`] inside a task.
    pub fn closed_deadline_blocking(&self, deadline: Instant) -> Result<Ended, WaitError> {
        block(|| self.closed_deadline(deadline))?.ok_or(WaitError::Timeout)
    }

    /// Ends the channel by a failure that is known already.
    pub(crate) fn poison_with(&self, poisoned: Poisoned) {
        self.shared.exchange().poison(poisoned);
    }

    /// Sends without waiting, beyond the capacity if need be.
    pub(crate) fn send_beyond(&self, value: T) -> bool {
        self.shared.exchange().send_beyond(value)
    }

    /// Why nothing can be sent any more; `None` while the channel is open.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.shared.exchange().sending_ended()
    }

    /// True if nothing can be sent any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended().is_some()
    }

    /// A reference that does not keep the channel from retiring.
    #[must_use]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::new(Arc::clone(&self.shared))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Senders::join(&self.shared);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        Senders::leave(&self.shared);
    }
}

super::shared::both_ends!(Sender, "Sender");
