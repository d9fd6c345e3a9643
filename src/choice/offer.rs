//! A choice that is put together at run time.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::alt::Alt;
use super::arm::{Arm, EventTag, ExchangeTag, FutureTag, SwallowPoison as _, Swallowed};
use crate::channel::{Held, Receiver, SendError, Sender, WaitError, may_block};
use crate::context::Ended;
use crate::time::{Tick, after, at};
use crate::wait::{Chosen, Guarded};

/// The most guards one choice can have.
pub(super) const MOST: usize = 1 << 16;

/// One round of a choice over any number of guards, each with what to do when it is taken.
///
/// Where the guards are known in the text, `alt!` is shorter and allocates nothing; this allocates for each guard.
///
/// # Panics
/// A choice has at most 65 536 guards: adding another panics.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let mut outlets = Vec::new();
/// let mut inlets = Vec::new();
/// for n in 0..10 {
///     let (tx, rx) = aqueduct::buffered(1);
///     tx.send(n * n).await?;
///     outlets.push(tx);
///     inlets.push(rx);
/// }
/// let mut choice = Alt::pri();
/// let mut offer = choice.offer();
/// for (index, inlet) in inlets.iter().enumerate() {
///     offer = offer.recv(inlet, move |value| (index, value)).when(index >= 4);
/// }
/// assert_eq!(offer.select().await.unwrap(), (4, Ok(16)));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[must_use = "an offer does nothing until one of its guards is selected"]
pub struct Offer<'a, R> {
    alt: &'a mut Alt,
    arms: Vec<Offered<'a, R>>,
}

/// Every guard of the choice is ended or disabled: there is nothing to wait for.
///
/// Taken with `?` it ends a process quietly, as a retired channel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every guard of the choice is ended or disabled: there is nothing to wait for")]
pub struct Exhausted;

/// One guard and its handler, without their types.
#[doc(hidden)]
pub struct Offered<'a, R>(Pin<Box<dyn Handled<R> + Send + 'a>>);

impl<R> Offered<'_, R> {
    pub(super) fn guarded(&mut self) -> Pin<&mut dyn Guarded> {
        self.0.as_mut().guarded()
    }
}

impl<R> fmt::Debug for Offered<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offered")
    }
}

trait Handled<R> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded>;
    /// The handler's result; `None` if it does not look at this result, and the guard has switched itself off.
    fn finish(self: Pin<&mut Self>) -> Option<R>;
    fn switch_off(self: Pin<&mut Self>);
}

pin_project! {
    struct WithHandler<A, F> {
        #[pin]
        arm: A,
        handler: Option<F>,
    }
}

impl<A: Arm, R, F: FnOnce(A::Output) -> Option<R>> Handled<R> for WithHandler<A, F> {
    fn guarded(self: Pin<&mut Self>) -> Pin<&mut dyn Guarded> {
        self.project().arm
    }

    fn finish(self: Pin<&mut Self>) -> Option<R> {
        let mut this = self.project();
        let output = this.arm.as_mut().take();
        let result = this.handler.take().and_then(|handler| handler(output));
        if result.is_none() {
            this.arm.switch_off();
        }
        result
    }

    fn switch_off(self: Pin<&mut Self>) {
        self.project().arm.switch_off();
    }
}

impl<'a, R> Offer<'a, R> {
    pub(super) fn new(alt: &'a mut Alt) -> Self {
        Self { alt, arms: Vec::new() }
    }

