//! Skynet: a million processes, and a tree of others above them that adds up what they say.
//!
//! ```text
//! cargo run --release --example skynet -- [LEAVES]
//! ```
//!
//! The root starts ten processes, each of which starts ten, and so on, until there are a million leaves: 1,111,111
//! processes. Each leaf sends its number to its parent; each parent sends the sum of its ten to its own. The root
//! must get 499,999,500,000.
//!
//! The tree runs twice: all of it in turns in one task, and with the ten subtrees below the root spawned, so that
//! they run in parallel.

use std::process::ExitCode;
use std::time::Instant;

use aqueduct::prelude::*;
use common::grouped;

mod common;

/// How many children a parent has.
const CHILDREN: u64 = 10;

/// A tree over the leaves from `first` on.
///
/// A process that starts others of its own kind is plain recursion: the group keeps its members on the heap.
#[process]
async fn skynet(first: u64, leaves: u64, out: Sender<u64>) -> Outcome {
    if leaves == 1 {
        out.send(first).await?;
        return Ok(());
    }
    let (child, sums) = aqueduct::channel();
    let mut children = Group::new();
    for index in 0..CHILDREN {
        let leaves = leaves / CHILDREN;
        children.add(skynet(first + index * leaves, leaves, child.clone()));
    }
    drop(child);
    let mut sum = 0;
    let mut choice = Alt::pri();
    loop {
        // The children run while the group is awaited; they meet this process at its other guard.
        alt! { choice;
            Ok(part) = sums.recv() => sum += part,
            Some(ended) = children.next() => ended?,
            complete => break,
        }
    }
    out.send(sum).await?;
    Ok(())
}

/// The same, with the subtrees below the root spawned.
#[process]
async fn skynet_in_parallel(leaves: u64, out: Sender<u64>) -> Outcome {
    let (child, sums) = aqueduct::channel();
    let parts = leaves / CHILDREN;
    let children: Vec<_> = (0..CHILDREN).map(|index| skynet(index * parts, parts, child.clone()).spawn()).collect();
    drop(child);
    let mut sum = 0;
    while let Some(part) = sums.next().await? {
        sum += part;
    }
    for child in children {
        child.await?;
    }
    out.send(sum).await?;
    Ok(())
}

/// Runs a tree, prints what its root says and how long that took, and checks it.
fn measure(name: &str, leaves: u64, tree: impl Process<Value = ()>, root: Receiver<u64>) -> Result<(), String> {
    let began = Instant::now();
    let answer = aqueduct::task("reader", async move { Ok(root.recv().await?) });
    let ((), sum) = aqueduct::run(par!(tree, answer)).map_err(|error| error.to_string())?;
    println!("{name:<22} {:>17} {:>9.1} ms", grouped(sum), began.elapsed().as_secs_f64() * 1000.0);
    let right = leaves * (leaves - 1) / 2;
    if sum == right { Ok(()) } else { Err(format!("{name}: the sum should be {}", grouped(right))) }
}

fn measure_both(leaves: u64) -> Result<(), String> {
    // Each level has a tenth of the processes of the one below.
    let processes: u64 = std::iter::successors(Some(leaves), |n| (*n > 1).then_some(n / CHILDREN)).sum();
    println!("skynet: {} leaves, {} processes", grouped(leaves), grouped(processes));
    let (out, root) = aqueduct::channel();
    measure("one task", leaves, skynet(0, leaves, out), root)?;
    let (out, root) = aqueduct::channel();
    measure("ten spawned subtrees", leaves, skynet_in_parallel(leaves, out), root)
}

fn main() -> ExitCode {
    let leaves = match std::env::args().nth(1).as_deref().map(str::parse::<u64>) {
        None => 1_000_000,
        Some(Ok(leaves @ 10..=1_000_000_000)) if CHILDREN.pow(leaves.ilog(CHILDREN)) == leaves => leaves,
        Some(_) => {
            eprintln!("usage: skynet [LEAVES], a power of ten from 10 to 1000000000 (default: 1000000)");
            return ExitCode::from(2);
        }
    };
    match measure_both(leaves) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
