//! Workers come, leave, and are killed.

use std::time::Duration;

use super::{Failure, Instruction, Scheduler, Tags, WorkerId, job::InRing, worker::Worker};

impl Scheduler {
    pub(super) fn joined(&mut self, id: WorkerId, slots: u32, tags: Tags, out: &mut Vec<Instruction>) {
        if self.worker_ids.contains_key(&id) {
            return;
        }
        let slots = slots.max(1);
        let class = self.fleet.class(tags);
        let at = self.workers.insert(Worker::new(id, slots, tags, class));
        self.worker_ids.insert(id, at);
        self.fleet.count(class, slots, true);
        self.stand(at);
        self.tell_windows(out);
    }

    pub(super) fn leaving(&mut self, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        if std::mem::replace(&mut self.workers[at].leaving, true) {
            return;
        }
        self.undrain(at);
        self.uncount(at);
        self.fail_bound(at, out);
        self.ask_back_all(at, true, now, out);
        self.stand(at);
        self.tell_windows(out);
    }

    /// Says good-bye to workers that were leaving and have nothing left.
    pub(super) fn release(&mut self, out: &mut Vec<Instruction>) {
        for at in std::mem::take(&mut self.empty) {
            if let Some(worker) = self.workers.get(at)
                && worker.leaving
                && worker.held.is_empty()
            {
                out.push(Instruction::Release { worker: worker.id });
                self.remove_worker(at, out);
            }
        }
    }

    /// Has a worker killed; `Lost` will follow.
    pub(super) fn doom(&mut self, at: u32, out: &mut Vec<Instruction>) {
        if self.workers[at].doomed {
            return;
        }
        self.undrain(at);
        self.uncount(at);
        self.workers[at].doomed = true;
        self.stand(at);
        out.push(Instruction::Kill { worker: self.workers[at].id });
    }

    /// Forgets a worker that holds nothing.
    pub(super) fn remove_worker(&mut self, at: u32, out: &mut Vec<Instruction>) {
        self.undrain(at);
        self.uncount(at);
        self.fleet.leave(&mut self.workers, at);
        self.worker_ids.remove(&self.workers[at].id);
        self.fail_bound(at, out);
        let worker = self.workers.remove(at);
        debug_assert!(worker.held.is_empty(), "a worker that goes holds nothing");
    }

    /// Fails what only this worker was to run.
    fn fail_bound(&mut self, at: u32, out: &mut Vec<Instruction>) {
        while !self.workers[at].bound.is_empty() {
            let job = self.workers[at].bound.head;
            self.workers[at].bound.remove::<_, InRing>(&mut self.jobs, job);
            self.jobs[job].in_ring = false;
            while let Some(piece) = self.jobs[job].pop() {
                self.fail(job, piece, Failure::WorkerGone, out);
            }
            self.settle(job, out);
        }
    }

    /// Its slots no longer count for what jobs may expect.
    fn uncount(&mut self, at: u32) {
        let worker = &mut self.workers[at];
        if std::mem::take(&mut worker.counts) {
            self.fleet.count(worker.class, worker.slots, false);
        }
    }
}
