//! A worker that has joined, as the driver's core sees it.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    cluster::{error::Place, protocol::ToWorker, scheduler::Tags, summary::WorkerSummary},
    net::link::Outbox,
};

/// The seat of one worker.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) outbox: Outbox,
    pub(super) place: Place,
    pub(super) host: String,
    pub(super) slots: u32,
    pub(super) tags: Tags,
    /// Whether it can read the files of the other workers of its host.
    pub(super) shares_files: bool,
    /// Jobs that the worker was told of.
    jobs: HashSet<u64>,
    joined: Instant,
    tasks: u64,
    busy: Duration,
    bytes: u64,
    sent: u64,
}

impl Seat {
    pub(super) fn new(outbox: Outbox, place: Place, slots: u32, tags: Tags, shares_files: bool) -> Self {
        let host = place.host.clone();
        Self {
            outbox,
            place,
            host,
            slots,
            tags,
            shares_files,
            jobs: HashSet::new(),
            joined: Instant::now(),
            tasks: 0,
            busy: Duration::ZERO,
            bytes: 0,
            sent: 0,
        }
    }

    /// Sends; where the connection is gone, its end is about to be told.
    pub(super) fn say(&self, message: &ToWorker, payload: Bytes) {
        let _ = self.outbox.send(message, payload);
    }

    /// Notes that this worker is told of a job; true if it was not yet.
    pub(super) fn tell_of(&mut self, job: u64) -> bool {
        self.jobs.insert(job)
    }

    /// The job is over; true if this worker knew of it.
    pub(super) fn forget(&mut self, job: u64) -> bool {
        self.jobs.remove(&job)
    }

    pub(super) fn returned(&mut self, count: u32, busy: Duration, bytes: usize) {
        self.tasks += u64::from(count);
        self.busy += busy;
        self.bytes += bytes as u64;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    pub(super) fn summary(&self, worker: u32, ended: Option<String>) -> WorkerSummary {
        WorkerSummary {
            worker,
            host: self.host.clone(),
            pid: self.place.pid,
            slots: self.slots,
            tasks: self.tasks,
            busy: self.busy,
            joined_for: self.joined.elapsed(),
            bytes_sent: self.sent,
            bytes_received: self.bytes,
            ended,
        }
    }
}
