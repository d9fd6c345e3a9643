//! Counts and times in, text out: what a bar or a line says. It has no clock and no terminal.
//!
//! The rate is that of the last 15 s or so, because it is the one that tells the time left; if nothing was done in
//! them, it is that of the whole time.

use std::{
    collections::VecDeque,
    fmt::Write,
    time::{Duration, Instant},
};

use crate::cluster::human;

/// The first plain line, and then intervals that grow by half.
const FIRST_LINE: Duration = Duration::from_secs(2);
const LONGEST_INTERVAL: Duration = Duration::from_secs(30);
/// One sample a second, so many of them.
const SAMPLE: Duration = Duration::from_secs(1);
const SAMPLES: usize = 15;

/// What was counted so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) position: u64,
    pub(super) failed: u64,
    pub(super) total: Option<u64>,
}

impl Counts {
    /// The total, unless it is plainly wrong.
    pub(super) fn known_total(&self) -> Option<u64> {
        self.total.filter(|&total| self.position <= total)
    }

    /// `412,000 of 1,000,000 (41 %)`; the share is rounded down, so that 100 % means all.
    fn position(&self) -> String {
        let position = human::count(self.position);
        let Some(total) = self.known_total() else { return position };
        let share = (u128::from(self.position) * 100).checked_div(u128::from(total)).unwrap_or(100);
        format!("{position} of {} ({share} %)", human::count(total))
    }

    fn failures(&self) -> String {
        if self.failed == 0 { String::new() } else { format!(", {} failed", human::count(self.failed)) }
    }
}

#[derive(Debug)]
pub(super) struct Meter {
    label: String,
    started: Instant,
    /// When so many items were done; the oldest first, never empty.
    samples: VecDeque<(Instant, u64)>,
    interval: Duration,
    /// When the next plain line is due; at no time once it has ended.
    next_line: Option<Instant>,
}

impl Meter {
    pub(super) fn new(label: String, now: Instant) -> Self {
        let samples = VecDeque::from([(now, 0)]);
        Self { label, started: now, samples, interval: FIRST_LINE, next_line: Some(now + FIRST_LINE) }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Takes a sample if it is time to, and tells how things stand.
    pub(super) fn read(&mut self, now: Instant, counts: Counts) -> Reading {
        let rate = self.rate(now, counts.position);
        if self.samples.back().is_none_or(|&(last, _)| now.saturating_duration_since(last) >= SAMPLE) {
            self.samples.push_back((now, counts.position));
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
        }
        Reading { counts, elapsed: now.saturating_duration_since(self.started), rate }
    }

    /// Whether a plain line is due; if it is, the next one is due later.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next_line.is_some_and(|next| now >= next);
        if due {
            self.interval = (self.interval * 3 / 2).min(LONGEST_INTERVAL);
            self.next_line = Some(now + self.interval);
        }
        due
    }

    /// The last line.
    pub(super) fn end(&mut self, now: Instant, counts: Counts) -> String {
        self.next_line = None;
        let elapsed = now.saturating_duration_since(self.started);
        let mut line = format!("{}: ", self.label);
        let complete = counts.total.is_none_or(|total| counts.position >= total);
        let took = human::duration(elapsed);
        // Writing to a String does not fail.
        let _ = match complete {
            true => write!(line, "{} in {took}", human::count(counts.position)),
            false => write!(line, "stopped at {} after {took}", counts.position()),
        };
        if let Some(rate) = over(counts.position, elapsed) {
            let _ = write!(line, ", {}", human::rate(rate));
        }
        line + &counts.failures()
    }

    fn rate(&self, now: Instant, position: u64) -> Option<f64> {
        let recent = self
            .samples
            .front()
            .and_then(|&(then, before)| over(position.saturating_sub(before), now.saturating_duration_since(then)));
        recent.or_else(|| over(position, now.saturating_duration_since(self.started)))
    }
}

fn over(items: u64, time: Duration) -> Option<f64> {
    (items > 0 && !time.is_zero()).then(|| items as f64 / time.as_secs_f64())
}

/// How things stand at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    counts: Counts,
    elapsed: Duration,
    rate: Option<f64>,
}

impl Reading {
    /// For a line of its own.
    pub(super) fn line(&self) -> String {
        self.text("")
    }

    /// For the right of a bar, where the time moves on.
    pub(super) fn bar(&self) -> String {
        self.text(&format!(", {} gone", human::whole(self.elapsed)))
    }

    fn text(&self, elapsed: &str) -> String {
        let mut text = self.counts.position();
        if let Some(rate) = self.rate {
            text = format!("{text}, {}", human::rate(rate));
        }
        text += elapsed;
        if let (Some(total), Some(rate)) = (self.counts.known_total(), self.rate) {
            let left = ((total - self.counts.position) as f64 / rate).ceil();
            // Beyond what a Duration holds there is nothing to tell.
            if let Ok(left) = Duration::try_from_secs_f64(left) {
                text = format!("{text}, {} left", human::whole(left));
            }
        }
        text + &self.counts.failures()
    }
}

#[cfg(test)]
mod tests;
