//! The choice engine: one wait on many guards, of which exactly one is committed.
//!
//! **Pass 1** tries the guards in their order, one lock at a time. We stand in no list then, so nobody can claim us,
//! and committing needs only the peer's claim. Most choices end here.
//! **Pass 2** takes all locks by address, tries again in order, and, if nobody is there, arms the claim and stands
//! in every list. Since all locks are held, "nobody is there" is true at one instant: `default` is linearizable (T6).
//! **Pass 3**, after a wake-up, leaves all lists, one lock at a time.
//!
//! *Exchange* guards are operations on channels: a peer commits them for us. *Readiness* guards are futures: we poll
//! them ourselves, and only while nobody can commit one of our exchanges, since a future's output cannot be undone:
//! before polling one that may be ready, an armed choice withdraws. So a choice never has two results.
//!
//! A choice in strict order (`pri`) tries a run of neighbouring exchanges under all their locks, so that a guard is
//! taken only if none above it in the run was ready at that instant.

use std::future::Future;
use std::marker::PhantomPinned;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::budget::poll_proceed;
use super::claim::{Claim, Sight};
use super::exchange::Step;
use super::operation::{Enlist, Settled};
use super::primitives::Lock;
use super::wakes::Wakes;

/// The engine's unsafe code trusts guards to name the same lock at each look: they are this library's own.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// One guard of a choice.
#[doc(hidden)]
pub trait Guarded: sealed::Sealed {
    /// What kind of guard it is now.
    fn kind(&self) -> Kind;
    /// The operation of an exchange guard.
    fn exchange(self: Pin<&mut Self>) -> Option<Exchanging<'_>>;
    /// Polls a readiness guard; once true, the guard keeps its output, and the choice takes it.
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
    /// False if polling a readiness guard now would certainly not make it ready, and its waker is registered.
    fn may_be_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;
}

/// What a guard is.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Disabled: it takes no part.
    Off,
    /// An operation on a channel.
    Exchange,
    /// A future.
    Readiness,
}

/// An operation as a guard; only the protocol can use it.
#[doc(hidden)]
pub struct Exchanging<'a>(Pin<&'a mut dyn Enlist>);

impl<'a> Exchanging<'a> {
    pub(crate) fn new(operation: Pin<&'a mut dyn Enlist>) -> Self {
        Self(operation)
    }

    /// Leaves the list; waits for a peer that is just completing this operation.
    pub(super) fn delist(self) {
        self.0.delist();
    }

    pub(super) fn settle(self) -> Settled {
        self.0.settle()
    }

    pub(super) fn poll_held(self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_held(cx)
    }

    /// # Safety
    /// As the operation's own.
    pub(super) unsafe fn attempt_or_enlist(self, claim: *const Claim, guard: u32, wakes: &mut Wakes) -> Step {
        // SAFETY: by the caller's promise.
        unsafe { self.0.attempt_or_enlist(claim, guard, wakes) }
    }
}

impl std::fmt::Debug for Exchanging<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchanging")
    }
}

/// The guards of one choice.
#[doc(hidden)]
pub trait Guards: sealed::Sealed {
    /// Room for one number a guard.
    type Scratch: AsMut<[u16]>;
    /// That room.
    fn scratch(&self) -> Self::Scratch;
    /// How many there are, disabled ones included; at most 65 536.
    fn count(&self) -> usize;
    /// One of them.
    fn guard(&mut self, index: usize) -> Pin<&mut dyn Guarded>;
}

/// In which order a choice tries its guards.
pub(crate) trait Arrange {
    /// Puts the enabled guards, given in textual order, into the order of this choice.
    fn arrange(&mut self, guards: &mut [u16]);
    /// A guard was taken.
    fn taken(&mut self, guard: usize, count: usize);
    /// True if the order is textual and binding.
    fn is_strict(&self) -> bool;
}

/// The result of a choice.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// This guard is committed; its output can be taken.
    Guard(usize),
    /// No guard was ready, and the choice was not to wait.
    Default,
    /// Every guard is disabled.
    Complete,
}

/// A choice under way.
pub(crate) struct Select<'a, G: Guards, A: Arrange> {
    guards: G,
    order: &'a mut A,
    /// Do not wait.
    poll_only: bool,
    /// The claim is armed and the exchanges are enlisted.
    waiting: bool,
    /// A send that is committed, and whose receiver holds it: the choice is complete when it lets go.
    held: Option<usize>,
    done: bool,
    claim: Claim,
    /// The enabled guards, in order of preference.
    ranks: G::Scratch,
    /// The exchange guards, by the address of their locks.
    by_address: G::Scratch,
    /// How many exchange guards there are, once `by_address` is sorted.
    exchanges: Option<usize>,
    _pinned: PhantomPinned,
}

