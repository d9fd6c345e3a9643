//! Where senders and receivers meet: a lock, a store, and the two lists of those who wait.
//!
//! Both directions are one text: a step either completes by serving a waiter of the other side or the store, or it
//! finds the channel ended, or it has to wait. What a step serves it serves under the lock, directly into the
//! waiter's node; nobody is woken to try again, so nobody can barge in between (T7).

use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use std::sync::Arc;

use super::claim::Claim;
use super::node::{Fields, List};
use super::primitives::Locked;
use super::wakes::Wakes;
use crate::context::{EndInfo, EndKey, Ended, Poisoned, dispose, probe};

/// What a channel keeps between a send and a receive: its queue policy. Nothing in it may panic or run user code.
pub(crate) trait Store<T> {
    /// True if a value can be put in.
    fn has_room(&self) -> bool;
    /// Puts a value in, if it can.
    fn push(&mut self, value: T) -> Pushed<T>;
    /// Puts a value in beyond the capacity, or gives it back if there is no place for any.
    fn push_beyond(&mut self, value: T) -> Result<(), T>;
    /// Takes the oldest value out.
    fn pop(&mut self) -> Option<T>;
    /// The number of values in it.
    fn len(&self) -> usize;
    /// With how many values, those that came back included, the oldest has to go.
    fn most(&self) -> usize;
    /// Takes everything out.
    fn take_all(&mut self) -> VecDeque<T>;
    /// How many values there is room for in all.
    fn capacity(&self) -> usize;
}

/// What became of a value that was pushed into a store.
pub(crate) enum Pushed<T> {
    /// It is in the store.
    Kept,
    /// There is no room: here it is again.
    Full(T),
    /// There was no room, and this one was given up: it, or an older one.
    Displaced(T),
}

/// What is to be done with a value that can no longer be delivered.
pub(crate) type Hook<T> = Arc<dyn Fn(T) + Send + Sync>;

/// What few channels have.
pub(crate) struct Extras<T> {
    pub(crate) hook: Option<Hook<T>>,
    pub(crate) name: Option<Arc<str>>,
}

/// The meeting point of one channel.
///
/// It is small, because there may be a million of them: what few channels need is in boxes of its own.
pub(crate) struct Exchange<T, S> {
    inner: Locked<Inner<T, S>>,
    extras: Option<Box<Extras<T>>>,
}

/// Everything under the lock.
///
/// While the channel is open: if a receiver that can be claimed waits, the store is empty, and so are the returned values; if a
/// sender that can be claimed waits, the store has no room. So a receive serves what was returned, then the store, then a
/// waiting sender, and that is sending order.
pub(crate) struct Inner<T, S> {
    pub(super) store: S,
    pub(super) senders: List<T>,
    pub(super) receivers: List<T>,
    /// How many values have left.
    departures: u64,
    life: Life,
    rare: Option<Box<Rare<T>>>,
}

/// What few channels meet in their life.
struct Rare<T> {
    /// Values that had left and came back, by departure: the first to be received again.
    returned: BTreeMap<u64, T>,
    /// Those who wait for the end of the channel; their slots stay empty.
    watchers: List<()>,
    /// The departures of values whose receivers still hold their senders.
    holding: Vec<u64>,
    /// Senders that wait for such a receiver to let them go; their slots are empty.
    held: List<T>,
    undelivered: u64,
    /// Why the channel was poisoned.
    poison: Option<Poisoned>,
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self {
            returned: BTreeMap::new(),
            watchers: List::new(),
            holding: Vec::new(),
            held: List::new(),
            undelivered: 0,
            poison: None,
        }
    }
}

/// Whether values still travel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// No sender is left; what is in the channel can still be received.
    Retired,
    /// No receiver is left.
    Abandoned,
    /// Something failed.
    Poisoned,
}

/// The outcome of one step under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value has moved. A send's slot may hold another one, which had to make room for it.
    Done,
    /// The value has moved to a receiver that holds its sender until it lets go.
    Held,
    /// The channel has ended; nothing has moved.
    Ended,
    /// Nobody is there yet.
    Wait,
}

