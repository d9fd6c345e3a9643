//! Where a worker's threads hand in what they have for the driver.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    cluster::{
        error::{Panic, Place, TaskError},
        protocol::FromWorker,
    },
    net::link::Outbox,
};

/// The way to the driver. Nothing here waits; where the connection is gone, the process is about to end.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    outbox: Outbox,
    place: Place,
}

impl Desk {
    pub(super) fn new(outbox: Outbox, place: Place) -> Self {
        Self { outbox, place }
    }

    /// Where this is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn say(&self, message: &FromWorker) {
        self.send(message, Bytes::new());
    }

    pub(crate) fn send(&self, message: &FromWorker, payload: Bytes) {
        // An error means that the connection has ended: the reader sees the same and ends the process.
        let _ = self.outbox.send(message, payload);
    }

    pub(super) fn returned(&self, run: u64, count: u32, busy: Duration, values: Vec<u8>) {
        self.send(&FromWorker::Returned { run, count, busy: nanos(busy) }, values.into());
    }

    pub(super) fn panicked(&self, run: u64, panic: Panic, busy: Duration) {
        self.say(&FromWorker::Panicked { run, panic, busy: nanos(busy) });
    }

    pub(super) fn unusable(&self, run: u64, count: u32, error: TaskError) {
        self.say(&FromWorker::Unusable { run, count, error });
    }

    pub(super) fn close(&self, reason: &str) {
        self.outbox.close(reason);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
