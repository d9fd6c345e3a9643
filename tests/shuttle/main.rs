//! Larger networks under random schedules and under schedules with few, well-placed preemptions (PCT).
//!
//! Built only with `--cfg aqueduct_shuttle`; `.ci/shuttle` runs it and tells how to replay a failure. Threads here are
//! the model's, so the networks are made of them and of its futures, and not of thread processes.
#![cfg(aqueduct_shuttle)]

#[path = "../common/mod.rs"]
mod common;

mod choices;
mod composed;
mod dropped;
mod ending;
mod kept;
mod networks;

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aqueduct::prelude::*;
use aqueduct::{Ended, WaitError};
use shuttle::future;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;

use common::rounds;

/// Runs a network under many schedules: the same ones each time, unless `AQUEDUCT_SEED` says otherwise.
///
/// A failure prints its schedule; `AQUEDUCT_SCHEDULE` replays one. So each test explores one network.
fn explore(iterations: usize, network: impl Fn() + Send + Sync + Copy + 'static) {
    if let Ok(schedule) = std::env::var("AQUEDUCT_SCHEDULE") {
        shuttle::replay(network, schedule.trim());
        return;
    }
    let seed = std::env::var("AQUEDUCT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x0c5b_1978);
    // Whoever fails says under which seed: all that went before belongs to it.
    struct Says(&'static str, u64);
    impl Drop for Says {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed under {} schedules; again with AQUEDUCT_SEED={}", self.0, self.1);
            }
        }
    }
    let run = |iterations, network| {
        let _says = Says("random", seed);
        let config = shuttle::Config::new();
        shuttle::Runner::new(RandomScheduler::new_from_seed(seed, iterations), config).run(network);
    };
    run(rounds(iterations), network);
    for depth in [2, 4] {
        let _says = Says("PCT", seed);
        let config = shuttle::Config::new();
        let scheduler = PctScheduler::new_from_seed(seed, depth, rounds(iterations / 3));
        shuttle::Runner::new(scheduler, config).run(network);
    }
}

/// Waits for all threads.
fn join<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Polls once, with a waker that wakes nobody.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values
}
