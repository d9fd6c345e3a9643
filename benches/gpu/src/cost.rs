//! What a stretch of work has cost.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::driver::{self, Counts};

/// The clocks and the counts at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    wall: Instant,
    processor: Duration,
    device_thread: Duration,
    counts: Counts,
}

/// What lies between two moments.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Time that the process has had of the processors, in all threads.
    pub(crate) processor: Duration,
    /// The same of the thread of the device alone.
    pub(crate) device_thread: Duration,
    pub(crate) counts: Counts,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let processor = Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32);
        Self { device_thread: of_device_thread(), counts: driver::counts(), processor, wall: Instant::now() }
    }

    /// Since this moment.
    pub(crate) fn cost(&self) -> Cost {
        let now = Self::now();
        Cost {
            wall: now.wall - self.wall,
            processor: now.processor.saturating_sub(self.processor),
            device_thread: now.device_thread.saturating_sub(self.device_thread),
            counts: now.counts - self.counts,
        }
    }
}

impl Cost {
    /// Microseconds for each of so many batches.
    pub(crate) fn micros(&self, batches: usize) -> f64 {
        each(self.wall, batches)
    }
}

/// Microseconds of each of so many.
pub(crate) fn each(time: Duration, of: usize) -> f64 {
    time.as_secs_f64() * 1e6 / of as f64
}

/// What the threads of devices have had of the processors, as far as the system tells.
fn of_device_thread() -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let nanos = tasks.flatten().filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        // The system cuts names to fifteen characters.
        let state = name.starts_with("aqueduct-gpu").then(|| fs::read_to_string(task.path().join("schedstat")))?;
        state.ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
