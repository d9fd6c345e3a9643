//! The nodes of waiting operations and the lists they stand in.
//!
//! A node is part of the operation's own future and is pinned while it is linked, so waiting allocates nothing and
//! leaving is unlinking, whatever the length of the list.

use std::marker::PhantomPinned;
use std::ptr;

use super::claim::Claim;
use super::kept::{KEPT, KeptClaim};
use super::primitives::UnsafeCell;
use super::wakes::Wakes;

/// The guard number of an operation that is not part of a choice.
pub(crate) const PLAIN: u32 = u32::MAX;

/// One operation's place in the list of its direction.
pub(crate) struct Node<T> {
    cell: UnsafeCell<Fields<T>>,
    /// I7: others point here while the node is linked.
    _pinned: PhantomPinned,
}

/// Everything here is accessed under the lock of the list's channel, or by the owner alone while the node is
/// unlinked and cannot be claimed.
pub(crate) struct Fields<T> {
    previous: *const Node<T>,
    next: *const Node<T>,
    /// The claim of the operation, or of the choice that it is part of; valid while linked.
    claim: *const Claim,
    guard: u32,
    linked: bool,
    /// Set by whoever ended the channel while the operation waited.
    pub(crate) ended: bool,
    /// Receiver: its sender is to wait until it lets go. Sender: its receiver is such a one.
    pub(crate) hold: bool,
    /// When the value in the slot left the channel; its place, should it come back. The sender of a held value has it,
    /// too.
    pub(crate) departure: u64,
    /// Sender: the value until it is taken. Receiver: the value once it has come.
    pub(crate) slot: Option<T>,
}

impl<T> Fields<T> {
    /// The fields of an operation that stands in no list.
    pub(crate) fn detached(slot: Option<T>) -> Self {
        Self {
            previous: ptr::null(),
            next: ptr::null(),
            claim: ptr::null(),
            guard: PLAIN,
            linked: false,
            ended: false,
            hold: false,
            departure: 0,
            slot,
        }
    }
}

// SAFETY: the pointers are used under the locks named above; the value moves between threads, hence `T: Send`.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: as above; shared access is under a lock.
unsafe impl<T: Send> Sync for Node<T> {}

impl<T> Node<T> {
    pub(crate) fn new(slot: Option<T>) -> Self {
        Self { cell: UnsafeCell::new(Fields::detached(slot)), _pinned: PhantomPinned }
    }

    /// The node's fields.
    ///
    /// # Safety
    /// The caller holds the lock of the list in which the node may be linked; or it owns the node, and the node is
    /// unlinked and cannot be claimed (the operation is not armed, or its claim says TAKEN).
    #[inline]
    pub(crate) unsafe fn fields<R>(&self, body: impl FnOnce(&mut Fields<T>) -> R) -> R {
        self.cell.with_mut(|fields| {
            // SAFETY: by the caller's promise nobody else accesses the fields.
            body(unsafe { &mut *fields })
        })
    }
}

/// The waiters of one direction, first come first served.
pub(crate) struct List<T> {
    head: *const Node<T>,
    tail: *const Node<T>,
}

// SAFETY: a list is part of what the channel's lock protects; see `Node`.
unsafe impl<T: Send> Send for List<T> {}

