//! Host memory of one owner.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use super::home::{Home, Piece};
use crate::gpu::element::{ALIGN, Plain};

/// Host memory of one owner: initialised bytes, aligned for the elements that it was made for.
///
/// Invariants: `pointer` is valid for `capacity` bytes, all of them initialised, and nobody else uses them; `length` ≤
/// `capacity`. With [`Origin::Heap`] it was allocated by the global allocator with `capacity` and `align`, or `capacity` is 0
/// and it was not allocated.
pub(crate) struct Block {
    pointer: NonNull<u8>,
    length: usize,
    capacity: usize,
    origin: Origin,
}

enum Origin {
    Heap { align: usize },
    Home(Arc<Home>),
}

// SAFETY: a block is the one owner of plain bytes.
unsafe impl Send for Block {}
// SAFETY: a shared block is only read.
unsafe impl Sync for Block {}

impl Block {
    /// Zeros, from the global allocator; `None` if it has no room for them.
    pub(crate) fn zeroed(length: usize, align: usize) -> Option<Self> {
        let layout = Layout::from_size_align(length, align).ok()?;
        let pointer = if length == 0 {
            // As a vector has it.
            NonNull::new(std::ptr::without_provenance_mut(align))?
        } else {
            // SAFETY: the layout's size is not 0.
            NonNull::new(unsafe { alloc_zeroed(layout) })?
        };
        Some(Self { pointer, length, capacity: length, origin: Origin::Heap { align } })
    }

    /// A vector's elements, where they are.
    pub(crate) fn from_vec<T: Plain>(elements: Vec<T>) -> Self {
        let mut elements = ManuallyDrop::new(elements);
        let capacity = elements.capacity() * size_of::<T>();
        let length = size_of_val(elements.as_slice());
        // Behind the elements there may be bytes that were never written.
        if capacity != length {
            elements.spare_capacity_mut().fill_with(|| std::mem::MaybeUninit::zeroed());
        }
        let Some(pointer) = NonNull::new(elements.as_mut_ptr().cast()) else { unreachable!("a vector's pointer") };
        Self { pointer, length, capacity, origin: Origin::Heap { align: align_of::<T>() } }
    }

    /// The elements as a vector: where they are if they came from the global allocator with their alignment, else a copy.
    pub(crate) fn into_vec<T: Plain>(self) -> Vec<T> {
        let size = size_of::<T>();
        match self.origin {
            Origin::Heap { align }
                if align == align_of::<T>()
                    && size != 0
                    && self.length.is_multiple_of(size)
                    && self.capacity.is_multiple_of(size) =>
            {
                let this = ManuallyDrop::new(self);
                // SAFETY: the memory was allocated by the global allocator with this alignment and this size (or not at
                // all, if it is 0), the elements are initialised and of a type for which all bytes are valid, and `this`
                // does not free it.
                unsafe { Vec::from_raw_parts(this.pointer.as_ptr().cast(), this.length / size, this.capacity / size) }
            }
            _ => bytemuck::cast_slice(self.bytes()).to_vec(),
        }
    }

    /// A piece of a home.
    pub(super) fn from_piece(piece: Piece, length: usize, home: Arc<Home>) -> Self {
        let Piece { pointer, capacity } = piece;
        assert!(length <= capacity, "a piece is as long as its class");
        Self { pointer, length, capacity, origin: Origin::Home(home) }
    }

    /// Memory of which a block was forgotten.
    ///
    /// # Safety
    /// It came from [`zeroed`](Self::zeroed) with this capacity and [`ALIGN`], and nobody else uses it.
    pub(super) unsafe fn of_heap(pointer: NonNull<u8>, capacity: usize) -> Self {
        Self { pointer, length: 0, capacity, origin: Origin::Heap { align: ALIGN } }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// How many bytes there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes it shorter, or as long again as there is room for.
    pub(crate) fn set_len(&mut self, length: usize) {
        assert!(length <= self.capacity, "a block of {} bytes has no {length}", self.capacity);
        self.length = length;
    }

    /// True if devices can copy from and to it without the CPU.
    pub(crate) fn is_pinned(&self) -> bool {
        matches!(&self.origin, Origin::Home(home) if home.is_pinned())
    }

    /// Where it is.
    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.pointer.as_ptr()
    }

    /// Where it is, to be written to.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.pointer.as_ptr()
    }

    /// What is in it.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `length` ≤ `capacity` initialised bytes, which nobody else writes to.
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.length) }
    }

    /// What is in it, to be changed.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `length` ≤ `capacity` initialised bytes, and this is their one owner.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.length) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match &self.origin {
            Origin::Heap { .. } if self.capacity == 0 => {}
            Origin::Heap { align } => {
                // SAFETY: this was a valid layout when the memory was allocated.
                let layout = unsafe { Layout::from_size_align_unchecked(self.capacity, *align) };
                // SAFETY: allocated by the global allocator with this layout, and used by nobody any more.
                unsafe { dealloc(self.pointer.as_ptr(), layout) }
            }
            Origin::Home(home) => home.take_back(Piece { pointer: self.pointer, capacity: self.capacity }),
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("length", &self.length).field("pinned", &self.is_pinned()).finish_non_exhaustive()
    }
}
