//! Tasks that give work in turn: options, errors and constants reach through; a child's failure is its parent's to judge.

use aqueduct::{
    Cluster,
    cluster::{OnError, Shared, TaskError, TaskOptions, join_all, with},
};

use crate::support::on;

#[aqueduct::remote]
fn square(n: u64) -> u64 {
    n * n
}

#[aqueduct::remote]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[aqueduct::remote]
fn fails(n: u64) -> u64 {
    panic!("child {n}")
}

#[aqueduct::remote]
fn catches(n: u64) -> String {
    let error = Cluster::current().submit(fails, n).wait_blocking().expect_err("the child panics");
    error.panic().map_or_else(|| error.to_string(), |panic| panic.message.clone())
}

#[aqueduct::remote]
fn passes_on(n: u64) -> Result<u64, TaskError> {
    Cluster::current().submit(fails, n).wait_blocking()
}

#[aqueduct::remote]
fn reduces(n: u64) -> Option<u64> {
    futures::executor::block_on(Cluster::current().map_reduce(square, add, 1..=n)).expect("it can be reduced")
}

#[aqueduct::remote]
async fn reduces_later(n: u64) -> Option<u64> {
    Cluster::current().map_reduce(square, add, 1..=n).await.expect("it can be reduced")
}

#[aqueduct::remote]
fn nested_options(n: u64) -> (usize, u64) {
    let cluster = Cluster::current().with(TaskOptions::new().on_error(OnError::Skip).chunk(3).priority(2));
    let results: Vec<u64> = cluster.map(odd_fails, 0..n).collect_blocking().expect("errors are skipped");
    (results.len(), results.iter().sum())
}

#[aqueduct::remote]
fn odd_fails(n: u64) -> u64 {
    assert!(n.is_multiple_of(2), "odd");
    n
}

#[aqueduct::remote]
fn iterates(n: u64) -> Vec<u64> {
    let mut map = Cluster::current().map(square, 0..n);
    map.iter().map(|result| result.expect("squares are easy")).collect()
}

#[aqueduct::remote]
fn stops_early(n: u64) -> Option<u64> {
    // The input never ends; the parent has enough after a few.
    let mut map = Cluster::current().map(square, 0..);
    map.iter().map(|result| result.expect("squares are easy")).find(|square| *square > n)
}

#[aqueduct::remote]
fn with_captured(table: &Vec<u64>, n: u64) -> u64 {
    table[n as usize % table.len()]
}

#[aqueduct::remote]
fn captures(size: u64) -> u64 {
    let table: Vec<u64> = (0..size).collect();
    Cluster::current().map(with(table, with_captured), 0..size).sum_blocking().expect("sums")
}

#[aqueduct::remote]
fn hands_on(table: &Shared<Vec<u64>>, n: u64) -> u64 {
    if n == 0 {
        return table.get().expect("the driver keeps it").iter().sum();
    }
    Cluster::current().submit(with(table.clone(), hands_on), n - 1).wait_blocking().expect("the child sums")
}

#[aqueduct::remote]
fn outside_thread() -> bool {
    std::thread::spawn(|| Cluster::try_current().is_none()).join().expect("it does not panic")
}

#[aqueduct::remote]
fn forbidden() -> (String, String) {
    let cluster = Cluster::current();
    let shared = cluster.share(5_u64).map(drop).expect_err("a task cannot share").to_string();
    let added = futures::executor::block_on(cluster.add_worker(aqueduct::cluster::Worker::new()));
    (shared, added.expect_err("a task cannot add workers").to_string())
}

#[aqueduct::remote]
async fn many_at_once(n: u64) -> u64 {
    let cluster = Cluster::current();
    let results = join_all((0..n).map(|i| cluster.submit(square, i))).await.expect("squares");
    results.into_iter().sum()
}

fn both(test: impl AsyncFnOnce(Cluster) + Clone + Send + 'static) {
    for workers in [1, 2] {
        on(workers, test.clone());
    }
}

#[test]
fn a_childs_panic_is_an_error_in_its_parent() {
    both(async |cluster| {
        assert_eq!(cluster.submit(catches, 5).await, Ok("child 5".to_owned()));
        let outcome = cluster.submit(passes_on, 6).await.expect("the parent has a result");
        assert_eq!(outcome.unwrap_err().panic().map(|panic| panic.message.as_str()), Some("child 6"));
    });
}

#[test]
fn tasks_reduce_scan_iterate_and_stop_early() {
    both(async |cluster| {
        let squares = |n: u64| (1..=n).map(|i| i * i).sum::<u64>();
        assert_eq!(cluster.submit(reduces_later, 100).await, Ok(Some(squares(100))));
        assert_eq!(cluster.submit(iterates, 50).await, Ok((0..50).map(|n| n * n).collect()));
        assert_eq!(cluster.submit(stops_early, 1000).await, Ok(Some(1024)));
        assert_eq!(cluster.submit(nested_options, 20).await, Ok((10, 90)));
        assert_eq!(cluster.submit(many_at_once, 200).await, Ok(squares(199)));
        assert_eq!(cluster.map(iterates, 0..30).count().await, Ok(30));
    });
}

/// Where a task blocks by another executor than ours, its slot is not free: there must be another.
#[test]
fn a_foreign_executor_in_a_task_works_where_there_is_a_slot_left() {
    on(2, async |cluster| {
        assert_eq!(cluster.submit(reduces, 10).await, Ok(Some(385)));
    });
}

#[test]
fn small_and_large_captured_data_reach_the_children() {
    both(async |cluster| {
        for size in [3, 20_000] {
            assert_eq!(cluster.submit(captures, size).await, Ok((0..size).sum()));
        }
    });
}

#[test]
fn a_shared_constant_is_handed_on_to_any_depth() {
    both(async |cluster| {
        let table = cluster.share(Vec::from_iter(0..100_000_u64)).unwrap();
        let handles = (0..5).map(|depth| cluster.submit(with(table.clone(), hands_on), depth));
        assert_eq!(join_all(handles).await, Ok(vec![4_999_950_000; 5]));
    });
}

#[test]
fn what_a_task_may_not_do_is_an_error_that_says_so() {
    on(1, async |cluster| {
        assert_eq!(cluster.submit(outside_thread, ()).await, Ok(true));
        let (shared, added) = cluster.submit(forbidden, ()).await.unwrap();
        assert!(shared.contains("only the driver"), "{shared}");
        assert!(added.contains("a task cannot add workers"), "{added}");
        assert!(Cluster::try_current().is_none(), "the driver is no task");
    });
}
