//! The engine of a choice that keeps its places: its guards stay in their lists from round to round.
//!
//! A choice made anew (`select`) enters and leaves n lists to receive one value. One whose guards live on leaves none:
//! a round touches only the guards at which something has happened since the last one.
//!
//! ```text
//!     LOOSE ── owner: attempt fails, enter the list ──▶ LINKED ── a peer comes by ──▶ LOOSE again
//!       │                                                              committed, if the claim is armed;
//!       └── owner: attempt succeeds, the guard is chosen               else merely *touched*
//! ```
//!
//! # Invariants, beyond those of the protocol
//!
//! * **K1** A linked guard is not ready. It was not when it was linked, under its lock; and whoever changes that comes
//!   by the list under the same lock, claims or touches the guard, and unlinks it.
//! * **K2** Touching is a bit in a word that the peer sets and the owner takes. The owner arms the claim, then looks for
//!   bits; a peer that could not claim sets its bit, then looks at the claim again. Between the two steps of each stands
//!   a fence, so that one of them sees the other: a guard is never touched without the owner learning of it.
//! * **K3** If the claim is armed and no bit is set, every guard is linked, and so none is ready: at that instant
//!   `default` is right, and to wait is right.
//! * **K4** The claim outlives the guards: it is dropped after they have left their lists.
//! * **K5** A guard skips the guards of its own choice, which it meets where they wait. Only where it changes something
//!   for them (it takes from the queue into which one of them would send, or the other way round) they are touched.
//!
//! While the owner does not wait, its claim is idle, and the first peer at each guard pays for the touch; a peer that
//! comes later finds nobody there.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::budget::poll_proceed;
use super::claim::{Claim, Sight};
use super::exchange::Step;
use super::operation::Settled;
use super::primitives::{AtomicU64, Ordering, fence};
use super::select::{Arrange, Chosen, Exchanging, Guarded};
use super::wakes::Wakes;

/// Marks a guard's number in a node: its claim is a [`KeptClaim`].
pub(crate) const KEPT: u32 = 1 << 31;

/// Marks a claim that commits nothing: its owner is to look again.
const LOOK: u32 = 1 << 20;

const BITS: usize = 64;

/// How often a choice that finds nothing looks again within one poll, because it was touched meanwhile.
const MOST_LOOKS: u32 = 64;

/// A claim, and which of its guards have been touched. The claim comes first: nodes point to it.
#[repr(C)]
pub(crate) struct KeptClaim {
    claim: Claim,
    touched: Box<[AtomicU64]>,
    /// A guard is not taken while one before it is ready.
    strict: bool,
}

impl KeptClaim {
    /// A peer claims the choice through a guard, or touches the guard.
    ///
    /// # Safety
    /// `this` is the claim of a kept choice, alive: the peer holds the lock of the list in which the guard is linked.
    pub(crate) unsafe fn claim_or_touch(this: *const Claim, guard: u32, wakes: &mut Wakes) -> bool {
        // SAFETY: the claim is the first field of a `KeptClaim`, which is alive by the caller's promise.
        let kept = unsafe { &*this.cast::<Self>() };
        let index = guard as usize;
        loop {
            // In strict order nobody is taken past a guard that was touched before.
            let barred = kept.strict && kept.is_touched_before(index);
            if !barred && kept.claim.claim(guard) {
                return true;
            }
            kept.touched[index / BITS].fetch_or(1 << (index % BITS), Ordering::AcqRel);
            // K2: against the owner's.
            fence(Ordering::SeqCst);
            if !kept.claim.is_armed() {
                return false;
            }
            if barred && kept.claim.claim(guard | LOOK) {
                // The owner waits, and was not told of this guard: it looks again, from the beginning.
                // SAFETY: claimed just now; the caller's lock keeps the claim alive.
                wakes.push(unsafe { Claim::commit(this, guard | LOOK) });
                return false;
            }
        }
    }

    /// True if a guard before this one has been touched.
    fn is_touched_before(&self, guard: usize) -> bool {
        let touched = |word: usize| self.touched[word].load(Ordering::Acquire);
        let last = guard / BITS;
        (0..last).any(|word| touched(word) != 0) || touched(last) & ((1 << (guard % BITS)) - 1) != 0
    }
}

/// A set of small numbers.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, index: usize, value: bool) {
        let bit = 1 << (index % BITS);
        if value { self.0[index / BITS] |= bit } else { self.0[index / BITS] &= !bit }
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / BITS] & (1 << (index % BITS)) != 0
    }
}

/// The guards of a kept choice.
pub(crate) trait KeptGuards {
    /// One of them, whose place is in use.
    fn guard(&mut self, index: usize) -> Pin<&mut dyn Guarded>;
}

