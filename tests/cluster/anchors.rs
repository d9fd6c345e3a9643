//! The answers that SCOOP's own tests expect, by the same trees of nested maps and submits, on 1, 2 and 4 workers.

use aqueduct::{
    Cluster,
    cluster::{first, join_all},
};

use crate::support::on;

#[aqueduct::remote]
fn func0(n: u64) -> u64 {
    Cluster::current().submit(func1, n).wait_blocking().expect("func1 has a result")
}

#[aqueduct::remote]
fn func1(n: u64) -> u64 {
    Cluster::current().map(func2, 1..=n).sum_blocking().expect("func2 has results")
}

#[aqueduct::remote]
fn func2(n: u64) -> u64 {
    let cluster = Cluster::current();
    let handles: Vec<_> = (1..=n).map(|i| cluster.submit(func3, i)).collect();
    handles.into_iter().map(|handle| handle.wait_blocking().expect("func3 has a result")).sum()
}

#[aqueduct::remote]
fn func3(n: u64) -> u64 {
    Cluster::current().map(func4, 1..=n).sum_blocking().expect("func4 has results")
}

#[aqueduct::remote]
fn func4(n: u64) -> u64 {
    n * n
}

#[aqueduct::remote]
async fn async0(n: u64) -> u64 {
    Cluster::current().submit(async1, n).await.expect("async1 has a result")
}

#[aqueduct::remote]
async fn async1(n: u64) -> u64 {
    Cluster::current().map(async2, 1..=n).sum().await.expect("async2 has results")
}

#[aqueduct::remote]
async fn async2(n: u64) -> u64 {
    let cluster = Cluster::current();
    let parts = join_all((1..=n).map(|i| cluster.submit(async3, i))).await.expect("async3 has results");
    parts.into_iter().sum()
}

#[aqueduct::remote]
async fn async3(n: u64) -> u64 {
    Cluster::current().map(func4, 1..=n).unordered().sum().await.expect("func4 has results")
}

#[aqueduct::remote]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// A tree of maps: 2^depth leaves.
#[aqueduct::remote]
fn leaves(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    Cluster::current().map(leaves, [depth - 1; 2]).sum_blocking().expect("both halves have results")
}

fn tree(n: u64) -> u64 {
    let squares = |n: u64| (1..=n).map(|i| i * i).sum::<u64>();
    let sums = |n: u64| (1..=n).map(squares).sum::<u64>();
    (1..=n).map(sums).sum()
}

fn anchors(workers: usize) {
    on(workers, async |cluster| {
        assert_eq!((tree(4), tree(20)), (77, 76153), "the serial answers");
        assert_eq!(cluster.submit(func0, 4).await, Ok(77));
        assert_eq!(cluster.submit(func0, 20).await, Ok(76153));
        assert_eq!(cluster.submit(async0, 4).await, Ok(77));
        assert_eq!(cluster.submit(async0, 20).await, Ok(76153));
        assert_eq!(cluster.map(func4, 1..=4).sum().await, Ok(30_u64));
        assert_eq!(cluster.map(func4, 1..=20).sum().await, Ok(2870_u64));
        assert_eq!(cluster.map(func4, 1..=30).unordered().sum().await, Ok(9455_u64));
        for _ in 0..2 {
            assert_eq!(cluster.map_reduce(func4, add, [10, 20, 30]).await, Ok(Some(1400)));
        }
        let scanned = cluster.map_scan(func4, |a, b| a + b, [10, 20, 30]).await;
        assert_eq!(scanned, Ok(vec![100, 500, 1400]));
        assert_eq!(first([cluster.submit(func4, 10)]).await, Ok(100));
    });
}

fn recursion(workers: usize) {
    on(workers, async |cluster| {
        assert_eq!(cluster.submit(leaves, 12).await, Ok(1 << 12));
    });
}

#[test]
fn nested_trees_give_scoops_answers_on_one_worker() {
    anchors(1);
}

#[test]
fn nested_trees_give_scoops_answers_on_two_workers() {
    anchors(2);
}

#[test]
fn nested_trees_give_scoops_answers_on_four_workers() {
    anchors(4);
}

#[test]
fn a_recursive_map_of_4096_leaves_ends_on_one_worker() {
    recursion(1);
}

#[test]
fn a_recursive_map_of_4096_leaves_ends_on_two_workers() {
    recursion(2);
}

#[test]
fn a_recursive_map_of_4096_leaves_ends_on_four_workers() {
    recursion(4);
}
