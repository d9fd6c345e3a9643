//! Tasks with small arguments and results.

use super::{WORKERS, expected, noop};
use crate::{clock, report, sizes::Sizes};
use aqueduct::{Cluster, cluster::join_all};
use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

type Outcome = Result<(), Box<dyn Error>>;

pub(super) async fn automatic(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let tasks = sizes.number("tasks")?;
    let start = Instant::now();
    let sum: u64 = cluster.map(noop, 0..tasks).sum().await?;
    report::rate("ordered", tasks, start.elapsed());
    assert_eq!(sum, expected(tasks));
    let start = Instant::now();
    let sum: u64 = cluster.map(noop, 0..tasks).unordered().sum().await?;
    report::rate("unordered", tasks, start.elapsed());
    assert_eq!(sum, expected(tasks));
    Ok(())
}

pub(super) async fn single(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let tasks = sizes.number("tasks")?;
    let start = Instant::now();
    let sum: u64 = cluster.map(noop, 0..tasks).chunk(1).sum().await?;
    report::rate("ordered", tasks, start.elapsed());
    assert_eq!(sum, expected(tasks));
    let start = Instant::now();
    let sum: u64 = cluster.map(noop, 0..tasks).chunk(1).unordered().sum().await?;
    report::rate("unordered", tasks, start.elapsed());
    assert_eq!(sum, expected(tasks));
    Ok(())
}

/// One task at a time, awaited by the main task, and waited for by a thread.
pub(super) async fn round_trip(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let tasks = sizes.number("tasks")?;
    let mut times = Vec::new();
    for number in 0..tasks {
        let start = Instant::now();
        let result = cluster.submit(noop, number).await?;
        times.push(start.elapsed());
        assert_eq!(result, number);
    }
    report::latencies("awaited", times);

    let cluster = cluster.clone();
    let thread = thread::spawn(move || {
        let mut times = Vec::new();
        for number in 0..tasks {
            let start = Instant::now();
            let result = cluster.submit(noop, number).wait_blocking()?;
            times.push(start.elapsed());
            assert_eq!(result, number);
        }
        Ok::<_, aqueduct::cluster::TaskError>(times)
    });
    let times = thread.join().map_err(|_| "the waiting thread panicked")??;
    report::latencies("from a thread", times);
    Ok(())
}

/// Burns processor time.
#[aqueduct::remote]
fn burn(micros: u64) -> u64 {
    clock::burn(Duration::from_micros(micros));
    1
}

/// The share of the ideal: the work, divided by the workers, over the time that it took.
pub(super) async fn busy(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let (tasks, micros) = (sizes.number("tasks")?, sizes.number("micros")?);
    let start = Instant::now();
    let count: u64 = cluster.map(burn, (0..tasks).map(|_| micros)).sum().await?;
    let elapsed = start.elapsed();
    assert_eq!(count, tasks);
    let ideal = Duration::from_micros(micros * tasks).as_secs_f64() / WORKERS as f64;
    report::figure("", "share", ideal / elapsed.as_secs_f64());
    Ok(())
}

/// All at once, all awaited.
pub(super) async fn submits(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let tasks = sizes.number("tasks")?;
    let start = Instant::now();
    let handles: Vec<_> = (0..tasks).map(|number| cluster.submit(noop, number)).collect();
    let results = join_all(handles).await?;
    report::rate("", tasks, start.elapsed());
    assert!(results.into_iter().eq(0..tasks), "results out of order");
    Ok(())
}

#[aqueduct::remote]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

pub(super) async fn reduce(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let tasks = sizes.number("tasks")?;
    let start = Instant::now();
    let sum = cluster.map_reduce(noop, add, 0..tasks).await?;
    report::rate("", tasks, start.elapsed());
    assert_eq!(sum, Some(expected(tasks)));
    Ok(())
}

/// Counts the leaves of a binary tree, each node a task that maps over its two children and waits for them.
#[aqueduct::remote]
async fn tree(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let children = Cluster::current().map(tree, [depth - 1; 2]);
    children.sum().await.expect("the children count their leaves")
}

/// The same, whose nodes wait on their threads.
#[aqueduct::remote]
fn blocking_tree(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let children = Cluster::current().map(blocking_tree, [depth - 1; 2]);
    children.sum_blocking().expect("the children count their leaves")
}

pub(super) async fn tree_of_tasks(cluster: &Cluster, sizes: &Sizes) -> Outcome {
    let depth = u32::try_from(sizes.number("depth")?)?;
    let nodes = (2 << depth) - 1;
    let start = Instant::now();
    let leaves: u64 = cluster.submit(tree, depth).await?;
    report::rate("async", nodes, start.elapsed());
    assert_eq!(leaves, 1 << depth);
    let start = Instant::now();
    let leaves: u64 = cluster.submit(blocking_tree, depth).await?;
    report::rate("plain", nodes, start.elapsed());
    assert_eq!(leaves, 1 << depth);
    Ok(())
}
