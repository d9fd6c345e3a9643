//! What may be looked at: by the driver, which checks what workers say, and by the summary.

use super::{
    JobId, RunId, Scheduler, Tags, WorkerId,
    run::{Place, Run},
};

/// How much there is of everything: what the memory of a scheduler depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Workers that have joined and are not gone.
    pub workers: usize,
    /// Jobs that are not settled.
    pub jobs: usize,
    /// Runs that wait for a worker.
    pub queued: usize,
    /// Runs at workers, cancelled ones included.
    pub outstanding: usize,
    /// Notes for later: questions to workers, cancelled runs to look after, jobs to look at.
    pub notes: usize,
}

/// What a worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many tasks it runs at once.
    pub slots: u32,
    /// Runs that have a slot, as far as is known.
    pub running: u32,
    /// Runs that wait for a slot.
    pub queued: u32,
    /// Runs whose tasks wait for children.
    pub waiting: u32,
}

impl Scheduler {
    /// How much there is of everything. Takes as many steps as there are jobs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            workers: self.workers.len(),
            jobs: self.jobs.len(),
            queued: self.jobs.iter().map(|(_, job)| job.queued() + job.suspects.len()).sum(),
            outstanding: self.runs.len(),
            notes: self.asks.len() + self.graces.len() + self.checks.len(),
        }
    }

    /// What a worker has; `None` if it is not there.
    #[must_use]
    pub fn load(&self, worker: WorkerId) -> Option<Load> {
        let worker = &self.workers[*self.worker_ids.get(&worker)?];
        let queued = worker.queue.len + worker.asked;
        Some(Load { slots: worker.slots, running: worker.running, queued, waiting: worker.waiting })
    }

    /// Slots of all workers that have what is needed: with none, such a job waits until one joins.
    #[must_use]
    pub fn slots(&self, needs: Tags) -> u64 {
        self.fleet.slots(needs)
    }

    /// Runs of a job that wait for a worker; `None` if the job is settled.
    #[must_use]
    pub fn queued(&self, job: JobId) -> Option<usize> {
        let job = &self.jobs[*self.job_ids.get(&job)?];
        Some(job.queued() + job.suspects.len())
    }

    /// Runs of a job that are at workers; `None` if the job is settled.
    #[must_use]
    pub fn outstanding(&self, job: JobId) -> Option<u32> {
        Some(self.jobs[*self.job_ids.get(&job)?].out.len)
    }

    /// The worker that has this run, so that nobody can speak for another; `None` if it is not outstanding.
    #[must_use]
    pub fn worker_of(&self, run: RunId) -> Option<WorkerId> {
        self.run(run).map(|run| self.workers[run.worker].id)
    }

    /// How many items of this run have yet to be told of; `None` if it is not outstanding.
    #[must_use]
    pub fn remaining(&self, run: RunId) -> Option<u32> {
        self.run(run).map(|run| run.piece.end() - run.next)
    }

    /// The chunk of this run and the first of its items that has yet to be told of; `None` if it is not outstanding, or its
    /// job is over.
    #[must_use]
    pub fn next_item(&self, run: RunId) -> Option<(JobId, u64, u32)> {
        let run = self.run(run)?;
        Some((self.jobs[run.job?].id, run.piece.number, run.next))
    }

    /// Whether a run is known, or believed, to have been started; `None` if it is not outstanding.
    #[must_use]
    pub fn has_slot(&self, run: RunId) -> Option<bool> {
        self.run(run).map(|run| matches!(run.place, Place::Running | Place::Waiting))
    }

    fn run(&self, run: RunId) -> Option<&Run> {
        self.run_ids.get(&run).map(|&at| &self.runs[at])
    }
}
