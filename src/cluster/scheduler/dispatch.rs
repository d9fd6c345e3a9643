//! Sends what is queued to whoever has room: one pass after each event, as long as it finds something.

use std::time::Duration;

use super::{
    Instruction, RunId, Scheduler, Tags,
    fleet::Class,
    job::{InRing, InSuspects},
    run::{OfJob, OfWorker, Piece, Place, Rank, Run},
    slab::NONE,
};

/// What became of a turn.
enum Turn {
    Sent,
    /// There was nothing but suspects, and no worker for them.
    Passed,
    Blocked,
}

impl Scheduler {
    pub(super) fn dispatch(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        self.pass(now, out);
        // The last suspect has found a worker: those that were drained for it are free for what was passed over.
        if self.draining > 0 && self.suspects == 0 {
            self.pass(now, out);
        }
    }

    fn pass(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        self.pass += 1;
        let pass = self.pass;
        self.use_drained(now, out);
        self.feed_bound(true, now, out);
        // Classes that somebody waits for whose turn it was: nobody may go past them there.
        let mut barred: Vec<Tags> = Vec::new();
        loop {
            let offers = self.fronts.all.iter().enumerate().filter(|(_, front)| front.blocked != pass);
            let offers = offers.filter_map(|(at, front)| Some((front.top(pass)?, std::cmp::Reverse(front.served), at)));
            let Some((rank, _, at)) = offers.max() else { break };
            match self.turn(at, rank, &barred, now, out) {
                Turn::Sent | Turn::Passed => {}
                Turn::Blocked => {
                    self.fronts.all[at].blocked = pass;
                    barred.push(self.fronts.all[at].needs);
                }
            }
        }
        while let Some((at, rank, worker)) = self.deeper() {
            self.send_next(at, rank, worker, now, out);
        }
        self.feed_bound(false, now, out);
        self.help_idle(now, out);
    }

    /// A lane and a worker with waiting tasks for it, past those who are first in their fronts and too shallow for it.
    ///
    /// A task of low priority that waits for children may be all that keeps a worker from what has a higher one: its
    /// children must get past.
    fn deeper(&self) -> Option<(usize, Rank, u32)> {
        if self.fleet.classes.iter().all(|class| class.above.is_empty()) {
            return None;
        }
        self.fronts.all.iter().enumerate().find_map(|(at, front)| {
            let least = self.fleet.classes.iter().filter(|class| class.tags.cover(front.needs));
            let least = least.filter_map(|class| class.above.first()).map(|&(depth, _, _)| depth).min()?;
            front.lanes.iter().map(|(rank, lane)| (rank.0, lane)).filter(|(rank, _)| rank.depth > least).find_map(
                |(rank, lane)| {
                    let suspect = (!lane.suspects.is_empty()).then_some(lane.suspects.head);
                    let next = (!lane.ring.is_empty()).then_some(lane.ring.head);
                    let worker = suspect.and_then(|job| self.lonely(job));
                    let worker = worker.or_else(|| next.and_then(|job| self.find_above(job, &[])));
                    Some((at, rank, worker?))
                },
            )
        })
    }

    /// Sends one run of this front, if there is a worker for it.
    fn turn(&mut self, at: usize, rank: Rank, barred: &[Tags], now: Duration, out: &mut Vec<Instruction>) -> Turn {
        let pass = self.pass;
        let front = &mut self.fronts.all[at];
        let needs = front.needs;
        let lane = front.lane(rank);
        if !lane.suspects.is_empty() && lane.tried != pass {
            let job = lane.suspects.head;
            if let Some(worker) = self.lonely(job) {
                self.fronts.all[at].served = self.next_run;
                self.send_suspect(job, worker, now, out);
                return Turn::Sent;
            }
            let lane = self.fronts.all[at].lane(rank);
            lane.tried = pass;
            let no_more = lane.ring.is_empty();
            self.drain(needs, now, out);
            if no_more {
                return Turn::Passed;
            }
        }
        let ring = &mut self.fronts.all[at].lane(rank).ring;
        while ring.len > 1 && self.jobs[ring.head].debt > 0 {
            self.jobs[ring.head].debt -= 1;
            ring.rotate::<_, InRing>(&mut self.jobs);
        }
        let job = ring.head;
        let Some(worker) = self.find(job, barred) else { return Turn::Blocked };
        self.send_first(at, job, worker, now, out);
        Turn::Sent
    }

