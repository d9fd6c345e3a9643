//! Workers whose task takes much longer than was to be expected, with runs sent ahead behind it.
//!
//! As long as somebody is idle, such runs are asked back one by one (`retract`). Where input never ends, nobody is ever
//! idle: so now and then all queues are looked at. What has waited much longer than its kind takes is asked back, and its
//! worker, which would else be the least loaded and get it again, gets nothing until it gets on.

use std::time::Duration;

use super::{Instruction, Scheduler, chunking::nanoseconds};

/// How often queues are looked at, and how long a run waits at least.
const LOOK: Duration = Duration::from_millis(20);

/// So many times what a run takes it may wait behind another.
const TIMES: f64 = 4.0;

impl Scheduler {
    /// When queues are looked at again, if there are any.
    pub(super) fn next_look(&self) -> Option<Duration> {
        let any = self.fleet.classes.iter().any(|class| class.queued.highest().is_some());
        any.then_some(self.looked + LOOK)
    }

    /// Looks at all queues, if it is time.
    pub(super) fn free_the_stuck(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        if now < self.looked + LOOK {
            return;
        }
        self.looked = now;
        let stuck: Vec<u32> = self.workers.iter().map(|(at, _)| at).filter(|&at| self.is_stuck(at, now)).collect();
        for at in stuck {
            self.workers[at].stuck = true;
            self.ask_back_all(at, true, now, out);
            self.stand(at);
        }
    }

    fn is_stuck(&self, at: u32, now: Duration) -> bool {
        let worker = &self.workers[at];
        if worker.queue.is_empty() || worker.stuck || worker.doomed || worker.leaving {
            return false;
        }
        let first = &self.runs[worker.queue.head];
        let Some(job) = first.job.map(|job| &self.jobs[job]) else { return false };
        let expected = job.pace.expected(first.piece.count).unwrap_or(nanoseconds(self.settings.chunk_time));
        let waited = now.saturating_sub(first.since);
        // Where nobody else could take them, they may as well stay.
        waited >= LOOK
            && nanoseconds(waited) >= TIMES * expected
            && job.options.only.is_none()
            && self.fleet.workers(job.options.needs) > 1
    }
}
