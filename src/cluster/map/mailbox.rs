//! Where the results of one job arrive, on whichever side of the wire its owner is.
//!
//! The driver's core (or, for a task's own job, the worker's client) puts arrivals in; the owner (`Map`, `Handle`) takes
//! all that is there at once. One lock each way and one wake-up for many arrivals.

use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::cluster::error::TaskError;

/// Results, or why there are none, for items `first .. first + count` of chunk `number`.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) number: u64,
    pub(crate) first: u32,
    pub(crate) count: u32,
    pub(crate) what: What,
}

/// What arrived.
#[derive(Debug)]
pub(crate) enum What {
    /// Encoded results; the first `skip` of them are known already. (A fold's is one value for all `count`.)
    Values { bytes: Bytes, skip: u32 },
    /// None of these items will have a result.
    Failed(TaskError),
}

/// How far a job may run ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Chunks under way.
    pub(crate) chunks: u32,
    /// Items in the next chunk.
    pub(crate) items: u32,
}

#[derive(Debug)]
struct Contents {
    arrivals: Vec<Arrival>,
    window: Window,
    /// The job as a whole is over, for this reason.
    broken: Option<TaskError>,
    waker: Option<Waker>,
}

/// The mailbox of one job.
#[derive(Debug)]
pub(crate) struct Mailbox {
    contents: Mutex<Contents>,
}

/// What the owner took out.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) window: Window,
    pub(crate) broken: Option<TaskError>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            contents: Mutex::new(Contents {
                arrivals: Vec::new(),
                window: Window { chunks: 1, items: 1 },
                broken: None,
                waker: None,
            }),
        }
    }

    /// Puts an arrival in; the caller wakes the waker, after it has let go of its own locks.
    #[must_use]
    pub(crate) fn arrive(&self, arrival: Arrival) -> Option<Waker> {
        let mut contents = self.contents.lock();
        contents.arrivals.push(arrival);
        contents.waker.take()
    }

    #[must_use]
    pub(crate) fn set_window(&self, window: Window) -> Option<Waker> {
        let mut contents = self.contents.lock();
        contents.window = window;
        contents.waker.take()
    }

    /// The job as a whole is over. The first reason stays.
    #[must_use]
    pub(crate) fn break_off(&self, error: TaskError) -> Option<Waker> {
        let mut contents = self.contents.lock();
        contents.broken.get_or_insert(error);
        contents.waker.take()
    }

    /// Takes what is there. Where that is nothing new and a waker is given, it is woken by the next change.
    pub(crate) fn take(&self, into: &mut Vec<Arrival>, waker: Option<&Waker>) -> Taken {
        let mut contents = self.contents.lock();
        into.append(&mut contents.arrivals);
        if let Some(waker) = waker {
            match &mut contents.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        Taken { window: contents.window, broken: contents.broken.clone() }
    }
}
