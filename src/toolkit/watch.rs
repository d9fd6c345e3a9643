//! Taking something only while those who are to have it are there.
//!
//! A process that waits for its input and meanwhile loses its output would learn that only with the next value in its
//! hand, which would then be lost. So the processes of the toolkit watch their outputs while they wait: an output that
//! has ended ends the wait, and what was to be received stays where it is.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::{ClosedFuture, Ended, Sender};

/// Waits for `operation`, unless `closed` comes first. Where both are ready, `closed` wins, and `operation` is dropped.
pub(super) async fn unless<W, F, V, E>(mut closed: Pin<&mut W>, operation: F) -> Result<V, Ended>
where
    W: Future<Output = Ended>,
    F: Future<Output = Result<V, E>>,
    E: Into<Ended>,
{
    let mut operation = pin!(operation);
    poll_fn(|cx| {
        if let Poll::Ready(ended) = closed.as_mut().poll(cx) {
            return Poll::Ready(Err(ended));
        }
        operation.as_mut().poll(cx).map_err(Into::into)
    })
    .await
}

/// Waits until one of the outputs has ended, and says how. Never, if there are none.
pub(super) fn any_closed<T>(outs: &[Sender<T>]) -> AnyClosed<'_, T> {
    AnyClosed { watches: outs.iter().map(|out| Box::pin(out.closed())).collect() }
}

/// The future of [`any_closed`].
pub(super) struct AnyClosed<'a, T> {
    watches: Vec<Pin<Box<ClosedFuture<'a, T>>>>,
}

impl<T> Future for AnyClosed<'_, T> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        for watch in &mut self.watches {
            if let Poll::Ready(ended) = watch.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
        }
        Poll::Pending
    }
}

/// Waits until all of the outputs have ended, or one of them was poisoned, and says how. At once, if there are none.
pub(super) fn all_closed<T>(outs: &[Sender<T>]) -> AllClosed<'_, T> {
    AllClosed { watches: outs.iter().map(|out| Box::pin(out.closed())).collect() }
}

/// The future of [`all_closed`].
pub(super) struct AllClosed<'a, T> {
    /// Those that are open, as far as is known.
    watches: Vec<Pin<Box<ClosedFuture<'a, T>>>>,
}

impl<T> Future for AllClosed<'_, T> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut poisoned = None;
        self.watches.retain_mut(|watch| match watch.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ended::Retired) => false,
            Poll::Ready(ended) => {
                poisoned.get_or_insert(ended);
                true
            }
        });
        match poisoned {
            Some(ended) => Poll::Ready(ended),
            None if self.watches.is_empty() => Poll::Ready(Ended::Retired),
            None => Poll::Pending,
        }
    }
}
