//! The driver's state: the scheduler, and what it does not need to know (payloads, owners, connections).
//!
//! One lock around all of it ([`Shared`](super::Shared)). Users' threads come in to open jobs and push chunks, the I/O
//! thread to tell what workers said. Each tells the scheduler an event and carries its instructions out before the lock is
//! given back; wakers are woken after that. Nothing in here waits: outboxes take what they are given.

use std::{
    collections::{HashMap, HashSet},
    mem,
    ops::Range,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{constants::ConstantTable, seat::Seat};
use crate::{
    cluster::{
        error::{TaskError, WorkerEnd},
        map::mailbox::{Arrival, Mailbox, What, Window},
        protocol::{Captured, Digest, FromWorker, JobSpec, ToWorker, Wishes, Work},
        scheduler::{
            Chunking, Event, Failure, Instruction, JobId, JobOptions, RunId, Scheduler, Settings, Tags, WorkerId,
        },
        summary::Summary,
    },
    net::link,
};

/// So many workers that have gone stand in the summary.
const GONE_MOST: usize = 1024;

/// Whose job it is.
#[derive(Debug)]
pub(super) enum Owner {
    Here(Arc<Mailbox>),
    /// A task on this worker, which knows the job by its own number.
    Worker {
        worker: u32,
        job: u64,
    },
}

#[derive(Debug)]
struct Chunk {
    payload: Bytes,
    items: u32,
    settled: u32,
    /// Where single items stand, of those that panicked.
    spans: HashMap<u32, Range<usize>>,
}

#[derive(Debug)]
struct Job {
    owner: Owner,
    spec: JobSpec,
    chunks: HashMap<u64, Chunk>,
    /// The number of the next chunk.
    pushed: u64,
    /// Workers that know the job.
    told: Vec<u32>,
    /// Its captured data, if they are kept here for it.
    kept: Option<Digest>,
    /// The tags of workers that may run it.
    needs: Tags,
    /// The one worker it is for.
    only: Option<u32>,
    /// How that one ended.
    end: Option<WorkerEnd>,
}

/// What the event that is being handled came with.
#[derive(Debug, Default)]
struct Told {
    payload: Bytes,
    error: Option<TaskError>,
    end: Option<WorkerEnd>,
    /// Which worker said it.
    worker: Option<u32>,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Core {
    scheduler: Scheduler,
    epoch: Instant,
    instructions: Vec<Instruction>,
    pub(super) seats: HashMap<u32, Seat>,
    jobs: HashMap<u64, Job>,
    /// Jobs of workers' tasks, by worker and by its number.
    nested: HashMap<(u32, u64), u64>,
    next_job: u64,
    pub(super) constants: ConstantTable,
    /// The names of the bits of `Tags`.
    tags: Vec<String>,
    /// The tags that workers have or will have.
    pub(super) offered: Vec<Tags>,
    /// No job is taken any more, for this reason.
    pub(super) closed: Option<TaskError>,
    /// To be woken when the lock is free.
    pub(super) wakers: Vec<Waker>,
    /// Mailboxes of jobs that are over, to be dropped when the lock is free: a waker in one may own what takes the lock.
    pub(super) left: Vec<Arc<Mailbox>>,
    /// Workers whose processes are to be killed when the lock is free.
    pub(super) to_kill: Vec<u32>,
    /// Workers that may go.
    pub(super) to_release: Vec<u32>,
    pub(super) summary: Summary,
}

impl Core {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            scheduler: Scheduler::new(settings),
            epoch: Instant::now(),
            instructions: Vec::new(),
            seats: HashMap::new(),
            jobs: HashMap::new(),
            nested: HashMap::new(),
            next_job: 0,
            constants: ConstantTable::default(),
            tags: Vec::new(),
            offered: Vec::new(),
            closed: None,
            wakers: Vec::new(),
            left: Vec::new(),
            to_kill: Vec::new(),
            to_release: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// When a tick is wanted.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.scheduler.wake_at().map(|at| self.epoch + at)
    }

    pub(super) fn tick(&mut self) {
        self.tell(Event::Tick, &mut Told::default());
    }

    // ---- owners ----

    /// The bits of these tags, giving new ones bits; `None` if there are more than 64 in all.
    pub(super) fn bits(&mut self, names: &[String]) -> Option<Tags> {
        let mut bits = 0;
        for name in names {
            let known = self.tags.iter().position(|known| known == name);
            let place = known.unwrap_or(self.tags.len());
            bits |= 1_u64.checked_shl(u32::try_from(place).ok()?)?;
            if known.is_none() {
                self.tags.push(name.clone());
            }
        }
        Some(Tags(bits))
    }

    /// One worker less has these, or will have.
    pub(super) fn offers_no_more(&mut self, tags: Tags) {
        if let Some(place) = self.offered.iter().position(|offered| *offered == tags) {
            self.offered.swap_remove(place);
        }
    }

    fn needed(&self, names: &[String]) -> Result<Tags, TaskError> {
        let mut bits = 0;
        let mut known = true;
        for name in names {
            match self.tags.iter().position(|tag| tag == name) {
                Some(place) => bits |= 1 << place,
                None => known = false,
            }
        }
        if known && (bits == 0 || self.offered.iter().any(|tags| tags.cover(Tags(bits)))) {
            Ok(Tags(bits))
        } else {
            Err(TaskError::NoSuchWorker { needs: names.to_vec(), present: self.offered_names() })
        }
    }

    pub(super) fn open(&mut self, owner: Owner, spec: JobSpec, wishes: &Wishes) -> Result<u64, TaskError> {
        if let Some(reason) = &self.closed {
            return Err(reason.clone());
        }
        let needs = self.needed(&wishes.needs)?;
        if let Some(only) = wishes.only
            && !self.seats.contains_key(&only)
        {
            return Err(self.nobody(vec![format!("worker {only}")]));
        }
        let options = JobOptions {
            priority: spec.priority,
            depth: spec.depth,
            needs,
            only: wishes.only.map(WorkerId),
            deaths: wishes.deaths,
            retries: wishes.retries,
            chunking: wishes.chunk.map_or(Chunking::Automatic, Chunking::Fixed),
            // A folded result cannot be cut where a copy has told a part of it already.
            speculate: wishes.speculate && spec.work == Work::Map,
            // What a function takes to map says nothing about what it takes to fold.
            kind: spec.function.saturating_mul(2) + u32::from(matches!(spec.work, Work::Fold)),
        };
        let job = self.next_job;
        self.next_job += 1;
        if let Owner::Worker { worker, job: theirs } = owner {
            self.nested.insert((worker, theirs), job);
        }
        self.jobs.insert(
            job,
            Job {
                owner,
                spec,
                chunks: HashMap::new(),
                pushed: 0,
                told: Vec::new(),
                kept: None,
                needs,
                only: wishes.only,
                end: None,
            },
        );
        self.tell(Event::Opened { job: JobId(job), options }, &mut Told::default());
        Ok(job)
    }

    pub(super) fn push(&mut self, job: u64, number: u64, items: u32, payload: Bytes) {
        let Some(known) = self.jobs.get_mut(&job) else { return };
        // A worker that numbers its chunks in another way is not heard.
        if items == 0 || number != known.pushed {
            return;
        }
        known.pushed += 1;
        known.chunks.insert(number, Chunk { payload, items, settled: 0, spans: HashMap::new() });
        self.tell(Event::Pushed { job: JobId(job), number, items }, &mut Told::default());
    }

    pub(super) fn seal(&mut self, job: u64) {
        if self.jobs.contains_key(&job) {
            self.tell(Event::Sealed { job: JobId(job) }, &mut Told::default());
        }
    }

    pub(super) fn cancel(&mut self, job: u64, kill: bool) {
        if self.jobs.contains_key(&job) {
            self.tell(Event::Cancelled { job: JobId(job), kill }, &mut Told::default());
        }
    }

    // ---- workers ----

    pub(super) fn joined(&mut self, worker: u32, seat: Seat) {
        let (slots, tags) = (seat.slots, seat.tags);
        // The last one had gone, and there is work to do again.
        if matches!(self.closed, Some(TaskError::NoWorkers(_))) {
            self.closed = None;
        }
        self.seats.insert(worker, seat);
        self.tell(Event::Joined { worker: WorkerId(worker), slots, tags }, &mut Told::default());
    }

    pub(super) fn leaving(&mut self, worker: u32) {
        if self.seats.contains_key(&worker) {
            self.tell(Event::Leaving { worker: WorkerId(worker) }, &mut Told::default());
        }
    }

    /// A worker's death is declared; `expected` if it was told to go.
    pub(super) fn lost(&mut self, worker: u32, end: WorkerEnd, expected: bool) {
        let Some(seat) = self.seats.remove(&worker) else { return };
        if !expected {
            self.summary.deaths += 1;
        }
        if self.summary.workers.len() == GONE_MOST {
            self.summary.workers.remove(0);
        }
        self.summary.workers.push(seat.summary(worker, (!expected).then(|| end.to_string())));
        // What its tasks asked for, nobody waits for any more: the tasks themselves run again, and ask anew.
        let orphans: Vec<_> = self.nested.iter().filter(|((of, _), _)| *of == worker).map(|(_, job)| *job).collect();
        for job in orphans {
            self.cancel(job, false);
        }
        for (digest, other) in self.constants.lost(worker) {
            self.send_constant(other, digest);
        }
        // What is still to come for it fails in the same way.
        for job in self.jobs.values_mut().filter(|job| job.only == Some(worker)) {
            job.end = Some(end.clone());
        }
        self.tell(Event::Lost { worker: WorkerId(worker) }, &mut Told { end: Some(end), ..Told::default() });
    }

    /// A message from a welcomed worker, with its payload.
    pub(super) fn heard(&mut self, worker: u32, message: FromWorker, payload: Bytes) {
        // What was read after its loss was declared is nobody's any more; a job that it opens would never be cancelled.
        if !self.seats.contains_key(&worker) {
            return;
        }
        let mut told = Told { payload, worker: Some(worker), ..Told::default() };
        match message {
            FromWorker::Returned { run, count, busy, away } => {
                // The scheduler learns how long a result takes; the record, how long a slot was at work.
                let busy = Duration::from_nanos(busy);
                if let Some(seat) = self.seats.get_mut(&worker) {
                    seat.returned(count, busy.saturating_sub(Duration::from_nanos(away)), told.payload.len());
                }
                self.summary.bytes_received += told.payload.len() as u64;
                self.tell(Event::Returned { run: RunId(run), count, busy }, &mut told);
            }
            FromWorker::Panicked { run, panic, busy, span } => {
                self.note_span(RunId(run), span);
                told.error = Some(TaskError::Panicked(Box::new(panic)));
                let busy = Duration::from_nanos(busy);
                if let Some(seat) = self.seats.get_mut(&worker) {
                    seat.returned(1, busy, 0);
                }
                self.tell(Event::Failed { run: RunId(run), again: true, busy }, &mut told);
            }
            FromWorker::Unusable { run, count, error } => {
                told.error = Some(error);
                let before = self.summary.failed;
                // Not more than the run has, whatever is said.
                for _ in 0..count.min(self.scheduler.remaining(RunId(run)).unwrap_or(0)) {
                    let event = Event::Failed { run: RunId(run), again: false, busy: Duration::ZERO };
                    self.tell(event, &mut told);
                }
                // The count may be more than was left of the run.
                let failed = u32::try_from(self.summary.failed - before).unwrap_or(count);
                if let Some(seat) = self.seats.get_mut(&worker) {
                    seat.returned(failed, Duration::ZERO, 0);
                }
            }
            FromWorker::Retracted { run } => self.tell(Event::Retracted { run: RunId(run) }, &mut told),
            FromWorker::Kept { run } => self.tell(Event::Kept { run: RunId(run) }, &mut told),
            FromWorker::Stopped { run } => self.tell(Event::Stopped { run: RunId(run) }, &mut told),
            FromWorker::Waiting { run } => self.tell(Event::Waiting { run: RunId(run) }, &mut told),
            FromWorker::Resumed { run } => self.tell(Event::Resumed { run: RunId(run) }, &mut told),
            FromWorker::Overdue { run } => self.tell(Event::Overdue { run: RunId(run) }, &mut told),
            FromWorker::Open { job, parent: _, spec, wishes } => {
                self.open_nested(worker, job, spec, &wishes, &told.payload);
            }
            FromWorker::Push { job, number, items } => {
                if let Some(&job) = self.nested.get(&(worker, job)) {
                    self.push(job, number, items, told.payload);
                }
            }
            FromWorker::Seal { job } => {
                if let Some(&job) = self.nested.get(&(worker, job)) {
                    self.seal(job);
                }
            }
            FromWorker::Drop { job, kill } => {
                if let Some(&job) = self.nested.get(&(worker, job)) {
                    self.cancel(job, kill);
                }
            }
            FromWorker::Fetch { digest, again } => {
                let Some(host) = self.seats.get(&worker).map(|seat| seat.host.clone()) else { return };
                let answer = self.constants.fetch(worker, &host, digest, again);
                self.answer_fetch(worker, digest, answer);
            }
            FromWorker::Stored { digest } => {
                for (other, path) in self.constants.stored(worker, digest) {
                    self.say(other, &ToWorker::ConstantAt { digest, path });
                }
            }
            FromWorker::Unstored { digest } => {
                for other in self.constants.unstored(worker, digest) {
                    self.send_constant(other, digest);
                }
            }
            FromWorker::Hello(_) | FromWorker::Ready | FromWorker::InitFailed(_) | FromWorker::Event(_) => {}
        }
    }

    /// A job of a worker's task; captured data that came beside it are kept as long as the job.
    fn open_nested(&mut self, worker: u32, job: u64, spec: JobSpec, wishes: &Wishes, beside: &Bytes) {
        let kept = match spec.captured {
            Captured::Constant(digest) if !beside.is_empty() => {
                // A small one may share its memory with other messages.
                let small = beside.len() < link::APART;
                self.constants.keep(digest, if small { Bytes::copy_from_slice(beside) } else { beside.clone() });
                Some(digest)
            }
            _ => None,
        };
        match self.open(Owner::Worker { worker, job }, spec, wishes) {
            Ok(ours) => {
                if let Some(opened) = self.jobs.get_mut(&ours) {
                    opened.kept = kept;
                }
            }
            Err(error) => {
                self.release_constant(kept);
                self.say(worker, &ToWorker::Unopened { job, error });
            }
        }
    }

    /// One keeper of a constant less.
    pub(super) fn release_constant(&mut self, kept: Option<Digest>) {
        if let Some(digest) = kept
            && self.constants.release(&digest)
        {
            self.forget_constant(digest);
        }
    }

    fn say(&self, worker: u32, message: &ToWorker) {
        if let Some(seat) = self.seats.get(&worker) {
            seat.say(message, Bytes::new());
        }
    }

    pub(super) fn answer_fetch(&mut self, worker: u32, digest: [u8; 32], answer: super::constants::Answer) {
        use super::constants::Answer;
        match answer {
            Answer::Send => self.send_constant(worker, digest),
            Answer::At(path) => self.say(worker, &ToWorker::ConstantAt { digest, path }),
            Answer::Later => {}
            Answer::Unknown => self.say(worker, &ToWorker::ConstantUnknown { digest }),
        }
    }

    fn send_constant(&mut self, worker: u32, digest: [u8; 32]) {
        let Some(seat) = self.seats.get_mut(&worker) else { return };
        let Some((payload, store)) = self.constants.content(&digest, seat.shares_files) else {
            return seat.say(&ToWorker::ConstantUnknown { digest }, Bytes::new());
        };
        self.summary.bytes_sent += payload.len() as u64;
        seat.sent(payload.len());
        self.summary.constants_sent.count += 1;
        self.summary.constants_sent.bytes += payload.len() as u64;
        seat.say(&ToWorker::Constant { digest, store }, payload);
    }

    /// Nobody needs a constant any more.
    fn forget_constant(&mut self, digest: [u8; 32]) {
        for worker in self.constants.remove(&digest) {
            self.say(worker, &ToWorker::ForgetConstant { digest });
        }
    }

    /// No worker of this number is there.
    fn nobody(&self, needs: Vec<String>) -> TaskError {
        let mut present: Vec<_> = self.seats.keys().collect();
        present.sort_unstable();
        TaskError::NoSuchWorker { needs, present: present.iter().map(|worker| format!("worker {worker}")).collect() }
    }

    /// A worker has gone for good: what no other worker may run would wait for ever.
    pub(super) fn give_up_unservable(&mut self) {
        let served = |needs: Tags| needs == Tags::default() || self.offered.iter().any(|tags| tags.cover(needs));
        let stranded: Vec<u64> = self.jobs.iter().filter(|(_, job)| !served(job.needs)).map(|(at, _)| *at).collect();
        for job in stranded {
            let Some(known) = self.jobs.get(&job) else { continue };
            let names = self.tags.iter().enumerate();
            let needs =
                names.filter(|(bit, _)| known.needs.0 & (1 << bit) != 0).map(|(_, name)| name.clone()).collect();
            let error = TaskError::NoSuchWorker { needs, present: self.offered_names() };
            match &known.owner {
                Owner::Here(mailbox) => self.wakers.extend(mailbox.break_off(error)),
                Owner::Worker { worker, job } => self.say(*worker, &ToWorker::Unopened { job: *job, error }),
            }
            self.cancel(job, false);
        }
    }

    /// The tags that some worker has.
    fn offered_names(&self) -> Vec<String> {
        let offered = self.offered.iter().fold(0, |all, tags| all | tags.0);
        let names = self.tags.iter().enumerate();
        names.filter(|(bit, _)| offered & (1 << bit) != 0).map(|(_, name)| name.clone()).collect()
    }

    /// No worker is left, or none is wanted: every owner is told.
    pub(super) fn break_off(&mut self, reason: &TaskError) {
        self.closed.get_or_insert_with(|| reason.clone());
        // A worker may join later: of these jobs nothing may be left for it.
        let open: Vec<u64> = self.jobs.keys().copied().collect();
        for job in open {
            if let Some(Owner::Here(mailbox)) = self.jobs.get(&job).map(|job| &job.owner) {
                self.wakers.extend(mailbox.break_off(reason.clone()));
            }
            self.cancel(job, false);
        }
        self.jobs.clear();
        self.nested.clear();
    }

    // ---- the scheduler ----

    fn tell(&mut self, event: Event, told: &mut Told) {
        let mut instructions = mem::take(&mut self.instructions);
        self.scheduler.handle(self.epoch.elapsed(), event, &mut instructions);
        for instruction in instructions.drain(..) {
            self.carry_out(instruction, told);
        }
        self.instructions = instructions;
    }

    fn carry_out(&mut self, instruction: Instruction, told: &mut Told) {
        match instruction {
            Instruction::Run { run, worker, range, attempt } => {
                let (Some(seat), Some(job)) = (self.seats.get_mut(&worker.0), self.jobs.get_mut(&range.job.0)) else {
                    return;
                };
                let Some(chunk) = job.chunks.get(&range.number) else { return };
                if seat.tell_of(range.job.0) {
                    job.told.push(worker.0);
                    seat.say(&ToWorker::Job { job: range.job.0, spec: job.spec.clone() }, Bytes::new());
                }
                if attempt > 1 {
                    self.summary.retried += u64::from(range.count);
                }
                let (first, payload) = match chunk.spans.get(&range.first).filter(|_| range.count == 1) {
                    Some(span) => (0, chunk.payload.slice(span.clone())),
                    None => (range.first, chunk.payload.clone()),
                };
                self.summary.bytes_sent += payload.len() as u64;
                seat.sent(payload.len());
                let message = ToWorker::Run { run: run.0, job: range.job.0, first, count: range.count, attempt };
                seat.say(&message, payload);
            }
            Instruction::Retract { run, worker } => self.say(worker.0, &ToWorker::Retract { run: run.0 }),
            Instruction::Cancel { run, worker } => self.say(worker.0, &ToWorker::Cancel { run: run.0 }),
            Instruction::Kill { worker } => self.to_kill.push(worker.0),
            Instruction::Deliver { range, skip } => {
                self.summary.tasks += u64::from(range.count);
                let bytes = told.payload.clone();
                self.deliver(range.job.0, range.number, range.first, range.count, What::Values { bytes, skip });
            }
            Instruction::Fail { range, failure } => {
                self.summary.tasks += u64::from(range.count);
                self.summary.failed += u64::from(range.count);
                let error = self.failure(failure, range.job.0, told);
                self.deliver(range.job.0, range.number, range.first, range.count, What::Failed(error));
            }
            Instruction::Window { job, chunks, items } => {
                let Some(job) = self.jobs.get(&job.0) else { return };
                match &job.owner {
                    Owner::Here(mailbox) => self.wakers.extend(mailbox.set_window(Window { chunks, items })),
                    Owner::Worker { worker, job } => {
                        self.say(*worker, &ToWorker::Window { job: *job, chunks, items });
                    }
                }
            }
            Instruction::Settled { job } => {
                let Some(known) = self.jobs.remove(&job.0) else { return };
                self.release_constant(known.kept);
                match known.owner {
                    Owner::Here(mailbox) => self.left.push(mailbox),
                    Owner::Worker { worker, job } => drop(self.nested.remove(&(worker, job))),
                }
                for worker in known.told {
                    // It may have gone since.
                    if let Some(seat) = self.seats.get_mut(&worker)
                        && seat.forget(job.0)
                    {
                        seat.say(&ToWorker::Forget { job: job.0 }, Bytes::new());
                    }
                }
            }
            Instruction::Release { worker } => self.to_release.push(worker.0),
        }
    }

    fn failure(&self, failure: Failure, job: u64, told: &Told) -> TaskError {
        let place = || told.worker.and_then(|worker| self.seats.get(&worker)).map(|seat| seat.place.clone());
        match failure {
            Failure::Panicked => told.error.clone().unwrap_or(TaskError::Cancelled),
            Failure::Overdue => {
                let limit = self.jobs.get(&job).and_then(|job| job.spec.timeout).unwrap_or_default();
                TaskError::TimedOut { limit, place: place() }
            }
            Failure::Deaths(_) | Failure::WorkerGone => {
                let deaths = if let Failure::Deaths(deaths) = failure { deaths } else { 1 };
                match told.end.as_ref().or_else(|| self.jobs.get(&job)?.end.as_ref()) {
                    Some(end) => TaskError::WorkersDied { deaths, end: Box::new(end.clone()) },
                    None => match self.jobs.get(&job).and_then(|job| job.only) {
                        Some(only) => self.nobody(vec![format!("worker {only}")]),
                        None => TaskError::Cancelled,
                    },
                }
            }
        }
    }

    /// Where the arguments of an item that panicked stand in its chunk: another try needs no more than them.
    fn note_span(&mut self, run: RunId, (from, to): (u32, u32)) {
        let Some((job, number, item)) = self.scheduler.next_item(run) else { return };
        let Some(chunk) = self.jobs.get_mut(&job.0).and_then(|job| job.chunks.get_mut(&number)) else { return };
        let span = from as usize..to as usize;
        if span.start <= span.end && span.end <= chunk.payload.len() {
            // If it is known, the run had no more than the item, and the place is of that.
            chunk.spans.entry(item).or_insert(span);
        }
    }

    /// Hands results, or their absence, to the owner of the job.
    fn deliver(&mut self, job_number: u64, number: u64, first: u32, count: u32, what: What) {
        let Some(job) = self.jobs.get_mut(&job_number) else { return };
        if let Some(chunk) = job.chunks.get_mut(&number) {
            chunk.settled += count;
            if chunk.settled >= chunk.items {
                job.chunks.remove(&number);
            }
        }
        match &job.owner {
            Owner::Here(mailbox) => self.wakers.extend(mailbox.arrive(Arrival { number, first, count, what })),
            Owner::Worker { worker, job } => {
                let Some(seat) = self.seats.get(worker) else { return };
                let job = *job;
                match what {
                    What::Values { bytes, skip } => {
                        seat.say(&ToWorker::Arrived { job, number, first, count, skip }, bytes);
                    }
                    What::Failed(error) => {
                        seat.say(&ToWorker::Broken { job, number, first, count, error }, Bytes::new());
                    }
                }
            }
        }
    }

    /// The record so far.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.summary.clone();
        summary.elapsed = self.epoch.elapsed();
        for (number, seat) in &self.seats {
            summary.workers.push(seat.summary(*number, None));
        }
        summary.workers.sort_by_key(|worker| worker.worker);
        summary
    }

    /// Workers that have a seat.
    pub(super) fn workers(&self) -> HashSet<u32> {
        self.seats.keys().copied().collect()
    }
}
