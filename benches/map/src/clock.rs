//! Clocks that all processes of a machine share.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Duration;

fn nanos(time: Timespec) -> u64 {
    Duration::try_from(time).expect("the clock runs since the system's start").as_nanos() as u64
}

/// Nanoseconds of the monotonic clock: the same in every process, here and in python's `time.monotonic_ns`.
pub(crate) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Works for so long, by the processor time of this thread: waiting for a processor does not count as work.
pub(crate) fn burn(time: Duration) {
    let end = nanos(clock_gettime(ClockId::ThreadCPUTime)) + time.as_nanos() as u64;
    while nanos(clock_gettime(ClockId::ThreadCPUTime)) < end {}
}
