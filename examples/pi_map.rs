//! π by throwing darts, on every core: a remote function, a cluster of local workers, a progress bar, a checked answer.
//!
//! ```text
//! cargo run --release --example pi_map              one worker for each core
//! cargo run --release --example pi_map 10000 4      so many tasks, so many workers
//! ```
//!
//! Each task throws its own darts, seeded by its number, so the answer is the same however many workers there are, and
//! whichever of them dies on the way (try it: `kill -9` one).

use std::{env, process::ExitCode};

use aqueduct::{Cluster, cluster::TaskError};

/// Darts of one task.
const DARTS: u64 = 200_000;

/// How many of a task's darts hit the quarter circle.
#[aqueduct::remote(pure)]
fn throw(task: u64) -> u64 {
    let mut dice = fastrand::Rng::with_seed(task);
    (0..DARTS).filter(|_| dice.f64().hypot(dice.f64()) <= 1.0).count() as u64
}

async fn estimate(cluster: &Cluster, tasks: u64) -> Result<f64, TaskError> {
    let hits: u64 = cluster.map(throw, 0..tasks).progress("darts").sum().await?;
    Ok(4.0 * hits as f64 / (tasks * DARTS) as f64)
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).map(|text| text.parse::<u64>());
    let (Ok(tasks), Ok(workers)) = (arguments.next().unwrap_or(Ok(2000)), arguments.next().unwrap_or(Ok(0))) else {
        eprintln!("usage: pi_map [tasks] [workers]");
        return ExitCode::FAILURE;
    };
    let started = match workers {
        0 => Cluster::from_env().await,
        workers => Cluster::local(workers as usize).await,
    };
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(error) => {
            eprintln!("no cluster: {error}");
            return ExitCode::FAILURE;
        }
    };
    let answer = estimate(&cluster, tasks.max(1)).await;
    println!("{}", cluster.shutdown().await);
    match answer {
        Ok(pi) => {
            // Five standard deviations of that many darts.
            let tolerance = 5.0 * 1.642 / ((tasks.max(1) * DARTS) as f64).sqrt();
            let right = (pi - std::f64::consts::PI).abs() < tolerance;
            println!("pi is about {pi:.6}: {} (within {tolerance:.6})", if right { "right" } else { "WRONG" });
            if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
