//! Two processes, two channels, one value to and fro; a round trip is two messages.

use std::time::Instant;

use aqueduct::prelude::*;

use crate::{nanos_each, runtime, sample};

#[process]
async fn echo(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
async fn drive(rounds: u64, out: Sender<u64>, input: Receiver<u64>) -> Outcome<f64> {
    let start = Instant::now();
    for n in 0..rounds {
        out.send(n).await?;
        assert_eq!(input.recv().await?, n);
    }
    Ok(nanos_each(start.elapsed(), rounds))
}

#[process]
fn echo_thread(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next_blocking()? {
        out.send_blocking(n)?;
    }
    Ok(())
}

#[process]
fn drive_thread(rounds: u64, out: Sender<u64>, input: Receiver<u64>) -> Outcome<f64> {
    let start = Instant::now();
    for n in 0..rounds {
        out.send_blocking(n)?;
        assert_eq!(input.recv_blocking()?, n);
    }
    Ok(nanos_each(start.elapsed(), rounds))
}

pub(crate) fn run(samples: usize, rounds: u64) {
    for (capacity, kind) in [(0, "rendezvous"), (1, "buffered(1)")] {
        let wire = || (aqueduct::buffered(capacity), aqueduct::buffered(capacity));
        sample(format!("ping-pong, {kind}, one task"), "ns/round trip", samples, || {
            let ((a, a_rx), (b, b_rx)) = wire();
            runtime(0).block_on(par!(echo(a_rx, b), drive(rounds, a, b_rx)).into_future()).expect("in order").1
        });
        for (workers, name) in [(0, "current_thread"), (2, "two workers")] {
            sample(format!("ping-pong, {kind}, spawned, {name}"), "ns/round trip", samples, || {
                let ((a, a_rx), (b, b_rx)) = wire();
                runtime(workers).block_on(async {
                    let echo = echo(a_rx, b).spawn();
                    let nanos = drive(rounds, a, b_rx).spawn().await.expect("in order");
                    echo.await.expect("in order");
                    nanos
                })
            });
        }
        sample(format!("ping-pong, {kind}, OS threads"), "ns/round trip", samples, || {
            let ((a, a_rx), (b, b_rx)) = wire();
            let echo = echo_thread(a_rx, b).spawn();
            let nanos = drive_thread(rounds / 10, a, b_rx).spawn().join_blocking().expect("in order");
            echo.join_blocking().expect("in order");
            nanos
        });
        sample(format!("ping-pong, {kind}, thread and task"), "ns/round trip", samples, || {
            let ((a, a_rx), (b, b_rx)) = wire();
            runtime(2).block_on(async {
                let echo = echo_thread(a_rx, b).spawn();
                let nanos = drive(rounds / 10, a, b_rx).spawn().await.expect("in order");
                echo.await.expect("in order");
                nanos
            })
        });
    }
}
