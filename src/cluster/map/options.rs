//! What may be asked of tasks.

use std::time::Duration;

use crate::cluster::protocol::Wishes;

/// What a map does when a task has no result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// The stream gives the error and ends; what is under way is cancelled.
    #[default]
    FailFast,
    /// The stream gives the error in the item's place, and goes on.
    Collect,
    /// The item is left out, and counted as failed.
    Skip,
}

/// What is asked of tasks: of one map by its own methods, or of all that a [`Cluster`](crate::Cluster) is given by
/// [`Cluster::with`](crate::Cluster::with).
///
/// ```
/// use std::time::Duration;
/// use aqueduct::cluster::TaskOptions;
///
/// let patient = TaskOptions::new().retries(5).timeout(Duration::from_secs(60)).priority(1);
/// ```
#[derive(Clone, Debug)]
pub struct TaskOptions {
    pub(crate) deaths: u32,
    pub(crate) retries: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) chunk: Option<u32>,
    pub(crate) in_flight: usize,
    pub(crate) needs: Vec<String>,
    pub(crate) priority: i32,
    pub(crate) speculate: bool,
    pub(crate) on_error: OnError,
    pub(crate) kill: bool,
    pub(crate) only: Option<u32>,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            deaths: 3,
            retries: 0,
            timeout: None,
            chunk: None,
            in_flight: 64 << 20,
            needs: Vec::new(),
            priority: 0,
            speculate: false,
            on_error: OnError::FailFast,
            kill: false,
            only: None,
        }
    }
}

impl TaskOptions {
    /// The usual: three deaths are survived, a panic is final, no timeout, automatic chunks, 64 MiB in flight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many deaths of its worker a task may cause before it is given up (3). Tasks that merely waited at a worker
    /// that died are not counted against.
    #[must_use]
    pub fn deaths(mut self, deaths: u32) -> Self {
        self.deaths = deaths;
        self
    }

    /// How often a task that panicked is tried again (0).
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How long one task may take. An async task is dropped; a plain function cannot be stopped, so its worker process is
    /// killed and replaced, and the tasks that waited there run elsewhere.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sends so many items at a time, instead of as many as take some milliseconds; fewer where the input ends or takes its
    /// time, or where items are large (a chunk goes when it has 256 KiB).
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    #[must_use]
    pub fn chunk(mut self, items: u32) -> Self {
        assert!(items > 0, "a chunk holds at least one item");
        self.chunk = Some(items);
        self
    }

    /// How many bytes of arguments and results may be under way for one map (64 MiB); input is not read ahead of that.
    #[must_use]
    pub fn in_flight(mut self, bytes: usize) -> Self {
        self.in_flight = bytes;
        self
    }

    /// Only workers that have this tag; may be given several times.
    #[must_use]
    pub fn needs(mut self, tag: impl Into<String>) -> Self {
        self.needs.push(tag.into());
        self
    }

    /// Greater goes first (0).
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Starts a second copy of a task that takes much longer than the others; the first result counts. Only for functions
    /// marked `#[remote(pure)]`: for others this is an error when the map starts.
    #[must_use]
    pub fn speculate(mut self) -> Self {
        self.speculate = true;
        self
    }

    /// What happens when a task has no result.
    #[must_use]
    pub fn on_error(mut self, what: OnError) -> Self {
        self.on_error = what;
        self
    }

    /// A cancelled task that does not end within 100 ms has its worker killed (and replaced).
    #[must_use]
    pub fn kill_on_cancel(mut self) -> Self {
        self.kill = true;
        self
    }

    /// Only the worker of this number (see [`Summary`](crate::cluster::Summary)); its death fails the task.
    #[must_use]
    pub fn on_worker(mut self, worker: u32) -> Self {
        self.only = Some(worker);
        self
    }

    pub(crate) fn wishes(&self) -> Wishes {
        Wishes {
            needs: self.needs.clone(),
            only: self.only,
            deaths: self.deaths,
            retries: self.retries,
            chunk: self.chunk,
            speculate: self.speculate,
        }
    }
}
