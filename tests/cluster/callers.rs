//! Who may use a cluster: plain threads, tokio runtimes of either kind, any executor; many at once.

use std::thread;

use aqueduct::{
    Cluster,
    cluster::{TaskError, TaskOptions},
};
use futures::{StreamExt, executor::block_on};

use crate::{
    common::within,
    support::{LIMIT, finish, on},
};

#[aqueduct::remote]
fn square(n: u64) -> u64 {
    n * n
}

#[aqueduct::remote]
async fn square_later(n: u64) -> u64 {
    tokio::task::yield_now().await;
    n * n
}

async fn all(cluster: &Cluster) {
    assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64));
    assert_eq!(cluster.map(square_later, 1..=30).unordered().sum().await, Ok(9455_u64));
    assert_eq!(cluster.submit(square, 12).await, Ok(144));
    let mut stream = cluster.map(square, 0..100);
    let mut next = 0;
    while let Some(result) = StreamExt::next(&mut stream).await {
        assert_eq!(result, Ok(next * next));
        next += 1;
    }
    assert_eq!(next, 100);
}

#[test]
fn a_current_thread_runtime_may_use_it() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::local(2).await.unwrap();
            all(&cluster).await;
            finish(cluster).await;
        });
    });
}

#[test]
fn a_multi_thread_runtime_may_use_it_from_its_tasks() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::local(2).await.unwrap();
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let cluster = cluster.clone();
                    tokio::spawn(async move { all(&cluster).await })
                })
                .collect();
            for task in tasks {
                task.await.expect("each has what it wants");
            }
            finish(cluster).await;
        });
    });
}

#[test]
fn plain_threads_may_use_it() {
    on(2, async |cluster| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let cluster = cluster.clone();
                thread::spawn(move || {
                    assert_eq!(cluster.map(square, 1..=30).sum_blocking(), Ok(9455_u64));
                    assert_eq!(cluster.map(square, 1..=3).collect_blocking(), Ok(vec![1, 4, 9]));
                    assert_eq!(cluster.map(square, 1..=3).fold_blocking(1, |a, b| a * b), Ok(36));
                    let mut seen = 0;
                    cluster.map(square, 0..10).for_each_blocking(|_| seen += 1).unwrap();
                    assert_eq!(seen, 10);
                    assert_eq!(cluster.submit(square, 12).wait_blocking(), Ok(144));
                    let mut map = cluster.map(square, 0..);
                    let first: Result<Vec<u64>, TaskError> = map.iter().take(5).collect();
                    assert_eq!(first, Ok(vec![0, 1, 4, 9, 16]));
                    block_on(all(&cluster));
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("each has what it wants");
        }
    });
}

#[test]
fn a_blocking_call_on_a_runtimes_thread_is_refused() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::local(1).await.unwrap();
            let inner = cluster.clone();
            let refused = tokio::spawn(async move { inner.map(square, 1..=3).sum_blocking::<u64>() });
            let panic = refused.await.expect_err("it panics").into_panic();
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).expect("a text");
            assert!(text.contains("use the async form"), "{text}");
            // The cluster is none the worse, and there is a way.
            let inner = cluster.clone();
            let sum = tokio::task::spawn_blocking(move || inner.map(square, 1..=3).sum_blocking::<u64>());
            assert_eq!(sum.await.unwrap(), Ok(14));
            finish(cluster).await;
        });
    });
}

#[test]
fn many_maps_at_once_each_get_their_own_results() {
    on(2, async |cluster| {
        let mut maps: Vec<_> = (0..50).map(|first| cluster.map(square, first..first + 200)).collect();
        for n in 0..200 {
            for (first, map) in (0..).zip(&mut maps) {
                assert_eq!(map.next().await, Some(Ok((first + n) * (first + n))));
            }
        }
        for map in &mut maps {
            assert_eq!(map.next().await, None);
        }
    });
}

#[test]
fn a_map_outlives_the_handle_of_its_cluster() {
    within(LIMIT, || {
        block_on(async {
            let cluster = Cluster::local(1).await.unwrap();
            let pid = cluster.workers()[0].pid;
            let mut map = cluster.with(TaskOptions::new().chunk(1)).map(square, 0..10);
            assert_eq!(map.next().await, Some(Ok(0)));
            drop(cluster);
            for n in 1..10 {
                assert_eq!(map.next().await, Some(Ok(n * n)));
            }
            assert!(crate::support::is_alive(pid));
            drop(map);
            crate::support::until("the worker goes with the last of them", || !crate::support::is_alive(pid));
        });
    });
}

#[test]
fn maps_that_run_when_the_cluster_shuts_down_end_with_an_error() {
    on(2, async |cluster| {
        let mut map = cluster.map(square, 0..);
        assert_eq!(map.next().await, Some(Ok(0)));
        let handle = cluster.submit(endless, ());
        cluster.clone().shutdown().await;
        let error = loop {
            match map.next().await.expect("an error before the end") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error, TaskError::Closed);
        assert_eq!(map.next().await, None);
        assert_eq!(handle.await, Err(TaskError::Closed));
        assert_eq!(cluster.map(square, 0..3).count().await, Err(TaskError::Closed));
        assert_eq!(cluster.submit(square, 3).await, Err(TaskError::Closed));
        assert!(cluster.add_worker(aqueduct::cluster::Worker::new()).await.is_err());
        // To shut down twice is nothing.
        cluster.clone().shutdown().await;
    });
}

#[aqueduct::remote]
fn endless() {
    loop {
        thread::sleep(std::time::Duration::from_millis(5));
    }
}
