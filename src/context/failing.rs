//! The failing mark: while it stands, an end that the process drops poisons its channel instead of retiring it.
//!
//! A process is failing while an error that went through `?` into its `Exit` is alive; and for good once it was
//! dropped unfinished, has let a choice swallow a poison, has panicked, or has dropped an end while unwinding (even if
//! it caught that panic itself: its peers were told). The first cause wins.

use std::sync::Arc;

use parking_lot::Mutex;

use super::cause::Reason;
use super::{Cause, Rare, with_current};

/// The marks of one process.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    /// How many `FailMark`s are alive.
    alive: usize,
    /// True once the process can never be unmarked.
    settled: bool,
    /// The first cause, while the process is marked.
    cause: Option<Arc<Cause>>,
}

impl State {
    pub(super) fn cause(&self) -> Option<Arc<Cause>> {
        self.0.lock().cause.clone()
    }

    pub(super) fn settled_cause(&self) -> Option<Arc<Cause>> {
        let marks = self.0.lock();
        if marks.settled { marks.cause.clone() } else { None }
    }

    /// Marks for good; gives the first cause.
    pub(super) fn settle(&self, cause: Arc<Cause>) -> Arc<Cause> {
        let mut marks = self.0.lock();
        marks.settled = true;
        Arc::clone(marks.cause.get_or_insert(cause))
    }

    fn mark(&self, cause: &Arc<Cause>) {
        let mut marks = self.0.lock();
        marks.alive += 1;
        marks.cause.get_or_insert_with(|| Arc::clone(cause));
    }

    fn unmark(&self) {
        let mut marks = self.0.lock();
        marks.alive -= 1;
        let dropped = if marks.alive == 0 && !marks.settled { marks.cause.take() } else { None };
        // A cause may hold a user's error, whose drop must not run under the lock.
        drop(marks);
        drop(dropped);
    }
}

/// Keeps the process in which it was made marked as failing until it is dropped, wherever that happens.
#[derive(Debug)]
pub(crate) struct FailMark(Option<Arc<Rare>>);

impl FailMark {
    /// Marks the process that is running here; outside any process there is nothing to mark.
    pub(crate) fn here(cause: &Arc<Cause>) -> Self {
        let process = with_current(|running| Arc::clone(running.context.rare()));
        if let Some(process) = &process {
            process.failing.mark(cause);
        }
        Self(process)
    }

    /// Turns the mark into one that lasts as long as the process.
    pub(crate) fn settle(&self, cause: &Arc<Cause>) {
        if let Some(process) = &self.0 {
            process.failing.settle(Arc::clone(cause));
        }
    }
}

impl Drop for FailMark {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.failing.unmark();
        }
    }
}

/// The cause for which an end that is dropped here and now must poison its channel, if there is one.
pub(crate) fn failing() -> Option<Arc<Cause>> {
    let (marked, was_unwinding) =
        with_current(|running| (running.context.cause(), running.unwinding)).unwrap_or((None, false));
    if marked.is_some() || was_unwinding || !std::thread::panicking() {
        return marked;
    }
    let cause = Cause::here(Reason::Panicked(std::sync::OnceLock::new()));
    // The process keeps the cause, so that every end it drops while unwinding, and its own error, share it.
    Some(with_current(|running| running.context.fail(Arc::clone(&cause))).unwrap_or(cause))
}
