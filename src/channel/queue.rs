//! The queue policy: what a channel keeps between a send and a receive.

use std::collections::VecDeque;

use crate::wait::Store;

/// First in, first out, up to a capacity; 0 is a rendezvous, `usize::MAX` is unbounded.
///
/// A rendezvous has no buffer, and a buffer reserves nothing until it is used: an absurd capacity costs nothing.
#[derive(Debug)]
pub(crate) struct Queue<T>(Option<Box<Buffer<T>>>);

#[derive(Debug)]
struct Buffer<T> {
    values: VecDeque<T>,
    capacity: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self((capacity > 0).then(|| Box::new(Buffer { values: VecDeque::new(), capacity })))
    }
}

impl<T> Store<T> for Queue<T> {
    #[inline]
    fn has_room(&self) -> bool {
        self.0.as_ref().is_some_and(|buffer| buffer.values.len() < buffer.capacity)
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), T> {
        match &mut self.0 {
            Some(buffer) if buffer.values.len() < buffer.capacity => {
                buffer.values.push_back(value);
                Ok(())
            }
            _ => Err(value),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.0.as_mut()?.values.pop_front()
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.values.len())
    }

    fn take_all(&mut self) -> VecDeque<T> {
        self.0.as_mut().map(|buffer| std::mem::take(&mut buffer.values)).unwrap_or_default()
    }

    fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.capacity)
    }
}