/// A waiter that has been claimed and unlinked, and whose owner has not been told yet.
///
/// Dropping one without `commit` would leave its owner waiting for ever, so nothing here can panic.
#[must_use]
pub(crate) struct Claimed<T> {
    node: *const Node<T>,
}

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        Self { head: ptr::null(), tail: ptr::null() }
    }

    /// Adds a node at the end.
    ///
    /// # Safety
    /// The caller holds the list's lock; the node is pinned, unlinked, and is unlinked again under the same lock
    /// before its memory or the claim's is given up. `claim` is armed before the lock is released.
    pub(crate) unsafe fn push(&mut self, node: &Node<T>, claim: *const Claim, guard: u32) {
        let last = self.tail;
        // SAFETY: the caller holds the lock.
        unsafe {
            node.fields(|fields| {
                debug_assert!(!fields.linked, "a node is linked at most once");
                fields.previous = last;
                fields.next = ptr::null();
                fields.claim = claim;
                fields.guard = guard;
                fields.linked = true;
                fields.ended = false;
            });
        }
        if last.is_null() {
            self.head = node;
        } else {
            // SAFETY: `last` is linked in this list, hence alive, and we hold the lock.
            unsafe { (*last).fields(|fields| fields.next = node) };
        }
        self.tail = node;
    }

    /// Takes a node out, wherever it stands; false if it was not linked.
    ///
    /// # Safety
    /// The caller holds the list's lock; the node, if it is linked, is linked in this list.
    pub(crate) unsafe fn unlink(&mut self, node: &Node<T>) -> bool {
        // SAFETY: the caller holds the lock.
        let links = unsafe {
            node.fields(|fields| std::mem::take(&mut fields.linked).then_some((fields.previous, fields.next)))
        };
        let Some((previous, next)) = links else { return false };
        if previous.is_null() {
            self.head = next;
        } else {
            // SAFETY: a neighbour is linked in this list, hence alive, and we hold the lock.
            unsafe { (*previous).fields(|fields| fields.next = next) };
        }
        if next.is_null() {
            self.tail = previous;
        } else {
            // SAFETY: as above.
            unsafe { (*next).fields(|fields| fields.previous = previous) };
        }
        true
    }

    /// Claims the first waiter that can still be claimed, and unlinks it.
    ///
    /// A choice that was claimed elsewhere, or withdrew, is dead here: it is unlinked on the way, so that nobody
    /// meets it twice. One that keeps its places learns of it.
    ///
    /// The waiters of the choice `own`, which is the one that asks, are passed over. It is null for everybody else.
    ///
    /// # Safety
    /// The caller holds the list's lock.
    #[inline]
    pub(crate) unsafe fn claim_first(&mut self, own: *const Claim, wakes: &mut Wakes) -> Option<Claimed<T>> {
        // SAFETY: by the caller's promise.
        unsafe { self.claim_first_if(own, |_| true, wakes) }
    }

    /// As `claim_first`, but none if that one does not fit.
    ///
    /// # Safety
    /// The caller holds the list's lock.
    #[inline]
    pub(crate) unsafe fn claim_first_if(
        &mut self,
        own: *const Claim,
        fits: impl Fn(&Fields<T>) -> bool,
        wakes: &mut Wakes,
    ) -> Option<Claimed<T>> {
        let mut node = self.head;
        loop {
            if node.is_null() {
                return None;
            }
            // SAFETY: the node is linked, hence alive; we hold the lock.
            let (claim, guard, next, fits) =
                unsafe { (*node).fields(|fields| (fields.claim, fields.guard, fields.next, fits(fields))) };
            if claim == own {
                node = next;
                continue;
            }
            if !fits {
                return None;
            }
            // SAFETY: the claim of a linked node is alive; we hold the lock.
            let won = unsafe {
                // A plain operation is armed while it is linked: its one lock is ours.
                guard == PLAIN
                    || if guard & KEPT == 0 {
                        (*claim).claim(guard)
                    } else {
                        KeptClaim::claim_or_touch(claim, guard & !KEPT, wakes)
                    }
            };
            // SAFETY: as above.
            unsafe { self.unlink(&*node) };
            if won {
                return Some(Claimed { node });
            }
            node = next;
        }
    }

    /// Touches the waiters of a kept choice that is not armed: something has changed for them.
    ///
    /// # Safety
    /// The caller holds the list's lock; `own` is the claim of a kept choice.
    #[cold]
    pub(crate) unsafe fn touch_own(&mut self, own: *const Claim, wakes: &mut Wakes) {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: the node is linked, hence alive, as is its claim; we hold the lock.
            unsafe {
                let (claim, guard, next) = (*node).fields(|fields| (fields.claim, fields.guard, fields.next));
                if claim == own {
                    let won = KeptClaim::claim_or_touch(claim, guard & !KEPT, wakes);
                    debug_assert!(!won, "the choice is looking, not waiting");
                    self.unlink(&*node);
                }
                node = next;
            }
        }
    }

    /// Claims the plain waiter of the value that left at `departure`, and unlinks it.
    ///
    /// # Safety
    /// The caller holds the list's lock; every waiter in this list is a plain one.
    pub(crate) unsafe fn claim_departed(&mut self, departure: u64) -> Option<Claimed<T>> {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: the node is linked, hence alive; we hold the lock.
            let (its, next) = unsafe { (*node).fields(|fields| (fields.departure, fields.next)) };
            if its == departure {
                // SAFETY: as above.
                unsafe { self.unlink(&*node) };
                return Some(Claimed { node });
            }
            node = next;
        }
        None
    }
}

impl<T> Claimed<T> {
    /// Completes the waiter: `fill` writes what it was waiting for, then its waker joins `wakes`.
    ///
    /// # Safety
    /// The caller has held the list's lock since the claim. `fill` does not panic.
    #[inline]
    pub(crate) unsafe fn commit<R>(self, wakes: &mut Wakes, fill: impl FnOnce(&mut Fields<T>) -> R) -> R {
        // SAFETY: a claimed node stays alive until its claim says TAKEN; we hold the lock.
        let (result, claim, guard) = unsafe {
            (*self.node).fields(|fields| {
                let result = fill(fields);
                (result, fields.claim, fields.guard)
            })
        };
        // SAFETY: we claimed it, so the claim is alive until `commit` stores TAKEN, our last touch.
        wakes.push(unsafe { Claim::commit(claim, if guard == PLAIN { 0 } else { guard & !KEPT }) });
        result
    }
}