impl<'a, G: Guards, A: Arrange> Select<'a, G, A> {
    pub(crate) fn new(guards: G, order: &'a mut A, poll_only: bool) -> Self {
        Self {
            ranks: guards.scratch(),
            by_address: guards.scratch(),
            guards,
            order,
            poll_only,
            waiting: false,
            held: None,
            done: false,
            claim: Claim::new(),
            exchanges: None,
            _pinned: PhantomPinned,
        }
    }

    /// One look at everything, without waiting.
    pub(crate) fn now(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Chosen {
        debug_assert!(self.poll_only);
        match self.poll(cx) {
            Poll::Ready(chosen) => chosen,
            Poll::Pending => unreachable!("a choice that does not wait is not pending"),
        }
    }

    /// A guard has been committed.
    fn commit(&mut self, guard: usize, held: bool, cx: &mut Context<'_>) -> Poll<Chosen> {
        if held && !self.poll_only {
            self.held = Some(guard);
            ready!(self.poll_held(guard, cx));
        }
        self.finish(guard)
    }

    #[cold]
    fn poll_held(&mut self, guard: usize, cx: &mut Context<'_>) -> Poll<()> {
        match self.guards.guard(guard).exchange() {
            Some(exchange) => exchange.0.poll_held(cx),
            None => Poll::Ready(()),
        }
    }

    fn finish(&mut self, guard: usize) -> Poll<Chosen> {
        self.done = true;
        self.order.taken(guard, self.guards.count());
        Poll::Ready(Chosen::Guard(guard))
    }

    /// After a wake-up. `None`: the choice has withdrawn, and looks at everything again.
    fn wake_up(&mut self, cx: &mut Context<'_>) -> Option<Poll<Chosen>> {
        if self.claim.look() == Sight::Armed {
            // SAFETY: ours, and armed.
            let same_task = unsafe { self.claim.wakes(cx.waker()) };
            if !self.any_may_be_ready(cx) && (same_task || self.replace_waker(cx)) {
                return Some(Poll::Pending);
            }
            // SAFETY: ours, and armed for a choice.
            if let Some(waker) = unsafe { self.claim.withdraw() } {
                self.delist_all();
                drop(waker);
                return None;
            }
        }
        let mut guard = self.taken();
        self.delist_all();
        let settled = self.guards.guard(guard).exchange().map(|exchange| exchange.0.settle());
        if settled == Some(Settled::Ended) && self.order.is_strict() {
            // A poison ends both directions of its channel at one instant: of guards for both, the upper one is taken.
            let poisoned = lock_of(&mut self.guards, guard);
            if let Some(upper) = (0..guard).find(|&upper| lock_of(&mut self.guards, upper) == poisoned)
                && self.attempt_alone(upper) == Step::Ended
            {
                guard = upper;
            }
        }
        Some(self.commit(guard, settled == Some(Settled::Held), cx))
    }

    /// Has another waker woken, and keeps every place in the lists; false if a peer was faster.
    fn replace_waker(&mut self, cx: &mut Context<'_>) -> bool {
        let mut fresh = Some(cx.waker().clone());
        let everything = 0..self.guards.count();
        self.lock_by_address(&everything);
        let stale = match self.claim.look() {
            // SAFETY: armed, and all locks are held, without which no peer reaches the claim.
            Sight::Armed => fresh.take().map(|fresh| unsafe { self.claim.replace_waker(fresh) }),
            _ => None,
        };
        // SAFETY: locked above, by the same rule.
        unsafe { self.unlock_by_address(&everything) };
        // Dropped outside the locks (I3).
        drop(fresh);
        stale.is_some()
    }

    /// The guard that a peer has committed, or is just committing.
    fn taken(&mut self) -> usize {
        loop {
            match self.claim.look() {
                Sight::Taken(guard) => return guard as usize,
                // The peer holds this guard's lock until it is done: delisting waits for it there.
                Sight::Busy(guard) => {
                    if let Some(exchange) = self.guards.guard(guard as usize).exchange() {
                        exchange.0.delist();
                    }
                }
                Sight::Armed => unreachable!("only the owner goes back to idle"),
            }
        }
    }

    fn any_may_be_ready(&mut self, cx: &mut Context<'_>) -> bool {
        (0..self.guards.count()).any(|index| {
            let guard = self.guards.guard(index);
            guard.kind() == Kind::Readiness && guard.may_be_ready(cx)
        })
    }

    /// Pass 3.
    fn delist_all(&mut self) {
        for index in 0..self.exchanges.unwrap_or(0) {
            let guard = usize::from(self.by_address.as_mut()[index]);
            if let Some(exchange) = self.guards.guard(guard).exchange() {
                exchange.0.delist();
            }
        }
        self.waiting = false;
    }

    /// Passes 1 and 2.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<Chosen> {
        let enabled = self.rank();
        if enabled == 0 {
            self.done = true;
            return Poll::Ready(Chosen::Complete);
        }
        if let Some((guard, step)) = self.try_one_by_one(enabled, cx) {
            return self.commit(guard, step == Step::Held, cx);
        }
        let exchanges = self.sort_by_address();
        if exchanges == 0 {
            self.done = self.poll_only;
            return if self.poll_only { Poll::Ready(Chosen::Default) } else { Poll::Pending };
        }
        // Cloned and dropped outside the locks (I3).
        let mut waker = (!self.poll_only).then(|| cx.waker().clone());
        let mut wakes = Wakes::new();
        let everything = 0..self.guards.count();
        self.lock_by_address(&everything);
        // SAFETY: the locks of all exchanges are held.
        let taken = unsafe { self.attempt_held(0..enabled, &mut wakes) };
        if taken.is_none()
            && let Some(waker) = waker.take()
        {
            // SAFETY: the claim is ours and idle, and all locks are held, so that nobody sees half a choice. `Drop`
            // delists before the claim goes.
            unsafe {
                self.claim.arm(waker);
                self.enlist_held(enabled);
            }
            self.waiting = true;
        }
        // SAFETY: locked above, by the same rule.
        unsafe { self.unlock_by_address(&everything) };
        drop(wakes);
        drop(waker);
        match taken {
            Some((guard, step)) => self.commit(guard, step == Step::Held, cx),
            None if self.poll_only => {
                self.done = true;
                Poll::Ready(Chosen::Default)
            }
            None => Poll::Pending,
        }
    }

