//! One operation on one channel, as a future, and as a guard of a choice.
//!
//! ```text
//!               poll: nobody there                poll: TAKEN
//!     FRESH ───────────────────────▶ WAITING ─────────────────▶ SETTLED
//!       │  ▲                            │ withdraw: unlinked         ▲
//!       │  └────────────────────────────┘                            │
//!       ├─────────────── poll: somebody there ───────────────────────┤
//!       └──▶ ENLISTED (linked for a choice, whose claim decides) ────┘
//! ```
//!
//! Dropped FRESH, WAITING and unclaimed, or ENLISTED and unclaimed: as if it had never been. Dropped committed: a
//! send is delivered; a receive gives its value back to the channel.
//!
//! A receive may *hold* its sender (extended rendezvous). Such a send is committed like any other, and finds a note in
//! its node; unless the receiver has let go by then, it waits a second time, HELD, in a list of its own, for the one
//! with the same departure. Dropped there, it is delivered all the same.

use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker, ready};

use super::claim::{Claim, Phase, Sight};
use super::exchange::{Direction, Exchange, Step, Store};
use super::node::{Node, PLAIN};
use super::primitives::Lock;
use super::wakes::Wakes;

/// How an operation reaches its channel: by a borrow or by a share.
pub(crate) trait Reach {
    type Item;
    type Store: Store<Self::Item>;
    fn exchange(&self) -> &Exchange<Self::Item, Self::Store>;
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The value has moved: out of a sender's slot, or into a receiver's.
    Done,
    /// As done, but the receiver holds its sender: `poll_held` says how long.
    Held,
    /// The channel has ended; a sender's slot still holds its value.
    Ended,
}

/// A send or a receive.
///
/// The owner polls it, withdraws it, enlists it in a choice; it must then go on with what it began: an enlisted
/// operation is not polled.
pub(crate) struct Operation<C: Reach, D: Direction> {
    reach: C,
    claim: Claim,
    node: Node<C::Item>,
    _direction: std::marker::PhantomData<fn() -> D>,
}

impl<C: Reach, D: Direction> Operation<C, D> {
    /// An operation that has not begun; a send brings its value.
    pub(crate) fn new(reach: C, value: Option<C::Item>) -> Self {
        Self { reach, claim: Claim::new(), node: Node::new(value), _direction: std::marker::PhantomData }
    }

    /// A receive that has not begun, and holds its sender.
    pub(crate) fn holding(reach: C) -> Self {
        let operation = Self::new(reach, None);
        // SAFETY: not linked, so the node is ours alone.
        unsafe { operation.node.fields(|fields| fields.hold = true) };
        operation
    }

    pub(crate) fn reach(&self) -> &C {
        &self.reach
    }

    /// The parts that may be touched while others point at the node.
    fn project(self: Pin<&mut Self>) -> Parts<'_, C> {
        // SAFETY: `claim` and `node` are not moved out of; `reach` is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        Parts { reach: &this.reach, claim: &this.claim, node: &this.node }
    }

    /// Goes on with the operation.
    #[inline]
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Settled> {
        let this = self.project();
        let settled = ready!(match this.claim.phase() {
            Phase::Fresh => this.begin::<D>(cx.waker().clone()),
            Phase::Waiting | Phase::Held => this.go_on::<D>(cx.waker()),
            Phase::Enlisted | Phase::Settled => unreachable!("an operation is polled by its owner until it is settled"),
        });
        if settled == Settled::Held { this.poll_held(cx).map(|()| Settled::Done) } else { Poll::Ready(settled) }
    }

    /// Takes a waiting operation back, unless it has been settled meanwhile: delivery wins.
    pub(crate) fn withdraw(self: Pin<&mut Self>) -> Option<Settled> {
        self.project().withdraw::<D>()
    }

    /// The value in the slot: a send's, while it has not been sent; a receive's, once it has come.
    #[inline]
    pub(crate) fn take(self: Pin<&mut Self>) -> Option<C::Item> {
        self.take_departed().map(|(_, value)| value)
    }

    /// The value in the slot, and when it left the channel.
    #[inline]
    pub(crate) fn take_departed(self: Pin<&mut Self>) -> Option<(u64, C::Item)> {
        let this = self.project();
        let phase = this.claim.phase();
        debug_assert!(matches!(phase, Phase::Fresh | Phase::Settled), "the slot belongs to the channel now");
        if !matches!(phase, Phase::Fresh | Phase::Settled) {
            return None;
        }
        // SAFETY: not linked and not claimable, so the node is ours alone.
        let (value, departure, ended) =
            unsafe { this.node.fields(|fields| (fields.slot.take(), fields.departure, fields.ended)) };
        if !D::RETURNS && phase == Phase::Settled && !ended {
            // Sent: what is in the slot is an older value, which had to make room for it.
            if value.is_some() {
                this.reach.exchange().hand_over_undelivered(value);
            }
            return None;
        }
        value.map(|value| (departure, value))
    }

    /// Starts over, with a new value for a send. What the slot held is given back.
    pub(crate) fn restart(self: Pin<&mut Self>, value: Option<C::Item>) -> Option<C::Item> {
        let this = self.project();
        debug_assert!(
            matches!(this.claim.phase(), Phase::Fresh | Phase::Settled),
            "only what is settled can start over"
        );
        this.claim.set_phase(Phase::Fresh);
        // SAFETY: as in `take`.
        unsafe { this.node.fields(|fields| std::mem::replace(&mut fields.slot, value)) }
    }

    /// True if it has neither begun nor been settled.
    pub(crate) fn is_fresh(&self) -> bool {
        self.claim.phase() == Phase::Fresh
    }
}

