//! Iterators over what is received.

use super::error::WaitError;
use super::receiver::Receiver;

/// The iterator of [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
    failed: bool,
}

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver, failed: false }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = Result<T, WaitError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(self.receiver, &mut self.failed)
    }
}

/// The iterator of [`Receiver::into_iter`](IntoIterator::into_iter).
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
    failed: bool,
}

impl<T> Iterator for IntoIter<T> {
    type Item = Result<T, WaitError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(&self.receiver, &mut self.failed)
    }
}

/// One step; after an error there is nothing more.
fn next<T>(receiver: &Receiver<T>, failed: &mut bool) -> Option<Result<T, WaitError>> {
    if *failed {
        return None;
    }
    let next = receiver.next_blocking();
    *failed = next.is_err();
    next.transpose()
}

/// The iterator of [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<'a, T> TryIter<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver }
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = Result<T, WaitError>;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self, failed: false }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = Result<T, WaitError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
