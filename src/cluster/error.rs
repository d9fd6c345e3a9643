//! What can go wrong with a task, and with a cluster.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Where a task ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// The worker's number.
    pub worker: u32,
    /// Its host.
    pub host: String,
    /// Its process.
    pub pid: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (pid {} on {})", self.worker, self.pid, self.host)
    }
}

/// A task's panic, as its worker saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Panic {
    /// What `panic!` said.
    pub message: String,
    /// `file:line:column`, if known.
    pub location: Option<String>,
    /// The backtrace, as text.
    pub backtrace: String,
    /// Where it ran.
    pub place: Place,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerEnd {
    /// Which worker.
    pub place: Place,
    /// The signal that killed it, if one did. 9 without anybody's doing is often the system's lack of memory.
    pub signal: Option<i32>,
    /// The status it exited with, if it did.
    pub code: Option<i32>,
    /// Why the connection ended, if that was seen first.
    pub reason: Option<String>,
    /// The last lines it wrote to stderr.
    pub stderr: String,
}

impl fmt::Display for WorkerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.place)?;
        match (self.signal, self.code, &self.reason) {
            (Some(9), _, Some(reason)) => write!(f, "was killed by the driver: {reason}")?,
            (Some(9), ..) => f.write_str("was killed by signal 9 (SIGKILL: by hand, or for lack of memory)")?,
            (Some(signal), ..) => write!(f, "was killed by signal {signal}")?,
            (None, Some(code), _) => write!(f, "exited with status {code}")?,
            (None, None, Some(reason)) => write!(f, "was lost: {reason}")?,
            (None, None, None) => f.write_str("was lost")?,
        }
        if !self.stderr.is_empty() {
            write!(f, "; its last words:\n{}", self.stderr)?;
        }
        Ok(())
    }
}

/// Why a task has no result.
///
/// A function that returns `Result` is different: its `Err` is a result like any other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TaskError {
    /// It panicked.
    #[error("the task panicked on {}: {}{}", .0.place, .0.message, at(&.0.location))]
    Panicked(Box<Panic>),
    /// Its workers died, more often than `retries` allows; this is how the last one did.
    #[error("the task's workers died, {deaths} of them; the last: {end}")]
    WorkersDied {
        /// How many.
        deaths: u32,
        /// How the last one ended.
        end: Box<WorkerEnd>,
    },
    /// It took longer than it may.
    #[error("the task took longer than {limit:?}{}", on(.place))]
    TimedOut {
        /// What was allowed.
        limit: Duration,
        /// Where it ran, if that is known.
        place: Option<Place>,
    },
    /// Nobody waits for it any more.
    #[error("the task was cancelled")]
    Cancelled,
    /// An argument, captured value or result cannot be encoded or decoded.
    #[error("{what} cannot be {done}: {error}")]
    Codec {
        /// The argument, the result, the captured value.
        what: String,
        /// `encoded` or `decoded`.
        done: String,
        /// What the codec says.
        error: String,
    },
    /// The function is not registered.
    #[error("{0}")]
    NotRegistered(String),
    /// Copies of the task were asked for ([`TaskOptions::speculate`](crate::cluster::TaskOptions::speculate)), but its function
    /// is not marked as pure.
    #[error(
        "a second copy of a task may be started only of a pure function: say `#[remote(pure)]` if running it twice does no \
         harm"
    )]
    NotPure,
    /// No worker of the cluster has these tags.
    #[error("no worker has the tags {needs:?} (there are {present:?}); give them with `Worker::tag`")]
    NoSuchWorker {
        /// What the task needs.
        needs: Vec<String>,
        /// What there is.
        present: Vec<String>,
    },
    /// The cluster has no worker left, and gets no other.
    #[error("the cluster has no workers left: {0}")]
    NoWorkers(String),
    /// The cluster was shut down.
    #[error("the cluster was shut down")]
    Closed,
}

/// What is most often the cause where a worker never even connected.
fn hint(end: &WorkerEnd) -> &'static str {
    if end.reason.is_some() {
        return "";
    }
    "\nA worker ends before it joins where its `main` does not begin with `aqueduct::init()` (or is not an \
     `#[aqueduct::main]`); a test binary needs `aqueduct::worker_entry!();` at its top level."
}

fn on(place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!(" on {place}")).unwrap_or_default()
}

fn at(location: &Option<String>) -> String {
    location.as_ref().map(|place| format!(" ({place})")).unwrap_or_default()
}

/// So much of the text of an error of encoding or decoding is kept.
const TEXT_MOST: usize = 16 << 10;

impl TaskError {
    pub(crate) fn codec(what: &str, done: &str, error: &dyn fmt::Display) -> Self {
        let mut error = error.to_string();
        // It may be the user's text, and a message has little room for it.
        error.truncate(error.floor_char_boundary(TEXT_MOST));
        Self::Codec { what: what.into(), done: done.into(), error }
    }

    /// The panic, if that is what it is.
    #[must_use]
    pub fn panic(&self) -> Option<&Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }
}

/// Why a cluster could not be started, or a worker not be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The program of a worker could not be started.
    #[error("the worker's program `{program}` could not be started")]
    Launch {
        /// Which program.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The worker ended before it had joined.
    #[error("{end}{}", hint(.end))]
    Stillborn {
        /// How.
        end: Box<WorkerEnd>,
    },
    /// The worker's program does not fit this one.
    #[error("worker {worker} was refused: {reason}")]
    Refused {
        /// Which worker.
        worker: u32,
        /// Why.
        reason: String,
    },
    /// The worker's `init` function failed.
    #[error("the init function failed on worker {worker}: {reason}")]
    Init {
        /// Which worker.
        worker: u32,
        /// Its panic or error.
        reason: String,
    },
    /// The worker did not join in time.
    #[error("worker {worker} did not join within {limit:?}")]
    Late {
        /// Which worker.
        worker: u32,
        /// How long was waited.
        limit: Duration,
    },
    /// Two functions have one name, or the `init` function is not registered.
    #[error("{0}")]
    Registry(String),
    /// A setting of the builder or of the environment makes no sense.
    #[error("{0}")]
    Setting(String),
    /// A socket, certificate or thread could not be made.
    #[error("{what}")]
    System {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cluster was shut down.
    #[error("the cluster was shut down")]
    Closed,
}
