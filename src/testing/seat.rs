//! The seat of a thread process: it runs only while it holds the baton.
//!
//! ```text
//!            grant                pass
//!   HOST ───────────▶ THREAD ───────────▶ HOST        the host waits while the thread holds the baton
//!                        │ leave
//!                        └──────▶ NOBODY               the thread has ended
//! ```
//!
//! A thread that is *dismissed* unwinds when it next waits, so that a run that is over leaves no thread behind. One that
//! waits while it unwinds already cannot unwind again: it is LOST, and stays where it is.

use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Baton {
    Host,
    Thread,
    Nobody,
    Lost,
}

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    /// The thread waits for its next turn.
    Passed,
    /// The thread has ended.
    Ended,
    /// The thread did not come back in time, or never will.
    Lost,
}

#[derive(Debug)]
pub(super) struct Seat {
    turn: Mutex<(Baton, bool)>,
    changed: Condvar,
}

impl Seat {
    pub(super) fn new() -> Self {
        Self { turn: Mutex::new((Baton::Host, false)), changed: Condvar::new() }
    }

    /// The host: lets the thread run until it passes the baton on, waiting no longer than `patience` of real time.
    pub(super) fn grant(&self, patience: Duration) -> Granted {
        let deadline = Instant::now().checked_add(patience);
        let mut turn = self.turn.lock();
        if turn.0 == Baton::Host {
            turn.0 = Baton::Thread;
            self.changed.notify_all();
        }
        while turn.0 == Baton::Thread {
            match deadline {
                None => self.changed.wait(&mut turn),
                Some(deadline) => {
                    if self.changed.wait_until(&mut turn, deadline).timed_out() && turn.0 == Baton::Thread {
                        // Should it ever come back, it unwinds.
                        turn.1 = true;
                        return Granted::Lost;
                    }
                }
            }
        }
        match turn.0 {
            Baton::Host | Baton::Thread => Granted::Passed,
            Baton::Nobody => Granted::Ended,
            Baton::Lost => Granted::Lost,
        }
    }

    /// The host: the thread unwinds at its next turn.
    pub(super) fn dismiss(&self) {
        self.turn.lock().1 = true;
    }

    /// The thread: waits for its first turn.
    pub(super) fn attend(&self) {
        let mut turn = self.turn.lock();
        self.changed.wait_while(&mut turn, |turn| turn.0 == Baton::Host);
    }

    /// The thread: gives the baton back and waits for its next turn.
    pub(super) fn pass(&self) {
        let mut turn = self.turn.lock();
        if !turn.1 {
            turn.0 = Baton::Host;
            self.changed.notify_all();
            self.changed.wait_while(&mut turn, |turn| turn.0 == Baton::Host);
        }
        if !turn.1 {
            return;
        }
        if std::thread::panicking() {
            turn.0 = Baton::Lost;
            self.changed.notify_all();
            drop(turn);
            loop {
                std::thread::park();
            }
        }
        drop(turn);
        // The hook of panics has nothing to say about it.
        resume_unwind(Box::new("the run under test is over".to_owned()));
    }

    /// The thread: has ended.
    pub(super) fn leave(&self) {
        self.turn.lock().0 = Baton::Nobody;
        self.changed.notify_all();
    }
}
