//! What happens to tasks that nobody waits for any more.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use aqueduct::cluster::{TaskError, TaskOptions, first, join_all, task, with};
use futures::FutureExt;

use crate::support::{Place, Room, on, until};

/// Runs until it is told that nobody waits, and says that it was.
#[aqueduct::remote]
fn polite(place: &Place, item: u64) -> u64 {
    place.note(&format!("begun {item}"));
    until("the cancel", task::is_cancelled);
    place.note(&format!("told {item}"));
    item
}

/// Waits for ever, and says when it is dropped.
#[aqueduct::remote]
async fn patient(place: &Place, item: u64) -> u64 {
    struct Dropped<'a>(&'a Place, u64);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.note(&format!("dropped {}", self.1));
        }
    }
    let _dropped = Dropped(place, item);
    place.note(&format!("begun {item}"));
    std::future::pending().await
}

/// Does not care.
#[aqueduct::remote]
fn stubborn(place: &Place, item: u64) -> u64 {
    place.note(&format!("begun {item} {}", std::process::id()));
    place.wait("open");
    item
}

/// Hands its waiting to another thread, as parts of a task may run elsewhere.
#[aqueduct::remote]
async fn divided(place: &Place, item: u64) -> u64 {
    let task = task::current().expect("this is a task");
    let elsewhere = place.clone();
    let part = tokio::spawn(async move {
        elsewhere.note("waits elsewhere");
        task.cancelled().await;
        elsewhere.note("told elsewhere");
    });
    place.note(&format!("begun {item}"));
    part.await.expect("it does not panic");
    item
}

#[aqueduct::remote]
fn quick(n: u64) -> u64 {
    n
}

#[aqueduct::remote]
fn naps(millis: u64) -> u64 {
    thread::sleep(Duration::from_millis(millis));
    millis
}

fn has(room: &Room, line: &str) -> bool {
    room.log().iter().any(|one| one == line)
}

