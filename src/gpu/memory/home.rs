//! Where pieces of host memory come from and go back to.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use super::block::Block;
use crate::gpu::element::ALIGN;

/// The least that a class holds, in bytes: less is not worth a class of its own.
const LEAST: usize = 4096;

/// Up to this size (1 MiB) classes double; beyond, each doubling has eight, so that an eighth at most lies idle.
const COARSE: u32 = 20;
const STEPS: u32 = 8;

/// The number of size classes.
pub(crate) const CLASSES: usize = (COARSE + (usize::BITS - COARSE) * STEPS + 1) as usize;

/// The class of a size, and how many bytes its members have.
pub(crate) fn size_class(bytes: usize) -> (usize, usize) {
    let bytes = bytes.max(LEAST);
    let log = (bytes - 1).ilog2();
    if log < COARSE {
        return (log as usize + 1, 2 << log);
    }
    let step = (1_usize << log) / STEPS as usize;
    // A size that no memory can have is told by whoever is asked for it.
    let above = (bytes - (1 << log)).div_ceil(step);
    let class = COARSE + (log - COARSE) * STEPS;
    (class as usize + above, (1_usize << log).saturating_add(above * step))
}

/// A piece of host memory that nobody uses.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(super) pointer: NonNull<u8>,
    pub(super) capacity: usize,
}

// SAFETY: a piece is the one owner of plain bytes.
unsafe impl Send for Piece {}

impl Piece {
    /// Memory that a driver has allocated: `capacity` bytes, initialised, aligned to [`ALIGN`].
    ///
    /// # Safety
    /// Nobody else uses it.
    pub(crate) unsafe fn new(pointer: NonNull<u8>, capacity: usize) -> Self {
        Self { pointer, capacity }
    }

    /// Where it is.
    pub(crate) fn pointer(&self) -> NonNull<u8> {
        self.pointer
    }
}

/// Pieces of host memory by size, and what becomes of them in the end.
pub(crate) struct Home {
    /// One list for each class.
    free: Box<[Mutex<Vec<Piece>>]>,
    /// Where pinned pieces are given back when the home is gone; `None` for ordinary memory.
    driver: Option<Box<dyn Fn(Vec<Piece>) + Send + Sync>>,
}

impl Home {
    /// A home of ordinary memory.
    pub(crate) fn ordinary() -> Arc<Self> {
        Arc::new(Self { free: lists(), driver: None })
    }

    /// A home of pinned memory, which `driver` gives back.
    pub(crate) fn pinned(driver: impl Fn(Vec<Piece>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { free: lists(), driver: Some(Box::new(driver)) })
    }

    /// True if devices can copy from and to its pieces without the CPU.
    pub(crate) fn is_pinned(&self) -> bool {
        self.driver.is_some()
    }

    /// A block of so many bytes, if a piece is free. What is in it is whatever was there.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: usize) -> Option<Block> {
        let piece = self.free[size_class(bytes).0].lock().pop()?;
        Some(Block::from_piece(piece, bytes, Arc::clone(self)))
    }

    /// A block of so many bytes from a new piece, whose capacity is that of its class.
    pub(crate) fn adopt(self: &Arc<Self>, piece: Piece, bytes: usize) -> Block {
        Block::from_piece(piece, bytes, Arc::clone(self))
    }

    /// A block of ordinary memory: from a free piece, else from the global allocator. `None` if there is no room.
    pub(crate) fn take_ordinary(self: &Arc<Self>, bytes: usize) -> Option<Block> {
        debug_assert!(!self.is_pinned(), "pinned memory is the driver's");
        self.try_take(bytes).or_else(|| {
            let new = ManuallyDrop::new(Block::zeroed(size_class(bytes).1, ALIGN)?);
            let piece = Piece { pointer: NonNull::new(new.as_ptr().cast_mut())?, capacity: new.capacity() };
            Some(Block::from_piece(piece, bytes, Arc::clone(self)))
        })
    }

    pub(super) fn take_back(&self, piece: Piece) {
        self.free[size_class(piece.capacity).0].lock().push(piece);
    }

    /// What is free now, so that it can be given back to the driver.
    pub(crate) fn drain(&self) -> Vec<Piece> {
        self.free.iter().flat_map(|list| std::mem::take(&mut *list.lock())).collect()
    }
}

fn lists() -> Box<[Mutex<Vec<Piece>>]> {
    (0..CLASSES).map(|_| Mutex::new(Vec::new())).collect()
}

impl Drop for Home {
    fn drop(&mut self) {
        let pieces = self.drain();
        match &self.driver {
            Some(driver) => driver(pieces),
            None => {
                for Piece { pointer, capacity } in pieces {
                    // SAFETY: an ordinary home's pieces are made of blocks from the global allocator (`take_ordinary`), each of
                    // which it forgot.
                    drop(unsafe { Block::of_heap(pointer, capacity) });
                }
            }
        }
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free: usize = self.free.iter().map(|list| list.lock().len()).sum();
        f.debug_struct("Home").field("pinned", &self.is_pinned()).field("free", &free).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_holds_its_sizes_and_little_more() {
        let mut last = (0, 0);
        let sizes = (0..=63)
            .flat_map(|log| [0, 1, 2, 3, 5, 7].map(|eighths| (1_usize << log) + ((1_usize << log) / 8) * eighths));
        let mut sizes: Vec<usize> = sizes.flat_map(|size| [size - 1, size, size.saturating_add(1)]).collect();
        sizes.sort_unstable();
        for size in sizes.into_iter().filter(|size| *size <= isize::MAX.cast_unsigned()) {
            let (class, capacity) = size_class(size);
            assert!(capacity >= size && class < CLASSES, "{size}: {class}, {capacity}");
            assert!(size <= 1 << COARSE || capacity - size <= size / 8 + 1, "{size} gets {capacity}");
            assert!((class, capacity) >= last, "{size}: {class}, {capacity} after {last:?}");
            assert_eq!(size_class(capacity), (class, capacity), "a class holds its own capacity");
            last = (class, capacity);
        }
    }
}
