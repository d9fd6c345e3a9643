//! A choice that lives on: it owns its guards and keeps their places from round to round.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::alt::Alt;
use super::offer::{Exhausted, MOST};
use super::slot::{EventSlot, FutureSlot, RecvSlot, SendSlot, Slot, TickSlot};
use crate::channel::{Receiver, SendError, Sender, WaitError, may_block};
use crate::context::Ended;
use crate::time::{Tick, after, at};
use crate::wait::{Arrange as _, Chosen, Guarded, Kept, KeptGuards, block_on};

/// A choice over any number of guards, which it owns, made again and again.
///
/// Where `alt!` enters and leaves the queue of every guard in each round, an `AltSet` stays in them: a round costs
/// what has happened since the last one, not the number of its guards. A guard keeps its place from round to round, unless
/// it is met while the set does not wait: then the peer goes on to the next in the queue. Guards come and go at any time. Each has a handler that turns what it gives into one type, mostly a variant of an enum, which
/// [`select`](Self::select) returns.
///
/// A guard whose channel has ended gives that once and is removed; so a loop `while let Ok(event) = set.select().await`
/// ends when all have. A clock, a quit channel or any other guard that goes on keeps it from that: then take how the data
/// ends by [`recv`](Self::recv), rather than by [`recv_ok`](Self::recv_ok), and count.
///
/// In a struct that is a process, move the ends into the set: `self.inputs.drain(..)`, or `self.quit.clone()`.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::Key;
///
/// enum Event {
///     Number(u32),
///     Text(String),
/// }
///
/// # aqueduct::run(async {
/// let (numbers, number) = aqueduct::buffered(4);
/// let (words, text) = aqueduct::buffered(4);
/// let mut set = AltSet::fair();
/// set.recv_ok(number, Event::Number);
/// set.recv_ok(text, Event::Text);
///
/// numbers.send(1).await?;
/// words.send("one".to_owned()).await?;
/// drop((numbers, words));
/// let (mut sum, mut said) = (0, String::new());
/// while let Ok(event) = set.select().await {
///     match event {
///         Event::Number(n) => sum += n,
///         Event::Text(text) => said += &text,
///     }
/// }
/// assert_eq!((sum, said.as_str()), (1, "one"));
///
/// // A send has a value only when it is given one.
/// let (tx, rx) = aqueduct::buffered(1);
/// let mut set = AltSet::pri();
/// let out: Key<Sender<u8>> = set.send(tx, |sent| sent.is_ok());
/// set.offer(out, 7).unwrap();
/// assert!(set.select().await.unwrap());
/// assert_eq!(rx.recv().await?, 7);
/// # Outcome::Ok(()) }).unwrap();
/// ```
pub struct AltSet<R> {
    order: Alt,
    kept: Kept,
    guards: Guards<R>,
    /// Places in `guards` that are free.
    free: Vec<usize>,
}

/// The guards by their places. Dropped before the claim to which their nodes point: `Kept` is declared before, but `Drop`
/// of the set clears them first.
struct Guards<R>(Vec<Option<Entry<R>>>);

struct Entry<R> {
    slot: Pin<Box<dyn Slot<R> + Send>>,
    /// Tells it from others that had its place before.
    number: u64,
    enabled: bool,
}

impl<R> KeptGuards for Guards<R> {
    fn guard(&mut self, index: usize) -> Pin<&mut dyn Guarded> {
        match self.0.get_mut(index) {
            Some(Some(entry)) => entry.slot.as_mut().guarded(),
            _ => unreachable!("a place that takes part has a guard"),
        }
    }
}

/// Names a guard of an [`AltSet`]; `E` is what it was made of.
pub struct Key<E> {
    index: usize,
    number: u64,
    _end: PhantomData<fn() -> E>,
}

impl<E> Clone for Key<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Key<E> {}

impl<E> PartialEq for Key<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Key<E> {}

impl<E> fmt::Debug for Key<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.number).finish()
    }
}

impl<R> AltSet<R> {
    /// A set without guards, which prefers them in this order: by their places, which are those of their addition, except
    /// that a guard takes the place of one that was removed.
    #[must_use]
    pub fn new(order: Alt) -> Self {
        let kept = Kept::new(order.is_strict());
        Self { order, kept, guards: Guards(Vec::new()), free: Vec::new() }
    }

    /// In the order of addition: a guard is taken only if none before it was ready when its turn came.
    #[must_use]
    pub fn pri() -> Self {
        Self::new(Alt::pri())
    }

    /// In rotation: a guard that stays ready is taken within *n* rounds over *n* guards.
    #[must_use]
    pub fn fair() -> Self {
        Self::new(Alt::fair())
    }

