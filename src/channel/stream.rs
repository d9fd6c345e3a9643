//! A receiver as a `Stream`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::receiver::Receiver;
use super::recv::{received, sequel};
use super::shared::Shared;
use crate::context::Poisoned;
use crate::wait::{Operation, Receiving, poll_proceed};

pin_project! {
    /// The stream of [`Receiver::into_stream`].
    ///
    /// An item is an error if the channel was poisoned; that is the last one.
    ///
    /// # Cancel safety
    /// Dropping the stream gives a value that it holds but has not returned back to the channel.
    #[must_use = "a stream does nothing until it is polled"]
    pub struct RecvStream<T> {
        ended: bool,
        // Before the receiver, so that a value goes back while this end still counts.
        #[pin]
        operation: Operation<Arc<Shared<T>>, Receiving>,
        receiver: Receiver<T>,
    }
}

impl<T> RecvStream<T> {
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        Self { ended: false, operation: Operation::new(Arc::clone(receiver.shared()), None), receiver }
    }

    /// The end behind the stream.
    #[must_use]
    pub fn get_ref(&self) -> &Receiver<T> {
        &self.receiver
    }
}

impl<T> Stream for RecvStream<T> {
    type Item = Result<T, Poisoned>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let mut operation = this.operation;
        if operation.is_fresh() {
            ready!(poll_proceed(cx));
        }
        ready!(operation.as_mut().poll(cx));
        let item = sequel(received(operation.as_mut())).transpose();
        operation.restart(None);
        *this.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> std::fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvStream").field("receiver", &self.receiver).field("ended", &self.ended).finish()
    }
}
