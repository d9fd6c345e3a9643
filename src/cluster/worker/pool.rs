//! The task threads of a worker, and the runs that wait for them.
//!
//! At most `slots` tasks run at a time, each on a thread of its own; a task that waits for its own jobs steps aside and
//! is not counted. What waits is ordered by priority, then by depth (a task's children go before its neighbours, so that
//! tasks that wait are few), then by arrival. Threads are started when they are needed and stay.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::{
    client::Client,
    desk::Desk,
    piece::{CapturedData, Piece},
    running::Running,
    task_scope::Scope,
};
use crate::cluster::{
    error::TaskError,
    protocol::{Captured, FromWorker, JobSpec, Work},
    registry::Entry,
};

/// A task thread's stack: deep recursion in tasks is common, and untouched pages cost nothing.
const STACK: usize = 16 << 20;

/// A job that runs belong to.
#[derive(Debug)]
pub(super) struct JobHere {
    pub(super) spec: JobSpec,
    /// `Err`: it cannot be run here, and why.
    pub(super) entry: Result<&'static Entry, TaskError>,
    pub(super) fold: Option<fn(&mut Piece<'_>)>,
    /// Filled by the first run.
    pub(super) captured: Mutex<Option<Arc<CapturedData>>>,
}

/// A run that waits for a thread.
#[derive(Debug)]
struct Waiting {
    run: u64,
    job: Arc<JobHere>,
    first: u32,
    count: u32,
    attempt: u32,
    payload: Bytes,
}

type Rank = (Reverse<i32>, Reverse<u32>, u64);

#[derive(Debug, Default)]
struct State {
    queue: BTreeMap<Rank, Waiting>,
    ranks: HashMap<u64, Rank>,
    /// Told, but the payload is on its way.
    coming: HashMap<u64, Waiting>,
    active: HashMap<u64, Arc<Running>>,
    arrivals: u64,
    /// Tasks that run and have not stepped aside.
    busy: u32,
    idle: u32,
    closed: bool,
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Pool {
    state: Mutex<State>,
    bell: Condvar,
    slots: u32,
    desk: Desk,
    client: Arc<Client>,
    runtime: tokio::runtime::Handle,
}

impl Pool {
    pub(super) fn new(slots: u32, desk: Desk, client: Arc<Client>, runtime: tokio::runtime::Handle) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), bell: Condvar::new(), slots, desk, client, runtime })
    }

    /// A run was given to this worker; `payload` is `None` while it is on its way.
    pub(super) fn give(
        self: &Arc<Self>,
        run: u64,
        job: Arc<JobHere>,
        (first, count): (u32, u32),
        attempt: u32,
        payload: Option<Bytes>,
    ) {
        let here = payload.is_some();
        let waiting = Waiting { run, job, first, count, attempt, payload: payload.unwrap_or_default() };
        let mut state = self.state.lock();
        if here {
            self.queue(&mut state, waiting);
        } else {
            state.coming.insert(run, waiting);
        }
    }

    /// The payload of a run has come.
    pub(super) fn payload(self: &Arc<Self>, run: u64, payload: Bytes) {
        let mut state = self.state.lock();
        if let Some(mut waiting) = state.coming.remove(&run) {
            waiting.payload = payload;
            self.queue(&mut state, waiting);
        }
    }

    fn queue(self: &Arc<Self>, state: &mut State, waiting: Waiting) {
        state.arrivals += 1;
        let rank = (Reverse(waiting.job.spec.priority), Reverse(waiting.job.spec.depth), state.arrivals);
        state.ranks.insert(waiting.run, rank);
        state.queue.insert(rank, waiting);
        self.call_thread(state);
    }

    /// Sees to it that somebody takes what waits, if a slot is free.
    fn call_thread(self: &Arc<Self>, state: &mut State) {
        if state.busy >= self.slots || state.queue.is_empty() || state.closed {
            return;
        }
        if state.idle > 0 {
            self.bell.notify_one();
            return;
        }
        let pool = Arc::clone(self);
        // Counted as idle until it takes something, so that one arrival starts one thread.
        state.idle += 1;
        let started = thread::Builder::new().name("aqueduct-task".into()).stack_size(STACK).spawn(move || pool.serve());
        if started.is_err() {
            // The system gives no more threads: those there are go on, and the next beat tries again.
            state.idle -= 1;
        }
    }

    /// A task thread.
    fn serve(self: Arc<Self>) {
        let _runtime = self.runtime.enter();
        let mut state = self.state.lock();
        loop {
            // `idle` counts this thread here.
            while state.busy >= self.slots || state.queue.is_empty() {
                if state.closed {
                    return;
                }
                self.bell.wait(&mut state);
            }
            let Some((_, waiting)) = state.queue.pop_first() else { continue };
            state.ranks.remove(&waiting.run);
            state.idle -= 1;
            state.busy += 1;
            let spec = &waiting.job.spec;
            let folds = spec.work != Work::Map;
            let running = Arc::new(Running::new(waiting.run, waiting.attempt, spec.depth + 1, spec.timeout, folds));
            state.active.insert(waiting.run, Arc::clone(&running));
            if state.busy < self.slots && !state.queue.is_empty() {
                self.call_thread(&mut state);
            }
            drop(state);
            let count = waiting.count;
            // Decoding an argument, or dropping a value, is the user's code too: a panic in it must not take the slot along.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.run(waiting, &running))) {
                running.break_off(count, &*payload, &self.desk);
            }
            state = self.state.lock();
            state.active.remove(&running.run);
            state.busy -= 1;
            state.idle += 1;
            if running.is_cancelled() {
                self.desk.say(&FromWorker::Stopped { run: running.run });
            }
        }
    }

    fn run(self: &Arc<Self>, waiting: Waiting, running: &Arc<Running>) {
        let job = &waiting.job;
        let entry = match &job.entry {
            Ok(entry) => *entry,
            Err(error) => return self.desk.unusable(waiting.run, waiting.count, error.clone()),
        };
        let scope = Scope { running: Arc::clone(running), client: Arc::clone(&self.client), pool: Arc::clone(self) };
        scope.enter(|| {
            let captured = match self.captured(job) {
                Ok(captured) => captured,
                Err(error) => return self.desk.unusable(waiting.run, waiting.count, error),
            };
            let mut piece = Piece {
                arguments: waiting.payload,
                before: waiting.first,
                count: waiting.count,
                captured: &captured,
                fold: job.fold,
                running: Arc::clone(running),
                desk: &self.desk,
                folded: None,
                nested: false,
            };
            match (job.spec.work, entry.fold) {
                (Work::Fold, Some(fold)) => fold(&mut piece),
                _ => (entry.run)(&mut piece),
            }
        });
    }

    /// The captured data of a job, fetched by its first run.
    fn captured(&self, job: &JobHere) -> Result<Arc<CapturedData>, TaskError> {
        let mut captured = job.captured.lock();
        if let Some(captured) = &*captured {
            return Ok(Arc::clone(captured));
        }
        let encoded = match &job.spec.captured {
            Captured::Nothing => Bytes::new(),
            Captured::Here(bytes) => Bytes::copy_from_slice(bytes),
            Captured::Constant(digest) => self.client.constants().bytes(digest)?,
        };
        let data = Arc::new(CapturedData { encoded, ..CapturedData::default() });
        *captured = Some(Arc::clone(&data));
        Ok(data)
    }

    /// Asks a run back: gives it back if it has not been started.
    pub(super) fn retract(&self, run: u64) {
        let given_back = self.state.lock().take(run);
        self.desk.say(&if given_back { FromWorker::Retracted { run } } else { FromWorker::Kept { run } });
    }

    /// Nobody wants a run any more.
    pub(super) fn cancel(&self, run: u64) {
        let mut state = self.state.lock();
        if state.take(run) {
            drop(state);
            self.desk.say(&FromWorker::Stopped { run });
        } else if let Some(running) = state.active.get(&run).cloned() {
            drop(state);
            running.cancel();
            self.client.cancel(run);
        }
    }

    /// A task waits for its own jobs: its slot is free.
    pub(super) fn step_aside(self: &Arc<Self>, run: u64) {
        self.desk.say(&FromWorker::Waiting { run });
        let mut state = self.state.lock();
        state.busy -= 1;
        self.call_thread(&mut state);
    }

    /// It goes on; for a moment there may be one more than there are slots.
    pub(super) fn step_back(&self, run: u64) {
        self.state.lock().busy += 1;
        self.desk.say(&FromWorker::Resumed { run });
    }

    /// Called every few milliseconds while anything runs: results are sent, times are checked. False if nothing runs.
    pub(super) fn beat(self: &Arc<Self>) -> bool {
        let active: Vec<_> = {
            let mut state = self.state.lock();
            // Only if a thread could not be started before.
            if state.idle == 0 {
                self.call_thread(&mut state);
            }
            state.active.values().cloned().collect()
        };
        for running in &active {
            running.beat(&self.desk);
        }
        !active.is_empty()
    }

    /// Whether anything runs, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state.lock();
        !state.active.is_empty() || !state.queue.is_empty()
    }

    /// Threads end once they have nothing to do.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.bell.notify_all();
    }
}

impl State {
    /// Takes a run that was not started.
    fn take(&mut self, run: u64) -> bool {
        if let Some(rank) = self.ranks.remove(&run) {
            self.queue.remove(&rank);
            return true;
        }
        self.coming.remove(&run).is_some()
    }
}

/// How often `beat` is called.
pub(super) const BEAT: Duration = Duration::from_millis(5);
