//! A map as a process: a channel in, a channel out.
//!
//! The map does all the work: it reads the channel as it reads any input, within its window, and the process hands its
//! results on one by one. What is added here is how channels end, in the words of the toolkit: while results are awaited, the
//! output is watched, and so is the input, for poison; that is no end of the input, so the map is not sealed but dropped.

use std::{
    future::{Future as _, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use pin_project_lite::pin_project;
use serde::{Serialize, de::DeserializeOwned};

use super::{flow::Flow, input::Input, options::OnError, stream::Map};
use crate::{
    Ended, Outcome, Receiver, RecvStream, Sender,
    cluster::error::TaskError,
    process,
    toolkit::watch::{only, unless},
};

pin_project! {
    /// The input of a process.
    pub(crate) struct FromReceiver<A> {
        #[pin]
        stream: RecvStream<A>,
    }
}

impl<A> Input for FromReceiver<A> {
    type Item = A;

    fn poll_item(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<A>> {
        match ready!(self.project().stream.poll_next(context)) {
            Some(Ok(item)) => Poll::Ready(Some(item)),
            None => Poll::Ready(None),
            // The process looks for it after each poll: nobody is kept waiting.
            Some(Err(_)) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

/// What a process does that [`Cluster::process`](crate::Cluster::process) makes.
#[process]
pub(crate) async fn distribute<A, R>(
    flow: (Flow, Option<TaskError>),
    on_error: OnError,
    input: Receiver<A>,
    output: Sender<R>,
) -> Outcome
where
    A: Serialize + Send + 'static,
    R: DeserializeOwned + Send + 'static,
{
    // The map looks at its input only while it wants more.
    let watched = input.clone();
    let mut closed = pin!(watched.closed());
    let mut open = true;
    let mut map = pin!(Map::new(FromReceiver { stream: input.into_stream() }, flow));
    let mut outputs = pin!(only(&output));
    let mut failure = None;
    loop {
        let next = poll_fn(|context| {
            let next = map.as_mut().poll_next(context);
            if open && next.is_pending() {
                open = closed.as_mut().poll(context).is_pending();
            }
            match watched.ended() {
                Some(Ended::Poisoned(poisoned)) => Poll::Ready(Err(poisoned)),
                _ => next.map(Ok),
            }
        });
        match unless(outputs.as_mut(), next).await? {
            Some(Ok(result)) => output.send(result).await?,
            Some(Err(error)) if on_error == OnError::Collect => failure = failure.or(Some(error)),
            Some(Err(error)) => return Err(error.into()),
            None => return failure.map_or(Ok(()), |error| Err(error.into())),
        }
    }
}
