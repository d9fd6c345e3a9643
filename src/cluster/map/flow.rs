//! The part of a map that does not depend on types: what is under way, what has arrived, what comes next.
//!
//! Chunks are numbered from 0 in input order. Of each chunk from the first that is not consumed, `notes` knows its items
//! and how many have not arrived. Arrivals of an ordered map wait in `early` until they are next; those of an unordered
//! one go to `ready` at once. Memory is what is under way: `bytes_out` (arguments not yet answered) and `bytes_back`
//! (results not yet consumed) and the results that are still to come, which are taken to be as large as those that have
//! come, together stay below the budget before more input is read; one chunk is always allowed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use bytes::Bytes;

use super::{
    mailbox::{Arrival, Mailbox, What, Window},
    options::{OnError, TaskOptions},
    port::{Close, JobKey, Keep, Port},
};
use crate::cluster::{driver::KeptConstant, error::TaskError, progress::Progress, protocol::JobSpec};

/// What a chunk, and an arrival, cost beside their bytes, in the budget.
const CHUNK_COST: usize = 128;

#[derive(Debug)]
struct Note {
    items: u32,
    missing: u32,
    bytes: usize,
    /// Constants that its arguments name.
    _kept: Vec<Arc<KeptConstant>>,
}

/// Results that are being consumed.
#[derive(Debug)]
pub(super) enum Current {
    /// Encoded results from `at`; `left` more, after `skip` that are known already.
    Values { bytes: Bytes, at: usize, skip: u32, left: u32 },
    /// So many more items without a result.
    Failed { error: TaskError, left: u32 },
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(super) port: Arc<dyn Port>,
    pub(super) spec: JobSpec,
    pub(super) options: TaskOptions,
    pub(super) mailbox: Arc<Mailbox>,
    _keep: Vec<Keep>,
    /// Whether a second copy of a task may run.
    pure: bool,
    pub(crate) ordered: bool,
    pub(super) progress: Option<Progress>,
    /// The input has nothing at the moment, and will wake its reader.
    pub(super) stalled: bool,
    job: Option<JobKey>,
    window: Window,
    /// The number of `notes[0]`, and of the next chunk.
    base: u64,
    next: u64,
    /// Chunks that were sent; the port numbers these alone.
    sent: u64,
    /// Before which of those an item failed that could not be sent, and took a number here; and how many did so before.
    unsent: VecDeque<u64>,
    unsent_before: u64,
    notes: VecDeque<Note>,
    /// Chunks of which something is missing.
    outstanding: u32,
    bytes_out: usize,
    bytes_back: usize,
    /// Items whose results are still to come.
    missing: u64,
    /// Results that have come, and their bytes.
    came: u64,
    bytes_came: u64,
    sealed: bool,
    /// Items sent so far.
    items: u64,
    /// The next of an ordered map: chunk and item.
    expected: (u64, u32),
    early: BTreeMap<(u64, u32), Arrival>,
    ready: VecDeque<Arrival>,
    taken: Vec<Arrival>,
    current: Option<Current>,
    over: bool,
}

/// What a look at the mailbox gave.
#[derive(Debug)]
pub(super) enum Look {
    /// `current` has something.
    Loaded,
    /// Nothing yet.
    Nothing,
    /// All is consumed.
    Finished,
    /// The job as a whole is over.
    Broken(TaskError),
}

impl Flow {
    pub(crate) fn new(port: Arc<dyn Port>, spec: JobSpec, options: TaskOptions, keep: Vec<Keep>, pure: bool) -> Self {
        Self {
            port,
            spec,
            options,
            mailbox: Arc::new(Mailbox::new()),
            _keep: keep,
            pure,
            ordered: true,
            progress: None,
            stalled: false,
            job: None,
            window: Window { chunks: 1, items: 1 },
            base: 0,
            next: 0,
            sent: 0,
            unsent: VecDeque::new(),
            unsent_before: 0,
            notes: VecDeque::new(),
            outstanding: 0,
            bytes_out: 0,
            bytes_back: 0,
            missing: 0,
            came: 0,
            bytes_came: 0,
            sealed: false,
            items: 0,
            expected: (0, 0),
            early: BTreeMap::new(),
            ready: VecDeque::new(),
            taken: Vec::new(),
            current: None,
            over: false,
        }
    }

