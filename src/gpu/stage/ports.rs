//! The channel ends of a stage, without the types of what they carry.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;

use super::batch::{Batch, Payload, Place};
use crate::process::Port;
use crate::{Ended, Poisoned, Receiver, RecvStream, SendSink, Sender};

/// The input channels of a stage: a [`Receiver`] of batches, or a tuple of them, one for each input of the kernel, in order.
///
/// `Types` is the tuple of the kernel's element types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not the input channels of a kernel with inputs of `{Types}`",
    label = "one `Receiver` of batches for each input of the kernel, in order",
    note = "for one input that is a `Receiver<Vec<T>>`, for two `(Receiver<Vec<T>>, Receiver<Vec<U>>)`; instead of `Vec` \
            also `gpu::Pinned` or `gpu::DeviceBuf`"
)]
pub trait Inputs<Types> {
    #[doc(hidden)]
    fn inputs(self) -> (Port, Vec<Box<dyn Input>>);
}

/// The output channels of a stage: a [`Sender`] of batches, or a tuple of them, one for each output of the kernel, in order.
///
/// `Types` is the tuple of the kernel's element types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` are not the output channels of a kernel with outputs of `{Types}`",
    label = "one `Sender` of batches for each output of the kernel, in order",
    note = "for one output that is a `Sender<Vec<T>>`, for two `(Sender<Vec<T>>, Sender<Vec<U>>)`; instead of `Vec` also \
            `gpu::Pinned` or `gpu::DeviceBuf`"
)]
pub trait Outputs<Types> {
    #[doc(hidden)]
    fn outputs(self) -> (Port, Vec<Box<dyn Output>>);
}

/// Where batches come from.
#[doc(hidden)]
pub trait Input: Send {
    /// The next batch; `None` if no more will come.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Poisoned>>;
}

/// Where batches go to.
#[doc(hidden)]
pub trait Output: Send {
    /// Where they are to lie, and the alignment of their elements.
    fn place(&self) -> (Place, usize);

    /// Ready when there is room for another: what was sent before is received.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>>;

    /// Begins to send a batch.
    fn send(&mut self, payload: Payload) -> Result<(), Ended>;

    /// Ready when nobody can receive any more.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Ended>;
}

struct InputPort<M> {
    stream: Pin<Box<RecvStream<M>>>,
}

impl<M: Batch> Input for InputPort<M> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Payload>, Poisoned>> {
        Poll::Ready(match ready!(self.stream.as_mut().poll_next(cx)) {
            Some(Ok(batch)) => Ok(Some(batch.into_payload())),
            Some(Err(poisoned)) => Err(poisoned),
            None => Ok(None),
        })
    }
}

struct OutputPort<M> {
    sink: Pin<Box<SendSink<M>>>,
    closed: Pin<Box<dyn Future<Output = Ended> + Send>>,
}

impl<M: Batch> Output for OutputPort<M> {
    fn place(&self) -> (Place, usize) {
        (M::PLACE, align_of::<M::Element>())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        self.sink.as_mut().poll_ready(cx).map_err(|error| error.reason().clone())
    }

    fn send(&mut self, payload: Payload) -> Result<(), Ended> {
        self.sink.as_mut().start_send(M::from_payload(payload)).map_err(|error| error.reason().clone())
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.closed.as_mut().poll(cx)
    }
}

fn input<M: Batch>(receiver: Receiver<M>) -> Box<dyn Input> {
    Box::new(InputPort { stream: Box::pin(receiver.into_stream()) })
}

fn output<M: Batch>(sender: Sender<M>) -> Box<dyn Output> {
    let watched = sender.clone();
    let closed = Box::pin(async move { watched.closed().await });
    Box::new(OutputPort { sink: Box::pin(sender.into_sink()), closed })
}

impl<M: Batch> Inputs<(M::Element,)> for Receiver<M> {
    fn inputs(self) -> (Port, Vec<Box<dyn Input>>) {
        (Port::of(&self), vec![input(self)])
    }
}

impl<M: Batch> Outputs<(M::Element,)> for Sender<M> {
    fn outputs(self) -> (Port, Vec<Box<dyn Output>>) {
        (Port::of(&self), vec![output(self)])
    }
}

macro_rules! tuples {
    ($(($($M:ident $index:tt)+))*) => {$(
        impl<$($M: Batch),+> Inputs<($($M::Element,)+)> for ($(Receiver<$M>,)+) {
            fn inputs(self) -> (Port, Vec<Box<dyn Input>>) {
                (Port::of(&self), vec![$(input(self.$index)),+])
            }
        }

        impl<$($M: Batch),+> Outputs<($($M::Element,)+)> for ($(Sender<$M>,)+) {
            fn outputs(self) -> (Port, Vec<Box<dyn Output>>) {
                (Port::of(&self), vec![$(output(self.$index)),+])
            }
        }
    )*};
}

tuples! {
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
}
