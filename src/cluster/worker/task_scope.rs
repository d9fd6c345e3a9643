//! What surrounds the task that a thread runs.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use super::{
    client::{Client, TaskPort},
    constants::Constants,
    pool::Pool,
    running::Running,
};
use crate::cluster::map::port::Port;

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
        Some(Away { scope: self, since: Instant::now() })
    }

    /// The way of this task's own jobs.
    pub(crate) fn port(&self) -> Arc<dyn Port> {
        Arc::new(TaskPort::new(Arc::clone(&self.client), Arc::clone(&self.running)))
    }

    /// Whether the task of this thread was cancelled; false outside of tasks.
    pub(crate) fn is_cancelled() -> bool {
        SCOPE.with_borrow(|scope| scope.as_ref().is_some_and(|scope| scope.running.is_cancelled()))
    }

    pub(crate) fn constants(&self) -> &Constants {
        self.client.constants()
    }
}

/// A task that waits for its own jobs.
#[derive(Debug)]
pub(super) struct Away<'a> {
    scope: &'a Scope,
    since: Instant,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.scope.running.add_away(self.since.elapsed());
        self.scope.pool.step_back(self.scope.running.run);
    }
}