    pub(super) fn start(&mut self) -> Result<(), TaskError> {
        if self.options.speculate && !self.pure {
            return Err(TaskError::NotPure);
        }
        let job = self.port.open(self.spec.clone(), self.options.wishes(), Arc::clone(&self.mailbox))?;
        self.job = Some(job);
        self.window = self.mailbox.take(&mut self.taken, None).window;
        Ok(())
    }

    /// Whether another chunk may be sent now.
    pub(super) fn has_room(&self) -> bool {
        !self.sealed
            && self.outstanding < self.window.chunks.max(1)
            && (self.bytes_out + self.bytes_back + self.bytes_to_come() < self.options.in_flight
                || (self.outstanding == 0 && self.bytes_back == 0))
    }

    /// How large the results that are still to come should be.
    fn bytes_to_come(&self) -> usize {
        let each = self.bytes_came.checked_div(self.came).unwrap_or(0);
        usize::try_from(self.missing.saturating_mul(each)).unwrap_or(usize::MAX)
    }

    /// How many items the next chunk should hold.
    pub(super) fn chunk_items(&self) -> u32 {
        self.options.chunk.unwrap_or(self.window.items).max(1)
    }

    /// Whether nothing is under way.
    pub(super) fn idle(&self) -> bool {
        self.outstanding == 0
    }

    pub(super) fn push(&mut self, items: u32, payload: Bytes, kept: Vec<Arc<KeptConstant>>) {
        let Some(job) = self.job else { return };
        let bytes = payload.len() + CHUNK_COST;
        self.notes.push_back(Note { items, missing: items, bytes, _kept: kept });
        self.outstanding += 1;
        self.items += u64::from(items);
        self.missing += u64::from(items);
        self.bytes_out += bytes;
        self.next += 1;
        let number = self.sent;
        self.sent += 1;
        self.port.push(job, number, items, payload);
    }

    /// The next item cannot even be sent: its failure takes its place among the results.
    pub(super) fn push_failed(&mut self, error: TaskError) {
        self.notes.push_back(Note { items: 1, missing: 1, bytes: CHUNK_COST, _kept: Vec::new() });
        self.outstanding += 1;
        self.bytes_out += CHUNK_COST;
        self.missing += 1;
        self.unsent.push_back(self.sent);
        let number = self.next;
        self.next += 1;
        self.file(Arrival { number, first: 0, count: 1, what: What::Failed(error) });
    }

    pub(super) fn seal(&mut self) {
        if let (Some(job), false) = (self.job, self.sealed) {
            self.sealed = true;
            self.port.seal(job);
            if let Some(progress) = &self.progress {
                progress.set_total(self.items);
            }
        }
    }

    /// Gives the results that are being consumed.
    pub(super) fn current(&mut self) -> &mut Option<Current> {
        &mut self.current
    }

    /// Makes `current` hold something, if anything has arrived; else leaves `waker` to be woken.
    pub(super) fn look(&mut self, waker: Option<&Waker>) -> Look {
        if self.current.is_some() {
            return Look::Loaded;
        }
        if self.load() {
            return Look::Loaded;
        }
        let taken = self.mailbox.take(&mut self.taken, waker);
        self.window = taken.window;
        let mut arrived = std::mem::take(&mut self.taken);
        for arrival in arrived.drain(..) {
            let number = self.number(arrival.number);
            self.file(Arrival { number, ..arrival });
        }
        self.taken = arrived;
        if self.load() {
            return Look::Loaded;
        }
        if let Some(error) = taken.broken {
            return Look::Broken(error);
        }
        if self.sealed && self.outstanding == 0 && self.early.is_empty() {
            self.over = true;
            return Look::Finished;
        }
        Look::Nothing
    }

