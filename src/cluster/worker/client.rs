//! Jobs of a worker's own tasks: maps and submits inside tasks go to the driver like everybody's.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    constants::{Constants, digest_of},
    desk::Desk,
    running::Running,
};
use crate::cluster::{
    error::TaskError,
    map::{
        mailbox::Mailbox,
        port::{Close, JobKey, Keep, Port},
    },
    protocol::{CAPTURED_MOST, Captured, FromWorker, JobSpec, Wishes},
};

/// What all tasks of this worker share.
#[derive(Debug)]
pub(crate) struct Client {
    desk: Desk,
    constants: Constants,
    /// This program's function numbers in the driver's numbering.
    numbers: Vec<Option<u32>>,
    /// By number: where results arrive, and the run whose task wants them.
    jobs: Mutex<HashMap<u64, (Arc<Mailbox>, u64)>>,
    next: AtomicU64,
}

impl Client {
    pub(super) fn new(desk: Desk, constants: Constants, numbers: Vec<Option<u32>>) -> Self {
        Self { desk, constants, numbers, jobs: Mutex::default(), next: AtomicU64::new(0) }
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) fn constants(&self) -> &Constants {
        &self.constants
    }

    /// The mailbox of a job that is not over.
    pub(super) fn mailbox(&self, job: u64) -> Option<Arc<Mailbox>> {
        self.jobs.lock().get(&job).map(|(mailbox, _)| Arc::clone(mailbox))
    }

    /// Nobody wants a run any more, so nobody wants what its task waits for: the waiting ends. (An async task is dropped,
    /// and its jobs with it; a plain function would wait on.)
    pub(super) fn cancel(&self, run: u64) {
        let jobs = self.jobs.lock();
        let wakers: Vec<_> = jobs
            .values()
            .filter(|(_, of)| *of == run)
            .filter_map(|(mailbox, _)| mailbox.break_off(TaskError::Cancelled))
            .collect();
        drop(jobs);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn number(&self, function: u32) -> Result<u32, TaskError> {
        self.numbers.get(function as usize).copied().flatten().ok_or_else(|| {
            TaskError::NotRegistered(
                "the driver's program does not have this function; build both from one source".into(),
            )
        })
    }
}

/// The port of one task's jobs.
pub(crate) struct TaskPort {
    client: Arc<Client>,
    running: Arc<Running>,
}

impl TaskPort {
    pub(crate) fn new(client: Arc<Client>, running: Arc<Running>) -> Self {
        Self { client, running }
    }
}

impl fmt::Debug for TaskPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskPort").field("run", &self.running.run).finish_non_exhaustive()
    }
}

impl Port for TaskPort {
    fn open(&self, mut spec: JobSpec, wishes: Wishes, mailbox: Arc<Mailbox>) -> Result<JobKey, TaskError> {
        spec.function = self.client.number(spec.function)?;
        if let crate::cluster::protocol::Work::MapThenFold(fold) = &mut spec.work {
            *fold = self.client.number(*fold)?;
        }
        // A message has little room beside its payload.
        let beside = match &mut spec.captured {
            Captured::Here(bytes) if bytes.len() > CAPTURED_MOST => {
                let bytes = Bytes::from(std::mem::take(bytes));
                spec.captured = Captured::Constant(digest_of(&bytes));
                bytes
            }
            _ => Bytes::new(),
        };
        let job = self.client.next.fetch_add(1, Relaxed);
        self.client.jobs.lock().insert(job, (mailbox, self.running.run));
        // Whoever cancels sets the mark first, and then looks at the jobs.
        if self.running.is_cancelled() {
            self.client.jobs.lock().remove(&job);
            return Err(TaskError::Cancelled);
        }
        self.running.jobs.fetch_add(1, Relaxed);
        self.client.desk.send(&FromWorker::Open { job, parent: self.running.run, spec, wishes }, beside);
        Ok(JobKey(job))
    }

    fn push(&self, job: JobKey, number: u64, items: u32, payload: Bytes) {
        self.client.desk.send(&FromWorker::Push { job: job.0, number, items }, payload);
    }

    fn seal(&self, job: JobKey) {
        self.client.desk.say(&FromWorker::Seal { job: job.0 });
    }

    fn close(&self, job: JobKey, how: Close) {
        if self.client.jobs.lock().remove(&job.0).is_some() {
            self.running.jobs.fetch_sub(1, Relaxed);
            if how != Close::Done {
                self.client.desk.say(&FromWorker::Drop { job: job.0, kill: how == Close::Killing });
            }
        }
    }

    fn capture(&self, encoded: Vec<u8>) -> Result<(Captured, Option<Keep>), TaskError> {
        Ok((Captured::Here(encoded), None))
    }

    fn depth(&self) -> u32 {
        self.running.depth
    }
}