    /// Sends what is next in a lane, which may be a suspect, if the worker is empty.
    fn send_next(&mut self, at: usize, rank: Rank, worker: u32, now: Duration, out: &mut Vec<Instruction>) {
        let lane = self.fronts.all[at].lane(rank);
        if lane.suspects.is_empty() || self.workers[worker].load() > 0 {
            let job = lane.ring.head;
            self.send_first(at, job, worker, now, out);
        } else {
            let job = lane.suspects.head;
            self.send_suspect(job, worker, now, out);
        }
    }

    /// Sends the next run of a job that is first in its ring.
    fn send_first(&mut self, at: usize, job: u32, worker: u32, now: Duration, out: &mut Vec<Instruction>) {
        self.fronts.all[at].served = self.next_run;
        let rank = self.jobs[job].rank();
        let Some(piece) = self.jobs[job].pop() else {
            debug_assert!(false, "a job without work stood in a ring");
            return self.fronts.leave(&mut self.jobs, job);
        };
        if self.jobs[job].queued() == 0 {
            self.fronts.leave(&mut self.jobs, job);
        } else {
            self.fronts.all[at].lane(rank).ring.rotate::<_, InRing>(&mut self.jobs);
        }
        self.jobs[job].debt = self.jobs[job].pace.turns(&self.settings, piece.count) - 1;
        self.send(job, piece, worker, false, now, out);
    }

    /// The least loaded worker that may take a run of this job now.
    fn find(&self, job: u32, barred: &[Tags]) -> Option<u32> {
        let lowest = self.classes(job, barred).filter_map(|class| Some((class.open.lowest()?, class)));
        let least = lowest.min_by_key(|&(level, _)| level);
        let worker = least.and_then(|(level, class)| class.open.at(level).last().copied());
        worker.filter(|&worker| self.has_room(job, worker)).or_else(|| self.find_above(job, barred))
    }

    /// A worker with waiting tasks that takes this job because it is deeper than they are.
    fn find_above(&self, job: u32, barred: &[Tags]) -> Option<u32> {
        let depth = self.jobs[job].options.depth;
        self.classes(job, barred).find_map(|class| {
            let mut from = 0;
            while let Some(&(above, _, worker)) = class.above.range((from, 0, 0)..(depth, 0, 0)).next() {
                if self.has_room(job, worker) {
                    return Some(worker);
                }
                from = above + 1;
            }
            None
        })
    }

    /// The classes whose workers may run this job.
    fn classes(&self, job: u32, barred: &[Tags]) -> impl Iterator<Item = &Class> {
        let needs = self.jobs[job].options.needs;
        let able = self.fleet.classes.iter().filter(move |class| class.tags.cover(needs));
        able.filter(|class| !barred.iter().any(|&barred| class.tags.cover(barred)))
    }

    fn has_room(&self, job: u32, worker: u32) -> bool {
        let (job, worker) = (&self.jobs[job], &self.workers[worker]);
        let most = worker.slots.saturating_mul(self.kinds.limit(job.options.kind, &job.pace));
        let ever = worker.slots.saturating_mul(1 + self.settings.prefetch_most());
        worker.has_room(&self.runs, job.rank(), most, ever)
    }