/// A pinned operation's parts.
struct Parts<'a, C: Reach> {
    reach: &'a C,
    claim: &'a Claim,
    node: &'a Node<C::Item>,
}

impl<C: Reach> Parts<'_, C> {
    fn begin<D: Direction>(&self, waker: Waker) -> Poll<Settled> {
        let mut wakes = Wakes::new();
        let mut waker = Some(waker);
        let step = self.reach.exchange().inner().with(|inner| {
            // SAFETY: not linked, so the node is ours alone.
            let step = unsafe {
                self.node.fields(|fields| {
                    let step = D::step(inner, fields, ptr::null(), &mut wakes);
                    fields.ended = step == Step::Ended;
                    step
                })
            };
            if step == Step::Wait
                && let Some(waker) = waker.take()
            {
                // SAFETY: we hold the only lock of this operation; it is pinned, and unlinks itself before it goes.
                unsafe {
                    self.claim.arm(waker);
                    D::list(inner).push(self.node, self.claim, PLAIN);
                }
            }
            step
        });
        self.claim.set_phase(if step == Step::Wait { Phase::Waiting } else { Phase::Settled });
        match step {
            Step::Done => Poll::Ready(Settled::Done),
            Step::Held => Poll::Ready(Settled::Held),
            Step::Ended => Poll::Ready(Settled::Ended),
            Step::Wait => Poll::Pending,
        }
    }

    /// Goes on waiting, for a peer or to be let go.
    fn go_on<D: Direction>(&self, waker: &Waker) -> Poll<Settled> {
        // SAFETY: ours, and armed.
        if self.claim.look() == Sight::Armed && !unsafe { self.claim.wakes(waker) } {
            let mut fresh = Some(waker.clone());
            let stale = self.reach.exchange().inner().with(|_| match self.claim.look() {
                // SAFETY: armed, and we hold the only lock.
                Sight::Armed => fresh.take().map(|fresh| unsafe { self.claim.replace_waker(fresh) }),
                _ => None,
            });
            // Wakers are dropped outside the lock (I3).
            drop((stale, fresh));
        }
        match self.claim.look() {
            Sight::Armed | Sight::Busy(_) => Poll::Pending,
            Sight::Taken(_) => Poll::Ready(self.settle::<D>()),
        }
    }

    /// The claim says TAKEN: the node is ours again.
    fn settle<D: Direction>(&self) -> Settled {
        let let_go = self.claim.phase() == Phase::Held;
        self.claim.set_phase(Phase::Settled);
        // SAFETY: TAKEN, so the peer has let go of the node.
        let (ended, hold) = unsafe { self.node.fields(|fields| (fields.ended, fields.hold)) };
        match (ended, hold && !D::RETURNS && !let_go) {
            (true, _) => Settled::Ended,
            (false, true) => Settled::Held,
            (false, false) => Settled::Done,
        }
    }

    /// A send that its receiver holds: ready once it has let go.
    #[cold]
    fn poll_held(&self, cx: &Context<'_>) -> Poll<()> {
        let mut waker = Some(cx.waker().clone());
        let held = self.reach.exchange().inner().with(|inner| {
            // SAFETY: settled, so the node is ours alone.
            let held = inner.is_held(unsafe { self.node.fields(|fields| fields.departure) });
            if held && let Some(waker) = waker.take() {
                // SAFETY: we hold the only lock of this operation; it is pinned, and unlinks itself before it goes.
                unsafe {
                    self.claim.arm(waker);
                    inner.held().push(self.node, self.claim, PLAIN);
                }
            }
            held
        });
        drop(waker);
        if held {
            self.claim.set_phase(Phase::Held);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn withdraw<D: Direction>(self) -> Option<Settled> {
        match self.claim.phase() {
            Phase::Fresh | Phase::Settled => None,
            Phase::Waiting => {
                let waker = self.reach.exchange().inner().with(|inner| match self.claim.look() {
                    Sight::Taken(_) | Sight::Busy(_) => None,
                    // SAFETY: armed, and we hold the only lock; the node is linked in this direction's list.
                    Sight::Armed => unsafe {
                        D::list(inner).unlink(self.node);
                        Some(self.claim.withdraw_plain())
                    },
                });
                match waker {
                    // Dropped here, outside the lock.
                    Some(_waker) => {
                        self.claim.set_phase(Phase::Fresh);
                        None
                    }
                    None => Some(self.settle::<D>()),
                }
            }
            Phase::Held => {
                let waker = self.reach.exchange().inner().with(|inner| {
                    // SAFETY: under the lock; linked means armed.
                    unsafe { inner.held().unlink(self.node).then(|| self.claim.withdraw_plain()) }
                });
                drop(waker);
                self.claim.set_phase(Phase::Settled);
                Some(Settled::Done)
            }
            Phase::Enlisted => {
                self.delist::<D>();
                None
            }
        }
    }

    /// Leaves a choice's list. Afterwards a peer that claimed this node is done with it: it held the same lock.
    fn delist<D: Direction>(self) {
        self.reach.exchange().inner().with(|inner| {
            // SAFETY: under the lock; the node, if linked, is linked in this direction's list.
            unsafe { D::list(inner).unlink(self.node) }
        });
        self.claim.set_phase(Phase::Fresh);
    }
}

impl<C: Reach, D: Direction> Drop for Operation<C, D> {
    fn drop(&mut self) {
        // SAFETY: a value that is dropped is not moved any more, so it is as good as pinned.
        let mut this = unsafe { Pin::new_unchecked(self) };
        this.as_mut().withdraw();
        if !D::RETURNS {
            // If it was sent, an older value may have had to make room: it goes to the hook.
            drop(this.take());
            return;
        }
        let Parts { reach, node, .. } = this.project();
        // SAFETY: withdrawn or settled, so the node is ours alone.
        let returned = unsafe { node.fields(|fields| fields.slot.take().map(|value| (fields.departure, value))) };
        if let Some((departure, value)) = returned {
            reach.exchange().put_back(departure, value);
        }
    }
}

/// An operation as a guard of a choice, without its types.
///
/// # Safety
/// The methods do what they say, under the lock that `lock` names; the address of the operation is stable.
pub(crate) unsafe trait Enlist {
    /// The lock of the channel.
    fn lock(&self) -> &Lock;
    /// Tries to complete the operation on its own.
    fn attempt(self: Pin<&mut Self>, wakes: &mut Wakes) -> Step;
    /// Tries to complete the operation. A kept choice names its claim; null for everybody else.
    ///
    /// # Safety
    /// The caller holds the lock.
    unsafe fn attempt_held(self: Pin<&mut Self>, own: *const Claim, wakes: &mut Wakes) -> Step;
    /// Stands in the channel's list for the choice that owns `claim`.
    ///
    /// # Safety
    /// The caller holds the lock, has armed the claim (a kept one need not be), and calls `delist` before the claim's
    /// memory is given up.
    unsafe fn enlist_held(self: Pin<&mut Self>, claim: *const Claim, guard: u32);
    /// Tries to complete the operation on its own, or stands in the channel's list for the choice that owns `claim`.
    ///
    /// # Safety
    /// The choice is a kept one; `delist` is called before the claim's memory is given up.
    unsafe fn attempt_or_enlist(self: Pin<&mut Self>, claim: *const Claim, guard: u32, wakes: &mut Wakes) -> Step;
    /// Leaves the list; waits for a peer that is just completing this operation.
    fn delist(self: Pin<&mut Self>);
    /// The choice's claim says that this operation was taken, and it has been delisted.
    fn settle(self: Pin<&mut Self>) -> Settled;
    /// A send that its receiver holds: ready once it has let go.
    fn poll_held(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

// SAFETY: every method uses the lock of the one exchange that the operation reaches; it is pinned.
unsafe impl<C: Reach, D: Direction> Enlist for Operation<C, D> {
    fn lock(&self) -> &Lock {
        self.reach.exchange().inner().lock()
    }

    fn attempt(self: Pin<&mut Self>, wakes: &mut Wakes) -> Step {
        let lock: *const Lock = self.lock();
        // SAFETY: the exchange outlives the operation, which reaches it.
        unsafe { (*lock).lock() };
        // SAFETY: we hold the lock, and give it back.
        unsafe {
            let step = self.attempt_held(ptr::null(), wakes);
            (*lock).unlock();
            step
        }
    }

    unsafe fn attempt_held(self: Pin<&mut Self>, own: *const Claim, wakes: &mut Wakes) -> Step {
        let this = self.project();
        if this.claim.phase() == Phase::Enlisted {
            // Another choice enlisted it and was leaked. Leave its list; what a peer had committed stays committed.
            // SAFETY: the caller holds the lock; the node, if linked, is linked in this direction's list.
            let committed = unsafe {
                this.reach.exchange().inner().with_held(|inner| D::list(inner).unlink(this.node));
                this.node.fields(|fields| fields.slot.is_some() == D::RETURNS)
            };
            this.claim.set_phase(Phase::Fresh);
            if committed {
                this.claim.set_phase(Phase::Settled);
                return Step::Done;
            }
        }
        // SAFETY: the caller holds the lock; the node is not linked.
        let step = unsafe {
            this.reach
                .exchange()
                .inner()
                .with_held(|inner| this.node.fields(|fields| D::step(inner, fields, own, wakes)))
        };
        if step != Step::Wait {
            // Read by `settle`, as if a peer had written it.
            // SAFETY: as above.
            unsafe { this.node.fields(|fields| fields.ended = step == Step::Ended) };
            this.claim.set_phase(Phase::Settled);
        }
        step
    }

    unsafe fn enlist_held(self: Pin<&mut Self>, claim: *const Claim, guard: u32) {
        let this = self.project();
        // SAFETY: the caller holds the lock and keeps the claim alive; the node is pinned, and delisted on drop.
        unsafe {
            this.reach.exchange().inner().with_held(|inner| D::list(inner).push(this.node, claim, guard));
        }
        this.claim.set_phase(Phase::Enlisted);
    }

    unsafe fn attempt_or_enlist(mut self: Pin<&mut Self>, claim: *const Claim, guard: u32, wakes: &mut Wakes) -> Step {
        let lock: *const Lock = self.lock();
        // SAFETY: the exchange outlives the operation, which reaches it.
        unsafe { (*lock).lock() };
        // SAFETY: we hold the lock, and give it back. A kept claim need not be armed: who finds it idle touches it. The
        // rest is the caller's promise.
        unsafe {
            let step = self.as_mut().attempt_held(claim, wakes);
            if step == Step::Wait {
                self.enlist_held(claim, guard);
            }
            (*lock).unlock();
            step
        }
    }

    fn delist(self: Pin<&mut Self>) {
        let this = self.project();
        if this.claim.phase() == Phase::Enlisted {
            this.delist::<D>();
        }
    }

    fn settle(self: Pin<&mut Self>) -> Settled {
        self.project().settle::<D>()
    }

    fn poll_held(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.claim.phase() == Phase::Settled { this.poll_held(cx) } else { this.go_on::<D>(cx.waker()).map(|_| ()) }
    }
}

/// Waits for the end of a channel, as seen by its senders.
pub(crate) struct Watch<C: Reach> {
    reach: C,
    claim: Claim,
    node: Node<()>,
}

impl<C: Reach> Watch<C> {
    pub(crate) fn new(reach: C) -> Self {
        Self { reach, claim: Claim::new(), node: Node::new(None) }
    }

    pub(crate) fn reach(&self) -> &C {
        &self.reach
    }

    /// Ready once the channel has ended.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved out of `claim` and `node`.
        let this = unsafe { self.get_unchecked_mut() };
        let mut waker = Some(cx.waker().clone());
        let mut stale = None;
        let ended = this.reach.exchange().inner().with(|inner| {
            if inner.is_ended() {
                return true;
            }
            if let Some(waker) = waker.take() {
                // SAFETY: we hold the only lock of this wait; linked means armed; the node is pinned, and unlinked
                // on drop.
                unsafe {
                    if this.claim.phase() == Phase::Waiting {
                        stale = Some(this.claim.replace_waker(waker));
                    } else {
                        this.claim.arm(waker);
                        inner.watchers().push(&this.node, &this.claim, PLAIN);
                        this.claim.set_phase(Phase::Waiting);
                    }
                }
            }
            false
        });
        drop((waker, stale));
        if ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<C: Reach> Drop for Watch<C> {
    fn drop(&mut self) {
        if self.claim.phase() == Phase::Fresh {
            return;
        }
        let waker = self.reach.exchange().inner().with(|inner| {
            // SAFETY: under the lock; linked means armed.
            unsafe { inner.watchers().unlink(&self.node).then(|| self.claim.withdraw_plain()) }
        });
        drop(waker);
    }
}
