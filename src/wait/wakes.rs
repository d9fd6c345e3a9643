//! Wake-ups that are collected under a lock and given after it (I3).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

use crate::context::dispose;

/// The wakers of the waiters that one step completed: mostly none or one.
///
/// They wake in order when this is dropped, each of them even if an earlier one panics, so that no waiter is left
/// behind.
#[derive(Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { first: None, more: Vec::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.more.push(waker);
        }
    }

    #[cold]
    fn wake_all(&mut self) {
        let mut panic = None;
        for waker in self.first.take().into_iter().chain(self.more.drain(..)) {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match panic {
                    None => panic = Some(payload),
                    Some(_) => dispose(payload),
                }
            }
        }
        if let Some(payload) = panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}

impl Drop for Wakes {
    #[inline]
    fn drop(&mut self) {
        if !self.more.is_empty() {
            self.wake_all();
        } else if let Some(waker) = self.first.take() {
            waker.wake();
        }
    }
}
