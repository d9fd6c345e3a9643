//! The queue policy: what a channel keeps between a send and a receive.

use std::collections::VecDeque;

use crate::wait::Store;

/// First in, first out, up to a capacity; 0 is a rendezvous, `usize::MAX` is unbounded.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    values: VecDeque<T>,
    capacity: usize,
}

impl<T> Queue<T> {
    /// Nothing is reserved: an absurd capacity costs nothing until it is used.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { values: VecDeque::new(), capacity }
    }
}

impl<T> Store<T> for Queue<T> {
    #[inline]
    fn has_room(&self) -> bool {
        self.values.len() < self.capacity
    }

    #[inline]
    fn push(&mut self, value: T) {
        self.values.push_back(value);
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.values.pop_front()
    }

    fn len(&self) -> usize {
        self.values.len()
    }

    fn take_all(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.values)
    }
}