#[test]
fn a_dropped_map_starts_nothing_more_and_tells_what_runs() {
    let room = Room::new();
    on(2, async move |cluster| {
        let mut map = cluster.map(with(room.place(), polite), 0..100).chunk(1);
        // Asked once: now it runs.
        assert!(map.next().now_or_never().is_none());
        until("both workers run one", || room.log().len() == 2);
        drop(map);
        until("both are told", || room.log().iter().filter(|line| line.starts_with("told")).count() == 2);
        // Both workers are free again, and have begun nothing else of it.
        let _: Vec<u64> = cluster.map(quick, 0..100).collect().await.unwrap();
        assert_eq!(room.log().iter().filter(|line| line.starts_with("begun")).count(), 2);
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn a_cancelled_async_task_is_dropped() {
    let room = Room::new();
    on(1, async move |cluster| {
        let mut handle = cluster.submit(with(room.place(), patient), 1);
        assert!((&mut handle).now_or_never().is_none());
        until("it has begun", || has(&room, "begun 1"));
        handle.cancel();
        until("it is dropped", || has(&room, "dropped 1"));
        let handle = cluster.submit(with(room.place(), patient), 2);
        until("another has begun", || has(&room, "begun 2"));
        drop(handle);
        until("to drop the handle is the same", || has(&room, "dropped 2"));
        assert_eq!(cluster.submit(quick, 5).await, Ok(5));
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn parts_of_a_task_that_run_elsewhere_are_told() {
    let room = Room::new();
    on(1, async move |cluster| {
        let handle = cluster.submit(with(room.place(), divided), 1);
        until("both parts wait", || has(&room, "begun 1") && has(&room, "waits elsewhere"));
        handle.cancel();
        until("the other part is told", || has(&room, "told elsewhere"));
    });
}

#[test]
fn a_cancelled_task_that_does_not_end_keeps_its_worker_busy_but_nobody_waiting() {
    let room = Room::new();
    on(2, async move |cluster| {
        let handle = cluster.submit(with(room.place(), stubborn), 1);
        until("it has begun", || room.log().len() == 1);
        handle.cancel();
        // The other worker does everything meanwhile.
        assert_eq!(cluster.map(quick, 0..1000).sum().await, Ok(499_500_u64));
        room.mark("open");
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn a_stubborn_task_is_killed_if_that_was_asked_and_its_worker_replaced() {
    let room = Room::new();
    on(1, async move |cluster| {
        let killed =
            |cluster: &aqueduct::Cluster, deaths| until("its worker is killed", || cluster.summary().deaths == deaths);
        let handle = cluster.submit(with(room.place(), stubborn), 1);
        until("it has begun", || room.log().len() == 1);
        handle.kill();
        killed(&cluster, 1);
        assert_eq!(cluster.submit(quick, 5).await, Ok(5), "another worker is there");

        let strict = cluster.with(TaskOptions::new().kill_on_cancel());
        let mut map = strict.map(with(room.place(), stubborn), 2..10);
        assert!(map.next().now_or_never().is_none());
        until("the map has begun", || room.log().len() == 2);
        drop(map);
        killed(&cluster, 2);
        assert_eq!(cluster.submit(quick, 6).await, Ok(6), "another worker is there");
        // Politeness is rewarded.
        let handle = strict.submit(with(room.place(), polite), 3);
        until("the polite one has begun", || has(&room, "begun 3"));
        drop(handle);
        until("the polite one is told", || has(&room, "told 3"));
        assert_eq!(cluster.submit(quick, 7).await, Ok(7));
        assert_eq!(cluster.summary().deaths, 2);
    });
}

#[test]
fn a_detached_task_runs_on() {
    let room = Room::new();
    on(1, async move |cluster| {
        cluster.submit(with(room.place(), stubborn), 1).detach();
        until("it has begun", || room.log().len() == 1);
        room.mark("open");
        assert_eq!(cluster.submit(quick, 5).await, Ok(5));
        until("it is counted", || cluster.summary().tasks == 2);
        // Large captured data must still be there when a detached task begins.
        let large = vec![7_u8; 100_000];
        let hold = cluster.submit(with(room.place(), stubborn), 2);
        cluster.submit(with((large, room.place()), noted_length), ()).detach();
        drop(hold);
        until("it found its data", || has(&room, "length 100000"));
    });
}

#[aqueduct::remote]
fn noted_length(captured: &(Vec<u8>, Place)) {
    captured.1.note(&format!("length {}", captured.0.len()));
}

#[test]
fn a_wait_with_a_limit_ends_in_time_and_cancels() {
    let room = Room::new();
    on(1, async move |cluster| {
        let limit = Duration::from_millis(50);
        let error = cluster.submit(with(room.place(), patient), 1).timeout(limit).await.unwrap_err();
        assert!(matches!(error, TaskError::TimedOut { limit: told, .. } if told == limit), "{error}");
        assert_eq!(cluster.submit(quick, 5).timeout(Duration::from_secs(60)).await, Ok(5));
        until("it was cancelled", || !has(&room, "begun 1") || has(&room, "dropped 1"));
    });
}

#[test]
fn the_first_result_wins_and_the_others_are_cancelled() {
    let room = Room::new();
    on(2, async move |cluster| {
        let handles = [cluster.submit(with(room.place(), patient), 1), cluster.submit(quick, 5)];
        assert_eq!(first(handles).await, Ok(5));
        until("the other is dropped", || !has(&room, "begun 1") || has(&room, "dropped 1"));
        assert_eq!(first::<u64>([]).await, Err(TaskError::Cancelled), "there was none");
    });
}

#[test]
fn all_results_are_joined_in_order_and_a_failure_cancels_the_rest() {
    #[aqueduct::remote]
    fn broken(_: &Place, n: u64) -> u64 {
        panic!("broken {n}")
    }
    let room = Room::new();
    on(2, async move |cluster| {
        let handles: Vec<_> = [30, 1, 10, 2].map(|millis| cluster.submit(naps, millis)).into();
        assert_eq!(join_all(handles).await, Ok(vec![30, 1, 10, 2]));
        assert_eq!(join_all::<u64>([]).await, Ok(vec![]));
        let handles = [cluster.submit(with(room.place(), patient), 1), cluster.submit(with(room.place(), broken), 2)];
        let error = join_all(handles).await.unwrap_err();
        assert_eq!(error.panic().map(|panic| panic.message.as_str()), Some("broken 2"));
        until("the other is dropped", || !has(&room, "begun 1") || has(&room, "dropped 1"));
        let thousand: Vec<_> = (0..1000).map(|n| cluster.submit(quick, n)).collect();
        assert_eq!(join_all(thousand).await, Ok(Vec::from_iter(0..1000)));
    });
}

#[test]
fn an_awaited_handle_may_be_given_up_and_taken_up_again() {
    let room = Room::new();
    on(1, async move |cluster| {
        let mut handle = cluster.submit(with(room.place(), stubborn), 9);
        for _ in 0..10 {
            assert!((&mut handle).now_or_never().is_none());
        }
        room.mark("open");
        assert_eq!((&mut handle).await, Ok(9));
        assert!((&mut handle).now_or_never().is_none(), "after it was ready, it is never ready again");
    });
}

#[test]
fn children_of_a_cancelled_task_are_cancelled() {
    #[aqueduct::remote]
    fn parent(place: &Place, item: u64) -> u64 {
        place.note("parent");
        let children = aqueduct::Cluster::current().map(with(place.clone(), patient), [item; 4]);
        children.sum_blocking().unwrap_or(0)
    }
    #[aqueduct::remote]
    async fn async_parent(place: &Place, item: u64) -> u64 {
        place.note("parent");
        let children = aqueduct::Cluster::current().map(with(place.clone(), patient), [item; 4]);
        children.sum().await.unwrap_or(0)
    }
    let room = Room::new();
    on(2, async move |cluster| {
        let handle = cluster.submit(with(room.place(), async_parent), 1);
        until("a child has begun", || has(&room, "begun 1"));
        drop(handle);
        until("the child is dropped", || has(&room, "dropped 1"));
        let handle = cluster.submit(with(room.place(), parent), 2);
        until("a child has begun", || has(&room, "begun 2"));
        drop(handle);
        until("the child of a plain function is dropped", || has(&room, "dropped 2"));
        assert_eq!(cluster.map(quick, 0..100).sum().await, Ok(4950_u64));
    });
}

/// Guards this file's own method: the counter below tells reads of the input.
#[test]
fn a_dropped_map_reads_its_input_no_further() {
    static READ: AtomicU64 = AtomicU64::new(0);
    on(1, async |cluster| {
        let mut map = cluster.map(quick, (0..).inspect(|_| _ = READ.fetch_add(1, Relaxed)));
        assert_eq!(READ.load(Relaxed), 0, "a map is lazy");
        for n in 0..10 {
            assert_eq!(map.next().await, Some(Ok(n)));
        }
        drop(map);
        let read = READ.load(Relaxed);
        assert_eq!(cluster.map(quick, 0..100).sum().await, Ok(4950_u64));
        assert_eq!(READ.load(Relaxed), read);
    });
}
