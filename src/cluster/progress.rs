//! How far a map is: a bar on a terminal, plain lines elsewhere.
//!
//! ```text
//! simulate [=======>            ] 412,000 of 1,000,000 (41 %), 83.2 k/s, 5 s gone, 7 s left
//! simulate: 412,000 of 1,000,000 (41 %), 83.2 k/s, 7 s left
//! ```
//!
//! Whoever works only adds to a counter ([`Progress::advance`]); one thread per process, which exists while anything is
//! in progress, reads the counters ten times a second and draws. Plain lines come after 2 s, then ever more seldom, up
//! to every 30 s, and one at the end. `AQUEDUCT_PROGRESS` is `auto` (or not set), `plain` or `off`.

mod board;
mod meter;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;

use self::{
    board::{BOARD, Board},
    meter::{Counts, Meter},
};
use super::terminal::BarId;

/// The total when there is none.
const UNKNOWN: u64 = u64::MAX;

/// One thing in progress. Dropped, it is finished.
#[derive(Debug)]
pub(crate) struct Progress {
    shared: Arc<Shared>,
    board: Arc<Board>,
}

#[derive(Debug)]
struct Shared {
    position: AtomicU64,
    failed: AtomicU64,
    total: AtomicU64,
    finished: AtomicBool,
    meter: Mutex<Meter>,
    bar: Option<BarId>,
}

impl Progress {
    /// Starts to show `label`; without a total there is no share and no time left.
    pub(crate) fn new(label: &str, total: Option<u64>) -> Self {
        Self::on(&BOARD, label, total, Instant::now())
    }

    fn on(board: &Arc<Board>, label: &str, total: Option<u64>, now: Instant) -> Self {
        // It stands in front of a bar: one line, whatever it is.
        let label = label.replace(char::is_control, " ");
        let bar = board.add_bar(&label);
        let shared = Arc::new(Shared {
            position: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            total: AtomicU64::new(total.unwrap_or(UNKNOWN)),
            finished: AtomicBool::new(false),
            meter: Mutex::new(Meter::new(label, now)),
            bar,
        });
        board.add(&shared);
        Self { shared, board: board.clone() }
    }

    /// `n` more items are done. It costs one relaxed addition.
    pub(crate) fn advance(&self, n: u64) {
        self.shared.position.fetch_add(n, Ordering::Relaxed);
    }

    /// Of the items that are done, `n` more have failed.
    pub(crate) fn failed(&self, n: u64) {
        self.shared.failed.fetch_add(n, Ordering::Relaxed);
    }

    /// There will be so many items: it has become known, or has changed.
    pub(crate) fn set_total(&self, total: u64) {
        self.shared.total.store(total, Ordering::Relaxed);
    }

    /// Shows how it ended, once. Fewer items than the total say that it was stopped.
    pub(crate) fn finish(&self) {
        if !self.shared.finished.swap(true, Ordering::Relaxed) {
            self.board.end(&self.shared, Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn counts(&self) -> Counts {
        let total = self.total.load(Ordering::Relaxed);
        Counts {
            position: self.position.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            total: (total != UNKNOWN).then_some(total),
        }
    }
}

#[cfg(test)]
mod tests;
