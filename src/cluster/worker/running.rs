//! One run on this worker, as its task thread and the I/O thread both see it.

use std::{
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    task::Waker,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::cluster::error::{Place, TaskError};

/// Nobody wants the results: end.
const CANCEL: u8 = 1;
/// Results have waited long enough.
const SEND: u8 = 2;
/// The async task has used up its time.
const EXPIRED: u8 = 4;

/// An async task that does not come to an await within so long after its time is treated like a plain function.
const GRACE: Duration = Duration::from_millis(100);

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
    /// The waker of the async task that runs.
    waker: Mutex<Option<Waker>>,
    overdue_told: AtomicU8,
    /// Nanoseconds that its tasks have waited for their own jobs, since they were last told.
    away: AtomicU64,
    /// Jobs of its tasks that are not over.
    pub(crate) jobs: AtomicU32,
}

impl Running {
    pub(super) fn new(run: u64, attempt: u32, depth: u32, timeout: Option<Duration>) -> Self {
        Self {
            run,
            attempt,
            depth,
            timeout,
            signals: AtomicU8::new(0),
            born: Instant::now(),
            begun: AtomicU64::new(0),
            waker: Mutex::new(None),
            overdue_told: AtomicU8::new(0),
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

    /// It has ended.
    #[inline]
    pub(super) fn rest(&self) {
        if self.timeout.is_some() {
            self.begun.store(0, Relaxed);
        }
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

    pub(super) fn ask_to_send(&self) {
        self.signals.fetch_or(SEND, Relaxed);
    }

    pub(super) fn cancel(&self) {
        self.signal(CANCEL);
    }

    fn signal(&self, signal: u8) {
        // The waker's lock orders this with `set_waker`: either the flag is seen there, or the waker here.
        let waker = {
            let waker = self.waker.lock();
            self.signals.fetch_or(signal, Relaxed);
            waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// An async task runs (or no longer does); signals wake it. Look at the signals after this.
    pub(crate) fn set_waker(&self, waker: Option<Waker>) {
        *self.waker.lock() = waker;
    }

    pub(crate) fn add_waker(&self, waker: &Waker) {
        let mut kept = self.waker.lock();
        match &*kept {
            // The task's own loop is woken, and polls everything inside it.
            Some(_) => {}
            None => *kept = Some(waker.clone()),
        }
    }

    /// Its task has waited so long for its own jobs.
    pub(super) fn add_away(&self, time: Duration) {
        self.away.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn take_away(&self) -> u64 {
        self.away.swap(0, Relaxed)
    }

    /// Called now and then: whether the item that runs has used up its time and cannot be dropped; says so once.
    pub(super) fn check_time(&self) -> bool {
        let Some(limit) = self.timeout else { return false };
        let begun = self.begun.load(Relaxed);
        let due = Duration::from_nanos(begun.saturating_sub(1)).saturating_add(limit);
        let now = self.born.elapsed();
        if begun == 0 || now < due {
            return false;
        }
        let is_async = self.waker.lock().is_some();
        if is_async && now < due.saturating_add(GRACE) {
            self.signal(EXPIRED);
            return false;
        }
        self.cancel();
        self.overdue_told.swap(1, Relaxed) == 0
    }

    /// The error of an item that used up its time; the next item starts anew.
    pub(super) fn timed_out(&self, place: &Place) -> TaskError {
        self.signals.fetch_and(!EXPIRED, Relaxed);
        TaskError::TimedOut { limit: self.timeout.unwrap_or_default(), place: Some(place.clone()) }
    }
}
