//! Second copies of slow runs, for pure functions, when nothing else is left to do.
//!
//! A stopped or slow worker would hold up the end of a map for as long as it likes. Once a job's input has ended and
//! nothing of it is queued, each run that has had its slot for more than one and a half times the median gets one copy on
//! an idle worker. Both go on; for each item the first result counts.

use std::time::Duration;

use super::{
    Instruction, Scheduler,
    run::{OfJob, Piece, Place},
};

/// What takes less is not worth a copy.
const LEAST: Duration = Duration::from_millis(10);

impl Scheduler {
    /// Notes when the slow runs of a job should be looked at, if the time for that has come.
    pub(super) fn watch(&mut self, at: u32, now: Duration) {
        let job = &mut self.jobs[at];
        let wanted = job.options.speculate && job.options.only.is_none();
        if wanted && job.is_spent() && !job.out.is_empty() && job.check.is_none() {
            job.check = Some(now + LEAST);
            self.checks.insert((now + LEAST, at));
        }
    }

    /// Looks at the slow runs of jobs whose time has come.
    pub(super) fn copy_slow(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        while let Some(&(due, job)) = self.checks.first()
            && due <= now
        {
            self.checks.pop_first();
            if !self.jobs[job].is_spent() || self.jobs[job].out.is_empty() {
                self.jobs[job].check = None;
                continue;
            }
            let runs: Vec<u32> = self.jobs[job].out.iter::<_, OfJob>(&self.runs).collect();
            let mut next = now + LEAST;
            for at in runs {
                if let Some(slow) = self.slow_at(job, at) {
                    if slow <= now {
                        self.copy(job, at, now, out);
                    } else {
                        next = next.min(slow);
                    }
                }
            }
            self.jobs[job].check = Some(next);
            self.checks.insert((next, job));
        }
    }

    /// When a run is so slow that a copy is justified.
    fn slow_at(&self, job: u32, at: u32) -> Option<Duration> {
        let run = &self.runs[at];
        // What waits for a slot is asked back instead; if there is no answer, its worker is slow.
        let here = matches!(run.place, Place::Running | Place::Asked);
        if run.twin.is_some() || run.alone || run.void || !here {
            return None;
        }
        let median = self.jobs[job].pace.median(run.piece.count)?;
        Some(run.since + (median * 3 / 2).max(LEAST))
    }

    fn copy(&mut self, job: u32, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        let needs = self.jobs[job].options.needs;
        let classes = self.fleet.classes.iter().filter(|class| class.idle > 0 && class.tags.cover(needs));
        let lowest = classes.filter_map(|class| Some((class.open.lowest()?, class))).min_by_key(|&(level, _)| level);
        let Some((level, class)) = lowest else { return };
        let idle = |&worker: &u32| {
            let state = &self.workers[worker];
            state.load() < state.slots && worker != self.runs[at].worker
        };
        let Some(worker) = class.open.at(level).iter().copied().rev().take(4).find(idle) else { return };
        let rest = self.runs[at].piece.from(self.runs[at].open);
        let copy = self.send(job, Piece { attempt: rest.attempt + 1, ..rest }, worker, false, now, out);
        self.runs[copy].twin = Some(at);
        self.runs[at].twin = Some(copy);
    }
}
