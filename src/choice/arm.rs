//! What stands in a choice: a guard that may be disabled, and its result.
//!
//! `alt!` does not know the types of its guards. It finds out what a guard is by the order in which method calls are
//! resolved: [`ViaExchange`] is asked first, then [`ViaEvent`], then [`ViaFuture`], by one `&` less each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::channel::{
    Held, NextFuture, RecvFuture, RecvHeldFuture, Refused, SendError, SendFromFuture, SendFuture, TryRecvError,
    WaitError,
};
use crate::context::{Cause, Ended, FailMark, Poisoned};
use crate::sync::Phase;
use crate::time::{After, NextTick};
use crate::wait::{Exchanging, Guarded, Kind, Sealed};

/// One arm of a choice.
#[doc(hidden)]
pub trait Arm: Guarded {
    /// What the pattern is matched with.
    type Output;
    /// The result, after the choice has taken this guard.
    fn take(self: Pin<&mut Self>) -> Self::Output;
    /// Takes the guard out of the choice.
    fn switch_off(self: Pin<&mut Self>);
}

/// A guard that a peer commits.
#[doc(hidden)]
pub trait Exchange {
    type Output;
    fn is_off(&self) -> bool {
        false
    }
    fn exchange(self: Pin<&mut Self>) -> Exchanging<'_>;
    fn result(self: Pin<&mut Self>) -> Self::Output;
}

macro_rules! exchange {
    ($($Guard:ident -> $Output:ty $(, off: $is_off:ident)?;)*) => {$(
        impl<T> Exchange for $Guard<'_, T> {
            type Output = $Output;
            $(fn is_off(&self) -> bool {
                self.$is_off()
            })?
            fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
                $Guard::exchange(self)
            }
            fn result(self: Pin<&mut Self>) -> Self::Output {
                $Guard::result(self)
            }
        }
    )*};
}

impl<'a, T> Exchange for RecvHeldFuture<'a, T> {
    type Output = Result<Held<'a, T>, Ended>;
    fn exchange(self: Pin<&mut Self>) -> Exchanging<'_> {
        RecvHeldFuture::exchange(self)
    }
    fn result(self: Pin<&mut Self>) -> Self::Output {
        RecvHeldFuture::result(self)
    }
}

exchange! {
    SendFuture -> Result<(), SendError<T>>;
    SendFromFuture -> Result<(), Ended>, off: is_empty;
    RecvFuture -> Result<T, Ended>;
    NextFuture -> Result<Option<T>, Poisoned>;
}

/// A guard that time commits, or a phase: once due it stays so, and asking takes nothing.
#[doc(hidden)]
pub trait Event: Future {
    fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
}

impl Event for After {
    fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.due(cx)
    }
}

impl Event for NextTick<'_> {
    fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        NextTick::is_due(self, cx)
    }
}

impl Event for Phase<'_> {
    fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.due(cx)
    }
}

/// By reference it may be waited for again.
impl<G: Event + Unpin> Event for &mut G {
    fn is_due(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        Pin::new(&mut **self).is_due(cx)
    }
}

pin_project! {
    /// An exchange, or nothing.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct ExchangeArm<G> {
        #[pin]
        guard: Option<G>,
    }
}

impl<G: Exchange> Sealed for ExchangeArm<G> {}

impl<G: Exchange> Guarded for ExchangeArm<G> {
    fn kind(&self) -> Kind {
        match &self.guard {
            Some(guard) if !guard.is_off() => Kind::Exchange,
            _ => Kind::Off,
        }
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        let guard = self.project().guard.as_pin_mut()?;
        if guard.is_off() { None } else { Some(guard.exchange()) }
    }

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }

    fn may_be_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        false
    }
}

impl<G: Exchange> Arm for ExchangeArm<G> {
    type Output = G::Output;

    fn take(self: Pin<&mut Self>) -> G::Output {
        match self.project().guard.as_pin_mut() {
            Some(guard) => guard.result(),
            None => unreachable!("a disabled guard is not taken"),
        }
    }

    fn switch_off(self: Pin<&mut Self>) {
        self.project().guard.set(None);
    }
}

pin_project! {
    /// An event, or nothing.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct EventArm<G> {
        #[pin]
        event: Option<G>,
    }
}

impl<G: Event> Sealed for EventArm<G> {}

impl<G: Event> Guarded for EventArm<G> {
    fn kind(&self) -> Kind {
        if self.event.is_some() { Kind::Readiness } else { Kind::Off }
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        None
    }

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.may_be_ready(cx)
    }

    fn may_be_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.project().event.as_pin_mut().is_some_and(|event| event.is_due(cx))
    }
}

impl<G: Event> Arm for EventArm<G> {
    type Output = G::Output;

    fn take(self: Pin<&mut Self>) -> G::Output {
        let event = self.project().event.as_pin_mut();
        let due = event.map(|event| event.poll(&mut Context::from_waker(std::task::Waker::noop())));
        match due {
            Some(Poll::Ready(output)) => output,
            _ => unreachable!("an event that was due stays due"),
        }
    }

    fn switch_off(self: Pin<&mut Self>) {
        self.project().event.set(None);
    }
}

