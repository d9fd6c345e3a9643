//! The way from a job's owner to the scheduler: a lock on the driver, messages from a task on a worker.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::cluster::{
    error::TaskError,
    map::mailbox::Mailbox,
    protocol::{Captured, JobSpec, Wishes},
};

/// A job, as its port numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct JobKey(pub(crate) u64);

/// How an owner leaves its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Everything has arrived.
    Done,
    /// Nobody wants the rest.
    Cancelled,
    /// The same, and tasks that do not end by themselves are killed with their workers.
    Killing,
}

/// What owners of jobs need; nothing here waits.
pub(crate) trait Port: fmt::Debug + Send + Sync {
    /// Begins a job.
    fn open(&self, spec: JobSpec, wishes: Wishes, mailbox: Arc<Mailbox>) -> Result<JobKey, TaskError>;

    /// The next chunk of its input.
    fn push(&self, job: JobKey, number: u64, items: u32, payload: Bytes);

    /// No more chunks.
    fn seal(&self, job: JobKey);

    /// The owner has what it wants.
    fn close(&self, job: JobKey, how: Close);

    /// A job of one item, in one step.
    fn submit(
        &self,
        spec: JobSpec,
        wishes: Wishes,
        mailbox: Arc<Mailbox>,
        payload: Bytes,
    ) -> Result<JobKey, TaskError> {
        let job = self.open(spec, wishes, mailbox)?;
        self.push(job, 0, 1, payload);
        self.seal(job);
        Ok(job)
    }

    /// Turns captured data into what a job carries: large data becomes a constant, kept until the returned guard drops.
    fn capture(&self, encoded: Vec<u8>) -> Result<(Captured, Option<Keep>), TaskError>;

    /// How deep jobs opened here are nested.
    fn depth(&self) -> u32;
}

/// Keeps a constant alive.
#[derive(Debug)]
pub(crate) struct Keep(#[allow(dead_code, reason = "held for its drop")] pub(crate) Arc<dyn fmt::Debug + Send + Sync>);
