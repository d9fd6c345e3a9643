//! A choice over 2, 8 and 64 channels: all of them ready; and one producer that walks over them.

use std::time::Instant;

use aqueduct::prelude::*;

use crate::{nanos_each, runtime, sample};

/// So many channels with room for some values each.
fn channels(count: usize, room: usize) -> (Vec<Sender<u64>>, Vec<Receiver<u64>>) {
    (0..count).map(|_| aqueduct::buffered(room)).unzip()
}

/// Sends to one channel after the other, so that the reader always has to wait.
#[process]
async fn walk(rounds: u64, outs: Vec<Sender<u64>>) -> Outcome {
    for n in 0..rounds {
        outs[n as usize % outs.len()].send(n).await?;
    }
    Ok(())
}

#[process]
async fn read_two(rounds: u64, inputs: Vec<Receiver<u64>>) -> Outcome<f64> {
    let [a, b] = &inputs[..] else { unreachable!() };
    let mut choice = Alt::fair();
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        sum += alt! { choice;
            n = a.recv() => n?,
            n = b.recv() => n?,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, rounds * (rounds - 1) / 2);
    Ok(nanos_each(elapsed, rounds))
}

#[process]
async fn read_eight(rounds: u64, inputs: Vec<Receiver<u64>>) -> Outcome<f64> {
    let [a, b, c, d, e, f, g, h] = &inputs[..] else { unreachable!() };
    let mut choice = Alt::fair();
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        sum += alt! { choice;
            n = a.recv() => n?,
            n = b.recv() => n?,
            n = c.recv() => n?,
            n = d.recv() => n?,
            n = e.recv() => n?,
            n = f.recv() => n?,
            n = g.recv() => n?,
            n = h.recv() => n?,
        };
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, rounds * (rounds - 1) / 2);
    Ok(nanos_each(elapsed, rounds))
}

#[process]
async fn read_any(rounds: u64, inputs: Vec<Receiver<u64>>) -> Outcome<f64> {
    let mut choice = Alt::fair();
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        let mut offer = choice.offer();
        for input in &inputs {
            offer = offer.recv(input, |n| n);
        }
        sum += offer.select().await??;
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, rounds * (rounds - 1) / 2);
    Ok(nanos_each(elapsed, rounds))
}

/// The same by a set that keeps its guards from choice to choice.
#[process]
async fn read_set(rounds: u64, inputs: Vec<Receiver<u64>>) -> Outcome<f64> {
    let mut set = AltSet::fair();
    for input in inputs {
        set.recv(input, |n| n);
    }
    let mut sum = 0;
    let start = Instant::now();
    for _ in 0..rounds {
        sum += set.select().await??;
    }
    let elapsed = start.elapsed();
    assert_eq!(sum, rounds * (rounds - 1) / 2);
    Ok(nanos_each(elapsed, rounds))
}

/// All values are there before the first choice.
fn filled(count: usize, rounds: u64) -> Vec<Receiver<u64>> {
    let (outs, inputs) = channels(count, usize::MAX);
    for n in 0..rounds {
        outs[n as usize % count].try_send(n).expect("there is room");
    }
    // The senders retire: the choices end before they would see that.
    inputs
}

pub(crate) fn run(samples: usize, rounds: u64) {
    let tasks = || runtime(0);
    sample("alt! over 2, ready", "ns/choice", samples, || {
        tasks().block_on(read_two(rounds, filled(2, rounds)).into_future()).expect("in order")
    });
    sample("alt! over 8, ready", "ns/choice", samples, || {
        tasks().block_on(read_eight(rounds, filled(8, rounds)).into_future()).expect("in order")
    });
    for count in [2, 8, 64] {
        sample(format!("AltSet over {count}, ready"), "ns/choice", samples, || {
            tasks().block_on(read_set(rounds, filled(count, rounds)).into_future()).expect("in order")
        });
    }
    let rounds = rounds / 10;
    sample("Alt::offer over 64, ready", "ns/choice", samples, || {
        tasks().block_on(read_any(rounds, filled(64, rounds)).into_future()).expect("in order")
    });
    macro_rules! walking {
        ($name:literal, $count:literal, $read:ident, $rounds:expr) => {
            sample($name, "ns/choice", samples, || {
                let (outs, inputs) = channels($count, 0);
                tasks().block_on(async {
                    let walk = walk($rounds, outs).spawn();
                    let nanos = $read($rounds, inputs).spawn().await.expect("in order");
                    walk.await.expect("in order");
                    nanos
                })
            });
        };
    }
    walking!("alt! over 2, one producer walks, rendezvous", 2, read_two, rounds * 10);
    walking!("alt! over 8, one producer walks, rendezvous", 8, read_eight, rounds * 10);
    walking!("AltSet over 2, one producer walks", 2, read_set, rounds * 10);
    walking!("AltSet over 8, one producer walks", 8, read_set, rounds * 10);
    walking!("AltSet over 64, one producer walks", 64, read_set, rounds * 10);
    walking!("Alt::offer over 64, one producer walks", 64, read_any, rounds);
}