    /// What the port calls so, by our number.
    fn number(&self, sent: u64) -> u64 {
        sent + self.unsent_before + self.unsent.partition_point(|before| *before <= sent) as u64
    }

    /// Notes an arrival.
    fn file(&mut self, arrival: Arrival) {
        let Some(note) =
            arrival.number.checked_sub(self.base).and_then(|place| self.notes.get_mut(usize::try_from(place).ok()?))
        else {
            return;
        };
        note.missing = note.missing.saturating_sub(arrival.count);
        if note.missing == 0 {
            self.outstanding -= 1;
            self.bytes_out -= note.bytes;
        }
        self.missing = self.missing.saturating_sub(u64::from(arrival.count));
        if let What::Values { bytes, .. } = &arrival.what {
            self.bytes_back += bytes.len() + CHUNK_COST;
            self.came += u64::from(arrival.count);
            self.bytes_came += bytes.len() as u64;
        }
        if let Some(progress) = &self.progress {
            match arrival.what {
                What::Values { .. } => progress.advance(u64::from(arrival.count)),
                What::Failed(_) => {
                    progress.advance(u64::from(arrival.count));
                    progress.failed(u64::from(arrival.count));
                }
            }
        }
        if self.ordered {
            self.early.insert((arrival.number, arrival.first), arrival);
        } else {
            self.ready.push_back(arrival);
            self.forget_consumed();
        }
    }

    /// Drops the notes of chunks that are over.
    fn forget_consumed(&mut self) {
        while let Some(note) = self.notes.front()
            && note.missing == 0
            && (!self.ordered || self.base < self.expected.0)
        {
            self.notes.pop_front();
            self.base += 1;
        }
        while self.unsent.front().is_some_and(|sent| sent + self.unsent_before < self.base) {
            self.unsent.pop_front();
            self.unsent_before += 1;
        }
    }

    /// Takes the next arrival, in order if that is asked, as `current`.
    fn load(&mut self) -> bool {
        loop {
            let arrival = if self.ordered {
                match self.early.first_key_value() {
                    Some((&key, _)) if key == self.expected => self.early.pop_first().map(|(_, arrival)| arrival),
                    _ => None,
                }
            } else {
                self.ready.pop_front()
            };
            let Some(arrival) = arrival else { return false };
            if self.ordered {
                let reached = arrival.first + arrival.count;
                let items = (arrival.number - self.base) as usize;
                self.expected = if self.notes.get(items).is_some_and(|note| reached < note.items) {
                    (arrival.number, reached)
                } else {
                    (arrival.number + 1, 0)
                };
                self.forget_consumed();
            }
            match arrival.what {
                What::Values { bytes, skip } => {
                    self.bytes_back -= bytes.len() + CHUNK_COST;
                    self.current = Some(Current::Values { bytes, at: 0, skip, left: arrival.count });
                }
                What::Failed(_) if self.options.on_error == OnError::Skip => continue,
                What::Failed(error) => self.current = Some(Current::Failed { error, left: arrival.count }),
            }
            return true;
        }
    }

    /// Where the next result begins is not known: what is left of these has none.
    pub(super) fn spoil(&mut self, error: TaskError) {
        let Some(Current::Values { left, .. }) = self.current else { return };
        if let Some(progress) = &self.progress {
            progress.failed(u64::from(left));
        }
        self.current = (self.options.on_error != OnError::Skip).then_some(Current::Failed { error, left });
    }

    /// Nobody takes anything more: workers are told.
    pub(super) fn stop(&mut self) {
        if let Some(job) = self.job.take() {
            let how = match (self.over, self.options.kill) {
                (true, _) => Close::Done,
                (false, false) => Close::Cancelled,
                (false, true) => Close::Killing,
            };
            self.port.close(job, how);
        }
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
        self.sealed = true;
        self.current = None;
        self.early.clear();
        self.ready.clear();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop();
    }
}
