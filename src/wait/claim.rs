//! The claim word: who may complete a wait, and the waker that tells its owner.
//!
//! ```text
//!              arm (owner)           claim (a peer, under the lock of guard i)
//!     IDLE ───────────────▶ ARMED ───────────────▶ BUSY(i) ──────▶ TAKEN(i)
//!      ▲                      │                      value moves     the peer's last touch
//!      └──────────────────────┘
//!            withdraw (owner)
//! ```
//!
//! A plain operation has one guard, so one lock stands for all that can happen to it: the peer that holds the lock
//! goes straight to TAKEN, and the owner withdraws under the same lock. A choice has several: ARMED is left by
//! compare-and-swap, by exactly one peer or by the owner (I2).

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::task::Waker;

use super::primitives::{AtomicU32, Ordering, UnsafeCell};

const IDLE: u32 = 0;
const ARMED: u32 = 1;
const BUSY: u32 = 2;
const TAKEN: u32 = 3;
const STATE: u32 = 3;
const GUARD_SHIFT: u32 = 2;

/// What the owner sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nobody has claimed the wait.
    Armed,
    /// A peer is moving a value through this guard, holding its lock.
    Busy(u32),
    /// This guard is committed; nobody else touches the wait any more.
    Taken(u32),
}

/// Where the owner of a claim stands; see `operation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Fresh,
    Waiting,
    Enlisted,
    /// A send whose value has gone, and whose receiver holds it; it waits for that.
    Held,
    Settled,
}

pub(crate) struct Claim {
    state: AtomicU32,
    /// The owner's own note. It is kept here because it fits into the padding: waiting operations are many.
    phase: Cell<Phase>,
    /// Owned by whoever moved the state out of ARMED; in ARMED, by whoever will. The bits stay behind when a peer
    /// takes the waker, so the owner may compare them with another waker at any time: nobody writes them then.
    waker: UnsafeCell<MaybeUninit<Waker>>,
}

// SAFETY: `phase` is the owner's alone. `waker` is written by the owner alone, while the state is IDLE or while it holds
// every lock through which a peer could reach the claim. In ARMED it is only read; the state decides who moves it out.
unsafe impl Send for Claim {}
// SAFETY: as above.
unsafe impl Sync for Claim {}

impl Claim {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(IDLE),
            phase: Cell::new(Phase::Fresh),
            waker: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Where the owner stands. Only the owner asks.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Notes where the owner stands. Only the owner does.
    #[inline]
    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    /// Offers the wait to peers.
    ///
    /// # Safety
    /// The caller owns the claim, its state is IDLE or TAKEN, and it holds the lock of every list in which a node of
    /// this claim is or will be linked before the lock is released.
    pub(crate) unsafe fn arm(&self, waker: Waker) {
        self.waker.with_mut(|cell| {
            // SAFETY: no peer reads the cell before the locks that the caller holds are released.
            unsafe { (*cell).write(waker) };
        });
        // Published by the unlocking that follows.
        self.state.store(ARMED, Ordering::Relaxed);
    }

    /// Offers the wait to peers that may be looking at it right now.
    ///
    /// # Safety
    /// The caller owns the claim, and its state is IDLE or TAKEN.
    pub(crate) unsafe fn arm_in_the_open(&self, waker: Waker) {
        self.waker.with_mut(|cell| {
            // SAFETY: a peer reads the cell only after it has moved the state out of ARMED.
            unsafe { (*cell).write(waker) };
        });
        // Release: who claims it sees the waker.
        self.state.store(ARMED, Ordering::Release);
    }

    /// True if nobody has claimed an armed wait, as any peer may ask.
    pub(crate) fn is_armed(&self) -> bool {
        self.state.load(Ordering::Acquire) == ARMED
    }

    /// What has become of an armed wait.
    pub(crate) fn look(&self) -> Sight {
        // Acquire: with TAKEN comes what the peer wrote into the node.
        let state = self.state.load(Ordering::Acquire);
        match state & STATE {
            BUSY => Sight::Busy(state >> GUARD_SHIFT),
            TAKEN => Sight::Taken(state >> GUARD_SHIFT),
            _ => Sight::Armed,
        }
    }

    /// True if a wake-up of this armed wait reaches `waker`'s task.
    ///
    /// # Safety
    /// The caller owns the claim and has armed it.
    pub(crate) unsafe fn wakes(&self, waker: &Waker) -> bool {
        self.waker.with(|cell| {
            // SAFETY: the bits were written by `arm`, and nobody writes them while the claim is armed or taken.
            // `will_wake` compares pointers only, so it does not matter if a peer has moved the waker out.
            unsafe { (*cell).assume_init_ref().will_wake(waker) }
        })
    }

    /// Replaces the waker of an armed wait; gives back the old one, to be dropped outside the locks.
    ///
    /// # Safety
    /// The caller owns the claim, has seen ARMED under the locks of all its nodes, and still holds them.
    pub(crate) unsafe fn replace_waker(&self, waker: Waker) -> Waker {
        self.waker.with_mut(|cell| {
            // SAFETY: ARMED, so the waker is there; peers are kept out by the lock.
            unsafe { std::mem::replace((*cell).assume_init_mut(), waker) }
        })
    }

    /// Takes an armed choice back from its peers; on success gives the waker, to be dropped or used again.
    ///
    /// # Safety
    /// The caller owns the claim and has armed it for a choice.
    pub(crate) unsafe fn withdraw(&self) -> Option<Waker> {
        self.state.compare_exchange(ARMED, IDLE, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // SAFETY: we moved the state out of ARMED, so the waker is ours.
        Some(unsafe { self.take_waker() })
    }

    /// Takes an armed plain operation back.
    ///
    /// # Safety
    /// The caller owns the claim, has seen ARMED under the lock of its only node, and still holds that lock.
    pub(crate) unsafe fn withdraw_plain(&self) -> Waker {
        self.state.store(IDLE, Ordering::Relaxed);
        // SAFETY: we moved the state out of ARMED, under the lock without which no peer could have.
        unsafe { self.take_waker() }
    }

    /// A peer claims a choice through its guard `guard`; false if somebody was faster.
    ///
    /// The peer holds the lock of that guard's list, in which the node of the guard is linked.
    pub(crate) fn claim(&self, guard: u32) -> bool {
        let busy = BUSY | (guard << GUARD_SHIFT);
        self.state.compare_exchange(ARMED, busy, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// A peer has claimed the wait and written its node: takes the waker out and hands the wait back to its owner.
    /// The claim and the node must not be touched afterwards (I4).
    ///
    /// # Safety
    /// The caller has claimed the wait through `guard`, or holds the lock of an armed plain operation's node.
    pub(crate) unsafe fn commit(this: *const Self, guard: u32) -> Waker {
        // SAFETY: the caller moved the state out of ARMED, or is about to under the plain operation's lock; until then
        // the claim is alive. No reference to it is held when its owner may free it.
        unsafe {
            let waker = (*this).take_waker();
            // Release: whoever sees TAKEN sees the node.
            (*this).state.store(TAKEN | (guard << GUARD_SHIFT), Ordering::Release);
            waker
        }
    }

    /// # Safety
    /// The caller owns the waker.
    unsafe fn take_waker(&self) -> Waker {
        // A read that leaves the bits in place: see the field.
        self.waker.with(|cell| {
            // SAFETY: `arm` wrote it, and the caller is the only one to move it out.
            unsafe { (*cell).assume_init_read() }
        })
    }
}
