//! Where a worker's threads hand in what they have for the driver.

use std::{sync::mpsc, time::Duration};

use bytes::Bytes;

use super::running::Running;

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
    way: Way,
    place: Place,
}

#[derive(Clone, Debug)]
enum Way {
    Driver(Outbox),
    /// Somebody in this process wants to hear it.
    Here(mpsc::Sender<(FromWorker, Bytes)>),
}

impl Desk {
    pub(super) fn new(outbox: Outbox, place: Place) -> Self {
        Self { way: Way::Driver(outbox), place }
    }

    pub(super) fn here(way: mpsc::Sender<(FromWorker, Bytes)>, place: Place) -> Self {
        Self { way: Way::Here(way), place }
    }

    /// Where this is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn say(&self, message: &FromWorker) {
        self.send(message, Bytes::new());
    }

    pub(crate) fn send(&self, message: &FromWorker, payload: Bytes) {
        match &self.way {
            // An error means that the connection has ended: the reader sees the same and ends the process.
            Way::Driver(outbox) => drop(outbox.send(message, payload)),
            Way::Here(way) => drop(way.send((message.clone(), payload))),
        }
    }

    pub(super) fn returned(&self, running: &Running, count: u32, busy: Duration, values: Vec<u8>) {
        let away = running.take_away();
        self.send(&FromWorker::Returned { run: running.run, count, busy: nanos(busy), away }, values.into());
    }

    pub(super) fn panicked(&self, run: u64, panic: Panic, busy: Duration, span: (u32, u32)) {
        self.say(&FromWorker::Panicked { run, panic, busy: nanos(busy), span });
    }

    pub(super) fn unusable(&self, run: u64, count: u32, error: TaskError) {
        self.say(&FromWorker::Unusable { run, count, error });
    }

    pub(super) fn close(&self, reason: &str) {
        if let Way::Driver(outbox) = &self.way {
            outbox.close(reason);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
