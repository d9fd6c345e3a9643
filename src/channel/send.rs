//! The futures of sending.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::error::{SendError, WaitError};
use super::shared::Shared;
use crate::context::Ended;
use crate::time::After;
use crate::wait::{Exchanging, Operation, Reach, Sending, Settled, Watch, poll_proceed};

pub(super) type SendOperation<'a, T> = Operation<&'a Shared<T>, Sending>;

/// What a settled send gives: if the value is still there, the channel has ended.
pub(super) fn sent<C: Reach>(mut operation: Pin<&mut Operation<C, Sending>>) -> Result<(), SendError<C::Item>> {
    match operation.as_mut().take() {
        None => Ok(()),
        Some(value) => {
            let ended = operation.reach().exchange().sending_ended().unwrap_or(Ended::Retired);
            Err(SendError::new(value, ended))
        }
    }
}

pin_project! {
    /// The future of [`Sender::send`](super::Sender::send); also a guard of a choice.
    #[must_use = "a send does nothing until it is awaited"]
    pub struct SendFuture<'a, T> {
        #[pin]
        operation: SendOperation<'a, T>,
    }
}

impl<'a, T> SendFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, value: T) -> Self {
        Self { operation: Operation::new(shared, Some(value)) }
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// Takes the value back, unless it has gone: then true if it was delivered, false if the channel has ended.
    pub(crate) fn withdraw(self: Pin<&mut Self>) -> Option<bool> {
        let mut operation = self.project().operation;
        let settled = operation.as_mut().withdraw()?;
        drop(sent(operation));
        Some(settled != Settled::Ended)
    }

    /// The result, after a choice has taken this guard.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<(), SendError<T>> {
        sent(self.project().operation)
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut operation = self.project().operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        Poll::Ready(sent(operation))
    }
}

pin_project! {
    /// The future of [`Sender::send_from`](super::Sender::send_from); also a guard of a choice.
    ///
    /// It holds the value while it lives, and puts it back into the slot if it was not sent.
    #[must_use = "a send does nothing until it is awaited"]
    pub struct SendFromFuture<'a, T> {
        slot: &'a mut Option<T>,
        // Nothing to send: ready at once as a future, disabled as a guard.
        empty: bool,
        #[pin]
        operation: SendOperation<'a, T>,
    }

    impl<T> PinnedDrop for SendFromFuture<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut operation = this.operation;
            operation.as_mut().withdraw();
            if let Some(value) = operation.take() {
                **this.slot = Some(value);
            }
        }
    }
}

impl<'a, T> SendFromFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, slot: &'a mut Option<T>) -> Self {
        let value = slot.take();
        Self { slot, empty: value.is_none(), operation: Operation::new(shared, value) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// The result, after a choice has taken this guard.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<(), Ended> {
        self.finish()
    }

    /// Sends, or takes the value back when the timer fires. Delivery wins.
    pub(super) async fn before(mut self: Pin<&mut Self>, mut timer: Pin<&mut After>) -> Result<(), WaitError> {
        poll_fn(|cx| {
            if let Poll::Ready(sent) = self.as_mut().poll(cx) {
                return Poll::Ready(sent.map_err(WaitError::from));
            }
            ready!(timer.as_mut().poll(cx));
            Poll::Ready(match self.as_mut().project().operation.withdraw() {
                Some(_) => self.as_mut().finish().map_err(WaitError::from),
                None => Err(WaitError::Timeout),
            })
        })
        .await
    }

    fn finish(self: Pin<&mut Self>) -> Result<(), Ended> {
        let this = self.project();
        sent(this.operation).map_err(|error| {
            let (value, ended) = error.into_parts();
            **this.slot = Some(value);
            ended
        })
    }
}

impl<T> Future for SendFromFuture<'_, T> {
    type Output = Result<(), Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if *this.empty {
            return Poll::Ready(Ok(()));
        }
        let mut operation = this.operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        Poll::Ready(self.finish())
    }
}

pin_project! {
    /// The future of [`Sender::closed`](super::Sender::closed).
    #[must_use = "futures do nothing until they are awaited"]
    pub struct ClosedFuture<'a, T> {
        #[pin]
        watch: Watch<&'a Shared<T>>,
    }
}

impl<'a, T> ClosedFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { watch: Watch::new(shared) }
    }
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut watch = self.project().watch;
        ready!(watch.as_mut().poll(cx));
        Poll::Ready(watch.reach().exchange().sending_ended().unwrap_or(Ended::Retired))
    }
}