    /// Fills `ranks` with the enabled guards and gives their number.
    fn rank(&mut self) -> usize {
        let count = self.guards.count();
        let mut enabled = 0;
        for index in 0..count {
            if self.guards.guard(index).kind() != Kind::Off {
                self.ranks.as_mut()[enabled] = index as u16;
                enabled += 1;
            }
        }
        self.order.arrange(&mut self.ranks.as_mut()[..enabled]);
        enabled
    }

    fn ranked(&mut self, position: usize) -> usize {
        usize::from(self.ranks.as_mut()[position])
    }

    /// Pass 1.
    fn try_one_by_one(&mut self, enabled: usize, cx: &mut Context<'_>) -> Option<(usize, Step)> {
        let strict = self.order.is_strict();
        let mut position = 0;
        while position < enabled {
            let index = self.ranked(position);
            let guard = self.guards.guard(index);
            if guard.kind() == Kind::Readiness {
                if guard.poll_ready(cx) {
                    return Some((index, Step::Done));
                }
            } else {
                let step = self.attempt_alone(index);
                if step != Step::Wait {
                    return Some((index, step));
                }
                if strict {
                    // The first of a run could be tried alone, since nothing is above it; the others not. A run at
                    // the end is left to pass 2.
                    let first = position;
                    while position + 1 < enabled && self.is_exchange_at(position + 1) {
                        position += 1;
                    }
                    if position + 1 < enabled
                        && position > first
                        && let Some(taken) = self.try_run(first..position + 1)
                    {
                        return Some(taken);
                    }
                }
            }
            position += 1;
        }
        None
    }

    fn is_exchange_at(&mut self, position: usize) -> bool {
        let index = self.ranked(position);
        self.guards.guard(index).kind() == Kind::Exchange
    }

    fn attempt_alone(&mut self, index: usize) -> Step {
        let mut wakes = Wakes::new();
        match self.guards.guard(index).exchange() {
            Some(exchange) => exchange.0.attempt(&mut wakes),
            None => Step::Wait,
        }
    }

    /// Tries the exchanges at these ranks, of a strict choice, at one instant.
    fn try_run(&mut self, positions: Range<usize>) -> Option<(usize, Step)> {
        self.sort_by_address();
        // In strict order ranks rise with the textual index.
        let indices = self.ranked(positions.start)..self.ranked(positions.end - 1) + 1;
        let mut wakes = Wakes::new();
        self.lock_by_address(&indices);
        // SAFETY: locked just now; unlocked by the same rule.
        unsafe {
            let taken = self.attempt_held(positions, &mut wakes);
            self.unlock_by_address(&indices);
            taken
        }
    }

