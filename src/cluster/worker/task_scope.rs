//! What a task may know of itself.

use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Poll,
};

use super::{client::Client, constants::Constants, pool::Pool, running::Running};
use crate::cluster::error::Place;

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// What surrounds the task that this thread runs.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) running: Arc<Running>,
    pub(crate) client: Arc<Client>,
    pub(crate) pool: Arc<Pool>,
}

impl Scope {
    pub(crate) fn current() -> Option<Self> {
        SCOPE.with_borrow(Clone::clone)
    }

    pub(super) fn is_here() -> bool {
        SCOPE.with_borrow(Option::is_some)
    }

    /// Runs something inside this scope.
    pub(super) fn enter<T>(self, body: impl FnOnce() -> T) -> T {
        struct Leave(Option<Scope>);
        impl Drop for Leave {
            fn drop(&mut self) {
                let outer = self.0.take();
                SCOPE.with_borrow_mut(|scope| *scope = outer);
            }
        }
        let _leave = Leave(SCOPE.replace(Some(self)));
        body()
    }

    /// Frees this task's slot until the guard drops, if it has jobs of its own to wait for.
    pub(super) fn step_aside(&self) -> Option<Away<'_>> {
        if self.running.jobs.load(Relaxed) == 0 {
            return None;
        }
        self.pool.step_aside(self.running.run);
        Some(Away(self))
    }

    pub(crate) fn constants(&self) -> &Constants {
        self.client.constants()
    }
}

/// A task that waits for its own jobs.
#[derive(Debug)]
pub(super) struct Away<'a>(&'a Scope);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.pool.step_back(self.0.running.run);
    }
}

/// The task that runs on this thread.
///
/// ```no_run
/// use aqueduct::cluster::task;
///
/// #[aqueduct::remote]
/// fn search(from: u64) -> Option<u64> {
///     (from..from + 1_000_000).take_while(|_| !task::is_cancelled()).find(|n| n % 1_000_003 == 17)
/// }
/// ```
#[derive(Clone)]
pub struct Task {
    scope: Scope,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("attempt", &self.attempt()).field("place", self.place()).finish()
    }
}

/// The task that runs on this thread, `None` outside of tasks (on the driver, for instance, where the same function may
/// be called as well).
#[must_use]
pub fn current() -> Option<Task> {
    Scope::current().map(|scope| Task { scope })
}

/// Whether nobody waits for this task any more; false outside of tasks. Cheap enough for an inner loop of some length.
#[must_use]
pub fn is_cancelled() -> bool {
    SCOPE.with_borrow(|scope| scope.as_ref().is_some_and(|scope| scope.running.is_cancelled()))
}

impl Task {
    /// The how-manieth try this is, from 1: more after a death of its worker or a retried panic.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.scope.running.attempt
    }

    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> &Place {
        self.scope.client.desk().place()
    }

    /// Whether nobody waits for it any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.scope.running.is_cancelled()
    }

    /// Ends when nobody waits for the task any more. (An async task is dropped then by itself; this is for its parts that
    /// run elsewhere.)
    pub fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        let running = Arc::clone(&self.scope.running);
        poll_fn(move |context| {
            running.add_waker(context.waker());
            if running.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}
