//! How many events a second a worker may forward. It has no clock: the time comes in.

use std::time::{Duration, Instant};

/// A second's events.
const WINDOW: Duration = Duration::from_secs(1);
const MOST: u64 = 1000;

/// Counts the events of the running second, warnings and errors apart, so that a flood of details cannot hide them.
#[derive(Debug)]
pub(super) struct Limit {
    since: Instant,
    /// Warnings and errors; the others.
    passed: [u64; 2],
    missing: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes, and before it the news that `missing` ones did not.
    Pass {
        missing: u64,
    },
    Drop,
}

impl Limit {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, passed: [0; 2], missing: 0 }
    }

    pub(super) fn admit(&mut self, now: Instant, level: &tracing::Level) -> Verdict {
        let fresh = now.saturating_duration_since(self.since) >= WINDOW;
        if fresh {
            (self.since, self.passed) = (now, [0; 2]);
        }
        let passed = &mut self.passed[usize::from(*level > tracing::Level::WARN)];
        if *passed >= MOST {
            self.missing += 1;
            return Verdict::Drop;
        }
        *passed += 1;
        // Told once a second, however the two kinds alternate.
        Verdict::Pass { missing: if fresh { std::mem::take(&mut self.missing) } else { 0 } }
    }
}

/// What to say of the events that are missing.
pub(super) fn text(missing: u64) -> String {
    format!("{missing} events are missing here: a worker forwards at most {MOST} a second")
}
