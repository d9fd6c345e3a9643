//! The distributed map itself: each cell in a process of its own, as the peers' are.

mod growth;
mod killed;
mod large;
mod small;

use crate::sizes::Sizes;
use aqueduct::Cluster;
use std::error::Error;

pub(crate) use large::PIECE;

pub(crate) const WORKERS: usize = 2;

/// Gives back what it gets.
#[aqueduct::remote]
fn noop(n: u64) -> u64 {
    n
}

/// What the sum of `noop` over `0..tasks` must be.
fn expected(tasks: u64) -> u64 {
    tasks * (tasks - 1) / 2
}

pub(crate) fn run(cell: &str, sizes: &Sizes) -> Result<(), Box<dyn Error>> {
    // As `#[aqueduct::main]` has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let cluster = Cluster::local(WORKERS).await?;
        // Both workers are there; now both have worked.
        assert_eq!(cluster.map(noop, 0..1_000).chunk(10).sum::<u64>().await?, expected(1_000));
        match cell {
            "automatic" => small::automatic(&cluster, sizes).await?,
            "single" => small::single(&cluster, sizes).await?,
            "round-trip" => small::round_trip(&cluster, sizes).await?,
            "busy-1ms" | "busy-10ms" => small::busy(&cluster, sizes).await?,
            "submits" => small::submits(&cluster, sizes).await?,
            "reduce" => small::reduce(&cluster, sizes).await?,
            "tree" => small::tree_of_tasks(&cluster, sizes).await?,
            "arguments" => large::arguments(&cluster, sizes).await?,
            "results" => large::results(&cluster, sizes).await?,
            "growth" => growth::run(&cluster, sizes).await?,
            "kill" | "kill-short" => killed::run(&cluster, sizes).await?,
            other => return Err(format!("no such cell: {other}").into()),
        }
        cluster.shutdown().await;
        Ok(())
    })
}
