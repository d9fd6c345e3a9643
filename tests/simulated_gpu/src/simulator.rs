//! The handle by which a test drives the simulation.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::driver::functions::{self, Function, INSTANT};
use crate::driver::progress::start_thread;
use crate::driver::world::{Device, Injection, MACHINE, World};
use crate::random::Random;
use crate::{Live, Settings, Traffic};

/// Whether a simulator is in use: they take turns.
static TURN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// A simulated machine, as long as this lives. One at a time: the next waits.
///
/// What a program keeps longer (contexts, and modules if it says so) stays valid, as with a real driver; counters,
/// violations and injected failures begin anew, and lost devices work again.
#[derive(Debug)]
pub struct Simulator {
    settings: Settings,
}

impl Simulator {
    /// Waits for its turn, and starts.
    ///
    /// # Panics
    /// If a thread of the simulator's cannot be started.
    #[must_use]
    pub fn start(settings: Settings) -> Self {
        let mut taken = TURN.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken {
            taken = TURN.1.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        *taken = true;
        drop(taken);
        let mut world = MACHINE.lock();
        for device in 0..world.devices.len() {
            if world.working(device).is_err() {
                world.forget_device(device);
            }
        }
        for device in world.devices.len()..settings.devices {
            world.devices.push(Device::default());
            start_thread(device).expect("a thread for a simulated GPU");
        }
        world.forget_work();
        // What a turn that ended in a panic has done wrong is none of this one's.
        let _ = world.pinned.check_kept();
        world.session += 1;
        world.random = Random::new(settings.seed);
        world.streams_made = 0;
        world.still = crate::driver::world::Still::default();
        world.traffic = crate::Traffic::default();
        world.violations.clear();
        world.injections.clear();
        world.settings = settings.clone();
        functions::forget_counts();
        INSTANT.store(settings.instant, Relaxed);
        drop(world);
        Self { settings }
    }

    /// How often a function of the driver was called, by its name, such as `cuMemAlloc_v2`.
    ///
    /// # Panics
    /// If there is no such function here: a test that counts calls of it would always see none.
    #[must_use]
    pub fn calls(&self, function: &str) -> u64 {
        functions::counted(named(function))
    }

    /// How often each function was called that was called at all.
    #[must_use]
    pub fn all_calls(&self) -> Vec<(&'static str, u64)> {
        functions::counted_all().filter(|(_, count)| *count > 0).collect()
    }

    /// The bytes that were copied until now.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        MACHINE.lock().traffic
    }

    /// What is alive now that was made since the start.
    #[must_use]
    pub fn live(&self) -> Live {
        MACHINE.lock().live()
    }

    /// How many operations the threads of all kernels have executed, in this program.
    #[must_use]
    pub fn executed(&self) -> u64 {
        MACHINE.lock().executed
    }

    /// What was done wrong until now.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        MACHINE.lock().violations.clone()
    }

    /// Takes what was done wrong until now, for a test that does it on purpose.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut MACHINE.lock().violations)
    }

    /// The `nth` call of a function from now on (1 is the next) does nothing and answers with this code.
    ///
    /// # Panics
    /// If there is no such function here.
    pub fn fail(&self, function: &str, nth: u64, code: i32) {
        self.inject(function, nth, code, false);
    }

    /// What the `nth` call of a function from now on puts into a stream fails when it is done, and the device with it:
    /// every later call there answers with this code.
    ///
    /// # Panics
    /// If there is no such function here, or it puts nothing into a stream.
    pub fn fail_later(&self, function: &str, nth: u64, code: i32) {
        let queues = ["cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2", "cuMemcpyPeerAsync"];
        let queues_too =
            ["cuMemsetD8Async", "cuMemsetD32Async", "cuLaunchKernel", "cuEventRecord", "cuStreamWaitEvent"];
        assert!(
            queues.contains(&function) || queues_too.contains(&function) || function == "cuLaunchHostFunc",
            "`{function}` puts nothing into a stream that could fail later"
        );
        self.inject(function, nth, code, true);
    }

    fn inject(&self, function: &str, nth: u64, code: i32, later: bool) {
        let function = named(function);
        assert!(nth > 0, "the next call is the first");
        MACHINE.lock().injections.push(Injection { function, left: nth, code, later });
    }

    /// Whether all injected failures have happened.
    #[must_use]
    pub fn all_failed(&self) -> bool {
        MACHINE.lock().injections.is_empty()
    }

    /// Ends the simulation.
    ///
    /// # Panics
    /// If something was not given back, or was done wrong.
    pub fn finish(self) {
        let deadline = Instant::now() + self.settings.patience;
        let mut world = MACHINE.lock();
        // What is still queued is done, so that what is wrong with it is found; other threads may be about to give back
        // what they have.
        while !world.finish_work() || !is_clean(&world, &self.settings) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            world = MACHINE.changed.wait_timeout(world, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let late = world.pinned.check_kept();
        world.violations.extend(late);
        let (clean, live) = (is_clean(&world, &self.settings), world.live());
        let violations = std::mem::take(&mut world.violations);
        drop(world);
        let seed = self.settings.seed;
        assert!(violations.is_empty(), "done wrong (seed {seed}):\n{}", violations.join("\n"));
        assert!(clean, "left behind (seed {seed}): {live}");
    }
}

fn is_clean(world: &World, settings: &Settings) -> bool {
    let mut live = world.live();
    if settings.keeps_modules {
        live.modules = 0;
    }
    live.is_clean()
}

fn named(function: &str) -> Function {
    Function::named(function).unwrap_or_else(|| panic!("the simulated driver has no function `{function}`"))
}

impl Drop for Simulator {
    fn drop(&mut self) {
        INSTANT.store(false, Relaxed);
        *TURN.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
        TURN.1.notify_one();
    }
}
