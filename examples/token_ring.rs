//! A ring of 256 processes, around which tokens travel: what does a hop cost?
//!
//! ```text
//! cargo run --release --example token_ring -- [LAPS]
//!
//!   root ──▶ element 1 ──▶ element 2 ──▶ … ──▶ element 255
//!    ▲                                             │
//!    └─────────────────────────────────────────────┘
//! ```
//!
//! Everybody who gets a token adds one to it and hands it on. The root sends the tokens 1, 2, … T off, lets each make
//! a lap to warm up and then LAPS more, and adds them up: a token has then grown by 255 in the first lap, which the root
//! began, and by 256 in each other. So one token comes home as 256·(LAPS + 1), and the sum of T must be
//! T·(T + 1)/2 + 255·T + 256·T·LAPS. If it is not, the program says so and fails.
//!
//! In the occam original a token of zero ends the ring. Here the root just leaves: its channel is retired, and so the
//! end travels round.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

const ELEMENTS: u64 = 256;

/// How many tokens travel at once. A rendezvous has no room for a token between two elements, so there must be fewer
/// tokens than elements.
const TOKENS: [u64; 4] = [1, 4, 16, 64];

/// The sum of the tokens when they are home, and how long their timed laps took.
type Home = (u64, Duration);

#[process]
async fn element(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(token) = input.next().await? {
        out.send(token + 1).await?;
    }
    Ok(())
}

#[process]
async fn root(tokens: u64, laps: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome<Home> {
    for token in 1..=tokens {
        out.send(token).await?;
    }
    let mut began = None;
    for _ in 0..laps * tokens {
        let token = input.recv().await?;
        // The first is home: the lap that warms up is over.
        began.get_or_insert_with(Instant::now);
        out.send(token + 1).await?;
    }
    let mut sum = 0;
    for _ in 0..tokens {
        sum += input.recv().await?;
    }
    Ok((sum, began.map_or(Duration::ZERO, |began| began.elapsed())))
}

/// The elements, and the two ends at which the root closes their chain to a ring.
fn chain() -> (Vec<impl Process<Value = (), IntoFuture: Send> + 'static>, Sender<u64>, Receiver<u64>) {
    let (first, mut last) = aqueduct::channel();
    let elements = (1..ELEMENTS)
        .map(|_| {
            let (out, next) = aqueduct::channel();
            element(std::mem::replace(&mut last, next), out)
        })
        .collect();
    (elements, first, last)
}

/// All elements in turns, in one task.
async fn in_one_task(tokens: u64, laps: u64) -> Outcome<Home> {
    let (elements, out, input) = chain();
    let mut ring = Group::new();
    for element in elements {
        ring.add(element);
    }
    let ring = aqueduct::task("elements", async move { Ok(ring.join().await?) });
    let (_, home) = par!(ring, root(tokens, laps, input, out)).await?;
    Ok(home)
}

/// Each element a task of its own, on all CPUs.
async fn spawned(tokens: u64, laps: u64) -> Outcome<Home> {
    let (elements, out, input) = chain();
    let elements: Vec<_> = elements.into_iter().map(Process::spawn).collect();
    let home = root(tokens, laps, input, out).spawn().await?;
    for element in elements {
        element.await?;
    }
    Ok(home)
}

fn program(laps: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    writeln!(report, "{ELEMENTS} elements, {} laps {:>10} {:>10} {:>16}", grouped(laps), "tokens", "ns/hop", "sum")?;
    for tokens in TOKENS {
        let results = [
            ("in one task", aqueduct::run(in_one_task(tokens, laps))?),
            ("as tasks on all CPUs", aqueduct::run(spawned(tokens, laps))?),
        ];
        let right = tokens * (tokens + 1) / 2 + (ELEMENTS - 1) * tokens + ELEMENTS * tokens * laps;
        for (place, (sum, time)) in results {
            let per_hop = time.as_nanos() as f64 / (ELEMENTS * tokens * laps) as f64;
            writeln!(report, "{place:<23} {tokens:>10} {per_hop:>10.1} {:>16}", grouped(sum))?;
            if sum != right {
                return Err(format!("{place}, {tokens} tokens: the sum should be {}", grouped(right)).into());
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let laps = Number::new("LAPS", "laps of each token, after the one that warms up", 1..=1_000_000, 64);
    common::main([laps], |[laps], report| program(laps, report))
}