    /// Serves jobs that only one worker may run, where that worker has just changed. They go before others of their
    /// rank: what is bound has no choice.
    fn feed_bound(&mut self, only_first: bool, now: Duration, out: &mut Vec<Instruction>) {
        if self.touched.is_empty() {
            return;
        }
        let top = self.fronts.all.iter().filter_map(|front| front.top(self.pass)).max().filter(|_| only_first);
        let mut later = Vec::new();
        for worker in std::mem::take(&mut self.touched) {
            while let Some(state) = self.workers.get(worker)
                && state.bound.head != NONE
                && !(state.leaving || state.doomed)
                && state.alone == state.alone_waiting
            {
                let job = state.bound.head;
                let rank = self.jobs[job].rank();
                if Some(rank) < top {
                    later.push(worker);
                    break;
                }
                let limit = self.kinds.limit(self.jobs[job].options.kind, &self.jobs[job].pace);
                let most = state.slots.saturating_mul(limit);
                if !state.has_room(&self.runs, rank, most, most) {
                    break;
                }
                let Some(piece) = self.jobs[job].pop() else { break };
                self.workers[worker].bound.remove::<_, InRing>(&mut self.jobs, job);
                self.jobs[job].in_ring = false;
                if self.jobs[job].queued() > 0 {
                    self.bind(job, worker);
                }
                self.send(job, piece, worker, false, now, out);
            }
        }
        // Sending has touched them again; those with room were served until they had none.
        self.touched = later;
    }

    /// Puts a job among those that only this worker may run: by rank, then in turn.
    pub(super) fn bind(&mut self, job: u32, worker: u32) {
        self.touched.push(worker);
        if std::mem::replace(&mut self.jobs[job].in_ring, true) {
            return;
        }
        let rank = self.jobs[job].rank();
        let bound = &mut self.workers[worker].bound;
        let mut before = bound.tail;
        while before != NONE && self.jobs[before].rank() < rank {
            before = super::slab::List::before::<_, InRing>(&self.jobs, before);
        }
        bound.insert_after::<_, InRing>(&mut self.jobs, before, job);
    }

    /// Sends a suspect to a worker that has nothing else to do.
    pub(super) fn send_suspect(&mut self, job: u32, worker: u32, now: Duration, out: &mut Vec<Instruction>) {
        let Some((_, piece)) = self.jobs[job].suspects.pop_first() else { return };
        self.suspects -= 1;
        if self.jobs[job].suspects.is_empty() {
            self.fronts.leave_suspects(&mut self.jobs, job);
        } else {
            let (needs, rank) = (self.jobs[job].options.needs, self.jobs[job].rank());
            self.fronts.front(needs).lane(rank).suspects.rotate::<_, InSuspects>(&mut self.jobs);
        }
        self.send(job, piece, worker, true, now, out);
    }

    /// Hands items over.
    pub(super) fn send(
        &mut self,
        job: u32,
        piece: Piece,
        worker: u32,
        alone: bool,
        now: Duration,
        out: &mut Vec<Instruction>,
    ) -> u32 {
        self.next_run += 1;
        let id = RunId(self.next_run);
        let to = &mut self.workers[worker];
        debug_assert!(!alone || to.load() == 0, "a suspect has its worker to itself");
        debug_assert!(to.alone == to.alone_waiting, "nothing joins a suspect");
        let place = if to.running < to.slots { Place::Running } else { Place::Queued };
        let run = Run::new(id, worker, job, self.jobs[job].rank(), piece, place, now, alone);
        let at = self.runs.insert(run);
        self.run_ids.insert(id, at);
        to.held.push_back::<_, OfWorker>(&mut self.runs, at);
        self.jobs[job].out.push_back::<_, OfJob>(&mut self.runs, at);
        match place {
            Place::Running => to.running += 1,
            _ => to.enqueue(&mut self.runs, at),
        }
        to.alone += u32::from(alone);
        let name = to.id;
        self.stand(worker);
        let range = self.jobs[job].range(piece.number, piece.first, piece.count);
        out.push(Instruction::Run { run: id, worker: name, range, attempt: piece.attempt });
        self.watch(job, now);
        at
    }

    /// Puts a worker where it belongs after a change.
    pub(super) fn stand(&mut self, at: u32) {
        self.fleet.stand(&mut self.workers, at);
        let worker = &self.workers[at];
        if worker.bound.head != NONE {
            self.touched.push(at);
        }
        if worker.draining && worker.load() == 0 {
            self.drained.push(at);
        }
        if worker.leaving && worker.held.is_empty() {
            self.empty.push(at);
        }
    }
}