/// One of the two directions. Zero-sized; the two implementations are parallel texts.
pub(crate) trait Direction {
    /// Tries to complete an operation whose node is not linked. One of a kept choice names its claim, and does not meet
    /// its own like.
    fn step<T, S: Store<T>>(
        inner: &mut Inner<T, S>,
        node: &mut Fields<T>,
        own: *const Claim,
        wakes: &mut Wakes,
    ) -> Step;
    /// The list in which such operations wait.
    fn list<T, S>(inner: &mut Inner<T, S>) -> &mut List<T>;
    /// True if a value left in a committed node goes back into the channel.
    const RETURNS: bool;
}

/// The value is in the slot, and leaves it.
pub(crate) struct Sending;
/// The slot is empty, and is filled.
pub(crate) struct Receiving;

impl Direction for Sending {
    #[inline]
    fn step<T, S: Store<T>>(
        inner: &mut Inner<T, S>,
        node: &mut Fields<T>,
        own: *const Claim,
        wakes: &mut Wakes,
    ) -> Step {
        inner.send_one(node, own, wakes, true)
    }

    #[inline]
    fn list<T, S>(inner: &mut Inner<T, S>) -> &mut List<T> {
        &mut inner.senders
    }

    const RETURNS: bool = false;
}

impl Direction for Receiving {
    #[inline]
    fn step<T, S: Store<T>>(
        inner: &mut Inner<T, S>,
        node: &mut Fields<T>,
        own: *const Claim,
        wakes: &mut Wakes,
    ) -> Step {
        match inner.take_one(wakes, node.hold, own) {
            Some((departure, value)) => {
                node.departure = departure;
                // The slot is empty: `replace` and `forget` say so to the compiler, which else emits a drop here.
                std::mem::forget(node.slot.replace(value));
                Step::Done
            }
            None if inner.is_ended() => Step::Ended,
            None => Step::Wait,
        }
    }

    #[inline]
    fn list<T, S>(inner: &mut Inner<T, S>) -> &mut List<T> {
        &mut inner.receivers
    }

    const RETURNS: bool = true;
}

impl<T, S: Store<T>> Inner<T, S> {
    /// Tries to complete a send whose node is not linked; one that may not be held does not meet a receiver that would.
    #[inline]
    fn send_one(&mut self, node: &mut Fields<T>, own: *const Claim, wakes: &mut Wakes, may_be_held: bool) -> Step {
        if self.is_ended() {
            return Step::Ended;
        }
        debug_assert!(node.slot.is_some(), "a send has a value");
        node.hold = false;
        // Where the store has room, nobody is held.
        let meets_all = may_be_held || self.store.has_room();
        // SAFETY: `self` is reached under the lock only.
        if let Some(receiver) = unsafe { self.receivers.claim_first_if(own, |fields| meets_all || !fields.hold, wakes) }
        {
            self.departures += 1;
            let departure = self.departures;
            let value = node.slot.take();
            // SAFETY: the lock has been held since the claim; moving a value does not panic.
            let (previous, holds) = unsafe {
                receiver.commit(wakes, |fields| {
                    fields.departure = departure;
                    (std::mem::replace(&mut fields.slot, value), fields.hold)
                })
            };
            debug_assert!(previous.is_none(), "a waiting receiver's slot is empty");
            std::mem::forget(previous);
            // Where the store would have had room for it, nobody is held.
            if holds && !self.store.has_room() {
                node.hold = true;
                node.departure = departure;
                self.rare().holding.push(departure);
                return Step::Held;
            }
            return Step::Done;
        }
        match node.slot.take().map(|value| self.store.push(value)) {
            Some(Pushed::Full(value)) => {
                node.slot = Some(value);
                return Step::Wait;
            }
            Some(Pushed::Displaced(value)) => {
                self.rare().undelivered += 1;
                node.slot = Some(value);
            }
            Some(Pushed::Kept) => node.slot = self.make_room(),
            None => {}
        }
        if !own.is_null() {
            // SAFETY: under the lock; only a kept choice names itself.
            unsafe { self.receivers.touch_own(own, wakes) };
        }
        Step::Done
    }

