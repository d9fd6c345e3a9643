//! Which of up to 64 children of one task want to be polled: the ready list of `par!` and of groups.
//!
//! The children's wakers may outlive the future that polls them (a child may move a boxed future, polled once,
//! elsewhere), so they point into one heap block, counted by reference. A block is aligned to 64 bytes and at least
//! that large; the waker of child *i* points *i* bytes into it, so a pointer names both the block and the child.
//!
//! A wake from inside the poll, on the same thread, is a plain OR. Any other is an atomic OR, and the one that finds
//! the word empty wakes the parent: until the next poll takes the word, nobody else has to.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use super::primitives::{AtomicU64, AtomicUsize, Locked, Ordering, UnsafeCell, fence};

const ALIGN: usize = 64;

/// How many children one set has.
pub(crate) const CHILDREN: usize = 64;

#[repr(align(64))]
struct Block {
    references: AtomicUsize,
    /// Children woken from outside the poll.
    ready: AtomicU64,
    /// Children woken inside the poll; touched only by the polling thread.
    woken_inside: UnsafeCell<u64>,
    /// The token of the thread that is polling; 0 while none is.
    polling: AtomicUsize,
    /// Shared, because a waker must not be cloned under a lock (I3).
    parent: Locked<Option<Arc<Waker>>>,
}

const _: () = assert!(std::mem::align_of::<Block>() == ALIGN && std::mem::size_of::<Block>() >= CHILDREN);

/// The owner's handle.
pub(crate) struct ReadySet {
    block: NonNull<Block>,
    /// The waker that `parent` holds, for comparing without the lock.
    parent: Option<Waker>,
}

// SAFETY: the block is shared by reference count; its fields are atomics, under a lock, or guarded by `polling`.
unsafe impl Send for ReadySet {}

impl ReadySet {
    pub(crate) fn new() -> Self {
        let block = Box::new(Block {
            references: AtomicUsize::new(1),
            ready: AtomicU64::new(0),
            woken_inside: UnsafeCell::new(0),
            polling: AtomicUsize::new(0),
            parent: Locked::new(None),
        });
        Self { block: NonNull::from(Box::leak(block)), parent: None }
    }

    fn block(&self) -> &Block {
        // SAFETY: our reference keeps it alive.
        unsafe { self.block.as_ref() }
    }

    /// Sets the task that a ready child wakes.
    pub(crate) fn set_parent(&mut self, waker: &Waker) {
        if self.parent.as_ref().is_some_and(|parent| parent.will_wake(waker)) {
            return;
        }
        let mut fresh = Some(Arc::new(waker.clone()));
        self.block().parent.with(|parent| std::mem::swap(parent, &mut fresh));
        // The old one is dropped here, outside the lock (I3).
        drop(fresh);
        self.parent = Some(waker.clone());
    }

    /// Begins to poll the children: until the session is dropped, wakes on this thread cost next to nothing.
    pub(crate) fn session(&self) -> Session<'_> {
        self.block().polling.store(thread_token(), Ordering::Relaxed);
        Session { set: self }
    }

    /// Marks children as ready without waking the parent: before the first poll, or when the owner wakes it itself.
    pub(crate) fn mark(&self, children: u64) {
        self.block().ready.fetch_or(children, Ordering::Release);
    }

    /// A waker of child `index` that counts as a reference.
    pub(crate) fn waker(&self, index: usize) -> Waker {
        self.borrowed_waker(index).as_ref().clone()
    }

    fn borrowed_waker(&self, index: usize) -> BorrowedWaker<'_> {
        assert!(index < CHILDREN);
        // SAFETY: the block is at least `CHILDREN` bytes large.
        let data = unsafe { self.block.cast::<u8>().add(index) };
        // SAFETY: the vtable's contract holds for a pointer into a living block; `BorrowedWaker` does not drop it,
        // so no reference is given up, and it borrows the set, so the block outlives it.
        let waker = unsafe { Waker::from_raw(RawWaker::new(data.as_ptr().cast::<()>(), &VTABLE)) };
        BorrowedWaker(ManuallyDrop::new(waker), std::marker::PhantomData)
    }
}

impl Drop for ReadySet {
    fn drop(&mut self) {
        // Wakers that outlive us have nobody to wake.
        let parent = self.block().parent.with(Option::take);
        // SAFETY: our own reference, given up once.
        unsafe { release(self.block) };
        drop(parent);
    }
}

