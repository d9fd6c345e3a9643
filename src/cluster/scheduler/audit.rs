//! Checks that the books agree with each other, and keep the rules of the module's header.

use std::collections::BTreeMap;

use super::{
    Scheduler,
    run::{InQueue, OfJob, OfWorker, Place},
    worker::{Door, Worker},
};

/// Says what is wrong, unless it is so.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}

impl Scheduler {
    /// Checks everything, step by step; takes time in proportion to all there is.
    ///
    /// # Errors
    /// The first rule that is broken, in words.
    pub fn audit(&self) -> Result<(), String> {
        self.glance()?;
        for (at, worker) in self.workers.iter() {
            self.audit_worker(at, worker)?;
        }
        self.audit_runs()?;
        self.audit_jobs()?;
        self.audit_fleet()
    }

    /// Checks what takes no time.
    pub(super) fn glance(&self) -> Result<(), String> {
        ensure!(self.runs.len() == self.run_ids.len(), "runs and their numbers differ");
        ensure!(self.jobs.len() == self.job_ids.len(), "jobs and their numbers differ");
        ensure!(self.workers.len() == self.worker_ids.len(), "workers and their numbers differ");
        ensure!(self.unsealed.len() <= self.jobs.len(), "more jobs are open than there are");
        ensure!(self.draining <= self.workers.len(), "more workers are drained than there are");
        ensure!(self.asks.open <= self.runs.len(), "more runs are asked back than there are");
        ensure!(self.checks.len() <= self.jobs.len(), "more jobs are watched than there are");
        ensure!(self.draining == 0 || self.suspects > 0, "workers are drained for nobody");
        ensure!(self.empty.is_empty() && self.drained.is_empty(), "a step has left something undone");
        Ok(())
    }

    fn audit_worker(&self, at: u32, worker: &Worker) -> Result<(), String> {
        let name = worker.id;
        ensure!(self.worker_ids.get(&name) == Some(&at), "{name:?} is not found by its number");
        let held: Vec<_> = worker.held.iter::<_, OfWorker>(&self.runs).map(|run| &self.runs[run]).collect();
        let count = |place| u32::try_from(held.iter().filter(|run| run.place == place).count()).unwrap_or(u32::MAX);
        ensure!(held.len() == worker.held.len as usize, "{name:?}: its list is broken");
        ensure!(held.iter().all(|run| run.worker == at), "{name:?} holds a run of another");
        ensure!(count(Place::Running) == worker.running, "{name:?}: running runs are miscounted");
        ensure!(count(Place::Waiting) == worker.waiting, "{name:?}: waiting runs are miscounted");
        ensure!(count(Place::Asked) == worker.asked, "{name:?}: runs asked back are miscounted");
        ensure!(count(Place::Queued) == worker.queue.len, "{name:?}: queued runs are miscounted");
        let queue: Vec<_> = worker.queue.iter::<_, InQueue>(&self.runs).map(|run| &self.runs[run]).collect();
        let sorted = queue.is_sorted_by_key(|run| (std::cmp::Reverse(run.rank), run.id));
        ensure!(sorted, "{name:?}: its queue is not in the order in which it is taken");
        ensure!(worker.queue.is_empty() || worker.running >= worker.slots, "{name:?}: a run waits beside a free slot");

        // Rule 3. Tasks that waited and go on may fill slots twice.
        let most = u64::from(worker.slots) * (1 + u64::from(self.settings.prefetch_most()));
        ensure!(u64::from(worker.queue.len) <= most, "{name:?} holds {} runs ahead", worker.queue.len);

        // Rule 6.
        let alone = held.iter().filter(|run| run.alone).count();
        let alone_waiting = held.iter().filter(|run| run.alone && run.place == Place::Waiting).count();
        ensure!(alone == worker.alone as usize, "{name:?}: suspects are miscounted");
        ensure!(alone_waiting == worker.alone_waiting as usize, "{name:?}: waiting suspects are miscounted");
        Ok(())
    }

    fn audit_runs(&self) -> Result<(), String> {
        let (mut held, mut owned) = (0, 0);
        for (at, run) in self.runs.iter() {
            let name = run.id;
            ensure!(self.run_ids.get(&name) == Some(&at), "{name:?} is not found by its number");
            ensure!(self.workers.get(run.worker).is_some(), "{name:?} is at a worker that is gone");
            ensure!(run.piece.first <= run.next && run.next <= run.piece.end(), "{name:?} is beyond its items");
            ensure!(run.piece.first <= run.open && run.open <= run.piece.end(), "{name:?}: fate beyond its items");
            ensure!(run.void || run.next < run.piece.end(), "{name:?} is over and still there");
            ensure!(run.job.is_none() || run.next <= run.open, "{name:?} has told of items with an open fate");
            if let Some(job) = run.job {
                owned += 1;
                let Some(job) = self.jobs.get(job) else { return Err(format!("{name:?} is of a job that is gone")) };
                ensure!(job.rank() == run.rank, "{name:?} has not its job's rank");
            }
            if let Some(twin) = run.twin {
                let Some(twin) = self.runs.get(twin) else { return Err(format!("{name:?}: its copy is gone")) };
                ensure!(twin.twin == Some(at), "{name:?} is not the copy of its copy");
                ensure!(twin.job == run.job && twin.open == run.open, "{name:?} and its copy differ");
                ensure!(twin.piece.end() == run.piece.end(), "{name:?} and its copy end differently");
                ensure!(twin.worker != run.worker, "{name:?} and its copy are at one worker");
            }
            held += 1;
        }
        let of_workers: u32 = self.workers.iter().map(|(_, worker)| worker.held.len).sum();
        let of_jobs: u32 = self.jobs.iter().map(|(_, job)| job.out.len).sum();
        ensure!(of_workers == held, "a run is in no worker's list");
        ensure!(of_jobs == owned, "a run is in no job's list");
        let counted = self.runs.iter().filter(|(_, run)| run.counted).count();
        ensure!(counted == self.asks.open, "questions are miscounted");
        Ok(())
    }

