//! A sender as a `Sink`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use pin_project_lite::pin_project;

use super::error::SendError;
use super::send::sent;
use super::sender::Sender;
use super::shared::Shared;
use crate::wait::{Operation, Sending, poll_proceed};

pin_project! {
    /// The sink of [`Sender::into_sink`]. It holds one value at a time.
    ///
    /// Closing it flushes. The end leaves the channel when the sink is dropped.
    #[must_use = "a sink does nothing until it is polled"]
    pub struct SendSink<T> {
        // A value has been started and is not known to be sent.
        busy: bool,
        #[pin]
        operation: Operation<Arc<Shared<T>>, Sending>,
        sender: Sender<T>,
    }
}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { busy: false, operation: Operation::new(Arc::clone(sender.shared()), None), sender }
    }

    /// The end behind the sink.
    #[must_use]
    pub fn get_ref(&self) -> &Sender<T> {
        &self.sender
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    /// Ready once the value before has been sent. An error carries that value.
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(cx)
    }

    /// Takes the value; it is sent by `poll_flush` or the next `poll_ready`.
    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        assert!(!self.busy, "start_send comes after poll_ready was ready");
        let this = self.project();
        if let Some(ended) = this.sender.ended() {
            return Err(SendError::new(value, ended));
        }
        this.operation.restart(Some(value));
        *this.busy = true;
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let this = self.project();
        if !*this.busy {
            return Poll::Ready(Ok(()));
        }
        let mut operation = this.operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        *this.busy = false;
        let result = sent(operation.as_mut());
        operation.restart(None);
        Poll::Ready(result)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(cx)
    }
}

impl<T> std::fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendSink").field("sender", &self.sender).field("busy", &self.busy).finish()
    }
}
