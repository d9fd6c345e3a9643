//! CommsTime: Prefix(0) → Delta → Successor → Prefix, and Delta → Consumer; one loop is four communications.

use std::time::{Duration, Instant};

use aqueduct::prelude::*;

use crate::{nanos_each, runtime, sample};

const WARM_UP: u64 = 1_000;

#[process]
async fn prefix(first: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    out.send(first).await?;
    while let Some(n) = input.next().await? {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
async fn successor(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n + 1).await?;
    }
    Ok(())
}

#[process]
async fn delta(input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        left.send(n).await?;
        right.send(n).await?;
    }
    Ok(())
}

#[process]
async fn delta_par(input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        // The parts give their results to us: a part that met a retired channel would end quietly, and so succeed.
        let (sent_left, sent_right) = par!(
            aqueduct::task("left", async { Ok(left.send(n).await) }),
            aqueduct::task("right", async { Ok(right.send(n).await) }),
        )
        .await?;
        sent_left?;
        sent_right?;
    }
    Ok(())
}

#[process]
async fn consumer(loops: u64, input: Receiver<u64>) -> Outcome<Duration> {
    for _ in 0..WARM_UP {
        input.recv().await?;
    }
    let start = Instant::now();
    for n in 0..loops {
        assert_eq!(input.recv().await?, WARM_UP + n);
    }
    Ok(start.elapsed())
}

#[process]
fn prefix_thread(first: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    out.send_blocking(first)?;
    while let Some(n) = input.next_blocking()? {
        out.send_blocking(n)?;
    }
    Ok(())
}

#[process]
fn successor_thread(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next_blocking()? {
        out.send_blocking(n + 1)?;
    }
    Ok(())
}

#[process]
fn delta_thread(input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
    while let Some(n) = input.next_blocking()? {
        left.send_blocking(n)?;
        right.send_blocking(n)?;
    }
    Ok(())
}

#[process]
fn consumer_thread(loops: u64, input: Receiver<u64>) -> Outcome<Duration> {
    for _ in 0..WARM_UP {
        input.recv_blocking()?;
    }
    let start = Instant::now();
    for n in 0..loops {
        assert_eq!(input.recv_blocking()?, WARM_UP + n);
    }
    Ok(start.elapsed())
}

/// The four channels, wired to whatever runs them.
macro_rules! network {
    ($prefix:ident, $delta:ident, $successor:ident, $consumer:ident, $loops:expr) => {{
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::channel();
        ($prefix(0, c_rx, a), $delta(a_rx, b, d), $successor(b_rx, c), $consumer($loops, d_rx))
    }};
}

pub(crate) fn run(samples: usize, loops: u64) {
    let each = |elapsed: Duration| nanos_each(elapsed, loops);
    sample("CommsTime SEQ, one task", "ns/loop", samples, || {
        let (p, d, s, c) = network!(prefix, delta, successor, consumer, loops);
        each(runtime(0).block_on(par!(p, d, s, c).into_future()).expect("it ends in order").3)
    });
    sample("CommsTime PAR, one task", "ns/loop", samples, || {
        let (p, d, s, c) = network!(prefix, delta_par, successor, consumer, loops);
        each(runtime(0).block_on(par!(p, d, s, c).into_future()).expect("it ends in order").3)
    });
    for (workers, name) in [(0, "current_thread"), (2, "two workers")] {
        sample(format!("CommsTime SEQ, spawned, {name}"), "ns/loop", samples, || {
            let (p, d, s, c) = network!(prefix, delta, successor, consumer, loops);
            each(runtime(workers).block_on(async {
                let others = [p.spawn(), d.spawn(), s.spawn()];
                let elapsed = c.spawn().await.expect("it ends in order");
                for other in others {
                    other.await.expect("it ends in order");
                }
                elapsed
            }))
        });
    }
    let loops = loops / 10;
    sample("CommsTime SEQ, OS threads", "ns/loop", samples, || {
        let (p, d, s, c) = network!(prefix_thread, delta_thread, successor_thread, consumer_thread, loops);
        let others = [p.spawn(), d.spawn(), s.spawn()];
        let elapsed = c.spawn().join_blocking().expect("it ends in order");
        for other in others {
            other.join_blocking().expect("it ends in order");
        }
        nanos_each(elapsed, loops)
    });
}
