//! Tasks that map in turn: a tree of tasks, in which each waits for its two children, down to 4,096 leaves.
//!
//! ```text
//! cargo run --release --example nested_tree -- [DEPTH [WORKERS]]
//! ```
//!
//! There are far more tasks that wait than places to run them: one worker is enough all the same, because a task that
//! waits for its children gives its place away. The tree grows on one worker, on two, and on as many as are asked for.
//!
//! Every task counts itself and what its children have counted; the cluster's own count must be the same. So none was
//! lost, and none ran twice.

use std::{error::Error, fmt::Write as _, process::ExitCode, time::Instant};

use aqueduct::{Cluster, cluster::TaskError};
use common::{Number, grouped};
use serde::{Deserialize, Serialize};

mod common;

/// What is in a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    tasks: u64,
    leaves: u64,
}

impl Count {
    fn add(self, other: Self) -> Self {
        Self { tasks: self.tasks + other.tasks, leaves: self.leaves + other.leaves }
    }
}

/// A tree of this depth: a leaf, or a task above two trees.
#[aqueduct::remote(pure)]
fn tree(depth: u32) -> Result<Count, TaskError> {
    let Some(below) = depth.checked_sub(1) else {
        return Ok(Count { tasks: 1, leaves: 1 });
    };
    let children: Vec<Result<Count, TaskError>> = Cluster::current().map(tree, [below, below]).collect_blocking()?;
    children.into_iter().try_fold(Count { tasks: 1, leaves: 0 }, |sum, child| Ok(sum.add(child?)))
}

async fn grow(depth: u32, workers: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let cluster = common::cluster(workers).await?;
    let began = Instant::now();
    let count = cluster.submit(tree, depth).await??;
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    let summary = cluster.shutdown().await;

    let (tasks, leaves) = (grouped(count.tasks), grouped(count.leaves));
    writeln!(report, "workers: {}, {leaves} leaves, {tasks} tasks, {milliseconds:.0} ms", summary.workers.len())?;
    writeln!(report, "\n{summary}\n")?;
    let right = Count { tasks: (2 << depth) - 1, leaves: 1 << depth };
    if count != right {
        return Err(format!("there should be {} tasks, and {} leaves", right.tasks, right.leaves).into());
    }
    if summary.tasks != right.tasks {
        return Err(format!("the cluster ran {} tasks", grouped(summary.tasks)).into());
    }
    Ok(())
}

async fn program([depth, workers]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    for workers in [1, 2, workers] {
        grow(depth as u32, workers, report).await?;
    }
    report.pop();
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let depth = Number::new("DEPTH", "levels below the root", 0..=16, 12);
    common::main_async([depth, common::workers()], program).await
}
