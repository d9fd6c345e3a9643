//! Every process that takes from channels and gives to channels, as one table.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

/// A process that runs, whatever its type.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), ProcessError>> + Send>>;

/// One process of the toolkit, and what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) inputs: usize,
    pub(crate) outs: usize,
    /// Starts it.
    pub(crate) start: fn(Vec<Receiver<u32>>, Vec<Sender<u32>>) -> Running,
    /// What all its outputs together give, sorted, if each of its inputs gets `0..n`.
    pub(crate) makes: fn(u32) -> Vec<u32>,
    /// How many values it may have in its hand.
    pub(crate) holds: usize,
    /// It emits something before it takes anything.
    pub(crate) speaks_first: bool,
}

fn boxed<P>(process: P) -> Running
where
    P: Process,
    P::IntoFuture: Send + 'static,
{
    let running = process.into_future();
    Box::pin(async move { running.await.map(drop) })
}

fn one<T>(ends: Vec<T>) -> T {
    let [end] = <[T; 1]>::try_from(ends).unwrap_or_else(|_| panic!("one end"));
    end
}

fn two<T>(ends: Vec<T>) -> [T; 2] {
    <[T; 2]>::try_from(ends).unwrap_or_else(|_| panic!("two ends"))
}

fn all(n: u32) -> Vec<u32> {
    (0..n).collect()
}

fn twice(n: u32) -> Vec<u32> {
    (0..n).flat_map(|n| [n, n]).collect()
}

fn plus_one(n: u32) -> Vec<u32> {
    (1..=n).collect()
}

async fn plus_one_slowly(n: u32) -> Outcome<u32> {
    for _ in 0..n % 3 {
        tokio::task::yield_now().await;
    }
    Ok(n + 1)
}

fn plus_one_on_a_thread(n: u32) -> Outcome<u32> {
    if n.is_multiple_of(3) {
        std::thread::yield_now();
    }
    Ok(n + 1)
}

const RELAY: Part = Part {
    name: "",
    inputs: 1,
    outs: 1,
    start: |_, _| unreachable!("each part says how it starts"),
    makes: all,
    holds: 1,
    speaks_first: false,
};

/// All of them.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "identity", start: |i, o| boxed(identity(one(i), one(o))), ..RELAY },
    Part {
        name: "prefix",
        start: |i, o| boxed(prefix(7, one(i), one(o))),
        makes: |n| crate::sorted((0..n).chain([7]).collect()),
        speaks_first: true,
        ..RELAY
    },
    Part { name: "tail", start: |i, o| boxed(tail(one(i), one(o))), makes: |n| (1..n).collect(), ..RELAY },
    Part { name: "take", start: |i, o| boxed(take(1_000_000, one(i), one(o))), ..RELAY },
    Part { name: "successor", start: |i, o| boxed(successor(one(i), one(o))), makes: plus_one, ..RELAY },
    Part {
        name: "pairs",
        start: |i, o| boxed(pairs(one(i), one(o))),
        makes: |n| (1..n).map(|n| 2 * n - 1).collect(),
        // The one before, too.
        holds: 2,
        ..RELAY
    },
    Part { name: "map", start: |i, o| boxed(map(|n| n + 1, one(i), one(o))), makes: plus_one, ..RELAY },
    Part {
        name: "try_map",
        start: |i, o| boxed(try_map(|n: u32| u32::try_from(u64::from(n) + 1), one(i), one(o))),
        makes: plus_one,
        ..RELAY
    },
    Part { name: "filter", start: |i, o| boxed(filter(|_| true, one(i), one(o))), ..RELAY },
    Part {
        name: "plus",
        inputs: 2,
        start: |i, o| {
            let [left, right] = two(i);
            boxed(plus(left, right, one(o)))
        },
        makes: |n| (0..n).map(|n| 2 * n).collect(),
        holds: 2,
        ..RELAY
    },
    Part {
        name: "zip_with",
        inputs: 2,
        start: |i, o| {
            let [left, right] = two(i);
            boxed(zip_with(|a, b| a + b, left, right, one(o)))
        },
        makes: |n| (0..n).map(|n| 2 * n).collect(),
        holds: 2,
        ..RELAY
    },
    Part { name: "delta", outs: 2, start: |i, o| boxed(delta(one(i), o)), makes: twice, ..RELAY },
    Part { name: "par_delta", outs: 2, start: |i, o| boxed(par_delta(one(i), o)), makes: twice, ..RELAY },
    Part { name: "publish", outs: 2, start: |i, o| boxed(publish(one(i), o)), makes: twice, ..RELAY },
    Part { name: "merge", inputs: 2, start: |i, o| boxed(merge(i, one(o))), makes: twice, ..RELAY },
    Part { name: "pri_merge", inputs: 2, start: |i, o| boxed(pri_merge(i, one(o))), makes: twice, ..RELAY },
    Part { name: "distribute", outs: 2, start: |i, o| boxed(distribute(one(i), o)), ..RELAY },
    Part { name: "round_robin", outs: 2, start: |i, o| boxed(round_robin(one(i), o)), ..RELAY },
    Part {
        name: "farm",
        start: |i, o| boxed(farm(2, plus_one_slowly, one(i), one(o))),
        makes: plus_one,
        holds: 2,
        ..RELAY
    },
    Part {
        name: "ordered_farm",
        start: |i, o| boxed(ordered_farm(2, plus_one_slowly, one(i), one(o))),
        makes: plus_one,
        holds: 4,
        ..RELAY
    },
    Part {
        name: "thread_farm",
        start: |i, o| boxed(thread_farm(2, plus_one_on_a_thread, one(i), one(o))),
        makes: plus_one,
        holds: 2,
        ..RELAY
    },
    Part {
        name: "ordered_thread_farm",
        start: |i, o| boxed(ordered_thread_farm(2, plus_one_on_a_thread, one(i), one(o))),
        makes: plus_one,
        holds: 4,
        ..RELAY
    },
    Part {
        name: "pipeline",
        start: |i, o| boxed(pipeline(one(i)).then(|n| n + 2).keep(|_| true).then(|n| n - 1).into(one(o))),
        makes: plus_one,
        holds: 3,
        ..RELAY
    },
];

/// Those that keep time; how much they emit depends on the clock.
pub(crate) const CLOCKS: &[Part] = &[
    Part {
        name: "regulate",
        start: |i, o| boxed(regulate(Duration::from_micros(50), one(i), one(o))),
        holds: 2,
        ..RELAY
    },
    Part { name: "sample", start: |i, o| boxed(sample(Duration::from_micros(50), one(i), one(o))), holds: 2, ..RELAY },
];

/// Those that only take.
pub(crate) const SINKS: &[Part] = &[
    Part { name: "collect", outs: 0, start: |i, _| boxed(collect(one(i))), ..RELAY },
    Part { name: "collect_first", outs: 0, start: |i, _| boxed(collect_first(1_000_000, one(i))), ..RELAY },
    Part { name: "fold", outs: 0, start: |i, _| boxed(fold(0, |sum, n| sum + n, one(i))), ..RELAY },
    Part { name: "count", outs: 0, start: |i, _| boxed(count(one(i))), ..RELAY },
    Part { name: "discard", outs: 0, start: |i, _| boxed(discard(one(i))), ..RELAY },
];