struct BorrowedWaker<'a>(ManuallyDrop<Waker>, std::marker::PhantomData<&'a ReadySet>);

impl BorrowedWaker<'_> {
    fn as_ref(&self) -> &Waker {
        &self.0
    }
}

/// A time during which the owner polls.
pub(crate) struct Session<'a> {
    set: &'a ReadySet,
}

impl Session<'_> {
    /// Takes the children that are ready, as bits.
    pub(crate) fn take(&self) -> u64 {
        let block = self.set.block();
        // SAFETY: only the polling thread touches the cell, and that is us, and nothing here calls out.
        let inside = block.woken_inside.with_mut(|bits| unsafe { std::mem::take(&mut *bits) });
        if block.ready.load(Ordering::Relaxed) == 0 {
            return inside;
        }
        // Acquire: with the bit comes what the waker's thread did before.
        inside | block.ready.swap(0, Ordering::Acquire)
    }

    /// Polls something with the waker of child `index`.
    pub(crate) fn with_waker<R>(&self, index: usize, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let waker = self.set.borrowed_waker(index);
        poll(&mut Context::from_waker(waker.as_ref()))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let block = self.set.block();
        // SAFETY: as in `take`.
        let inside = block.woken_inside.with_mut(|bits| unsafe { std::mem::take(&mut *bits) });
        block.polling.store(0, Ordering::Relaxed);
        if inside != 0 {
            // The owner stopped early: nothing may be forgotten. It wakes itself.
            block.ready.fetch_or(inside, Ordering::Release);
        }
    }
}

/// A number that no other living thread has.
fn thread_token() -> usize {
    // A model's threads share a thread: there, every wake takes the atomic way.
    if cfg!(any(aqueduct_loom, aqueduct_shuttle)) {
        return usize::MAX;
    }
    thread_local!(static TOKEN: u8 = const { 0 });
    // On a thread that is going away every wake takes the atomic way.
    TOKEN.try_with(|token| std::ptr::from_ref(token) as usize).unwrap_or(usize::MAX)
}

/// The block and the child that a waker's pointer names.
fn decode(data: *const ()) -> (NonNull<Block>, usize) {
    let index = data as usize & (ALIGN - 1);
    let block = data.cast::<u8>().wrapping_sub(index).cast_mut().cast::<Block>();
    // SAFETY: the pointer was made from a living block, which is not at address 0.
    (unsafe { NonNull::new_unchecked(block) }, index)
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        let (block, _) = decode(data);
        // SAFETY: the waker that is cloned holds a reference.
        let before = unsafe { block.as_ref() }.references.fetch_add(1, Ordering::Relaxed);
        if before > isize::MAX as usize {
            std::process::abort();
        }
        RawWaker::new(data, &VTABLE)
    },
    |data| {
        wake(data);
        // SAFETY: the waker's own reference, given up once.
        unsafe { release(decode(data).0) };
    },
    wake,
    |data| {
        // SAFETY: as above.
        unsafe { release(decode(data).0) };
    },
);

fn wake(data: *const ()) {
    let (block, index) = decode(data);
    // SAFETY: the waker holds a reference.
    let block = unsafe { block.as_ref() };
    let bit = 1u64 << index;
    let polling = block.polling.load(Ordering::Relaxed);
    if polling != 0 && polling != usize::MAX && polling == thread_token() {
        // SAFETY: the word names this thread, so this thread wrote it and is inside a session: nobody else touches
        // the cell, and `take` does not call out.
        block.woken_inside.with_mut(|bits| unsafe { *bits |= bit });
        return;
    }
    if block.ready.fetch_or(bit, Ordering::AcqRel) == 0 {
        let parent = block.parent.with(|parent| parent.clone());
        if let Some(parent) = parent {
            parent.wake_by_ref();
        }
    }
}

/// Gives up one reference.
///
/// # Safety
/// The caller owns that reference.
unsafe fn release(block: NonNull<Block>) {
    // SAFETY: alive, since the caller holds a reference.
    if unsafe { block.as_ref() }.references.fetch_sub(1, Ordering::Release) == 1 {
        fence(Ordering::Acquire);
        // SAFETY: that was the last reference; the block was made by `Box`.
        drop(unsafe { Box::from_raw(block.as_ptr()) });
    }
}
