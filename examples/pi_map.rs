//! π by throwing darts, on every core: a remote function, a cluster of local workers, a progress bar, a checked answer.
//!
//! ```text
//! cargo run --release --example pi_map -- [TASKS [WORKERS]]
//! ```
//!
//! Each task throws its own darts, seeded by its number. So the answer is the same however many workers there are, and
//! whichever of them dies on the way (try it: `kill -9` one).
//!
//! A remote function stays a plain function: at the end, this process throws the darts of some tasks itself, and compares.

use std::{error::Error, f64::consts::PI, fmt::Write as _, process::ExitCode, time::Instant};

use aqueduct::{Cluster, cluster::TaskError};
use common::{Number, grouped};

mod common;

/// Darts of one task.
const DARTS: u64 = 500_000;

/// How many of a task's darts hit the quarter circle.
#[aqueduct::remote(pure)]
fn throw(task: u64) -> u64 {
    let mut dice = fastrand::Rng::with_seed(task);
    let mut hits = 0;
    for _ in 0..DARTS {
        let (x, y) = (dice.f64(), dice.f64());
        hits += u64::from(x * x + y * y <= 1.0);
    }
    hits
}

/// The hits of every task, in the order of the tasks.
async fn throw_all(cluster: &Cluster, tasks: u64) -> Result<Vec<u64>, TaskError> {
    cluster.map(throw, 0..tasks).progress("darts").collect().await
}

async fn program([tasks, workers]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let cluster = common::cluster(workers).await?;
    let began = Instant::now();
    let hits = throw_all(&cluster, tasks).await?;
    let elapsed = began.elapsed().as_secs_f64();
    writeln!(report, "{}\n", cluster.shutdown().await)?;

    // One task in a hundred again, here: the same hits, and how long one core would have taken for all.
    let began = Instant::now();
    let again: Vec<u64> = (0..tasks).step_by(100).collect();
    let same = again.iter().all(|task| throw(*task) == hits[*task as usize]);
    let alone = began.elapsed().as_secs_f64() * tasks as f64 / again.len() as f64;

    let darts = tasks * DARTS;
    let pi = 4.0 * hits.iter().sum::<u64>() as f64 / darts as f64;
    // Five standard deviations of so many darts.
    let tolerance = 5.0 * (PI * (4.0 - PI) / darts as f64).sqrt();
    writeln!(report, "{} darts in {elapsed:.2} s; on one core about {alone:.2} s", grouped(darts))?;
    writeln!(report, "pi is about {pi:.6} (give or take {tolerance:.6})")?;
    if !same {
        return Err("a worker's darts fell elsewhere than this process's own".into());
    }
    if (pi - PI).abs() > tolerance {
        return Err(format!("that is too far from {PI:.6}").into());
    }
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let tasks = Number::new("TASKS", "how many", 1..=1_000_000, 10_000);
    common::main_async([tasks, common::workers()], program).await
}
