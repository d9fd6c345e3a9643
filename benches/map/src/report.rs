//! What a competitor tells the race: one line of JSON for each figure, in Rust as in python.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Report {
    /// A figure of the cell.
    Figure {
        /// Which way of the competitor's, if it has several.
        #[serde(default)]
        way: String,
        metric: String,
        value: f64,
    },
    /// A map from which nobody took a worker.
    Calm { seconds: f64 },
    /// A worker was killed, at this time of the monotonic clock.
    Killed { pid: u32, at: u64 },
    /// How the map ended from which a worker was taken: `complete`, or what went wrong.
    Ended { seconds: f64, outcome: String },
}

impl Report {
    pub(crate) fn print(&self) {
        println!("{}", serde_json::to_string(self).expect("plain data"));
    }
}

pub(crate) fn figure(way: &str, metric: &str, value: f64) {
    Report::Figure { way: way.into(), metric: metric.into(), value }.print();
}

/// Things a second.
pub(crate) fn rate(way: &str, count: u64, elapsed: Duration) {
    figure(way, "rate", count as f64 / elapsed.as_secs_f64());
}

/// Megabytes (10^6) a second.
pub(crate) fn megabytes(way: &str, bytes: u64, elapsed: Duration) {
    figure(way, "speed", 1e-6 * bytes as f64 / elapsed.as_secs_f64());
}

/// The median and the 99th percentile, in microseconds.
pub(crate) fn latencies(way: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e6;
    figure(way, "median", at(0.5));
    figure(way, "p99", at(0.99));
}
