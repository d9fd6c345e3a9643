//! The scheduler: a pure state machine. Events and the time go in, instructions come out.
//!
//! It has no sockets, no clock, no payloads, so that production (QUIC) and the simulator (`tests/simulator`) drive the
//! same code, and so that a seed replays. `event.rs` holds its language.
//!
//! # The way of an item
//!
//! ```text
//!  Pushed ─► fresh ─┐                 ┌─► Queued ─► Running ◄─► Waiting (for children)
//!            again ─┼─► Run to a ─────┤      │         │
//!         suspects ─┘   worker        │      └► Asked ─┴─► Deliver, Fail  … Settled
//!            ▲  ▲                     │           │
//!            │  └──── Lost ───────────┴───────────┤
//!            └──── Retracted, panicked ───────────┘
//! ```
//!
//! # What always holds
//!
//! 1. Every item pushed is delivered once or fails once, unless its job is cancelled. It is in one place: queued, or in
//!    one run that is outstanding, or in two runs that are copies of each other. It runs twice only after a death, a
//!    panic, or as a copy that the job allowed.
//! 2. What is said about a run that is not outstanding changes nothing.
//! 3. A worker holds no more than its slots, its waiting tasks, and per slot between none and `prefetch_most` runs that
//!    wait; what waits for a slot and was not asked back can be asked back, once.
//! 4. Higher priority goes first, then deeper jobs, then jobs in turn (a long run costs several turns), then what is tried
//!    again, then input order. Among jobs with the same needs nobody goes past the first.
//! 5. Chunks grow at most eightfold per step towards `chunk_time`, and shrink at once.
//! 6. A run suspected of a worker's death has its worker to itself, except for tasks that wait; only an item that ran so
//!    alone fails for deaths.
//! 7. An item whose time was used up fails and is not tried again; what else its worker held goes again, unsuspected.
//! 8. A run has at most one copy. The death of one is nothing while the other lives.
//! 9. A leaving worker gets nothing new, except children that its own tasks wait for.
//! 10. A job is settled at once when it is cancelled; nothing of it remains but slots held until their workers let go.
//! 11. All memory depends on what is queued, outstanding, or open: nothing grows with what is done.
//!
//! `audit` checks all of them that can be seen in a state; `tests.rs` has each as a story; the simulator checks them
//! against a world that it keeps itself.
//!
//! # Who does what
//!
//! | file | idea |
//! |---|---|
//! | `slab`, `run`, `job`, `worker` | what is known of each, and the lists that run through them |
//! | `fleet` | the least loaded worker, and the most loaded, in a few steps |
//! | `turn`, `dispatch` | whose turn it is, and sending |
//! | `books`, `reports`, `members` | steps that keep the books; what workers say; who comes and goes |
//! | `chunking` | sizes, windows, how much is sent ahead |
//! | `retract`, `stuck`, `suspects`, `speculation` | idle workers, workers that do not get on, deaths, stragglers |
//!
//! Against deadlock of nested jobs: a task that waits frees its slot, deeper runs go first, both here and at the worker,
//! and shallow runs sent ahead do not count as standing in the way of a deeper one (`Worker::has_room`). A worker with
//! many waiting tasks takes only runs that are deeper than all of them, so that what the deepest of them waits for can
//! always come in.

mod audit;
mod books;
mod chunking;
mod dispatch;
mod event;
mod fleet;
mod job;
mod members;
mod reports;
mod retract;
mod run;
mod slab;
mod speculation;
mod stuck;
mod suspects;
#[cfg(test)]
mod tests;
mod turn;
mod views;
mod worker;

pub use event::{Chunking, Event, Failure, Instruction, JobId, JobOptions, Range, RunId, Tags, WorkerId};
pub use views::{Counts, Load};

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use self::{
    chunking::Kinds,
    fleet::Fleet,
    job::{Job, Jobs},
    retract::Asks,
    run::Runs,
    slab::{ById, Slab},
    turn::Fronts,
    worker::Worker,
};

/// How long tasks have to end by themselves after a cancel, before their workers are killed.
const GRACE: Duration = Duration::from_millis(100);

