//! What workers say about their runs.

use std::time::Duration;

use super::{
    Failure, Instruction, Scheduler,
    chunking::Window,
    run::{OfWorker, Piece, Place},
};

impl Scheduler {
    pub(super) fn returned(&mut self, at: u32, count: u32, busy: Duration, now: Duration, out: &mut Vec<Instruction>) {
        let run = &mut self.runs[at];
        let count = count.min(run.piece.end() - run.next);
        if run.void || count == 0 {
            return;
        }
        let first = run.next;
        run.next += count;
        run.busy += busy;
        let (job, size) = (run.job, run.piece.count);
        self.has_started(at, now);
        if let Some(job) = job {
            self.learn(job, count, size, busy, out);
            // What the twin has told before is known.
            let skip = self.runs[at].open.saturating_sub(first).min(count);
            if skip < count {
                let (number, first, count) = (self.runs[at].piece.number, first + skip, count - skip);
                let job = &mut self.jobs[job];
                job.owed -= u64::from(count);
                out.push(Instruction::Deliver { range: job.range(number, first, count), skip });
                self.open_from(at, first + count);
            }
        }
        self.after_items(at, now, out);
    }

    pub(super) fn failed(&mut self, at: u32, again: bool, busy: Duration, now: Duration, out: &mut Vec<Instruction>) {
        let run = &mut self.runs[at];
        if run.void || run.next == run.piece.end() {
            return;
        }
        let item = run.next;
        run.next += 1;
        run.busy += busy;
        let (open, piece) = (run.open, run.piece);
        self.has_started(at, now);
        if let Some(job) = self.runs[at].job {
            self.learn(job, 1, piece.count, busy, out);
            if item >= open && again && piece.panics < self.jobs[job].options.retries {
                self.open_from(at, item + 1);
                let (attempt, panics) = (piece.attempt + 1, piece.panics + 1);
                self.again(job, Piece { first: item, count: 1, attempt, panics, ..piece }, out);
            } else {
                self.close_item(at, item, Failure::Panicked, out);
            }
        }
        self.after_items(at, now, out);
    }

    /// Fails one item of a run, unless its fate is known.
    pub(super) fn close_item(&mut self, at: u32, item: u32, failure: Failure, out: &mut Vec<Instruction>) {
        let run = &self.runs[at];
        if let Some(job) = run.job
            && item >= run.open
        {
            let piece = Piece { first: item, count: 1, ..run.piece };
            self.open_from(at, item + 1);
            self.fail(job, piece, failure, out);
            self.end_twin(at, out);
        }
    }

    /// The fate of all items before this one is known, in this run and in its twin.
    fn open_from(&mut self, at: u32, open: u32) {
        self.runs[at].open = open;
        if let Some(twin) = self.runs[at].twin {
            self.runs[twin].open = open;
        }
    }

    /// Once the fate of all items is known, the other copy is in vain.
    fn end_twin(&mut self, at: u32, out: &mut Vec<Instruction>) {
        let run = &self.runs[at];
        if run.open == run.piece.end()
            && let Some(twin) = run.twin
        {
            self.abandon(twin, out);
        }
    }

    /// Items of a run were told: ends what is over.
    fn after_items(&mut self, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        self.end_twin(at, out);
        let run = &self.runs[at];
        let (job, over) = (run.job, run.next == run.piece.end());
        if over {
            let run = self.take_out(at, now);
            if let Some(job) = job {
                self.jobs[job].pace.remember(run.busy, run.piece.count);
            }
        }
        if let Some(job) = job {
            self.settle(job, out);
        }
    }

    /// A run has said something that only a run with a slot can say.
    fn has_started(&mut self, at: u32, now: Duration) {
        if matches!(self.runs[at].place, Place::Queued | Place::Asked) {
            self.move_to(at, Place::Running, now);
        }
    }

    pub(super) fn retracted(&mut self, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        let run = &self.runs[at];
        // One that has returned something, or was not asked, cannot be given back whole.
        if run.place != Place::Asked || run.void {
            return;
        }
        let run = self.take_out(at, now);
        if let Some(job) = run.job
            && run.twin.is_none()
        {
            self.again(job, run.piece.from(run.open), out);
        }
    }

    pub(super) fn kept(&mut self, at: u32, now: Duration) {
        if self.runs[at].place == Place::Asked {
            self.move_to(at, Place::Running, now);
        }
    }

    pub(super) fn stopped(&mut self, at: u32, now: Duration) {
        if self.runs[at].job.is_none() {
            self.take_out(at, now);
        }
    }

    pub(super) fn waiting(&mut self, at: u32, now: Duration, out: &mut Vec<Instruction>) {
        if self.runs[at].place == Place::Waiting {
            return;
        }
        self.move_to(at, Place::Waiting, now);
        if let Some(job) = self.runs[at].job
            && !std::mem::replace(&mut self.jobs[job].nests, true)
        {
            self.jobs[job].pace.limit = self.jobs[job].pace.limit(&self.settings, true);
            let kind = self.jobs[job].options.kind;
            self.kinds.has_children(kind);
            self.tell_window(job, out);
        }
    }

    pub(super) fn resumed(&mut self, at: u32, now: Duration) {
        if self.runs[at].place != Place::Waiting {
            return;
        }
        // A suspect that came while this one waited is no longer alone.
        let worker = self.runs[at].worker;
        if self.workers[worker].alone > self.workers[worker].alone_waiting {
            let held: Vec<u32> = self.workers[worker].held.iter::<_, OfWorker>(&self.runs).collect();
            for run in held {
                if self.runs[run].alone && self.runs[run].place != Place::Waiting {
                    self.runs[run].alone = false;
                    self.workers[worker].alone -= 1;
                }
            }
        }
        self.move_to(at, Place::Running, now);
    }

    fn learn(&mut self, job: u32, count: u32, size: u32, busy: Duration, out: &mut Vec<Instruction>) {
        let state = &mut self.jobs[job];
        state.pace.learn(state.options.chunking, &self.settings, count, size, busy);
        state.pace.limit = state.pace.limit(&self.settings, state.nests);
        self.kinds.learn(state.options.kind, &self.settings, count, size, busy);
        if !state.sealed {
            self.tell_window(job, out);
        }
    }

    /// Tells a job how far it may run ahead, if that has changed much.
    pub(super) fn tell_window(&mut self, at: u32, out: &mut Vec<Instruction>) {
        let job = &mut self.jobs[at];
        let slots = match job.options.only {
            None => self.fleet.slots(job.options.needs),
            Some(only) => self.worker_ids.get(&only).map_or(0, |&at| u64::from(self.workers[at].slots)),
        };
        let window = Window::new(&job.pace, slots);
        if !job.sealed && window.differs(job.window) {
            job.window = window;
            out.push(Instruction::Window { job: job.id, chunks: window.chunks, items: window.items });
        }
    }

    /// Tells all jobs, because workers have come or gone.
    pub(super) fn tell_windows(&mut self, out: &mut Vec<Instruction>) {
        for at in 0..self.unsealed.len() {
            self.tell_window(self.unsealed[at], out);
        }
    }
}
