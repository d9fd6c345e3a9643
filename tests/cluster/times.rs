//! How long a task may take: an async one is dropped, a plain one costs its worker; the others do not notice.

use std::{future::pending, thread, time::Duration};

use aqueduct::cluster::{OnError, TaskError, TaskOptions, task, with};

use crate::support::{Place, Room, on, until};

const SHORT: Duration = Duration::from_millis(150);

#[aqueduct::remote]
async fn slow_later(item: u64) -> u64 {
    if item == 7 {
        pending::<()>().await;
    }
    item
}

#[aqueduct::remote]
fn slow(place: &Place, item: u64) -> u64 {
    place.note_task(&item.to_string());
    if item == 7 {
        place.wait("never");
    }
    item
}

/// Async, and never comes to a point where it could be dropped.
#[aqueduct::remote]
async fn blocked(place: &Place, item: u64) -> u64 {
    if item == 7 {
        place.wait("never");
    }
    item
}

/// A plain function that looks for its cancel as an async one would.
#[aqueduct::remote]
fn listens(place: &Place, item: u64) -> u64 {
    if item == 7 {
        let mut told = Box::pin(task::current().expect("a task").cancelled());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(told.as_mut().poll(&mut context).is_pending());
        place.wait("never");
    }
    item
}

#[aqueduct::remote]
fn naps(item: u64) -> u64 {
    thread::sleep(Duration::from_millis(20));
    item
}

#[aqueduct::remote]
async fn tokio_sleeps(millis: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    millis
}

fn check(item: u64, result: Result<u64, TaskError>) {
    match result {
        Err(TaskError::TimedOut { limit, place }) if item == 7 => {
            assert_eq!(limit, SHORT);
            assert!(place.is_some_and(|place| place.pid > 1), "it is told where");
        }
        result => assert_eq!(result, Ok(item)),
    }
}

#[test]
fn an_async_task_that_takes_too_long_is_dropped_and_costs_no_worker() {
    for chunk in [1, 20] {
        on(2, async move |cluster| {
            let options = TaskOptions::new().timeout(SHORT).on_error(OnError::Collect).chunk(chunk);
            let mut map = cluster.with(options).map(slow_later, 0..20);
            for item in 0..20 {
                check(item, map.next().await.expect("a result for each"));
            }
            assert_eq!(cluster.summary().deaths, 0);
        });
    }
}

#[test]
fn a_plain_task_that_takes_too_long_costs_its_worker_and_nothing_else() {
    for chunk in [1, 20] {
        let room = Room::new();
        on(2, async move |cluster| {
            let options = TaskOptions::new().timeout(SHORT).on_error(OnError::Collect).chunk(chunk);
            let mut map = cluster.with(options).map(with(room.place(), slow), 0..20);
            for item in 0..20 {
                check(item, map.next().await.expect("a result for each"));
            }
            until("the worker is gone", || cluster.summary().deaths == 1);
            until("another takes its place", || cluster.workers().len() == 2);
            let sevens = room.log().iter().filter(|line| line.starts_with("7 ")).count();
            assert_eq!(sevens, 1, "what took too long is not tried again");
        });
    }
}

#[test]
fn an_async_task_that_never_yields_is_stopped_as_well() {
    let room = Room::new();
    on(1, async move |cluster| {
        let patient = cluster.with(TaskOptions::new().timeout(SHORT));
        check(7, patient.submit(with(room.place(), blocked), 7).await);
        check(8, patient.submit(with(room.place(), blocked), 8).await);
    });
}

#[test]
fn a_plain_task_that_listened_for_its_cancel_is_stopped_as_well() {
    let room = Room::new();
    on(1, async move |cluster| {
        let patient = cluster.with(TaskOptions::new().timeout(SHORT));
        check(7, patient.submit(with(room.place(), listens), 7).await);
        check(8, patient.submit(with(room.place(), listens), 8).await);
    });
}

#[test]
fn the_time_is_that_of_one_task_not_of_its_chunk() {
    on(1, async |cluster| {
        let results: Vec<u64> = cluster.map(naps, 0..30).chunk(30).timeout(SHORT * 2).collect().await.unwrap();
        assert_eq!(results, Vec::from_iter(0..30));
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn async_tasks_may_use_tokios_timers() {
    on(1, async |cluster| {
        assert_eq!(cluster.map(tokio_sleeps, [5, 1, 3]).collect::<Vec<_>>().await, Ok(vec![5, 1, 3]));
    });
}