    /// Tries the exchanges at these ranks in order.
    ///
    /// # Safety
    /// Their locks are held.
    unsafe fn attempt_held(&mut self, positions: Range<usize>, wakes: &mut Wakes) -> Option<(usize, Step)> {
        for position in positions {
            let index = self.ranked(position);
            if let Some(exchange) = self.guards.guard(index).exchange() {
                // SAFETY: the caller holds its lock.
                let step = unsafe { exchange.0.attempt_held(std::ptr::null(), wakes) };
                if step != Step::Wait {
                    return Some((index, step));
                }
            }
        }
        None
    }

    /// Stands in every list, in order of preference.
    ///
    /// # Safety
    /// The claim is armed and all locks are held.
    unsafe fn enlist_held(&mut self, enabled: usize) {
        let claim: *const Claim = &self.claim;
        for position in 0..enabled {
            let index = self.ranked(position);
            if let Some(exchange) = self.guards.guard(index).exchange() {
                // SAFETY: by the caller's promise; `Drop` delists before the claim goes.
                unsafe { exchange.0.enlist_held(claim, index as u32) };
            }
        }
    }

    /// Fills `by_address`, once: addresses do not change.
    fn sort_by_address(&mut self) -> usize {
        if let Some(exchanges) = self.exchanges {
            return exchanges;
        }
        let Self { guards, by_address, .. } = self;
        let by_address = by_address.as_mut();
        let mut exchanges = 0;
        for index in 0..guards.count() {
            if guards.guard(index).exchange().is_some() {
                by_address[exchanges] = index as u16;
                exchanges += 1;
            }
        }
        by_address[..exchanges].sort_unstable_by_key(|&index| lock_of(guards, usize::from(index)));
        self.exchanges = Some(exchanges);
        exchanges
    }

    /// Takes the locks of the exchanges among `indices` in rising order, each of them once (I5).
    fn lock_by_address(&mut self, indices: &Range<usize>) {
        // SAFETY: the channels outlive their guards.
        self.each_lock(indices, |lock| unsafe { (*lock).lock() });
    }

    /// # Safety
    /// `lock_by_address` was called with the same indices.
    unsafe fn unlock_by_address(&mut self, indices: &Range<usize>) {
        // SAFETY: the channels outlive their guards; the caller holds the locks.
        self.each_lock(indices, |lock| unsafe { (*lock).unlock() });
    }

    fn each_lock(&mut self, indices: &Range<usize>, mut visit: impl FnMut(*const Lock)) {
        let mut last = std::ptr::null();
        for place in 0..self.exchanges.unwrap_or(0) {
            let index = usize::from(self.by_address.as_mut()[place]);
            if !indices.contains(&index) {
                continue;
            }
            if let Some(lock) = lock_of(&mut self.guards, index)
                && lock != last
            {
                visit(lock);
                last = lock;
            }
        }
    }
}

fn lock_of<G: Guards>(guards: &mut G, index: usize) -> Option<*const Lock> {
    guards.guard(index).exchange().map(|exchange| std::ptr::from_ref(exchange.0.lock()))
}

impl<G: Guards, A: Arrange> Future for Select<'_, G, A> {
    type Output = Chosen;

    /// # Cancel safety
    /// Dropping the choice takes it back. What a peer had committed meanwhile stays in its guard, whose drop gives
    /// a received value back to the channel.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Chosen> {
        // SAFETY: the claim is not moved; nothing else here is pinned.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!this.done, "a choice is not polled after it has chosen");
        if let Some(guard) = this.held {
            ready!(this.poll_held(guard, cx));
            return this.finish(guard);
        }
        if this.waiting
            && let Some(result) = this.wake_up(cx)
        {
            return result;
        }
        if !this.poll_only {
            ready!(poll_proceed(cx));
        }
        this.look(cx)
    }
}

impl<G: Guards, A: Arrange> Drop for Select<'_, G, A> {
    fn drop(&mut self) {
        if self.waiting {
            // SAFETY: ours, and armed for a choice.
            let waker = unsafe { self.claim.withdraw() };
            // If a peer is just committing, this waits for it under its lock; the guard keeps the outcome.
            let taken = waker.is_none().then(|| self.taken());
            self.delist_all();
            if let Some(exchange) = taken.and_then(|guard| self.guards.guard(guard).exchange()) {
                exchange.0.settle();
            }
            drop(waker);
        }
    }
}
