//! Where senders and receivers meet: a lock, a store, and the two lists of those who wait.
//!
//! Both directions are one text: a step either completes by serving a waiter of the other side or the store, or it
//! finds the channel ended, or it has to wait. What a step serves it serves under the lock, directly into the
//! waiter's node; nobody is woken to try again, so nobody can barge in between (T7).

use std::collections::{BTreeMap, VecDeque};

use super::node::{Fields, List};
use super::primitives::Locked;
use super::wakes::Wakes;
use crate::context::{Ended, Poisoned};

/// What a channel keeps between a send and a receive: its queue policy. Nothing in it may panic or run user code.
pub(crate) trait Store<T> {
    /// True if a value can be put in.
    fn has_room(&self) -> bool;
    /// Puts a value in; there is room.
    fn push(&mut self, value: T);
    /// Takes the oldest value out.
    fn pop(&mut self) -> Option<T>;
    /// The number of values in it.
    fn len(&self) -> usize;
    /// Takes everything out.
    fn take_all(&mut self) -> VecDeque<T>;
}

/// What is to be done with a value that can no longer be delivered.
pub(crate) type Hook<T> = Box<dyn Fn(T) + Send + Sync>;

/// The meeting point of one channel.
pub(crate) struct Exchange<T, S> {
    inner: Locked<Inner<T, S>>,
    hook: Option<Hook<T>>,
}

/// Everything under the lock.
///
/// While the channel is open: if a receiver that can be claimed waits, the store and `returned` are empty; if a
/// sender that can be claimed waits, the store has no room. So a receive serves `returned`, then the store, then a
/// waiting sender, and that is sending order.
pub(crate) struct Inner<T, S> {
    pub(super) store: S,
    /// Values that had left and came back, by departure: the first to be received again.
    returned: BTreeMap<u64, T>,
    pub(super) senders: List<T>,
    pub(super) receivers: List<T>,
    /// Those who wait for the end of the channel; their slots stay empty.
    pub(super) watchers: List<()>,
    life: Life,
    departures: u64,
    undelivered: u64,
}

/// Whether values still travel.
enum Life {
    Open,
    /// No sender is left; what is in the channel can still be received.
    Retired,
    /// No receiver is left.
    Abandoned,
    /// Something failed.
    Poisoned(Poisoned),
}

/// The outcome of one step under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value has moved.
    Done,
    /// The channel has ended; nothing has moved.
    Ended,
    /// Nobody is there yet.
    Wait,
}

/// One of the two directions. Zero-sized; the two implementations are parallel texts.
pub(crate) trait Direction {
    /// Tries to complete an operation whose node is not linked.
    fn step<T, S: Store<T>>(inner: &mut Inner<T, S>, node: &mut Fields<T>, wakes: &mut Wakes) -> Step;
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
    fn step<T, S: Store<T>>(inner: &mut Inner<T, S>, node: &mut Fields<T>, wakes: &mut Wakes) -> Step {
        if inner.is_ended() {
            return Step::Ended;
        }
        // SAFETY: `inner` is reached under the lock only.
        if let Some(receiver) = unsafe { inner.receivers.claim_first() } {
            inner.departures += 1;
            let departure = inner.departures;
            let value = node.slot.take();
            // SAFETY: the lock has been held since the claim; moving a value does not panic.
            let previous = unsafe {
                receiver.commit(wakes, |fields| {
                    fields.departure = departure;
                    std::mem::replace(&mut fields.slot, value)
                })
            };
            debug_assert!(previous.is_none(), "a waiting receiver's slot is empty");
            std::mem::forget(previous);
            return Step::Done;
        }
        if inner.store.has_room()
            && let Some(value) = node.slot.take()
        {
            inner.store.push(value);
            return Step::Done;
        }
        Step::Wait
    }

    #[inline]
    fn list<T, S>(inner: &mut Inner<T, S>) -> &mut List<T> {
        &mut inner.senders
    }

    const RETURNS: bool = false;
}

