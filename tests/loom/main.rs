//! Models of the wait protocol: loom tries every interleaving, up to a number of preemptions, of the code that ships.
//!
//! Run them with `.ci/models`; `.ci/mutations` proves that they can fail. Each model gives an outcome, and the test
//! states the exact set of outcomes that may and do occur. What every model says besides: no value is lost or
//! doubled, and everybody ends (loom reports a deadlock where one waits for ever).
#![cfg(aqueduct_loom)]

mod choice;
mod crossed;
mod ending;
mod held;
mod kept;
mod plain;
mod ready;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Instant;

use aqueduct::{ChannelEnd as _, Receiver, Sender};

/// Runs a model through all its interleavings and gives the outcomes that occurred.
fn explore<O: Ord + Send + 'static>(model: impl Fn() -> O + Send + Sync + 'static) -> BTreeSet<O> {
    explore_at_least(2, model)
}

/// The same for what fewer preemptions than these do not show.
fn explore_at_least<O: Ord + Send + 'static>(
    preemptions: usize,
    model: impl Fn() -> O + Send + Sync + 'static,
) -> BTreeSet<O> {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(0).max(preemptions));
    builder.max_branches = 20_000;
    // Not the model's types: what is counted here must not add to what is explored.
    let executions = Arc::new(AtomicUsize::new(0));
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let begun = Instant::now();
    builder.check({
        let (executions, outcomes) = (Arc::clone(&executions), Arc::clone(&outcomes));
        move || {
            let outcome = model();
            executions.fetch_add(1, Ordering::Relaxed);
            outcomes.lock().unwrap().insert(outcome);
        }
    });
    println!("explored {} executions in {:.2} s", executions.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    std::mem::take(&mut *outcomes.lock().unwrap())
}

/// Polls once with a waker that wakes nobody; the future must not be ready.
fn arm<F: Future<Output: Debug>>(future: Pin<&mut F>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "nobody is there yet: {polled:?}");
}

/// Two channels, in the order of their locks: memory is not allocated alike in every execution, but loom needs each
/// execution to take the same steps.
fn two<T>(make: impl Fn() -> (Sender<T>, Receiver<T>)) -> [(Sender<T>, Receiver<T>); 2] {
    let (one, other) = (make(), make());
    if one.0.channel_id() < other.0.channel_id() { [one, other] } else { [other, one] }
}
