//! Deaths of workers, and who is suspected of them.
//!
//! What a dead worker held goes again. If the worker had one slot, or if a run has lost a worker before, it is
//! *suspected*: from now on it runs alone, on a worker that has nothing else, and if that worker dies too, it is split, so
//! that the guilty item is found in a few steps. (A worker with many slots holds many innocents, and one machine that
//! fails is far more usual than a task that kills; so there the second death decides. To run each of 64 long tasks alone
//! would cost 64 times their time.) Only an item that ran alone is ever failed for deaths.
//!
//! Where nobody is idle, a few workers, at most half, are *drained* for the suspects; the others go on.

use std::time::Duration;

use super::{
    Failure, Instruction, Scheduler, Tags,
    job::Job,
    run::{OfWorker, Piece, Run},
};

/// Into so many pieces a suspect is split.
const PIECES: u32 = 16;

/// So many workers of the lowest bucket are looked at for one that is empty.
const LOOK: usize = 32;

impl Scheduler {
    /// A worker's death was declared.
    pub(super) fn lost(&mut self, worker: u32, now: Duration, out: &mut Vec<Instruction>) {
        let doomed = self.workers[worker].doomed;
        let one_slot = self.workers[worker].slots == 1;
        let held: Vec<u32> = self.workers[worker].held.iter::<_, OfWorker>(&self.runs).collect();
        for at in held {
            let run = self.take_out(at, now);
            let Some(job) = run.job else { continue };
            if run.open == run.piece.end() {
                continue;
            }
            let rest = run.piece.from(run.open);
            match run.twin {
                // The other copy goes on.
                Some(_) => {}
                None if self.jobs[job].options.only.is_some() => self.fail(job, rest, Failure::WorkerGone, out),
                None if doomed => self.again(job, Piece { attempt: rest.attempt + 1, ..rest }, out),
                None => self.suspect(job, &run, rest, one_slot, out),
            }
            self.settle(job, out);
        }
        self.remove_worker(worker, out);
        self.tell_windows(out);
    }

    fn suspect(&mut self, job: u32, run: &Run, rest: Piece, one_slot: bool, out: &mut Vec<Instruction>) {
        let rest = Piece { attempt: rest.attempt + 1, deaths: rest.deaths + 1, ..rest };
        let most = self.jobs[job].options.deaths;
        if run.alone && rest.count == 1 && rest.deaths > most {
            self.fail(job, rest, Failure::Deaths(rest.deaths), out);
        } else if run.alone {
            let pieces = rest.count.min(PIECES);
            let mut first = rest.first;
            for left in (1..=pieces).rev() {
                let count = (rest.end() - first).div_ceil(left);
                self.add_suspect(job, Piece { first, count, ..rest });
                first += count;
            }
        } else if one_slot || rest.deaths > 1 {
            self.add_suspect(job, rest);
        } else {
            self.again(job, rest, out);
        }
    }

    fn add_suspect(&mut self, job: u32, piece: Piece) {
        self.jobs[job].suspects.insert((piece.number, piece.first), piece);
        self.suspects += 1;
        self.fronts.enter_suspects(&mut self.jobs, job);
    }

    /// A worker with nothing to do that may take a suspect of this job.
    pub(super) fn lonely(&self, job: u32) -> Option<u32> {
        let job = &self.jobs[job];
        let empty = |worker: &u32| self.workers[*worker].load() == 0;
        self.fleet.classes.iter().filter(|class| class.tags.cover(job.options.needs)).find_map(|class| {
            let open = class.open.at(0).iter().rev().take(LOOK).find(|worker| empty(worker)).copied();
            let above = || {
                let above = class.above.range(..(job.options.depth, 0, 0)).take(LOOK);
                above.map(|&(_, _, worker)| worker).find(empty)
            };
            open.or_else(above)
        })
    }

    /// Stops giving new work to workers until there are as many as suspects, but at most half of them all.
    pub(super) fn drain(&mut self, needs: Tags, now: Duration, out: &mut Vec<Instruction>) {
        if self.draining >= self.suspects {
            return;
        }
        let most = self.suspects.min((self.fleet.workers(needs) as usize / 2).max(1));
        while self.draining < most {
            let classes = self.fleet.classes.iter().filter(|class| class.tags.cover(needs));
            let lowest = classes.filter_map(|class| Some((class.open.lowest()?, class)));
            let Some((level, class)) = lowest.min_by_key(|&(level, _)| level) else { return };
            let Some(&worker) = class.open.at(level).last() else { return };
            self.workers[worker].draining = true;
            self.draining += 1;
            self.stand(worker);
            self.ask_back_all(worker, false, now, out);
        }
    }

    /// Gives workers that have run empty to the suspects they were drained for, or back.
    pub(super) fn use_drained(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        if self.draining > 0 && self.suspects == 0 {
            // The suspects found other workers; rare, so that looking at all workers costs nothing.
            let drained: Vec<u32> = self.workers.iter().filter(|(_, w)| w.draining).map(|(at, _)| at).collect();
            for at in drained {
                self.undrain(at);
            }
        }
        for worker in std::mem::take(&mut self.drained) {
            let Some(state) = self.workers.get(worker).filter(|state| state.draining && state.load() == 0) else {
                continue;
            };
            let fits = self.fronts.all.iter().filter(|front| state.tags.cover(front.needs));
            let lanes = fits.flat_map(|front| &front.lanes).filter(|(_, lane)| !lane.suspects.is_empty());
            let job = lanes.max_by_key(|(rank, _)| rank.0).map(|(_, lane)| lane.suspects.head);
            self.undrain(worker);
            if let Some(job) = job {
                self.send_suspect(job, worker, now, out);
            }
        }
    }

    pub(super) fn undrain(&mut self, worker: u32) {
        if std::mem::take(&mut self.workers[worker].draining) {
            self.draining -= 1;
            self.stand(worker);
        }
    }

    /// The next item of a run has used up its time: it fails, and its worker is killed.
    pub(super) fn overdue(&mut self, at: u32, out: &mut Vec<Instruction>) {
        let run = &mut self.runs[at];
        if run.void {
            return;
        }
        run.void = true;
        let (item, worker) = (run.next, run.worker);
        if let Some(job) = run.job
            && item < run.piece.end()
        {
            run.next += 1;
            self.close_item(at, item, Failure::Overdue, out);
            self.settle(job, out);
        }
        self.doom(worker, out);
    }
}

impl Job {
    /// Whether all that it owes could be at workers: nothing is queued.
    pub(super) fn is_spent(&self) -> bool {
        self.sealed && self.queued() == 0 && self.suspects.is_empty()
    }
}
