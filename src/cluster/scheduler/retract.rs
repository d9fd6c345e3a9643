//! Runs that were sent ahead come back where somebody else is idle.

use std::{collections::VecDeque, time::Duration};

use super::{
    Instruction, RunId, Scheduler,
    chunking::nanoseconds,
    run::{InQueue, Place},
    slab::{List, NONE},
};

/// A question without an answer for so long no longer keeps others from being asked: its worker may be stopped.
const PATIENCE: Duration = Duration::from_millis(20);

/// So many workers of a bucket, and so many runs of each, are looked at.
const LOOK: usize = 4;

/// Questions to workers that hold more than they run.
#[derive(Debug, Default)]
pub(super) struct Asks {
    /// Questions for idle workers, oldest first; some of them answered.
    queue: VecDeque<(Duration, RunId)>,
    /// How many of them have no answer and are not overdue.
    pub(super) open: usize,
    /// When to look again for runs that have waited too long.
    again: Option<Duration>,
}

impl Asks {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}

impl Scheduler {
    /// Asks for as many runs back as there are idle slots that have nothing else to get.
    pub(super) fn help_idle(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        self.expire_asks(now);
        self.asks.again = None;
        while (self.asks.open as u64) < self.fleet.idle {
            let Some(run) = self.surplus(now) else {
                if self.fleet.classes.iter().any(|class| class.queued.highest().is_some()) {
                    self.asks.again = Some(now + self.too_long());
                }
                return;
            };
            self.ask_back(run, now, out);
            self.runs[run].counted = true;
            self.asks.open += 1;
            self.asks.queue.push_back((now, self.runs[run].id));
        }
    }

    /// When to look for help again: the oldest question stops to count, or what is short has waited too long.
    pub(super) fn asks_expire(&self) -> Option<Duration> {
        let expires = self.asks.queue.front().map(|&(asked, _)| asked + PATIENCE);
        expires.into_iter().chain(self.asks.again).min()
    }

    /// What was sent ahead should have had its turn by then; if not, it stands behind something that does not end.
    fn too_long(&self) -> Duration {
        2 * self.settings.prefetch_time
    }

    fn expire_asks(&mut self, now: Duration) {
        while let Some(&(asked, id)) = self.asks.queue.front() {
            let run = self.run_ids.get(&id).map(|&at| &mut self.runs[at]);
            match run.filter(|run| run.counted) {
                Some(_) if asked + PATIENCE > now => return,
                Some(run) => {
                    run.counted = false;
                    self.asks.open -= 1;
                }
                None => {}
            }
            self.asks.queue.pop_front();
        }
    }

    /// A run that waits at one of the most loaded workers and could have a slot at an idle one.
    fn surplus(&self, now: Duration) -> Option<u32> {
        let idle = self.fleet.classes.iter().filter(|class| class.idle > 0);
        let loaded = || self.fleet.classes.iter().filter_map(|class| Some((class.queued.highest()?, class)));
        let pairs = idle.flat_map(|idle| loaded().map(move |(level, class)| (level, class, idle.tags)));
        let found = pairs.filter_map(|(level, class, tags)| {
            let workers = class.queued.at(level).iter().rev().take(LOOK);
            let run = workers.flat_map(|&worker| self.last_queued(worker).take(LOOK)).find(|&run| {
                let job = self.runs[run].job.map(|job| &self.jobs[job]);
                job.is_some_and(|job| job.options.only.is_none() && tags.cover(job.options.needs))
                    && self.is_worth(run, now)
            })?;
            Some((level, std::cmp::Reverse(self.runs[run].id), run))
        });
        found.max().map(|(_, _, run)| run)
    }

    /// The runs in a worker's queue, the last first.
    fn last_queued(&self, worker: u32) -> impl Iterator<Item = u32> {
        let mut at = self.workers[worker].queue.tail;
        std::iter::from_fn(move || {
            let this = at;
            if this == NONE {
                return None;
            }
            at = List::before::<_, InQueue>(&self.runs, this);
            Some(this)
        })
    }

    /// Whether a run is long enough for a question, its answer and another hand-over, or has waited too long.
    fn is_worth(&self, at: u32, now: Duration) -> bool {
        let run = &self.runs[at];
        if now.saturating_sub(run.since) >= self.too_long() {
            return true;
        }
        let expected = run.job.and_then(|job| self.jobs[job].pace.expected(run.piece.count));
        expected.is_none_or(|time| time * 16.0 >= nanoseconds(self.settings.prefetch_time))
    }

    fn ask_back(&mut self, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        debug_assert_eq!(self.runs[at].place, Place::Queued, "only what waits, and was not asked, is asked back");
        self.move_to(at, Place::Asked, now);
        let run = &self.runs[at];
        out.push(Instruction::Retract { run: run.id, worker: self.workers[run.worker].id });
    }

    /// Asks for all that waits at a worker, if it is worth the way or if it must.
    pub(super) fn ask_back_all(&mut self, worker: u32, must: bool, now: Duration, out: &mut Vec<Instruction>) {
        let queued: Vec<u32> = self.workers[worker].queue.iter::<_, InQueue>(&self.runs).collect();
        for at in queued {
            let movable = self.runs[at].job.is_some_and(|job| self.jobs[job].options.only.is_none());
            if movable && (must || self.is_worth(at, now)) {
                self.ask_back(at, now, out);
            }
        }
    }
}