    fn audit_jobs(&self) -> Result<(), String> {
        let mut suspects = 0;
        for (at, job) in self.jobs.iter() {
            let name = job.id;
            ensure!(self.job_ids.get(&name) == Some(&at), "{name:?} is not found by its number");
            ensure!(!(job.sealed && job.owed == 0), "{name:?} owes nothing and is still there");
            ensure!(job.in_ring == (job.queued() > 0), "{name:?}: its place in the ring is wrong");
            ensure!(job.in_suspects != job.suspects.is_empty(), "{name:?}: its place among suspects is wrong");
            suspects += job.suspects.len();
            let open = self.unsealed.get(job.unsealed_at as usize) == Some(&at);
            ensure!(job.sealed || open, "{name:?} is not among the open jobs");
            ensure!(job.check.is_none_or(|check| self.checks.contains(&(check, at))), "{name:?} is not watched");

            // Rule 1: each item that is owed is in one place.
            let mut places: BTreeMap<u64, Vec<(u32, u32)>> = BTreeMap::new();
            let mut owed = 0;
            for piece in job.pieces() {
                places.entry(piece.number).or_default().push((piece.first, piece.end()));
            }
            for run in job.out.iter::<_, OfJob>(&self.runs) {
                let run = &self.runs[run];
                ensure!(run.job == Some(at), "{name:?} lists a run of another");
                let first_copy = run.twin.is_none_or(|twin| self.runs[twin].id > run.id);
                if first_copy && run.open < run.piece.end() {
                    places.entry(run.piece.number).or_default().push((run.open, run.piece.end()));
                }
            }
            for (number, ranges) in &mut places {
                ranges.sort_unstable();
                ensure!(*number < job.pushed, "{name:?} has items that were never pushed");
                ensure!(ranges.is_sorted_by(|a, b| a.1 <= b.0), "{name:?}: chunk {number} has an item in two places");
                owed += ranges.iter().map(|&(first, end)| u64::from(end - first)).sum::<u64>();
            }
            ensure!(owed == job.owed, "{name:?} owes {} items and has {owed}", job.owed);
        }
        ensure!(suspects == self.suspects, "queued suspects are miscounted");
        ensure!(self.unsealed.iter().all(|&job| self.jobs.get(job).is_some()), "an open job is gone");
        let in_lanes: u32 =
            self.fronts.all.iter().flat_map(|front| front.lanes.values()).map(|lane| lane.ring.len).sum();
        let bound: u32 = self.workers.iter().map(|(_, worker)| worker.bound.len).sum();
        let in_rings = self.jobs.iter().filter(|(_, job)| job.in_ring).count();
        ensure!(in_rings == (in_lanes + bound) as usize, "a job stands in no ring, or in two");
        Ok(())
    }

    fn audit_fleet(&self) -> Result<(), String> {
        let idle = |worker: &Worker| match worker.door() {
            Door::Open => u64::from(worker.slots.saturating_sub(worker.load())),
            Door::Above(_) | Door::Closed => 0,
        };
        let all = || self.workers.iter().map(|(_, worker)| worker);
        ensure!(all().map(idle).sum::<u64>() == self.fleet.idle, "idle slots are miscounted");
        ensure!(all().filter(|worker| worker.draining).count() == self.draining, "drained workers are miscounted");
        for (number, class) in (0..).zip(&self.fleet.classes) {
            let of_class = || all().filter(|worker| worker.class == number);
            let counts = || of_class().filter(|worker| worker.counts);
            ensure!(of_class().map(idle).sum::<u64>() == class.idle, "idle slots of a class are miscounted");
            let slots: u64 = counts().map(|worker| u64::from(worker.slots)).sum();
            ensure!(slots == class.slots, "slots of a class are miscounted");
            ensure!(counts().count() == class.workers as usize, "workers of a class are miscounted");
            let least = of_class().filter(|worker| worker.door() == Door::Open).map(Worker::level).min();
            ensure!(class.open.lowest() == least, "the least loaded worker of a class is not found");
            let above = of_class().filter(|worker| matches!(worker.door(), Door::Above(_))).count();
            ensure!(above == class.above.len(), "workers with many waiting tasks are miscounted");
        }
        Ok(())
    }
}