/// The state of a kept choice between rounds and while it waits.
pub(crate) struct Kept {
    /// On the heap: nodes point to it, and the choice may move. (Not a `Box`, which claims to be alone.)
    claim: Arc<KeptClaim>,
    /// Exchanges that stand in no list, as far as the owner knows.
    loose: Bits,
    /// Guards that take part.
    active: Bits,
    /// Guards that are polled instead of linked.
    readiness: Bits,
    /// Armed; or taken, and not yet seen.
    waiting: bool,
    /// A guard that was committed and not yet handed out, and whether its receiver holds it.
    committed: Option<(usize, bool)>,
    /// The candidates of a round.
    ranks: Vec<u16>,
}

impl Kept {
    /// A choice without guards; a `strict` one takes none while one before it is ready.
    pub(crate) fn new(strict: bool) -> Self {
        Self {
            claim: Arc::new(KeptClaim { claim: Claim::new(), touched: Box::new([]), strict }),
            loose: Bits::default(),
            active: Bits::default(),
            readiness: Bits::default(),
            waiting: false,
            committed: None,
            ranks: Vec::new(),
        }
    }

    /// Makes room for guard `index`.
    pub(crate) fn reserve(&mut self, index: usize, guards: &mut impl KeptGuards) {
        let words = self.claim.touched.len();
        if index / BITS < words {
            return;
        }
        // Nodes point to the old claim: every guard leaves its list. Seldom, since the room doubles.
        self.leave(guards);
        for index in (0..words * BITS).filter(|&index| self.active.has(index)) {
            delist(guards, index);
        }
        let words = (2 * words).max(index / BITS + 1);
        let touched = (0..words).map(|_| AtomicU64::new(0)).collect();
        self.claim = Arc::new(KeptClaim { claim: Claim::new(), touched, strict: self.claim.strict });
        for bits in [&mut self.loose, &mut self.active, &mut self.readiness] {
            bits.0.resize(words, 0);
        }
        self.loose.0.fill(u64::MAX);
    }

    /// A guard joins, comes back, or stays away. What was committed to it before is still handed out.
    pub(crate) fn set_active(&mut self, index: usize, active: bool, readiness: bool, guards: &mut impl KeptGuards) {
        self.leave(guards);
        if !active {
            delist(guards, index);
        }
        self.active.set(index, active);
        self.readiness.set(index, readiness);
        self.loose.set(index, true);
    }

    /// Takes the claim back, or notes what a peer has committed; true if it was armed until now.
    fn leave(&mut self, guards: &mut impl KeptGuards) -> bool {
        if !std::mem::take(&mut self.waiting) {
            return false;
        }
        // SAFETY: ours, and armed for a choice.
        if let Some(_waker) = unsafe { self.claim.claim.withdraw() } {
            return true;
        }
        let guard = loop {
            match self.claim.claim.look() {
                Sight::Taken(guard) if guard & LOOK != 0 => return false,
                Sight::Taken(guard) => break guard as usize,
                // The peer holds this guard's lock until it is done: delisting waits for it there.
                Sight::Busy(guard) => delist(guards, (guard & !LOOK) as usize),
                Sight::Armed => unreachable!("only the owner goes back to idle"),
            }
        };
        let settled = guards.guard(guard).exchange().map(Exchanging::settle);
        self.loose.set(guard, true);
        self.committed = Some((guard, settled == Some(Settled::Held)));
        false
    }

    /// A guard goes for good.
    pub(crate) fn remove(&mut self, index: usize, guards: &mut impl KeptGuards) {
        self.set_active(index, false, false, guards);
        self.committed = self.committed.filter(|(guard, _)| *guard != index);
    }

    pub(crate) fn is_active(&self, index: usize) -> bool {
        self.active.has(index)
    }

    /// Waits for one guard.
    pub(crate) async fn select(
        &mut self,
        guards: &mut (impl KeptGuards + Send),
        order: &mut (impl Arrange + Send),
    ) -> Chosen {
        let mut round = Round { kept: self, guards };
        poll_fn(|cx| round.poll(order, cx)).await
    }

    /// One look, without waiting.
    pub(crate) fn now(
        &mut self,
        guards: &mut impl KeptGuards,
        order: &mut impl Arrange,
        cx: &mut Context<'_>,
    ) -> Chosen {
        // A choice that was leaked may still stand armed.
        self.leave(guards);
        let mut round = Round { kept: self, guards };
        match round.look(order, true, cx) {
            Poll::Ready(chosen) => chosen,
            Poll::Pending => unreachable!("a choice that does not wait is not pending"),
        }
    }
}

/// Takes a guard out of its list; waits for a peer that is just completing it.
fn delist(guards: &mut impl KeptGuards, index: usize) {
    if let Some(exchange) = guards.guard(index).exchange() {
        exchange.delist();
    }
}

/// One choice, from its first look to its result. Dropped before, it takes the claim back and keeps what was committed
/// for the next one.
struct Round<'a, G: KeptGuards> {
    kept: &'a mut Kept,
    guards: &'a mut G,
}