/// What can be tuned.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an automatic chunk should take.
    pub chunk_time: Duration,
    /// How much work, in time, a worker should hold beyond what it runs: it covers the way to the driver and
    /// back, and a driver that shares its processor with its workers: with 2 ms, tasks of 1 ms kept two workers on two CPUs
    /// busy for 89 %, with 10 ms for 98.5 %.
    pub prefetch_time: Duration,
    /// At most so many runs wait at a worker, per slot; more than 500 are taken as 500.
    pub prefetch_most: u32,
    /// At most so many items go into an automatic chunk.
    pub items_most: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chunk_time: Duration::from_millis(2),
            prefetch_time: Duration::from_millis(10),
            prefetch_most: 256,
            items_most: 65_536,
        }
    }
}

impl Settings {
    fn prefetch_most(&self) -> u32 {
        self.prefetch_most.clamp(1, 500)
    }
}

/// Decides which worker runs what, and when.
///
/// ```
/// use std::time::Duration;
/// use aqueduct::cluster::scheduler::{Event, Instruction, JobId, JobOptions, Scheduler, Settings, Tags, WorkerId};
///
/// let mut scheduler = Scheduler::new(Settings::default());
/// let mut out = Vec::new();
/// let (now, job, worker) = (Duration::ZERO, JobId(1), WorkerId(1));
/// scheduler.handle(now, Event::Joined { worker, slots: 1, tags: Tags::default() }, &mut out);
/// scheduler.handle(now, Event::Opened { job, options: JobOptions::default() }, &mut out);
/// out.clear();
/// scheduler.handle(now, Event::Pushed { job, number: 0, items: 1 }, &mut out);
/// let Instruction::Run { run, .. } = out[0] else { panic!("the item is sent") };
/// out.clear();
/// scheduler.handle(now, Event::Returned { run, count: 1, busy: Duration::from_millis(1) }, &mut out);
/// assert!(matches!(out[0], Instruction::Window { .. } | Instruction::Deliver { .. }));
/// ```
#[derive(Debug)]
pub struct Scheduler {
    settings: Settings,
    workers: Slab<Worker>,
    worker_ids: ById<WorkerId>,
    jobs: Jobs,
    job_ids: ById<JobId>,
    runs: Runs,
    run_ids: ById<RunId>,
    fleet: Fleet,
    fronts: Fronts,
    kinds: Kinds,
    /// Numbers of runs given away.
    next_run: u64,
    /// Counts passes of `dispatch`.
    pass: u64,
    /// Jobs that are not sealed.
    unsealed: Vec<u32>,
    /// Suspects that are queued.
    suspects: usize,
    /// Workers that are drained for suspects.
    draining: usize,
    /// Drained workers that have run empty in this step.
    drained: Vec<u32>,
    /// Workers with jobs bound to them that have changed in this step.
    touched: Vec<u32>,
    /// Leaving workers that have become empty in this step.
    empty: Vec<u32>,
    asks: Asks,
    /// When all queues were looked at last.
    looked: Duration,
    /// Cancelled runs whose workers are killed then, oldest first.
    graces: VecDeque<(Duration, RunId)>,
    /// When slow runs of jobs are looked at.
    checks: BTreeSet<(Duration, u32)>,
}

