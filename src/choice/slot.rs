//! One guard of a choice that lives on, with its handler, without their types.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;

use crate::channel::{OwnedRecv, OwnedSend, Receiver, SendError, Sender};
use crate::context::Ended;
use crate::time::{OwnedTick, Tick};
use crate::wait::{Exchanging, Guarded, Kind, Sealed};

pub(super) trait Slot<R> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded>;
    /// Takes what a taken guard gives; true if it has nothing more to give.
    fn take(self: Pin<&mut Self>) -> bool;
    /// Runs the handler on that; `None` if the choice is to go on without it.
    fn handle(self: Pin<&mut Self>) -> Option<R>;
    /// True unless it is a send without a value.
    fn takes_part(&self) -> bool {
        true
    }
    /// True if it is polled, rather than standing in a channel's list.
    fn is_readiness(&self) -> bool {
        false
    }
    /// What it was made of, if that is still there.
    fn end(&self) -> Option<&dyn Any> {
        None
    }
    /// Takes the value out of `value`, an `Option<T>`, if it is a send of `T` without one.
    fn load(self: Pin<&mut Self>, _value: &mut dyn Any) {}
    /// Puts a send's value into `value`, an `Option<T>`.
    fn unload(self: Pin<&mut Self>, _value: &mut dyn Any) {}
}

pin_project! {
    pub(super) struct RecvSlot<T, H> {
        #[pin]
        recv: OwnedRecv<T>,
        taken: Option<Result<T, Ended>>,
        handler: H,
    }
}

impl<T, H> RecvSlot<T, H> {
    pub(super) fn new(receiver: Receiver<T>, handler: H) -> Self {
        Self { recv: OwnedRecv::new(receiver), taken: None, handler }
    }
}

impl<T, H> Sealed for RecvSlot<T, H> {}

impl<T, H> Guarded for RecvSlot<T, H> {
    fn kind(&self) -> Kind {
        Kind::Exchange
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        Some(self.project().recv.exchange())
    }

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }

    fn may_be_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }
}

impl<T: 'static, R, H: FnMut(Result<T, Ended>) -> Option<R>> Slot<R> for RecvSlot<T, H> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded> {
        self
    }

    fn take(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.taken.insert(this.recv.result()).is_err()
    }

    fn handle(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        (this.handler)(this.taken.take()?)
    }

    fn end(&self) -> Option<&dyn Any> {
        Some(self.recv.end())
    }
}

pin_project! {
    pub(super) struct SendSlot<T, H> {
        #[pin]
        send: OwnedSend<T>,
        taken: Option<Result<(), SendError<T>>>,
        handler: H,
    }
}

impl<T, H> SendSlot<T, H> {
    pub(super) fn new(sender: Sender<T>, handler: H) -> Self {
        Self { send: OwnedSend::new(sender), taken: None, handler }
    }
}

impl<T, H> Sealed for SendSlot<T, H> {}

impl<T, H> Guarded for SendSlot<T, H> {
    fn kind(&self) -> Kind {
        if self.send.is_loaded() { Kind::Exchange } else { Kind::Off }
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        Some(self.project().send.exchange())
    }

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }

    fn may_be_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }
}

impl<T: 'static, R, H: FnMut(Result<(), SendError<T>>) -> R> Slot<R> for SendSlot<T, H> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded> {
        self
    }

    fn take(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.taken.insert(this.send.result()).is_err()
    }

    fn handle(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        this.taken.take().map(this.handler)
    }

    fn takes_part(&self) -> bool {
        self.send.is_loaded()
    }

    fn end(&self) -> Option<&dyn Any> {
        Some(self.send.end())
    }

    fn load(self: Pin<&mut Self>, value: &mut dyn Any) {
        if let Some(slot) = value.downcast_mut::<Option<T>>()
            && let Some(value) = slot.take()
        {
            *slot = self.project().send.load(value).err();
        }
    }

    fn unload(self: Pin<&mut Self>, value: &mut dyn Any) {
        if let Some(slot) = value.downcast_mut::<Option<T>>() {
            *slot = self.project().send.unload();
        }
    }
}

pin_project! {
    pub(super) struct TickSlot<H> {
        #[pin]
        tick: OwnedTick,
        taken: Option<Instant>,
        handler: H,
    }
}

impl<H> TickSlot<H> {
    pub(super) fn new(clock: Tick, handler: H) -> Self {
        Self { tick: OwnedTick::new(clock), taken: None, handler }
    }
}

impl<H> Sealed for TickSlot<H> {}

impl<H> Guarded for TickSlot<H> {
    fn kind(&self) -> Kind {
        Kind::Readiness
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        None
    }

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.may_be_ready(cx)
    }

    fn may_be_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.project().tick.is_due(cx)
    }
}

impl<R, H: FnMut(Instant) -> R> Slot<R> for TickSlot<H> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded> {
        self
    }

    fn take(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        *this.taken = this.tick.take();
        false
    }

    fn handle(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        this.taken.take().map(this.handler)
    }

    fn is_readiness(&self) -> bool {
        true
    }

    fn end(&self) -> Option<&dyn Any> {
        Some(self.tick.clock())
    }
}

pin_project! {
    pub(super) struct FutureSlot<F: Future, H> {
        #[pin]
        future: F,
        output: Option<F::Output>,
        handler: Option<H>,
    }
}

impl<F: Future, H> FutureSlot<F, H> {
    pub(super) fn new(future: F, handler: H) -> Self {
        Self { future, output: None, handler: Some(handler) }
    }
}

impl<F: Future, H> Sealed for FutureSlot<F, H> {}

impl<F: Future, H> Guarded for FutureSlot<F, H> {
    fn kind(&self) -> Kind {
        Kind::Readiness
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        None
    }

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        if this.output.is_none()
            && let Poll::Ready(output) = this.future.poll(cx)
        {
            *this.output = Some(output);
        }
        this.output.is_some()
    }

    fn may_be_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        // Asking is polling, and its output could not be given back.
        true
    }
}

impl<F: Future, R, H: FnOnce(F::Output) -> R> Slot<R> for FutureSlot<F, H> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded> {
        self
    }

    fn take(self: Pin<&mut Self>) -> bool {
        true
    }

    fn handle(self: Pin<&mut Self>) -> Option<R> {
        let this = self.project();
        Some(this.handler.take()?(this.output.take()?))
    }

    fn is_readiness(&self) -> bool {
        true
    }
}
