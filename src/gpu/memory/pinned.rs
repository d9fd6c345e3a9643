//! Batches in host memory that devices copy from and to by themselves.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::block::Block;
use crate::gpu::element::Plain;

/// A batch in host memory that devices copy from and to by themselves, without the CPU: a slice that came from a pool, and
/// returns to it when it is dropped, on whatever thread.
///
/// Get one from [`Gpu::pinned`](crate::gpu::Gpu::pinned), fill it, and send it to a stage; or take it from a stage's output.
/// It saves the copies that a `Vec` needs on its way to a GPU and back. On the CPU it is ordinary memory, and still saves the
/// allocation.
pub struct Pinned<T> {
    block: Block,
    elements: PhantomData<T>,
}

impl<T: Plain> Pinned<T> {
    pub(crate) fn new(block: Block) -> Self {
        Self { block, elements: PhantomData }
    }

    pub(crate) fn into_block(self) -> Block {
        self.block
    }

    /// How many elements there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.block.capacity() / size_of::<T>()
    }

    /// Makes the batch shorter, or longer up to its [`capacity`](Self::capacity). What comes in addition holds whatever was
    /// there before.
    ///
    /// # Panics
    /// If there is no room for so many elements.
    pub fn resize(&mut self, elements: usize) {
        assert!(
            elements <= self.capacity(),
            "a batch with room for {} elements has none for {elements}",
            self.capacity()
        );
        self.block.set_len(elements * size_of::<T>());
    }
}

impl<T: Plain> Deref for Pinned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(self.block.bytes())
    }
}

impl<T: Plain> DerefMut for Pinned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.block.bytes_mut())
    }
}

impl<T: Plain> AsRef<[T]> for Pinned<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Plain> PartialEq for Pinned<T>
where
    T: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Plain> fmt::Debug for Pinned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
