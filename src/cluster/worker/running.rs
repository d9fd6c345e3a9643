//! One run on this worker, as its task thread and the I/O thread both see it.
//!
//! Results that wait to be sent are behind a lock that both take: the task thread for a moment after each item, the I/O
//! thread in its beat, when an item takes long. So results never wait for the item after them, and an item that has used up
//! its time is the first that the driver has not heard of: what is said about it cannot hit its neighbour. Whatever is sent
//! about a run is sent under that lock, and so in order.

use std::{
    any::Any,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    task::Waker,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};

use super::{desk::Desk, panics, pool::BEAT};
use crate::cluster::{
    error::{Place, TaskError},
    protocol::FromWorker,
};

/// So many bytes are kept ready for the next results.
const ROOM_MOST: usize = 256 << 10;

/// Nobody wants the results: end.
const CANCEL: u8 = 1;
/// Results have waited long enough (asked of runs whose results are folded first, which is the task thread's to do).
const SEND: u8 = 2;
/// The async task has used up its time.
const EXPIRED: u8 = 4;

/// An async task that does not come to an await within so long after its time is treated like a plain function.
const GRACE: Duration = Duration::from_millis(100);

/// Who is woken by a signal.
#[derive(Debug, Default)]
struct Wakers {
    /// The loop of the async task that runs: it drops the task.
    own: Option<Waker>,
    /// Parts of tasks that wait for the cancel elsewhere.
    parts: Vec<Waker>,
}

/// Results that wait to be sent.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) values: Vec<u8>,
    pub(super) count: u32,
    /// When results were last sent.
    pub(super) since: Instant,
    /// The driver was told that this run is over: nothing more is sent.
    pub(super) over: bool,
}

/// A run that has been started, or is about to be.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) run: u64,
    pub(crate) attempt: u32,
    /// How deep jobs that its tasks open are nested.
    pub(crate) depth: u32,
    timeout: Option<Duration>,
    signals: AtomicU8,
    born: Instant,
    /// When the item that runs was begun: nanoseconds after `born`, plus 1; 0 between items. Kept only under a timeout.
    begun: AtomicU64,
    wakers: Mutex<Wakers>,
    results: Mutex<Results>,
    /// Results are folded before they are sent.
    folds: bool,
    /// Nanoseconds that its tasks have waited for their own jobs, since they were last told.
    away: AtomicU64,
    /// Jobs of its tasks that are not over.
    pub(crate) jobs: AtomicU32,
}

impl Running {
    pub(super) fn new(run: u64, attempt: u32, depth: u32, timeout: Option<Duration>, folds: bool) -> Self {
        let born = Instant::now();
        Self {
            run,
            attempt,
            depth,
            timeout,
            signals: AtomicU8::new(0),
            born,
            begun: AtomicU64::new(0),
            wakers: Mutex::default(),
            results: Mutex::new(Results { values: Vec::new(), count: 0, since: born, over: false }),
            folds,
            away: AtomicU64::new(0),
            jobs: AtomicU32::new(0),
        }
    }