impl Scheduler {
    /// A scheduler without workers or jobs.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            workers: Slab::new(),
            worker_ids: ById::default(),
            jobs: Slab::new(),
            job_ids: ById::default(),
            runs: Slab::new(),
            run_ids: ById::default(),
            fleet: Fleet::new(),
            fronts: Fronts::default(),
            kinds: Kinds::default(),
            next_run: 0,
            pass: 0,
            unsealed: Vec::new(),
            suspects: 0,
            draining: 0,
            drained: Vec::new(),
            touched: Vec::new(),
            empty: Vec::new(),
            asks: Asks::default(),
            looked: Duration::ZERO,
            graces: VecDeque::new(),
            checks: BTreeSet::new(),
        }
    }

    /// Takes note of what happened, and appends what is to be done about it to `out`, in order.
    ///
    /// `now` is the time since any fixed start, and never goes back. Events about workers, jobs and runs that are not
    /// known (any more) change nothing; a `count` that is larger than what is left of a run is taken as what is left.
    pub fn handle(&mut self, now: Duration, event: Event, out: &mut Vec<Instruction>) {
        match event {
            Event::Joined { worker, slots, tags } => self.joined(worker, slots, tags, out),
            Event::Lost { worker } => {
                if let Some(&worker) = self.worker_ids.get(&worker) {
                    self.lost(worker, now, out);
                }
            }
            Event::Leaving { worker } => {
                if let Some(&worker) = self.worker_ids.get(&worker) {
                    self.leaving(worker, now, out);
                }
            }
            Event::Opened { job, options } => self.opened(job, options, out),
            Event::Pushed { job, number, items } => self.pushed(job, number, items, out),
            Event::Sealed { job } => {
                if let Some(&job) = self.job_ids.get(&job) {
                    self.no_more_input(job);
                    self.watch(job, now);
                    self.settle(job, out);
                }
            }
            Event::Cancelled { job, kill } => {
                if let Some(&job) = self.job_ids.get(&job) {
                    self.cancelled(job, kill, now, out);
                }
            }
            Event::Tick => self.tick(now, out),
            Event::Returned { run, .. }
            | Event::Failed { run, .. }
            | Event::Retracted { run }
            | Event::Kept { run }
            | Event::Stopped { run }
            | Event::Waiting { run }
            | Event::Resumed { run }
            | Event::Overdue { run } => {
                if let Some(&run) = self.run_ids.get(&run) {
                    self.told(run, event, now, out);
                }
            }
        }
        self.dispatch(now, out);
        self.release(out);
        debug_assert_eq!(self.glance(), Ok(()));
    }

    /// Something was said about a run that is outstanding.
    fn told(&mut self, at: u32, event: Event, now: Duration, out: &mut Vec<Instruction>) {
        match event {
            Event::Returned { count, busy, .. } => self.returned(at, count, busy, now, out),
            Event::Failed { again, busy, .. } => self.failed(at, again, busy, now, out),
            Event::Retracted { .. } => self.retracted(at, now, out),
            Event::Kept { .. } => self.kept(at, now),
            Event::Stopped { .. } => self.stopped(at, now),
            Event::Waiting { .. } => self.waiting(at, now, out),
            Event::Resumed { .. } => self.resumed(at, now),
            Event::Overdue { .. } => self.overdue(at, out),
            _ => {}
        }
    }

    /// When a `Tick` is wanted, at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<Duration> {
        let grace = self.graces.front().map(|&(due, _)| due);
        let check = self.checks.first().map(|&(due, _)| due);
        let asks = self.asks_expire().filter(|_| self.fleet.idle > 0);
        [grace, check, asks, self.next_look()].into_iter().flatten().min()
    }

    fn opened(&mut self, id: JobId, options: JobOptions, out: &mut Vec<Instruction>) {
        if self.job_ids.contains_key(&id) {
            return;
        }
        let mut job = Job::new(id, options);
        self.kinds.begin(job.options.kind, job.options.chunking, &mut job.pace);
        let at = self.jobs.insert(job);
        self.job_ids.insert(id, at);
        self.jobs[at].unsealed_at = u32::try_from(self.unsealed.len()).expect("fewer than 2^32 jobs");
        self.unsealed.push(at);
        self.tell_window(at, out);
    }

    fn pushed(&mut self, id: JobId, number: u64, items: u32, out: &mut Vec<Instruction>) {
        let Some(&at) = self.job_ids.get(&id) else { return };
        let job = &mut self.jobs[at];
        let next = !job.sealed && number == job.pushed && items > 0;
        debug_assert!(next, "chunk {number} of {items} items pushed where chunk {} is due", job.pushed);
        if next {
            job.push(items);
            self.line_up(at, out);
        }
    }

    fn cancelled(&mut self, at: u32, kill: bool, now: Duration, out: &mut Vec<Instruction>) {
        if kill {
            // Those whose tasks have ended since are not worth a place.
            if self.graces.len() > 64 + 2 * self.runs.len() {
                self.graces.retain(|(_, run)| self.run_ids.contains_key(run));
            }
            for run in self.jobs[at].out.iter::<_, run::OfJob>(&self.runs) {
                self.graces.push_back((now + GRACE, self.runs[run].id));
            }
        }
        self.forget_job(at, out);
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Instruction>) {
        while let Some(&(due, run)) = self.graces.front()
            && due <= now
        {
            self.graces.pop_front();
            if let Some(&run) = self.run_ids.get(&run) {
                self.doom(self.runs[run].worker, out);
            }
        }
        self.copy_slow(now, out);
        self.free_the_stuck(now, out);
    }
}
