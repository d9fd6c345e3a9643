//! π by throwing darts: producers, workers, and an end at which no bag of darts is lost.
//!
//! ```text
//! cargo run --release --example pi -- [BAGS [DARTS [SEED]]]
//!
//! producer ─┐          ┌─▶ worker ─┐
//! producer ─┼─ bags ───┼─▶ worker ─┼─ hits ─▶ sum
//! producer ─┘          ├─▶ worker ─┤
//!                      └─▶ worker ─┘
//! ```
//!
//! Of the darts thrown at a square, π/4 hit the circle inside it. Each producer fills BAGS bags: a bag is a seed, and how
//! many darts to throw with it. The workers, each on a thread of its own, take a bag whenever they are free.
//!
//! Nobody counts the bags to know when all are done. A producer that is through just leaves; when the last one has, the
//! channel is *retired*: the workers take what is still in it, and then leave too; and so the sum knows that it is
//! complete. The count of darts must be exact, and since each bag has its own seed, the hits are the same whoever threw
//! it: the program runs with one worker and with many, and fails if they differ.

use std::error::Error;
use std::f64::consts::PI;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

const PRODUCERS: u64 = 3;

#[derive(Debug, Clone, Copy)]
struct Bag {
    seed: u64,
    darts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Thrown {
    darts: u64,
    hits: u64,
}

impl Bag {
    fn throw(self) -> Thrown {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let hits = (0..self.darts).filter(|_| random.f64().powi(2) + random.f64().powi(2) < 1.0).count() as u64;
        Thrown { darts: self.darts, hits }
    }
}

#[process]
async fn producer(mut seeds: fastrand::Rng, count: u64, darts: u64, bags: Sender<Bag>) -> Outcome {
    for _ in 0..count {
        bags.send(Bag { seed: seeds.u64(..), darts }).await?;
    }
    Ok(())
}

#[process]
fn worker(bags: Receiver<Bag>, hits: Sender<Thrown>) -> Outcome {
    for bag in &bags {
        hits.send_blocking(bag?.throw())?;
    }
    Ok(())
}

#[process]
async fn sum(hits: Receiver<Thrown>) -> Outcome<Thrown> {
    let mut total = Thrown::default();
    while let Some(bag) = hits.next().await? {
        total.darts += bag.darts;
        total.hits += bag.hits;
    }
    Ok(total)
}

#[process]
async fn throw(count: u64, darts: u64, seed: u64, workers: u64) -> Outcome<Thrown> {
    let (bags, bags_in) = aqueduct::buffered(16);
    let (hits, hits_in) = aqueduct::buffered(16);
    let mut seeds = fastrand::Rng::with_seed(seed);
    let mut network = Group::new();
    for _ in 0..PRODUCERS {
        network.add(producer(seeds.fork(), count, darts, bags.clone()));
    }
    for _ in 0..workers {
        network.add(worker(bags_in.clone(), hits.clone()));
    }
    // These were for cloning. As long as one of them is left, its channel cannot be retired.
    drop((bags, bags_in, hits));
    let network = aqueduct::task("producers and workers", async move { Ok(network.join().await?) });
    let (_, total) = par!(network, sum(hits_in)).await?;
    Ok(total)
}

fn program([count, darts, seed]: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64);
    let all = PRODUCERS * count * darts;
    let mut first = None;
    writeln!(report, "{:>7} {:>15} {:>15} {:>10} {:>9}", "workers", "darts", "hits", "π", "ms")?;
    for workers in [1, 2 * cpus] {
        let began = Instant::now();
        let total = aqueduct::run(throw(count, darts, seed, workers))?;
        let time = began.elapsed().as_secs_f64() * 1000.0;
        let pi = 4.0 * total.hits as f64 / total.darts as f64;
        let (darts, hits) = (grouped(total.darts), grouped(total.hits));
        writeln!(report, "{workers:>7} {darts:>15} {hits:>15} {pi:>10.6} {time:>9.1}")?;
        if total.darts != all {
            return Err(format!("there were {} darts", grouped(all)).into());
        }
        if *first.get_or_insert(total) != total {
            return Err("the hits depend on who threw".into());
        }
        // One throw deviates by 4·√(p·(1 − p)), with p = π/4: that is 1.642. Six times that is no chance.
        if (pi - PI).abs() > 6.0 * 1.642 / (all as f64).sqrt() {
            return Err("this is not π".into());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let bags = Number::new("BAGS", "bags of each of the three producers", 1..=100_000, 100);
    let darts = Number::new("DARTS", "in a bag", 1..=100_000_000, 100_000);
    let seed = Number::new("SEED", "of the first bag's seed", 0..=u64::MAX, 1);
    common::main([bags, darts, seed], program)
}
