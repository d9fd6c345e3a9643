//! Small steps that keep the books together: what is queued, what a job owes, what a worker holds.

use std::time::Duration;

use super::{
    Failure, Instruction, Scheduler, WorkerId,
    job::{InRing, Job},
    run::{InQueue, OfJob, OfWorker, Piece, Place, Run},
};

impl Scheduler {
    /// Takes a run out of every list; its slot is free, and the next in its worker's queue is believed to have it.
    pub(super) fn take_out(&mut self, at: u32, now: Duration) -> Run {
        self.gets_on(at);
        self.leave_place(at);
        let Run { id, job, worker, twin, alone, .. } = self.runs[at];
        self.workers[worker].held.remove::<_, OfWorker>(&mut self.runs, at);
        self.workers[worker].alone -= u32::from(alone);
        if let Some(job) = job {
            self.jobs[job].out.remove::<_, OfJob>(&mut self.runs, at);
        }
        if let Some(twin) = twin {
            self.runs[twin].twin = None;
        }
        self.run_ids.remove(&id);
        let run = self.runs.remove(at);
        self.promote(worker, now);
        self.stand(worker);
        run
    }

    /// Moves a run to another place at its worker.
    pub(super) fn move_to(&mut self, at: u32, place: Place, now: Duration) {
        debug_assert_ne!(place, Place::Queued, "a run is queued only when it is sent");
        self.gets_on(at);
        self.leave_place(at);
        let run = &mut self.runs[at];
        (run.place, run.since) = (place, now);
        let worker = &mut self.workers[run.worker];
        match place {
            Place::Queued => {}
            Place::Asked => worker.asked += 1,
            Place::Running => worker.running += 1,
            Place::Waiting => {
                worker.wait(run.rank.depth);
                worker.alone_waiting += u32::from(run.alone);
            }
        }
        let worker = run.worker;
        self.promote(worker, now);
        self.stand(worker);
    }

    /// A run that had a slot leaves it.
    fn gets_on(&mut self, at: u32) {
        let run = &self.runs[at];
        if run.place == Place::Running {
            self.workers[run.worker].stuck = false;
        }
    }

    fn leave_place(&mut self, at: u32) {
        let run = &mut self.runs[at];
        let worker = &mut self.workers[run.worker];
        match run.place {
            Place::Queued => worker.queue.remove::<_, InQueue>(&mut self.runs, at),
            Place::Asked => {
                worker.asked -= 1;
                self.asks.open -= usize::from(std::mem::take(&mut run.counted));
            }
            Place::Running => worker.running -= 1,
            Place::Waiting => {
                worker.wait_no_more(run.rank.depth);
                worker.alone_waiting -= u32::from(run.alone);
            }
        }
    }

    /// Believes that a worker gives its free slots to the first in its queue.
    fn promote(&mut self, at: u32, now: Duration) {
        let worker = &mut self.workers[at];
        while worker.running < worker.slots && !worker.queue.is_empty() {
            let first = worker.queue.head;
            worker.queue.remove::<_, InQueue>(&mut self.runs, first);
            worker.running += 1;
            (self.runs[first].place, self.runs[first].since) = (Place::Running, now);
        }
    }

    /// The worker that this job is bound to, if it is, and if that one takes work.
    fn bound_to(&self, job: &Job) -> Option<Option<u32>> {
        let usable = |&worker: &u32| !self.workers[worker].leaving;
        job.options.only.map(|only: WorkerId| self.worker_ids.get(&only).copied().filter(usable))
    }

    /// Sees to it that what a job has queued gets its turn.
    pub(super) fn line_up(&mut self, job: u32, out: &mut Vec<Instruction>) {
        match self.bound_to(&self.jobs[job]) {
            None => self.fronts.enter(&mut self.jobs, job),
            Some(Some(worker)) => self.bind(job, worker),
            Some(None) => {
                while let Some(piece) = self.jobs[job].pop() {
                    self.fail(job, piece, Failure::WorkerGone, out);
                }
            }
        }
    }

    /// Queues items once more.
    pub(super) fn again(&mut self, job: u32, piece: Piece, out: &mut Vec<Instruction>) {
        self.jobs[job].again(piece);
        self.line_up(job, out);
    }

    /// Items will have no result.
    pub(super) fn fail(&mut self, job: u32, piece: Piece, failure: Failure, out: &mut Vec<Instruction>) {
        let job = &mut self.jobs[job];
        job.owed -= u64::from(piece.count);
        out.push(Instruction::Fail { range: job.range(piece.number, piece.first, piece.count), failure });
    }

    /// Nobody wants the results of a run any more: it only holds its slot until its worker lets go of it.
    pub(super) fn abandon(&mut self, at: u32, out: &mut Vec<Instruction>) {
        let run = &mut self.runs[at];
        let (id, worker, void) = (run.id, run.worker, run.void);
        if let Some(job) = run.job.take() {
            self.jobs[job].out.remove::<_, OfJob>(&mut self.runs, at);
        }
        if let Some(twin) = self.runs[at].twin.take() {
            self.runs[twin].twin = None;
        }
        // Of a void run nothing counts, and its worker is being killed.
        if !void {
            out.push(Instruction::Cancel { run: id, worker: self.workers[worker].id });
        }
    }

    /// Forgets a job that owes nothing more.
    pub(super) fn settle(&mut self, job: u32, out: &mut Vec<Instruction>) {
        if self.jobs.get(job).is_some_and(|job| job.sealed && job.owed == 0) {
            self.forget_job(job, out);
        }
    }

    pub(super) fn forget_job(&mut self, at: u32, out: &mut Vec<Instruction>) {
        while self.jobs[at].out.len > 0 {
            self.abandon(self.jobs[at].out.head, out);
        }
        if let Some(Some(worker)) = self.bound_to(&self.jobs[at]) {
            if std::mem::take(&mut self.jobs[at].in_ring) {
                self.workers[worker].bound.remove::<_, InRing>(&mut self.jobs, at);
            }
        } else {
            self.fronts.leave(&mut self.jobs, at);
        }
        self.fronts.leave_suspects(&mut self.jobs, at);
        self.no_more_input(at);
        let job = self.jobs.remove(at);
        self.suspects -= job.suspects.len();
        if let Some(check) = job.check {
            self.checks.remove(&(check, at));
        }
        self.job_ids.remove(&job.id);
        out.push(Instruction::Settled { job: job.id });
    }

    /// Takes a job out of those that are told how far they may run ahead.
    pub(super) fn no_more_input(&mut self, at: u32) {
        let job = &mut self.jobs[at];
        if !std::mem::replace(&mut job.sealed, true) {
            let place = job.unsealed_at;
            self.unsealed.swap_remove(place as usize);
            if let Some(&moved) = self.unsealed.get(place as usize) {
                self.jobs[moved].unsealed_at = place;
            }
        }
    }
}
