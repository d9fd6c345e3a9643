//! The driver: the process that owns the work.
//!
//! ```text
//! port (users' threads) ──┐
//!                         ├── core (one lock: scheduler, jobs, seats, constants)
//! connection (I/O thread) ┘      │
//!        │                       └── outboxes
//!      crew (processes: start, watch, replace, kill)        start (builds all of it, ends all of it)
//! ```

mod connection;
mod constants;
mod core;
mod crew;
mod port;
mod seat;
mod start;

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use self::core::Core;
pub(crate) use port::{DriverPort, KeptConstant};
pub(crate) use start::{Driver, Launch, Plan};

/// What users' threads and the I/O thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// When the I/O thread will tick by itself: nanoseconds after `epoch`.
    armed: AtomicU64,
    epoch: Instant,
    /// The I/O thread should look when to tick, whom to kill and whom to release.
    look: Notify,
}

impl Shared {
    fn new(core: Core) -> Self {
        Self { core: Mutex::new(core), armed: AtomicU64::new(u64::MAX), epoch: Instant::now(), look: Notify::new() }
    }

    /// Notes when the I/O thread will tick by itself. Under the core's lock, or an event that wants a tick sooner could look
    /// at the time before, and not wake it.
    fn arm(&self, _: &mut Core, at: Instant) {
        let nanos = at.saturating_duration_since(self.epoch).as_nanos();
        self.armed.store(u64::try_from(nanos).unwrap_or(u64::MAX), Relaxed);
    }

    /// Does something with the core, and then, without the lock, wakes whoever is concerned.
    fn with<T>(&self, body: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core.lock();
        let value = body(&mut core);
        let wakers = std::mem::take(&mut core.wakers);
        let left = std::mem::take(&mut core.left);
        let asked = !core.to_kill.is_empty() || !core.to_release.is_empty();
        let wake_at = core.wake_at().map_or(u64::MAX, |at| {
            u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
        });
        drop(core);
        drop(left);
        // The I/O thread is woken for a tick only if it would sleep through it; one that comes a little late is none.
        let slack = u64::try_from(Duration::from_millis(1).as_nanos()).unwrap_or(0);
        if asked || wake_at.saturating_add(slack) < self.armed.load(Relaxed) {
            self.look.notify_one();
        }
        for waker in wakers {
            waker.wake();
        }
        value
    }
}