impl Direction for Receiving {
    #[inline]
    fn step<T, S: Store<T>>(inner: &mut Inner<T, S>, node: &mut Fields<T>, wakes: &mut Wakes) -> Step {
        match inner.take_one(wakes) {
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
    /// Takes the next value in sending order, with its departure, and lets a waiting sender have the room.
    #[inline]
    fn take_one(&mut self, wakes: &mut Wakes) -> Option<(u64, T)> {
        if !self.returned.is_empty() {
            return self.returned.pop_first();
        }
        let value = if let Some(value) = self.store.pop() {
            if self.store.has_room()
                && let Some(next) = self.take_from_sender(wakes)
            {
                self.store.push(next);
            }
            value
        } else {
            self.take_from_sender(wakes)?
        };
        self.departures += 1;
        Some((self.departures, value))
    }

    /// Completes the first waiting sender.
    #[inline]
    fn take_from_sender(&mut self, wakes: &mut Wakes) -> Option<T> {
        // SAFETY: `self` is reached under the lock only.
        let sender = unsafe { self.senders.claim_first() }?;
        // SAFETY: the lock has been held since the claim; taking a value does not panic.
        unsafe { sender.commit(wakes, |fields| fields.slot.take()) }
    }

    /// Lets waiting senders fill the store, after something has been taken out of it.
    fn refill(&mut self, wakes: &mut Wakes) {
        while self.store.has_room() {
            match self.take_from_sender(wakes) {
                Some(value) => self.store.push(value),
                None => return,
            }
        }
    }

    /// Tells everybody in a list that the channel has ended.
    fn end_all<U>(list: &mut List<U>, wakes: &mut Wakes) {
        // SAFETY: a list of an `Inner` is reached under the lock only.
        while let Some(waiter) = unsafe { list.claim_first() } {
            // SAFETY: the lock has been held since the claim; setting a flag does not panic.
            unsafe { waiter.commit(wakes, |fields| fields.ended = true) };
        }
    }

    /// Takes out what can no longer be received.
    fn discard(&mut self) -> Vec<T> {
        let returned = std::mem::take(&mut self.returned).into_values();
        let discarded: Vec<T> = returned.chain(self.store.take_all()).collect();
        self.undelivered += discarded.len() as u64;
        discarded
    }
}

impl<T, S: Store<T>> Exchange<T, S> {
    pub(crate) fn new(store: S, hook: Option<Hook<T>>) -> Self {
        Self {
            inner: Locked::new(Inner {
                store,
                returned: BTreeMap::new(),
                senders: List::new(),
                receivers: List::new(),
                watchers: List::new(),
                life: Life::Open,
                departures: 0,
                undelivered: 0,
            }),
            hook,
        }
    }

    /// The protected part; only the protocol's own files look inside.
    #[inline]
    pub(super) fn inner(&self) -> &Locked<Inner<T, S>> {
        &self.inner
    }

    /// Puts a value in without waiting; gives it back with the reason if that is not possible.
    pub(crate) fn try_send(&self, value: T) -> Result<(), (T, Step)> {
        let mut wakes = Wakes::new();
        let mut fields = Fields::detached(Some(value));
        let step = self.inner.with(|inner| Sending::step(inner, &mut fields, &mut wakes));
        match fields.slot {
            None => Ok(()),
            Some(value) => Err((value, step)),
        }
    }

    /// Takes a value without waiting.
    pub(crate) fn try_recv(&self) -> Result<T, Step> {
        let mut wakes = Wakes::new();
        self.inner.with(|inner| match inner.take_one(&mut wakes) {
            Some((_, value)) => Ok(value),
            None if inner.is_ended() => Err(Step::Ended),
            None => Err(Step::Wait),
        })
    }

    /// Takes up to `limit` values without waiting, all at one instant; appends them in order.
    pub(crate) fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> usize {
        let mut wakes = Wakes::new();
        // Reserved before the lock is taken: `push` allocates nothing then, unless the channel grows meanwhile.
        into.reserve(limit.min(self.len()));
        self.inner.with(|inner| {
            let before = into.len();
            while into.len() - before < limit {
                match inner.take_one(&mut wakes) {
                    Some((_, value)) => into.push(value),
                    None => break,
                }
            }
            inner.refill(&mut wakes);
            into.len() - before
        })
    }

    /// Puts as many values in as possible without waiting, all at one instant; the rest stays in `from`.
    pub(crate) fn try_send_many(&self, from: &mut VecDeque<T>) -> Step {
        let mut wakes = Wakes::new();
        let mut fields = Fields::detached(None);
        self.inner.with(|inner| {
            loop {
                let Some(value) = from.pop_front() else { return Step::Done };
                fields.slot = Some(value);
                let step = Sending::step(inner, &mut fields, &mut wakes);
                if let Some(value) = fields.slot.take() {
                    from.push_front(value);
                    return step;
                }
            }
        })
    }

    /// A value that had left comes back: to a waiting receiver, else to its place in the order. If nobody can ever
    /// receive it, it is undelivered.
    pub(super) fn put_back(&self, departure: u64, value: T) {
        let mut wakes = Wakes::new();
        let undelivered = self.inner.with(|inner| {
            let mut value = Some(value);
            // After a poison, or once the last receiver is gone, nothing is received any more. After a retire of
            // the senders, what is left still is.
            if matches!(inner.life, Life::Poisoned(_) | Life::Abandoned) {
                inner.undelivered += 1;
                return value;
            }
            // SAFETY: under the lock.
            if let Some(receiver) = unsafe { inner.receivers.claim_first() } {
                // SAFETY: the lock has been held since the claim; moving a value does not panic.
                unsafe {
                    receiver.commit(&mut wakes, |fields| {
                        fields.departure = departure;
                        fields.slot = value.take();
                    });
                }
            } else if let Some(value) = value.take() {
                inner.returned.insert(departure, value);
            }
            None
        });
        drop(wakes);
        if let Some(value) = undelivered {
            self.hand_over_undelivered(vec![value]);
        }
    }

    /// Ends the channel in good order because no sender is left.
    pub(crate) fn retire_senders(&self) {
        let mut wakes = Wakes::new();
        self.inner.with(|inner| {
            if !inner.is_ended() {
                inner.life = Life::Retired;
                Inner::<T, S>::end_all(&mut inner.receivers, &mut wakes);
                Inner::<T, S>::end_all(&mut inner.watchers, &mut wakes);
            }
        });
    }

    /// Ends the channel in good order because no receiver is left; what is still in it is undelivered.
    pub(crate) fn retire_receivers(&self) {
        let mut wakes = Wakes::new();
        let discarded = self.inner.with(|inner| {
            if !matches!(inner.life, Life::Poisoned(_)) {
                inner.life = Life::Abandoned;
            }
            Inner::<T, S>::end_all(&mut inner.senders, &mut wakes);
            Inner::<T, S>::end_all(&mut inner.watchers, &mut wakes);
            inner.discard()
        });
        drop(wakes);
        self.hand_over_undelivered(discarded);
    }

    /// Ends the channel by a failure, unless it was poisoned before, or is retired and drained.
    pub(crate) fn poison(&self, poisoned: Poisoned) {
        let mut wakes = Wakes::new();
        let (discarded, refused) = self.inner.with(|inner| {
            let drained = inner.store.len() == 0 && inner.returned.is_empty();
            match inner.life {
                Life::Open => {}
                Life::Retired if !drained => {}
                _ => return (Vec::new(), Some(poisoned)),
            }
            inner.life = Life::Poisoned(poisoned);
            Inner::<T, S>::end_all(&mut inner.senders, &mut wakes);
            Inner::<T, S>::end_all(&mut inner.receivers, &mut wakes);
            Inner::<T, S>::end_all(&mut inner.watchers, &mut wakes);
            (inner.discard(), None)
        });
        drop(wakes);
        // The last reference to a cause may drop a user's error: not under the lock.
        drop(refused);
        self.hand_over_undelivered(discarded);
    }

    /// Gives values to the hook, or drops them, each of them even if one panics.
    fn hand_over_undelivered(&self, values: Vec<T>) {
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
        let Some(hook) = &self.hook else {
            drop(values);
            return;
        };
        let mut panic = None;
        for value in values {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| hook(value))) {
                panic.get_or_insert(payload);
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
        self.inner.with(|inner| {
            let left = inner.store.len() + inner.returned.len();
            if left == 0 { inner.ended() } else { None }
        })
    }

    /// Why nothing can be sent any more, if that is so.
    pub(crate) fn sending_ended(&self) -> Option<Ended> {
        self.inner.with(|inner| inner.ended())
    }

    /// The number of values that can be received without a sender's help.
    pub(crate) fn len(&self) -> usize {
        self.inner.with(|inner| inner.store.len() + inner.returned.len())
    }

    /// True if a send would have to wait for a receiver.
    pub(crate) fn is_full(&self) -> bool {
        self.inner.with(|inner| !inner.store.has_room())
    }

    /// The number of values that were sent and never received.
    pub(crate) fn undelivered(&self) -> u64 {
        self.inner.with(|inner| inner.undelivered)
    }
}

impl<T, S> Inner<T, S> {
    /// True if nothing can be sent any more.
    #[inline]
    pub(super) fn is_ended(&self) -> bool {
        !matches!(self.life, Life::Open)
    }

    fn ended(&self) -> Option<Ended> {
        match &self.life {
            Life::Open => None,
            Life::Retired | Life::Abandoned => Some(Ended::Retired),
            Life::Poisoned(poisoned) => Some(Ended::Poisoned(poisoned.clone())),
        }
    }
}