    /// An item begins.
    #[inline]
    pub(super) fn begin(&self) {
        if self.timeout.is_some() {
            let nanos = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX - 1);
            self.begun.store(nanos + 1, Relaxed);
        }
    }

    /// It has ended: gives the results that wait, for its own to be added.
    #[inline]
    pub(super) fn end(&self) -> MutexGuard<'_, Results> {
        let results = self.results.lock();
        if self.timeout.is_some() {
            self.begun.store(0, Relaxed);
            self.signals.fetch_and(!EXPIRED, Relaxed);
        }
        results
    }

    /// The results that wait.
    pub(super) fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock()
    }

    /// Whether each item's result is to be sent alone: a fold would hide which item is overdue.
    pub(super) fn sends_each(&self) -> bool {
        self.folds && self.timeout.is_some()
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.signals.load(Relaxed) & CANCEL != 0
    }

    pub(super) fn is_expired(&self) -> bool {
        self.signals.load(Relaxed) & EXPIRED != 0
    }

    /// Whether results should be sent now; asks once per request.
    #[inline]
    pub(super) fn should_send(&self) -> bool {
        if self.signals.load(Relaxed) & SEND == 0 {
            return false;
        }
        self.signals.fetch_and(!SEND, Relaxed);
        true
    }

    pub(super) fn cancel(&self) {
        self.signal(CANCEL);
    }

    fn signal(&self, signal: u8) {
        // The waker's lock orders this with `set_waker`: either the flag is seen there, or the waker here.
        let (own, parts) = {
            let mut wakers = self.wakers.lock();
            self.signals.fetch_or(signal, Relaxed);
            let parts = if signal == CANCEL { std::mem::take(&mut wakers.parts) } else { Vec::new() };
            (wakers.own.clone(), parts)
        };
        own.into_iter().chain(parts).for_each(Waker::wake);
    }

    /// An async task runs (or no longer does); signals wake it. Look at the signals after this.
    pub(crate) fn set_waker(&self, waker: Option<Waker>) {
        self.wakers.lock().own = waker;
    }

    /// A part of a task waits for the cancel. Look at the signals after this.
    pub(crate) fn add_waker(&self, waker: &Waker) {
        let parts = &mut self.wakers.lock().parts;
        if !parts.iter().any(|known| known.will_wake(waker)) {
            parts.push(waker.clone());
        }
    }

    /// Its task has waited so long for its own jobs.
    pub(super) fn add_away(&self, time: Duration) {
        self.away.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn take_away(&self) -> u64 {
        self.away.swap(0, Relaxed)
    }

    /// Called every few milliseconds, by the I/O thread: sends what has waited long enough, and looks at the time.
    pub(super) fn beat(&self, desk: &Desk) {
        // Where the task thread has the lock, it has just ended an item.
        let Some(mut results) = self.results.try_lock() else { return };
        if results.over {
            return;
        }
        if self.folds {
            self.signals.fetch_or(SEND, Relaxed);
        } else if results.since.elapsed() > BEAT {
            self.send(&mut results, desk);
        }
        let Some(limit) = self.timeout else { return };
        let begun = self.begun.load(Relaxed);
        let due = Duration::from_nanos(begun.saturating_sub(1)).saturating_add(limit);
        let now = self.born.elapsed();
        if begun == 0 || now < due {
            return;
        }
        let is_async = self.wakers.lock().own.is_some();
        if is_async && now < due.saturating_add(GRACE) {
            self.signal(EXPIRED);
        } else {
            results.over = true;
            desk.say(&FromWorker::Overdue { run: self.run });
            self.cancel();
        }
    }

    /// Sends the results that wait.
    pub(super) fn send(&self, results: &mut Results, desk: &Desk) {
        let count = std::mem::take(&mut results.count);
        if count == 0 {
            return;
        }
        let room = results.values.len();
        let values = std::mem::replace(&mut results.values, Vec::with_capacity(room.min(ROOM_MOST)));
        desk.returned(self, count, results.since.elapsed(), values);
        results.since = Instant::now();
    }

    /// A panic came from around a call, not out of it: where the next argument begins is not known any more. What is done is
    /// sent, and the rest of at most `count` items has no result.
    pub(super) fn break_off(&self, count: u32, payload: &(dyn Any + Send), desk: &Desk) {
        let mut results = self.results.lock();
        if results.over {
            return;
        }
        // Results that were to be folded cannot be sent as they are.
        if !self.folds {
            self.send(&mut results, desk);
        }
        results.over = true;
        desk.unusable(self.run, count, TaskError::Panicked(Box::new(panics::describe(payload, desk.place()))));
    }

    /// The error of an item that used up its time.
    pub(super) fn timed_out(&self, place: &Place) -> TaskError {
        TaskError::TimedOut { limit: self.timeout.unwrap_or_default(), place: Some(place.clone()) }
    }
}
