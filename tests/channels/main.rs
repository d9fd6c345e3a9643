//! The surface of channels, for each queue policy: sending, receiving, ending, and what is counted.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod crowds;
mod dropping;
mod ending;
mod held;
mod moving;

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use aqueduct::{
    ChannelEnd as _, Direction, Ended, Held, Overflow, Refused, TryRecvError, WaitError, buffered, channel,
};
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};

use common::{CountingWaker, rounds, within};

const LIMIT: Duration = Duration::from_secs(30);

/// The queue policies, by capacity.
const FLAVOURS: [usize; 5] = [0, 1, 3, 1000, usize::MAX];

fn open<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Channel::buffered(capacity).open()
}

/// Runs a body outside any process, and fails rather than hangs.
fn on_runtime<F>(body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    within(LIMIT, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body)
    })
}

/// Polls once, with a waker that counts.
fn poll<F: Future>(future: Pin<&mut F>) -> (Poll<F::Output>, Arc<CountingWaker>) {
    let (counter, waker) = CountingWaker::new();
    (future.poll(&mut Context::from_waker(&waker)), counter)
}