impl<G: KeptGuards> Round<'_, G> {
    fn poll(&mut self, order: &mut impl Arrange, cx: &mut Context<'_>) -> Poll<Chosen> {
        if self.kept.waiting && self.kept.claim.claim.look() == Sight::Armed {
            // SAFETY: ours, and armed.
            let same_task = unsafe { self.kept.claim.claim.wakes(cx.waker()) };
            if same_task && !self.any_may_be_ready(cx) {
                return Poll::Pending;
            }
        }
        self.kept.leave(self.guards);
        if self.kept.committed.is_none() {
            ready!(poll_proceed(cx));
        }
        self.look(order, false, cx)
    }

    fn any_may_be_ready(&mut self, cx: &mut Context<'_>) -> bool {
        for word in 0..self.kept.readiness.0.len() {
            let mut bits = self.kept.readiness.0[word] & self.kept.active.0[word];
            while bits != 0 {
                let index = word * BITS + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if self.guards.guard(index).may_be_ready(cx) {
                    return true;
                }
            }
        }
        false
    }

    fn look(&mut self, order: &mut impl Arrange, poll_only: bool, cx: &mut Context<'_>) -> Poll<Chosen> {
        let mut looks = 0;
        loop {
            looks += 1;
            if looks > MOST_LOOKS && !poll_only {
                // Others come by and take what they touched, again and again: let somebody else run.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some((guard, held)) = self.kept.committed {
                if held
                    && !poll_only
                    && let Some(exchange) = self.guards.guard(guard).exchange()
                {
                    ready!(exchange.poll_held(cx));
                }
                self.kept.committed = None;
                order.taken(guard, self.kept.claim.touched.len() * BITS);
                return Poll::Ready(Chosen::Guard(guard));
            }
            if self.kept.active.0.iter().all(|&word| word == 0) {
                return Poll::Ready(Chosen::Complete);
            }
            if self.try_candidates(order, cx) {
                continue;
            }
            // SAFETY: ours; idle, or taken and seen.
            unsafe { self.kept.claim.claim.arm_in_the_open(cx.waker().clone()) };
            self.kept.waiting = true;
            // K2: against the peers'.
            fence(Ordering::SeqCst);
            // K3.
            let touched = self.kept.claim.touched.iter().any(|word| word.load(Ordering::Acquire) != 0);
            if !touched && !poll_only {
                return Poll::Pending;
            }
            // Armed until now: nobody has come by meanwhile.
            if self.kept.leave(self.guards) && !touched {
                return Poll::Ready(Chosen::Default);
            }
        }
    }

    /// Tries the guards at which something may have happened, and links those at which nothing has; true if one is
    /// committed.
    fn try_candidates(&mut self, order: &mut impl Arrange, cx: &mut Context<'_>) -> bool {
        let kept = &mut *self.kept;
        kept.ranks.clear();
        for word in 0..kept.active.0.len() {
            let touched = &kept.claim.touched[word];
            // A look first: mostly there is nothing, and a look does not take the cache line away from the peers.
            if touched.load(Ordering::Relaxed) != 0 {
                // Acquire: with the bit comes the unlinking, if the lock did not tell.
                kept.loose.0[word] |= touched.swap(0, Ordering::AcqRel);
            }
            let mut bits = (kept.loose.0[word] | kept.readiness.0[word]) & kept.active.0[word];
            while bits != 0 {
                kept.ranks.push((word * BITS) as u16 + bits.trailing_zeros() as u16);
                bits &= bits - 1;
            }
        }
        order.arrange(&mut kept.ranks);
        let claim = Arc::clone(&self.kept.claim);
        for position in 0..self.kept.ranks.len() {
            let index = usize::from(self.kept.ranks[position]);
            // Something may have become ready meanwhile that goes before this one.
            let barred = || claim.strict && claim.is_touched_before(index);
            let guard = self.guards.guard(index);
            if self.kept.readiness.has(index) {
                if barred() {
                    return false;
                }
                if guard.poll_ready(cx) {
                    self.kept.committed = Some((index, false));
                    return true;
                }
                continue;
            }
            let Some(exchange) = guard.exchange() else { continue };
            // Woken as it goes out of scope, when all is in order: a waker that panics must find it so.
            let mut wakes = Wakes::new();
            let own = Arc::as_ptr(&claim).cast::<Claim>();
            // SAFETY: by K4 the claim outlives the guard's place in the list.
            let step = unsafe { exchange.attempt_or_enlist(own, KEPT | index as u32, &barred, &mut wakes) };
            match step {
                // Look again from the beginning: the touched guard keeps the owner from waiting.
                None => return false,
                Some(Step::Wait) => self.kept.loose.set(index, false),
                Some(step) => {
                    self.kept.committed = Some((index, step == Step::Held));
                    return true;
                }
            }
        }
        false
    }
}

impl<G: KeptGuards> Drop for Round<'_, G> {
    fn drop(&mut self) {
        self.kept.leave(self.guards);
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}
