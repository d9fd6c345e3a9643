//! The futures of receiving.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::shared::Shared;
use crate::context::{Ended, Poisoned};
use crate::wait::{Exchanging, Operation, Reach, Receiving, poll_proceed};

pub(super) type RecvOperation<'a, T> = Operation<&'a Shared<T>, Receiving>;

/// What a settled receive gives.
pub(super) fn received<C: Reach>(mut operation: Pin<&mut Operation<C, Receiving>>) -> Result<C::Item, Ended> {
    match operation.as_mut().take() {
        Some(value) => Ok(value),
        None => Err(operation.reach().exchange().sending_ended().unwrap_or(Ended::Retired)),
    }
}

/// A retired end as the end of a sequence.
pub(super) fn sequel<T>(received: Result<T, Ended>) -> Result<Option<T>, Poisoned> {
    match received {
        Ok(value) => Ok(Some(value)),
        Err(Ended::Retired) => Ok(None),
        Err(Ended::Poisoned(poisoned)) => Err(poisoned),
    }
}

pin_project! {
    /// The future of [`Receiver::recv`](super::Receiver::recv); also a guard of a choice.
    #[must_use = "a receive does nothing until it is awaited"]
    pub struct RecvFuture<'a, T> {
        #[pin]
        operation: RecvOperation<'a, T>,
    }
}

impl<'a, T> RecvFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { operation: Operation::new(shared, None) }
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        Exchanging::new(self.project().operation)
    }

    /// The result, after a choice has taken this guard.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<T, Ended> {
        received(self.project().operation)
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, Ended>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut operation = self.project().operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        Poll::Ready(received(operation))
    }
}

pin_project! {
    /// The future of [`Receiver::next`](super::Receiver::next); also a guard of a choice.
    #[must_use = "a receive does nothing until it is awaited"]
    pub struct NextFuture<'a, T> {
        #[pin]
        recv: RecvFuture<'a, T>,
    }
}

impl<'a, T> NextFuture<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { recv: RecvFuture::new(shared) }
    }

    pub(crate) fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        self.project().recv.exchange()
    }

    /// The result, after a choice has taken this guard.
    pub(crate) fn result(self: Pin<&mut Self>) -> Result<Option<T>, Poisoned> {
        sequel(self.project().recv.result())
    }
}

impl<T> Future for NextFuture<'_, T> {
    type Output = Result<Option<T>, Poisoned>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().recv.poll(cx).map(sequel)
    }
}
