//! Waiting on a worker's task thread: the slot of a task that waits for its own children is given to others.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Acquire, Ordering::Release},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use super::{running::Running, task_scope::Scope};

struct Unpark {
    thread: Thread,
    notified: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.notified.swap(true, Release) {
            self.thread.unpark();
        }
    }
}

/// How an async task ended.
pub(super) enum Driven<T> {
    Done(T),
    Cancelled,
    TimedOut,
}

/// Runs an async task to its end, unless it is cancelled or its time is up.
pub(super) fn drive<F: Future>(running: &Arc<Running>, future: F) -> Driven<F::Output> {
    let unpark = Arc::new(Unpark { thread: thread::current(), notified: AtomicBool::new(true) });
    let waker = Waker::from(Arc::clone(&unpark));
    running.set_waker(Some(waker.clone()));
    // Also when the future panics.
    struct Unset<'a>(&'a Running);
    impl Drop for Unset<'_> {
        fn drop(&mut self) {
            self.0.set_waker(None);
        }
    }
    let _unset = Unset(running);
    let mut future = pin!(future);
    loop {
        if running.is_expired() {
            return Driven::TimedOut;
        }
        if running.is_cancelled() {
            return Driven::Cancelled;
        }
        unpark.notified.store(false, Release);
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Driven::Done(value);
        }
        sleep(&unpark);
    }
}

/// Parks until woken; if the task has jobs of its own, others may have its slot meanwhile.
fn sleep(unpark: &Unpark) {
    if unpark.notified.load(Acquire) {
        return;
    }
    let scope = Scope::current();
    let _away = scope.as_ref().and_then(Scope::step_aside);
    while !unpark.notified.load(Acquire) {
        thread::park();
    }
}

/// Blocks the thread until the future is ready.
///
/// # Panics
///
/// On a thread of an async runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    if Scope::current().is_none() {
        assert!(
            crate::wait::on_runtime_worker() != Some(true),
            "a `_blocking` call on a thread of an async runtime would stop its other tasks; use the async form, or \
             `spawn_blocking`"
        );
        return crate::wait::block_on(future);
    }
    let unpark = Arc::new(Unpark { thread: thread::current(), notified: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = pin!(future);
    loop {
        unpark.notified.store(false, Release);
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        sleep(&unpark);
    }
}
