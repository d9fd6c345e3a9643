//! The queue policy: what a channel keeps between a send and a receive.

use std::collections::VecDeque;

use crate::wait::{Pushed, Store};

/// What becomes of a value for which a channel has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// Its sender waits.
    Wait,
    /// The oldest value in the channel makes room for it.
    DropOldest,
    /// It is dropped itself.
    DropNewest,
}

/// First in, first out, up to a capacity; 0 is a rendezvous, `usize::MAX` is unbounded.
///
/// A rendezvous has no buffer, and a buffer reserves nothing until it is used: an absurd capacity costs nothing.
#[derive(Debug)]
pub(crate) struct Queue<T>(Option<Box<Buffer<T>>>);

#[derive(Debug)]
struct Buffer<T> {
    values: VecDeque<T>,
    capacity: usize,
    overflow: Overflow,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize, overflow: Overflow) -> Self {
        let buffer = || Box::new(Buffer { values: VecDeque::new(), capacity, overflow });
        Self((capacity > 0 || overflow != Overflow::Wait).then(buffer))
    }

    /// How many values there is room for in all.
    pub(crate) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.capacity)
    }

    /// What becomes of a value for which there is no room.
    pub(crate) fn overflow(&self) -> Overflow {
        self.0.as_ref().map_or(Overflow::Wait, |buffer| buffer.overflow)
    }
}

impl<T> Store<T> for Queue<T> {
    #[inline]
    fn has_room(&self) -> bool {
        self.0.as_ref().is_some_and(|buffer| buffer.values.len() < buffer.capacity || buffer.overflow != Overflow::Wait)
    }

    #[inline]
    fn push(&mut self, value: T) -> Pushed<T> {
        let Some(buffer) = &mut self.0 else { return Pushed::Full(value) };
        if buffer.values.len() < buffer.capacity {
            buffer.values.push_back(value);
            return Pushed::Kept;
        }
        match buffer.overflow {
            Overflow::Wait => Pushed::Full(value),
            Overflow::DropNewest => Pushed::Displaced(value),
            // Popped first, so that a queue that is full does not grow.
            Overflow::DropOldest => match buffer.values.pop_front() {
                Some(oldest) => {
                    buffer.values.push_back(value);
                    Pushed::Displaced(oldest)
                }
                None => Pushed::Displaced(value),
            },
        }
    }

    fn push_beyond(&mut self, value: T) -> Result<(), T> {
        match &mut self.0 {
            Some(buffer) => {
                buffer.values.push_back(value);
                Ok(())
            }
            None => Err(value),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.0.as_mut()?.values.pop_front()
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.values.len())
    }

    fn most(&self) -> usize {
        match &self.0 {
            Some(buffer) if buffer.overflow == Overflow::DropOldest => buffer.capacity,
            _ => usize::MAX,
        }
    }

    fn take_all(&mut self) -> VecDeque<T> {
        self.0.as_mut().map(|buffer| std::mem::take(&mut buffer.values)).unwrap_or_default()
    }
}
