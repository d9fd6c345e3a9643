//! What a map did, in figures: for people as a table, for programs as fields.

mod table;

use std::{fmt, time::Duration};

/// What a map, or everything since a cluster was started, has done.
///
/// Shown (`Display`), it is a table of the workers that fits 80 columns, and the figures of all of them:
///
/// ```text
/// worker  host       pid  slots    tasks    busy  efficiency
///      1  local    41236      1  500,120  4.09 s      97.2 %
///      2  local    41237      1  499,880  4.08 s      97.0 %
/// 1,000,000 tasks in 4.21 s on 2 workers: 238 k/s, efficiency 97.1 %,
/// 0 retries, 0 deaths, 12.4 MB sent, 9.10 MB received
/// ```
///
/// With more than 16 workers it shows the best five, the worst five, and one line for the rest. What a table has no room
/// for (traffic of each worker, for one) is in the fields.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let mut summary = aqueduct::cluster::Summary::default();
/// summary.tasks = 1000;
/// summary.elapsed = Duration::from_secs(2);
/// assert_eq!(summary.rate(), Some(500.0));
/// assert!(summary.line().starts_with("1,000 tasks in 2.00 s on 0 workers: 500/s, 0 retries"));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// From the first task to the last result.
    pub elapsed: Duration,
    /// Tasks that have ended, in success or failure; each once, however often it was tried.
    pub tasks: u64,
    /// Of these, tasks whose last attempt failed.
    pub failed: u64,
    /// Attempts beyond the first of a task.
    pub retried: u64,
    /// Workers that died, or were lost, before they were told to end.
    pub deaths: u64,
    /// Bytes sent to workers.
    pub bytes_sent: u64,
    /// Bytes received from workers.
    pub bytes_received: u64,
    /// Shared constants that were sent.
    pub constants_sent: ConstantsSent,
    /// Every worker that has joined, also those that have left.
    pub workers: Vec<WorkerSummary>,
}

/// How many shared constants were sent, each counted once for every host that it was sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConstantsSent {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What one worker has done.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerSummary {
    /// Its number.
    pub worker: u32,
    /// The host it runs on.
    pub host: String,
    /// Its process on that host.
    pub pid: u32,
    /// How many tasks it runs at once.
    pub slots: u32,
    /// Tasks it has ended, in success or failure.
    pub tasks: u64,
    /// Time spent in tasks, of all its slots together.
    pub busy: Duration,
    /// From its joining to its leaving, or until now.
    pub joined_for: Duration,
    /// How it ended, if it did before its time: `killed by signal 9 (SIGKILL)`.
    pub ended: Option<String>,
    /// Bytes sent to it.
    pub bytes_sent: u64,
    /// Bytes received from it.
    pub bytes_received: u64,
}

impl Summary {
    /// The share of the workers' time, slot by slot, that went into tasks: from 0 to 1.
    ///
    /// `None` if no worker was there for any time.
    pub fn efficiency(&self) -> Option<f64> {
        efficiency(&self.workers)
    }

    /// Tasks per second; `None` if no time has passed.
    pub fn rate(&self) -> Option<f64> {
        (!self.elapsed.is_zero()).then(|| self.tasks as f64 / self.elapsed.as_secs_f64())
    }

    /// The figures of all the workers in one line, without the table: for a log.
    pub fn line(&self) -> String {
        let (work, trouble) = table::figures(self);
        format!("{work}, {trouble}")
    }
}

impl WorkerSummary {
    /// The share of its time, slot by slot, that went into tasks: from 0 to 1.
    ///
    /// `None` if it was there for no time, or has no slots.
    pub fn efficiency(&self) -> Option<f64> {
        efficiency(std::slice::from_ref(self))
    }
}

fn efficiency<'a>(workers: impl IntoIterator<Item = &'a WorkerSummary>) -> Option<f64> {
    let (mut busy, mut there) = (0.0, 0.0);
    for worker in workers {
        busy += worker.busy.as_secs_f64();
        there += f64::from(worker.slots) * worker.joined_for.as_secs_f64();
    }
    // Two clocks are never quite the same: a busy worker may come out a little above 1.
    (there > 0.0).then(|| (busy / there).min(1.0))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write(self, f)
    }
}

#[cfg(test)]
mod tests;
