//! What a task may know of itself.

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
};

use super::{error::Place, worker::Scope};

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
    Scope::is_cancelled()
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