    /// In a random order, the same one for the same seed.
    #[must_use]
    pub fn arbitrary(seed: u64) -> Self {
        Self::new(Alt::arbitrary(seed))
    }

    /// Adds a receive; the handler sees each value, and at last how the channel ended.
    ///
    /// # Panics
    /// If there are 65 536 guards already; as every method that adds one.
    pub fn recv<T: Send + 'static>(
        &mut self,
        receiver: Receiver<T>,
        mut handler: impl FnMut(Result<T, Ended>) -> R + Send + 'static,
    ) -> Key<Receiver<T>> {
        self.add(RecvSlot::new(receiver, move |result| Some(handler(result))))
    }

    /// Adds a receive of values only: when the channel has ended, the guard is removed and the choice goes on, as with
    /// `Ok(value) = …` in `alt!`. (So a poison marks the process, which ends with it.)
    pub fn recv_ok<T: Send + 'static>(
        &mut self,
        receiver: Receiver<T>,
        mut handler: impl FnMut(T) -> R + Send + 'static,
    ) -> Key<Receiver<T>> {
        self.add(RecvSlot::new(receiver, move |result| match result {
            Ok(value) => Some(handler(value)),
            Err(ended) => {
                use super::arm::{SwallowPoison as _, Swallowed};
                (&&Swallowed(&ended)).aqueduct_swallow();
                None
            }
        }))
    }

    /// Adds a send, which takes part while it has a value: see [`offer`](Self::offer). The handler learns that the value
    /// has been sent, or gets it back when the channel has ended; then the guard is removed.
    pub fn send<T: Send + 'static>(
        &mut self,
        sender: Sender<T>,
        handler: impl FnMut(Result<(), SendError<T>>) -> R + Send + 'static,
    ) -> Key<Sender<T>> {
        self.add(SendSlot::new(sender, handler))
    }

    /// Gives a send its next value.
    ///
    /// # Errors
    /// The value, if the send has one already, or has been removed.
    pub fn offer<T: Send + 'static>(&mut self, key: Key<Sender<T>>, value: T) -> Result<(), T> {
        let Some(entry) = self.entry(key) else { return Err(value) };
        let mut value = Some(value);
        entry.slot.as_mut().load(&mut value);
        match value {
            Some(value) => Err(value),
            None => {
                self.refresh(key.index);
                Ok(())
            }
        }
    }

    /// Takes the value that a send has not sent yet.
    pub fn take_back<T: Send + 'static>(&mut self, key: Key<Sender<T>>) -> Option<T> {
        let mut value: Option<T> = None;
        self.entry(key)?.slot.as_mut().unload(&mut value);
        self.refresh(key.index);
        value
    }

    /// Adds a clock; the handler sees the instant of each tick.
    pub fn tick(&mut self, clock: Tick, handler: impl FnMut(Instant) -> R + Send + 'static) -> Key<Tick> {
        self.add(TickSlot::new(clock, handler))
    }

    /// Adds a timer: `duration` from now, once.
    pub fn after(&mut self, duration: Duration, handler: impl FnOnce() -> R + Send + 'static) -> Key<()> {
        self.add(EventSlot::new(after(duration), |_| handler()))
    }

    /// Adds a timer: at `instant`, once.
    pub fn at(&mut self, instant: Instant, handler: impl FnOnce() -> R + Send + 'static) -> Key<()> {
        self.add(EventSlot::new(at(instant), |_| handler()))
    }

    /// Adds any future, such as the [`Handle`](crate::Handle) of a process; it is removed when it has been taken.
    ///
    /// The other guards keep their places while it is polled.
    pub fn future<F>(&mut self, future: F, handler: impl FnOnce(F::Output) -> R + Send + 'static) -> Key<()>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        self.add(FutureSlot::new(future, handler))
    }

    fn add<E>(&mut self, slot: impl Slot<R> + Send + 'static) -> Key<E> {
        let index = self.free.pop().unwrap_or(self.guards.0.len());
        assert!(index < MOST, "a choice has at most {MOST} guards");
        self.kept.reserve(index, &mut self.guards);
        // Unique among all sets, so that a key of one names nothing in another.
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let entry = Some(Entry { slot: Box::pin(slot), number, enabled: true });
        match self.guards.0.get_mut(index) {
            Some(place) => *place = entry,
            None => self.guards.0.push(entry),
        }
        self.refresh(index);
        Key { index, number, _end: PhantomData }
    }

    fn entry<E>(&mut self, key: Key<E>) -> Option<&mut Entry<R>> {
        self.guards.0.get_mut(key.index)?.as_mut().filter(|entry| entry.number == key.number)
    }

    /// Tells the engine whether the guard at this place takes part now.
    fn refresh(&mut self, index: usize) {
        let Some(Some(entry)) = self.guards.0.get_mut(index) else { return };
        let active = entry.enabled && entry.slot.takes_part();
        if active != self.kept.is_active(index) {
            let readiness = entry.slot.is_readiness();
            self.kept.set_active(index, active, readiness, &mut self.guards);
        }
    }

    /// The pre-condition of a guard: one that is disabled takes no part, and leaves its place in the queue.
    ///
    /// False if it has been removed.
    pub fn set_enabled<E>(&mut self, key: Key<E>, enabled: bool) -> bool {
        match self.entry(key) {
            Some(entry) => {
                entry.enabled = enabled;
                self.refresh(key.index);
                true
            }
            None => false,
        }
    }

    /// What the guard was made of; `None` once it has been removed.
    #[must_use]
    pub fn get<E: Any>(&self, key: Key<E>) -> Option<&E> {
        let entry = self.guards.0.get(key.index)?.as_ref().filter(|entry| entry.number == key.number)?;
        entry.slot.end()?.downcast_ref()
    }

    /// Removes a guard; true if it was there. Its end leaves the channel: [`get`](Self::get) and clone it before to keep it.
    /// The value of a send that was not sent is dropped: [`take_back`](Self::take_back) gives it.
    pub fn remove<E>(&mut self, key: Key<E>) -> bool {
        self.entry(key).is_some() && self.take_out(key.index).is_some()
    }

    fn take_out(&mut self, index: usize) -> Option<Entry<R>> {
        self.kept.remove(index, &mut self.guards);
        self.free.push(index);
        self.guards.0[index].take()
    }

    /// How many guards there are, those that are disabled or have no value included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.guards.0.len() - self.free.len()
    }

    /// True if every guard has been removed, or there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for one guard and gives what its handler makes of it.
    ///
    /// # Errors
    /// [`Exhausted`], if no guard takes part: the `complete` of `alt!`.
    ///
    /// # Cancel safety
    /// Nothing is lost: what a peer has committed meanwhile is the result of the next `select`.
    pub async fn select(&mut self) -> Result<R, Exhausted> {
        loop {
            let chosen = self.kept.select(&mut self.guards, &mut self.order).await;
            if let Some(result) = self.finish(chosen)? {
                return Ok(result);
            }
        }
    }

    /// As [`select`](Self::select), on this thread.
    ///
    /// # Errors
    /// [`WaitError::OnRuntimeWorker`] inside a task. `Ok(Err(Exhausted))` if no guard takes part.
    pub fn select_blocking(&mut self) -> Result<Result<R, Exhausted>, WaitError> {
        may_block()?;
        Ok(block_on(self.select()))
    }

    /// Takes a guard that is ready at this instant, if there is one.
    ///
    /// # Errors
    /// [`Exhausted`], if no guard takes part.
    pub fn try_select(&mut self) -> Result<Option<R>, Exhausted> {
        loop {
            let mut cx = Context::from_waker(Waker::noop());
            let chosen = self.kept.now(&mut self.guards, &mut self.order, &mut cx);
            if chosen == Chosen::Default {
                return Ok(None);
            }
            if let Some(result) = self.finish(chosen)? {
                return Ok(Some(result));
            }
        }
    }

    /// Runs the handler of the guard that was taken; `None` if it does not want this result.
    fn finish(&mut self, chosen: Chosen) -> Result<Option<R>, Exhausted> {
        let Chosen::Guard(index) = chosen else { return Err(Exhausted) };
        let Some(Some(entry)) = self.guards.0.get_mut(index) else { unreachable!("it was taken just now") };
        // Everything is in order before what is the user's runs on: a handler, or a hook that has panicked.
        let over = catch_unwind(AssertUnwindSafe(|| entry.slot.as_mut().take()));
        if matches!(over, Ok(true)) {
            let entry = self.take_out(index);
            return Ok(entry.and_then(|mut entry| entry.slot.as_mut().handle()));
        }
        self.refresh(index);
        if let Err(payload) = over {
            resume_unwind(payload);
        }
        Ok(self.guards.0[index].as_mut().and_then(|entry| entry.slot.as_mut().handle()))
    }
}

impl<R> Drop for AltSet<R> {
    fn drop(&mut self) {
        // K4: before the claim.
        self.guards.0.clear();
    }
}

impl<R> fmt::Debug for AltSet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AltSet").field("order", &self.order).field("guards", &self.len()).finish_non_exhaustive()
    }
}