    fn push<A: Arm + Send + 'a>(mut self, arm: A, handler: impl FnOnce(A::Output) -> Option<R> + Send + 'a) -> Self {
        assert!(self.arms.len() < MOST, "a choice has at most {MOST} guards");
        self.arms.push(Offered(Box::pin(WithHandler { arm, handler: Some(handler) })));
        self
    }

    /// A receive; the handler sees the value, or how the channel ended.
    pub fn recv<T: Send>(
        self,
        receiver: &'a Receiver<T>,
        handler: impl FnOnce(Result<T, Ended>) -> R + Send + 'a,
    ) -> Self {
        self.push(ExchangeTag.arm(Some(receiver.recv())), |result| Some(handler(result)))
    }

    /// A receive of values only: it switches off once the channel has ended, as `Ok(value) = …` does in `alt!`.
    pub fn recv_ok<T: Send>(self, receiver: &'a Receiver<T>, handler: impl FnOnce(T) -> R + Send + 'a) -> Self {
        self.push(ExchangeTag.arm(Some(receiver.recv())), |result| match result {
            Ok(value) => Some(handler(value)),
            Err(ended) => {
                (&&Swallowed(&ended)).aqueduct_swallow();
                None
            }
        })
    }

    /// An extended rendezvous: the sender waits until the handler has let go of the value.
    pub fn recv_held<T: Send>(
        self,
        receiver: &'a Receiver<T>,
        handler: impl FnOnce(Result<Held<'a, T>, Ended>) -> R + Send + 'a,
    ) -> Self {
        self.push(ExchangeTag.arm(Some(receiver.recv_held())), |result| Some(handler(result)))
    }

    /// A send; the value is dropped if another guard is taken.
    pub fn send<T: Send>(
        self,
        sender: &'a Sender<T>,
        value: T,
        handler: impl FnOnce(Result<(), SendError<T>>) -> R + Send + 'a,
    ) -> Self {
        self.push(ExchangeTag.arm(Some(sender.send(value))), |result| Some(handler(result)))
    }

    /// A send that leaves the value in its slot if another guard is taken; disabled while the slot is empty.
    pub fn send_from<T: Send>(
        self,
        sender: &'a Sender<T>,
        slot: &'a mut Option<T>,
        handler: impl FnOnce(Result<(), Ended>) -> R + Send + 'a,
    ) -> Self {
        self.push(ExchangeTag.arm(Some(sender.send_from(slot))), |result| Some(handler(result)))
    }

    /// A timer: `duration` from now.
    pub fn after(self, duration: Duration, handler: impl FnOnce() -> R + Send + 'a) -> Self {
        self.push(EventTag.arm(Some(after(duration))), |_| Some(handler()))
    }

    /// A timer: at `instant`.
    pub fn at(self, instant: Instant, handler: impl FnOnce() -> R + Send + 'a) -> Self {
        self.push(EventTag.arm(Some(at(instant))), |_| Some(handler()))
    }

    /// The next tick of a clock.
    pub fn tick(self, clock: &'a mut Tick, handler: impl FnOnce(Instant) -> R + Send + 'a) -> Self {
        self.push(EventTag.arm(Some(clock.next())), |instant| Some(handler(instant)))
    }

    /// Any future.
    pub fn future<F>(self, future: F, handler: impl FnOnce(F::Output) -> R + Send + 'a) -> Self
    where
        F: Future + Send + 'a,
        F::Output: Send,
    {
        self.push(FutureTag.arm(Some(future)), |output| Some(handler(output)))
    }

    /// The pre-condition of the guard that was added last: if it is false, the guard is disabled.
    pub fn when(mut self, condition: bool) -> Self {
        if !condition && let Some(last) = self.arms.last_mut() {
            last.0.as_mut().switch_off();
        }
        self
    }

    /// Waits for one guard and runs its handler.
    ///
    /// # Errors
    /// [`Exhausted`], if every guard is ended or disabled: the `complete` of `alt!`.
    ///
    /// # Cancel safety
    /// Dropping the future takes back every guard, each by its own rule.
    pub async fn select(mut self) -> Result<R, Exhausted> {
        loop {
            let chosen = self.alt.select(&mut self.arms[..]).await;
            if let Some(result) = finish(&mut self.arms, chosen)? {
                return Ok(result);
            }
        }
    }

    /// Waits on this thread for one guard and runs its handler.
    ///
    /// # Errors
    /// [`WaitError::OnRuntimeWorker`] inside a task. `Ok(Err(Exhausted))` if every guard is ended or disabled.
    pub fn select_blocking(self) -> Result<Result<R, Exhausted>, WaitError> {
        may_block()?;
        Ok(crate::wait::block_on(self.select()))
    }

    /// Takes a guard that is ready at this instant, if there is one: the `default` of `alt!` is `None`.
    ///
    /// # Errors
    /// [`Exhausted`], if every guard is ended or disabled.
    pub fn try_select(mut self) -> Result<Option<R>, Exhausted> {
        loop {
            let chosen = self.alt.select_now_blocking(&mut self.arms[..]);
            if chosen == Chosen::Default {
                return Ok(None);
            }
            if let Some(result) = finish(&mut self.arms, chosen)? {
                return Ok(Some(result));
            }
        }
    }
}

/// Runs the handler of the guard that was taken; `None` if it switched itself off.
fn finish<R>(arms: &mut [Offered<'_, R>], chosen: Chosen) -> Result<Option<R>, Exhausted> {
    match chosen {
        Chosen::Guard(index) => Ok(arms[index].0.as_mut().finish()),
        Chosen::Default | Chosen::Complete => Err(Exhausted),
    }
}

impl<R> fmt::Debug for Offer<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("alt", &self.alt).field("guards", &self.arms.len()).finish()
    }
}
