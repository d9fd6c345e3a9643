//! Running a fixed set of processes in turns, in one task.
//!
//! For the first polls the children share the parent's waker, and every poll polls all of them: short compositions
//! end before anything is allocated. Then one [`ReadySet`] tells who is ready, and the children wake each other
//! inside the parent's poll, without a scheduler in between.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::ProcessError;
use crate::context::{FailMark, dispose};
use crate::wait::ReadySet;

/// How many polls go by before a ready set is made. (Prototype: nested `par!` 119 → 82 ns a loop with 6.)
const EAGER_POLLS: u8 = 6;

/// How many children are polled before the runtime gets its turn. (Prototype: worst sleep delay 3 to 5 ms with
/// 4096; fewer make yielding dear, since a self-wake costs about as much as 20 polls.)
pub(super) const BUDGET: u32 = 4096;

pin_project! {
    /// One child: running, or its value until the others have ended.
    #[project = ChildState]
    #[derive(Debug)]
    pub enum Child<F, T> {
        Running { #[pin] run: F },
        Ended { value: Option<T> },
    }
}

impl<F, T> Child<F, T>
where
    F: Future<Output = Result<T, ProcessError>>,
{
    pub(super) fn new(run: F) -> Self {
        Self::Running { run }
    }

    pub(super) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ProcessError>> {
        let ChildState::Running { run } = self.as_mut().project() else { return Poll::Ready(Ok(())) };
        let Poll::Ready(result) = run.poll(cx) else { return Poll::Pending };
        let (value, result) = match result {
            Ok(value) => (Some(value), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.set(Self::Ended { value });
        Poll::Ready(result)
    }

    pub(super) fn take(self: Pin<&mut Self>) -> Option<T> {
        match self.project() {
            ChildState::Ended { value } => value.take(),
            ChildState::Running { .. } => None,
        }
    }

    /// Drops the child, or its value. A panic in that is a consequence of the failure for which it is dropped.
    pub(super) fn discard(mut self: Pin<&mut Self>) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.set(Self::Ended { value: None }))) {
            dispose(payload);
        }
    }
}

/// Several children of different types.
#[doc(hidden)]
pub trait Children {
    /// Their values.
    type Output;
    /// How many there are.
    const COUNT: u32;
    /// Polls one that is running.
    fn poll_child(self: Pin<&mut Self>, index: u32, cx: &mut Context<'_>) -> Poll<Result<(), ProcessError>>;
    /// Drops what is left of one.
    fn discard_child(self: Pin<&mut Self>, index: u32);
    /// The values, if all have one.
    fn take(self: Pin<&mut Self>) -> Option<Self::Output>;
}

pin_project! {
    /// The future of [`par!`](crate::par!) and [`try_par!`](crate::try_par!).
    ///
    /// # Cancel safety
    /// Dropped before all have ended, the children that run are cancelled.
    #[must_use = "futures do nothing until they are awaited"]
    pub struct Join<C> {
        #[pin]
        children: C,
        // The children that run, as bits.
        running: u64,
        eager_polls: u8,
        // Cancel the others at the first failure.
        fail_fast: bool,
        ready: Option<ReadySet>,
        error: Option<ProcessError>,
    }
}

impl<C: Children> Join<C> {
    pub(super) fn new(children: C, fail_fast: bool) -> Self {
        let running = if C::COUNT == 64 { u64::MAX } else { (1 << C::COUNT) - 1 };
        Self { children, running, eager_polls: EAGER_POLLS, fail_fast, ready: None, error: None }
    }
}

impl<C: Children> Future for Join<C> {
    type Output = Result<C::Output, ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut turn = Turn {
            children: this.children.as_mut(),
            running: this.running,
            error: this.error,
            fail_fast: *this.fail_fast,
        };
        if *this.eager_polls > 0 {
            *this.eager_polls -= 1;
            turn.poll_all(*turn.running, |children, index| children.poll_child(index, cx));
        } else {
            let ready = this.ready.get_or_insert_with(|| {
                let ready = ReadySet::new();
                // They have registered the parent's waker so far: each is polled once with its own.
                ready.mark(*turn.running);
                ready
            });
            ready.set_parent(cx.waker());
            let session = ready.session();
            let mut budget = BUDGET;
            loop {
                let bits = session.take() & *turn.running;
                if bits == 0 {
                    break;
                }
                turn.poll_all(bits, |children, index| {
                    session.with_waker(index as usize, |cx| children.poll_child(index, cx))
                });
                match budget.checked_sub(bits.count_ones()) {
                    Some(left) => budget = left,
                    None => {
                        // Who is ready stays so: the session keeps what was woken.
                        cx.waker().wake_by_ref();
                        break;
                    }
                }
            }
        }
        if *this.running != 0 {
            return Poll::Pending;
        }
        Poll::Ready(match this.error.take() {
            Some(error) => {
                // What the others have made, or were making, goes while this process is failing, so that ends in it
                // poison.
                let _mark = FailMark::here(&error.cause);
                for child in 0..C::COUNT {
                    this.children.as_mut().discard_child(child);
                }
                Err(error)
            }
            None => this.children.take().ok_or_else(already_taken),
        })
    }
}

fn already_taken() -> ProcessError {
    use crate::context::{Cause, Reason};
    ProcessError::new(Cause::here(Reason::AlreadyTaken))
}

/// The parts of a [`Join`] that change while its children are polled.
struct Turn<'a, C> {
    children: Pin<&'a mut C>,
    running: &'a mut u64,
    error: &'a mut Option<ProcessError>,
    fail_fast: bool,
}

impl<C: Children> Turn<'_, C> {
    /// Polls these children, lowest first.
    fn poll_all(&mut self, mut bits: u64, mut poll: impl FnMut(Pin<&mut C>, u32) -> Poll<Result<(), ProcessError>>) {
        while bits != 0 {
            let index = bits.trailing_zeros();
            bits &= bits - 1;
            match poll(self.children.as_mut(), index) {
                Poll::Pending => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    // What follows from it has the same cause: the first one says it all.
                    self.error.get_or_insert(error);
                }
            }
            *self.running &= !(1 << index);
            if self.fail_fast && self.error.is_some() {
                *self.running = 0;
                return;
            }
        }
    }
}

impl<C> std::fmt::Debug for Join<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Join").field("running", &self.running.count_ones()).finish_non_exhaustive()
    }
}