    /// Takes the next value in sending order, with its departure, and lets a waiting sender have the room.
    ///
    /// A sender that gives it directly is held, if `hold` says so.
    #[inline]
    fn take_one(&mut self, wakes: &mut Wakes, hold: bool, own: *const Claim) -> Option<(u64, T)> {
        if let Some(rare) = &mut self.rare
            && let Some(returned) = rare.returned.pop_first()
        {
            return Some(returned);
        }
        let value = if let Some(value) = self.store.pop() {
            // The room is the next sender's.
            self.refill(wakes);
            value
        } else {
            self.take_from_sender(wakes, hold, own)?
        };
        self.departures += 1;
        Some((self.departures, value))
    }

    /// Completes the first waiting sender, or lets it know that it is held.
    #[inline]
    fn take_from_sender(&mut self, wakes: &mut Wakes, hold: bool, own: *const Claim) -> Option<T> {
        let departure = self.departures + 1;
        // SAFETY: `self` is reached under the lock only.
        let sender = unsafe { self.senders.claim_first(own, wakes) }?;
        if hold {
            self.rare().holding.push(departure);
        }
        // SAFETY: the lock has been held since the claim; taking a value does not panic.
        unsafe {
            sender.commit(wakes, |fields| {
                fields.hold = hold;
                fields.departure = departure;
                fields.slot.take()
            })
        }
    }

    /// Takes out the oldest value if there are too many now, because one that had left has come back.
    #[inline]
    fn make_room(&mut self) -> Option<T> {
        let rare = self.rare.as_mut()?;
        if rare.returned.is_empty() || rare.returned.len() + self.store.len() <= self.store.most() {
            return None;
        }
        rare.undelivered += 1;
        rare.returned.pop_first().map(|(_, value)| value)
    }

    /// A receiver lets the sender of this value go.
    fn let_go(&mut self, departure: u64, wakes: &mut Wakes) {
        let Some(rare) = &mut self.rare else { return };
        let Some(place) = rare.holding.iter().position(|&held| held == departure) else { return };
        rare.holding.swap_remove(place);
        // SAFETY: a list of an `Inner` is reached under the lock only. (No sender there: it has not looked yet, or it
        // was cancelled.)
        if let Some(sender) = unsafe { rare.held.claim_departed(departure) } {
            // SAFETY: the lock has been held since the claim; nothing is done that could panic.
            unsafe { sender.commit(wakes, |_| ()) };
        }
    }

    /// True if the receiver of this value still holds its sender.
    pub(super) fn is_held(&self, departure: u64) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.holding.contains(&departure))
    }

    /// Lets waiting senders fill the store, after something has been taken out of it.
    #[inline]
    fn refill(&mut self, wakes: &mut Wakes) {
        while self.store.has_room()
            && let Some(value) = self.take_from_sender(wakes, false, ptr::null())
        {
            // There is room: nothing comes back.
            let _ = self.store.push(value);
        }
    }

    /// Tells everybody in a list that the channel has ended.
    fn end_all<U>(list: &mut List<U>, wakes: &mut Wakes) {
        // SAFETY: a list of an `Inner` is reached under the lock only.
        while let Some(waiter) = unsafe { list.claim_first(ptr::null(), wakes) } {
            // SAFETY: the lock has been held since the claim; setting a flag does not panic.
            unsafe { waiter.commit(wakes, |fields| fields.ended = true) };
        }
    }

    /// Tells everybody who waits for the end.
    fn end_watchers(&mut self, wakes: &mut Wakes) {
        if let Some(rare) = &mut self.rare {
            Self::end_all(&mut rare.watchers, wakes);
        }
    }

    /// Takes out what can no longer be received.
    fn discard(&mut self) -> Vec<T> {
        let returned = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.returned));
        let discarded: Vec<T> =
            returned.into_iter().flat_map(BTreeMap::into_values).chain(self.store.take_all()).collect();
        if !discarded.is_empty() {
            self.rare().undelivered += discarded.len() as u64;
        }
        discarded
    }

    /// The number of values that can be received without a sender's help.
    fn len(&self) -> usize {
        self.store.len() + self.rare.as_ref().map_or(0, |rare| rare.returned.len())
    }
}