pin_project! {
    /// Any future, or nothing.
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct FutureArm<F: Future> {
        #[pin]
        future: Option<F>,
        output: Option<F::Output>,
    }
}

impl<F: Future> Sealed for FutureArm<F> {}

impl<F: Future> Guarded for FutureArm<F> {
    fn kind(&self) -> Kind {
        if self.future.is_some() { Kind::Readiness } else { Kind::Off }
    }

    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>> {
        None
    }

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let this = self.project();
        if this.output.is_none()
            && let Some(future) = this.future.as_pin_mut()
            && let Poll::Ready(output) = future.poll(cx)
        {
            *this.output = Some(output);
        }
        this.output.is_some()
    }

    fn may_be_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        // Asking is polling, and its output could not be given back.
        self.future.is_some()
    }
}

impl<F: Future> Arm for FutureArm<F> {
    type Output = F::Output;

    fn take(self: Pin<&mut Self>) -> F::Output {
        match self.project().output.take() {
            Some(output) => output,
            None => unreachable!("a future is taken once, when it is ready"),
        }
    }

    fn switch_off(self: Pin<&mut Self>) {
        self.project().future.set(None);
    }
}

/// This guard is an exchange.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ExchangeTag;

/// This guard is an event.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct EventTag;

/// This guard is some other future.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct FutureTag;

/// Asked first.
#[doc(hidden)]
pub trait ViaExchange {
    fn aqueduct_guard(&self) -> ExchangeTag {
        ExchangeTag
    }
}
impl<G: Exchange> ViaExchange for &&Option<G> {}

/// Asked second.
#[doc(hidden)]
pub trait ViaEvent {
    fn aqueduct_guard(&self) -> EventTag {
        EventTag
    }
}
impl<G: Event> ViaEvent for &Option<G> {}

/// Asked last.
#[doc(hidden)]
pub trait ViaFuture {
    fn aqueduct_guard(&self) -> FutureTag {
        FutureTag
    }
}
// Without a bound, so that what is no guard at all is refused by `FutureTag::arm`, which can say why.
impl<F> ViaFuture for Option<F> {}

/// What is a guard because it is a future.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    note = "a guard is `rx.recv()`, `rx.next()`, `tx.send(value)`, `tx.send_from(&mut slot)`, a timer, or a future",
    note = "for an end, call one of these on it; for `try_recv`, use `recv` and a `default` arm; for a process, spawn it \
            and use `&mut handle`"
)]
pub trait GuardFuture: Future {}

impl<F: Future> GuardFuture for F {}

impl ExchangeTag {
    #[doc(hidden)]
    pub fn arm<G: Exchange>(self, guard: Option<G>) -> ExchangeArm<G> {
        ExchangeArm { guard }
    }
}

impl EventTag {
    #[doc(hidden)]
    pub fn arm<G: Event>(self, event: Option<G>) -> EventArm<G> {
        EventArm { event }
    }
}

impl FutureTag {
    #[doc(hidden)]
    pub fn arm<F: GuardFuture>(self, future: Option<F>) -> FutureArm<F> {
        FutureArm { future, output: None }
    }
}

/// An error that a refutable arm does not look at.
#[doc(hidden)]
#[derive(Debug)]
pub struct Swallowed<'a, E>(pub &'a E);

/// Asked first: if the error stands for a failure, the process is marked with it for good.
#[doc(hidden)]
pub trait SwallowPoison {
    fn aqueduct_swallow(&self);
}

/// An error that may stand for a failure elsewhere.
#[doc(hidden)]
pub trait Ending {
    /// The first cause of that failure.
    fn failure(&self) -> Option<&Arc<Cause>>;
}

impl Ending for Poisoned {
    fn failure(&self) -> Option<&Arc<Cause>> {
        Some(&self.0)
    }
}

impl Ending for Ended {
    fn failure(&self) -> Option<&Arc<Cause>> {
        match self {
            Self::Poisoned(poisoned) => poisoned.failure(),
            Self::Retired => None,
        }
    }
}

impl Ending for WaitError {
    fn failure(&self) -> Option<&Arc<Cause>> {
        match self {
            Self::Ended(ended) => ended.failure(),
            _ => None,
        }
    }
}

impl Ending for TryRecvError {
    fn failure(&self) -> Option<&Arc<Cause>> {
        match self {
            Self::Ended(ended) => ended.failure(),
            Self::Empty => None,
        }
    }
}

impl Ending for Refused {
    fn failure(&self) -> Option<&Arc<Cause>> {
        match self {
            Self::Ended(ended) => ended.failure(),
            Self::Full => None,
        }
    }
}

impl<T, R: Ending> Ending for SendError<T, R> {
    fn failure(&self) -> Option<&Arc<Cause>> {
        self.reason().failure()
    }
}

impl<E: Ending> SwallowPoison for &Swallowed<'_, E> {
    fn aqueduct_swallow(&self) {
        if let Some(cause) = self.0.failure() {
            FailMark::here(cause).settle(cause);
        }
    }
}

/// Asked second: any other error says nothing about a channel.
#[doc(hidden)]
pub trait SwallowNothing {
    fn aqueduct_swallow(&self) {}
}

impl<E> SwallowNothing for Swallowed<'_, E> {}
