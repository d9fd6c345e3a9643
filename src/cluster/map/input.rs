//! What a map reads: an iterator or a stream, lazily, in the task that takes the results.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;

/// A lazy input of a map.
pub trait Input {
    /// The arguments of one task.
    type Item;

    /// The next item, as [`Stream::poll_next`] gives it.
    fn poll_item(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// How many items are left: at least, and at most if that is known.
    fn size_hint(&self) -> (usize, Option<usize>);
}

/// The input of [`Cluster::map`](crate::Cluster::map).
#[derive(Debug)]
pub struct FromIter<I>(pub(crate) I);

// An iterator is never pinned: it is called by `&mut` alone.
impl<I> Unpin for FromIter<I> {}

impl<I: Iterator> Input for FromIter<I> {
    type Item = I::Item;

    #[inline]
    fn poll_item(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.get_mut().0.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

pin_project_lite::pin_project! {
    /// The input of [`Cluster::map_stream`](crate::Cluster::map_stream).
    #[derive(Debug)]
    pub struct FromStream<S> {
        #[pin]
        pub(crate) stream: S,
    }
}

impl<S: Stream> Input for FromStream<S> {
    type Item = S::Item;

    fn poll_item(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.project().stream.poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
