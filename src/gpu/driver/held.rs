//! What a device has handed out and not got back, to be released with it.
//!
//! Releasing the primary context is not enough: it lives on if another library of the process holds it too.

use std::collections::HashSet;
use std::hash::Hash;

use crate::gpu::device::{Address, Mark, Module, Queue};

/// What is out.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) memory: Set<Address>,
    /// Addresses of pinned memory.
    pub(super) pinned: Set<usize>,
    pub(super) queues: Set<Queue>,
    pub(super) marks: Set<Mark>,
    pub(super) modules: Set<Module>,
}

/// Handles that are out.
#[derive(Debug)]
pub(super) struct Set<T>(std::cell::RefCell<HashSet<T>>);

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self(std::cell::RefCell::default())
    }
}

impl<T: Eq + Hash> Set<T> {
    /// Notes one that goes out.
    pub(super) fn out(&self, handle: T) -> T
    where
        T: Copy,
    {
        self.0.borrow_mut().insert(handle);
        handle
    }

    /// Whether it was out; from now on it is not.
    pub(super) fn back(&self, handle: &T) -> bool {
        self.0.borrow_mut().remove(handle)
    }

    /// All that are out; from now on none is.
    pub(super) fn take(&self) -> HashSet<T> {
        self.0.take()
    }
}