impl<T, S: Store<T>> Exchange<T, S> {
    pub(crate) fn new(store: S, extras: Option<Box<Extras<T>>>) -> Self {
        Self {
            inner: Locked::new(Inner {
                store,
                senders: List::new(),
                receivers: List::new(),
                departures: 0,
                life: Life::Open,
                rare: None,
            }),
            extras,
        }
    }

    /// The channel's name.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.extras.as_ref()?.name.as_ref()
    }

    /// Looks at the store, under the lock.
    pub(crate) fn with_store<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.inner.with(|inner| look(&inner.store))
    }

    /// The channel's identity, as long as it lives.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>() as usize
    }

    /// Tells the probe, if it is on, that the current process uses an end of this channel.
    #[inline]
    pub(super) fn note<D: Direction>(&self) {
        if probe::watched() {
            self.tell::<D>(self.inner.with(|inner| inner.store.capacity()));
        }
    }

    /// As [`note`](Self::note); the caller holds the lock.
    #[inline]
    pub(super) fn note_held<D: Direction>(&self, inner: &Inner<T, S>) {
        if probe::watched() {
            self.tell::<D>(inner.store.capacity());
        }
    }

    #[cold]
    #[inline(never)]
    fn tell<D: Direction>(&self, capacity: usize) {
        let key = EndKey { channel: self.address(), sends: !D::RETURNS };
        probe::used(EndInfo { key, name: self.name().cloned(), payload: std::any::type_name::<T>, capacity });
    }

    /// The protected part; only the protocol's own files look inside.
    #[inline]
    pub(super) fn inner(&self) -> &Locked<Inner<T, S>> {
        &self.inner
    }

    /// Puts a value in without waiting; gives it back with the reason if that is not possible. A receiver that holds
    /// its sender does not hold this one.
    pub(crate) fn try_send(&self, value: T) -> Result<(), (T, Step)> {
        self.note::<Sending>();
        let mut wakes = Wakes::new();
        let mut fields = Fields::detached(Some(value));
        let step = self.inner.with(|inner| Sending::step(inner, &mut fields, ptr::null(), &mut wakes));
        match (step, fields.slot) {
            (_, None) => Ok(()),
            (Step::Done | Step::Held, Some(displaced)) => {
                drop(wakes);
                self.hand_over_undelivered([displaced]);
                Ok(())
            }
            (step, Some(value)) => Err((value, step)),
        }
    }

    /// Puts a value in without waiting, beyond the capacity if need be; false if the channel has ended.
    pub(crate) fn send_beyond(&self, value: T) -> bool {
        self.note::<Sending>();
        let (step, displaced) = self.inner.with(|inner| {
            let mut wakes = Wakes::new();
            let mut fields = Fields::detached(Some(value));
            let step = Sending::step(inner, &mut fields, ptr::null(), &mut wakes);
            if step == Step::Wait
                && let Some(value) = fields.slot.take()
                && let Err(value) = inner.store.push_beyond(value)
            {
                // A rendezvous keeps it like a value that came back.
                inner.departures += 1;
                let departure = inner.departures;
                inner.rare().returned.insert(departure, value);
            }
            (step, (fields.slot, wakes))
        });
        // An ended channel's value was never sent.
        let (value, wakes) = displaced;
        drop(wakes);
        if step != Step::Ended {
            self.hand_over_undelivered(value);
        }
        step != Step::Ended
    }

    /// Takes a value without waiting, with its departure.
    pub(crate) fn try_recv(&self, hold: bool) -> Result<(u64, T), Step> {
        self.note::<Receiving>();
        let mut wakes = Wakes::new();
        self.inner.with(|inner| match inner.take_one(&mut wakes, hold, ptr::null()) {
            Some(taken) => Ok(taken),
            None if inner.is_ended() => Err(Step::Ended),
            None => Err(Step::Wait),
        })
    }

    /// A receiver lets the sender of this value go, if it holds it.
    pub(crate) fn let_go(&self, departure: u64) {
        let mut wakes = Wakes::new();
        self.inner.with(|inner| inner.let_go(departure, &mut wakes));
    }

    /// Takes up to `limit` values without waiting, all at one instant; appends them in order.
    pub(crate) fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> usize {
        self.note::<Receiving>();
        let mut wakes = Wakes::new();
        // Reserved before the lock is taken: `push` allocates nothing then, unless the channel grows meanwhile.
        into.reserve(limit.min(self.len()));
        self.inner.with(|inner| {
            let before = into.len();
            while into.len() - before < limit {
                match inner.take_one(&mut wakes, false, ptr::null()) {
                    Some((_, value)) => into.push(value),
                    None => break,
                }
            }
            into.len() - before
        })
    }

    /// Puts as many values in as possible without waiting, all at one instant; the rest stays in `from`.
    ///
    /// One who `waits` otherwise stops before a receiver that holds its sender, and meets it by an operation.
    pub(crate) fn try_send_many(&self, from: &mut VecDeque<T>, waits: bool) -> Step {
        self.note::<Sending>();
        let mut wakes = Wakes::new();
        let mut fields = Fields::detached(None);
        let mut displaced = Vec::new();
        let step = self.inner.with(|inner| {
            loop {
                let Some(value) = from.pop_front() else { return Step::Done };
                fields.slot = Some(value);
                let step = inner.send_one(&mut fields, ptr::null(), &mut wakes, !waits);
                match (step, fields.slot.take()) {
                    (_, None) => {}
                    (Step::Done | Step::Held, Some(value)) => displaced.push(value),
                    (step, Some(value)) => {
                        from.push_front(value);
                        return step;
                    }
                }
            }
        });
        drop(wakes);
        self.hand_over_undelivered(displaced);
        step
    }

    /// A value that had left comes back: to a waiting receiver, else to its place in the order. If nobody can ever
    /// receive it, it is undelivered.
    pub(super) fn put_back(&self, departure: u64, value: T) {
        let mut wakes = Wakes::new();
        let undelivered = self.inner.with(|inner| {
            let mut value = Some(value);
            inner.let_go(departure, &mut wakes);
            // After a poison, or once the last receiver is gone, nothing is received any more. After a retire of
            // the senders, what is left still is.
            if matches!(inner.life, Life::Poisoned | Life::Abandoned) {
                inner.rare().undelivered += 1;
                return value;
            }
            // SAFETY: under the lock.
            if let Some(receiver) = unsafe { inner.receivers.claim_first(ptr::null(), &mut wakes) } {
                // SAFETY: the lock has been held since the claim; moving a value does not panic.
                unsafe {
                    receiver.commit(&mut wakes, |fields| {
                        fields.departure = departure;
                        fields.slot = value.take();
                    });
                }
            } else if let Some(value) = value.take() {
                inner.rare().returned.insert(departure, value);
                return inner.make_room();
            }
            None
        });
        drop(wakes);
        self.hand_over_undelivered(undelivered);
    }

    /// Ends the channel in good order because no sender is left.
    pub(crate) fn retire_senders(&self) {
        let mut wakes = Wakes::new();
        self.inner.with(|inner| {
            if !inner.is_ended() {
                inner.life = Life::Retired;
                Inner::<T, S>::end_all(&mut inner.receivers, &mut wakes);
                inner.end_watchers(&mut wakes);
            }
        });
    }

    /// Ends the channel in good order because no receiver is left; what is still in it is undelivered.
    pub(crate) fn retire_receivers(&self) {
        let mut wakes = Wakes::new();
        let discarded = self.inner.with(|inner| {
            if inner.life != Life::Poisoned {
                inner.life = Life::Abandoned;
            }
            Inner::<T, S>::end_all(&mut inner.senders, &mut wakes);
            inner.end_watchers(&mut wakes);
            inner.discard()
        });
        drop(wakes);
        self.hand_over_undelivered(discarded);
    }

    /// Ends the channel by a failure, unless it was poisoned before, or is retired and drained.
    pub(crate) fn poison(&self, poisoned: Poisoned) {
        let mut wakes = Wakes::new();
        let (discarded, refused) = self.inner.with(|inner| {
            match inner.life {
                Life::Open => {}
                Life::Retired if inner.len() > 0 => {}
                _ => return (Vec::new(), Some(poisoned)),
            }
            inner.life = Life::Poisoned;
            inner.rare().poison = Some(poisoned);
            Inner::<T, S>::end_all(&mut inner.senders, &mut wakes);
            Inner::<T, S>::end_all(&mut inner.receivers, &mut wakes);
            inner.end_watchers(&mut wakes);
            (inner.discard(), None)
        });
        drop(wakes);
        // The last reference to a cause may drop a user's error: not under the lock.
        drop(refused);
        self.hand_over_undelivered(discarded);
    }

    /// Gives values to the hook, or drops them, each of them even if one panics.
    pub(super) fn hand_over_undelivered(&self, values: impl IntoIterator<Item = T>) {
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
        let hook = self.extras.as_ref().and_then(|extras| extras.hook.as_ref());
        if hook.is_none() && !std::mem::needs_drop::<T>() {
            return;
        }
        let mut panic = None;
        for value in values {
            let discard = || match hook {
                Some(hook) => hook(value),
                None => drop(value),
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(discard)) {
                match panic {
                    None => panic = Some(payload),
                    Some(_) => dispose(payload),
                }
            }
        }
        if let Some(payload) = panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }

    /// Why nothing can be received any more, if that is so: a retired channel still holds what was sent.
    pub(crate) fn receiving_ended(&self) -> Option<Ended> {
        self.inner.with(|inner| if inner.len() == 0 { inner.ended() } else { None })
    }

    /// Why nothing can be sent any more, if that is so.
    pub(crate) fn sending_ended(&self) -> Option<Ended> {
        self.inner.with(|inner| inner.ended())
    }

    /// The number of values that can be received without a sender's help.
    pub(crate) fn len(&self) -> usize {
        self.inner.with(|inner| inner.len())
    }

    /// True if a send would have to wait for a receiver.
    pub(crate) fn is_full(&self) -> bool {
        self.inner.with(|inner| !inner.store.has_room())
    }

    /// The number of values that were sent and never received.
    pub(crate) fn undelivered(&self) -> u64 {
        self.inner.with(|inner| inner.rare.as_ref().map_or(0, |rare| rare.undelivered))
    }
}

impl<T, S> Inner<T, S> {
    /// True if nothing can be sent any more.
    #[inline]
    pub(super) fn is_ended(&self) -> bool {
        self.life != Life::Open
    }

    fn ended(&self) -> Option<Ended> {
        match self.life {
            Life::Open => None,
            Life::Retired | Life::Abandoned => Some(Ended::Retired),
            Life::Poisoned => {
                let poison = self.rare.as_ref().and_then(|rare| rare.poison.clone());
                Some(poison.map_or(Ended::Retired, Ended::Poisoned))
            }
        }
    }

    #[cold]
    fn rare(&mut self) -> &mut Rare<T> {
        self.rare.get_or_insert_default()
    }

    /// Those who wait for the end of the channel.
    pub(super) fn watchers(&mut self) -> &mut List<()> {
        &mut self.rare().watchers
    }

    /// Those who wait until a receiver lets them go.
    pub(super) fn held(&mut self) -> &mut List<T> {
        &mut self.rare().held
    }
}
