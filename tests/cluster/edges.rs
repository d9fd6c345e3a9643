//! What happens at the edges: panics around a call, what is too large for a message, files that cannot be written, workers
//! that end or clusters that are given up at an awkward moment.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use aqueduct::{
    Cluster,
    cluster::{OnError, Shared, TaskError, TaskOptions, Worker, task, with},
};
use futures::{FutureExt, executor::block_on};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    common::within,
    support::{LIMIT, Place, Room, marked, marked_workers, on, on_built, signal, until, worker_command},
};

/// Panics where it is put together, if it is 7.
#[derive(Serialize)]
struct Trap(u64);

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        assert_ne!(number, 7, "this one is a trap");
        Ok(Self(number))
    }
}

#[aqueduct::remote]
fn opened(trap: Trap) -> u64 {
    trap.0
}

/// Panics where it is dropped, if it is 7.
#[derive(Serialize, Deserialize)]
struct Brittle(u64);

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(self.0 != 7 || task::current().is_none(), "it breaks");
    }
}

#[aqueduct::remote]
fn brittle(number: u64) -> Brittle {
    Brittle(number)
}

#[test]
fn a_panic_while_an_argument_is_decoded_fails_its_item_and_leaves_the_slot() {
    on(1, async |cluster| {
        let mut map = cluster.map(opened, (0..20).map(Trap)).chunk(1).on_error(OnError::Collect);
        for number in 0..20 {
            match map.next().await.expect("there is one for each item") {
                Ok(value) => assert!(value == number && number != 7),
                Err(TaskError::Panicked(panic)) => {
                    assert_eq!(number, 7);
                    assert!(panic.message.contains("this one is a trap"), "{}", panic.message);
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(map.next().await.is_none());
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn a_panic_while_an_argument_is_decoded_spares_what_was_done_before_it() {
    on(1, async |cluster| {
        let mut map = cluster.map(opened, (0..20).map(Trap)).chunk(20).on_error(OnError::Collect);
        for number in 0..20 {
            let outcome = map.next().await.expect("there is one for each item");
            // Where the items behind it begin is not known.
            assert_eq!(outcome.is_ok(), number < 7, "{number}: {outcome:?}");
        }
        assert!(map.next().await.is_none());
        assert_eq!(cluster.submit(opened, Trap(8)).await, Ok(8));
    });
}

#[test]
fn a_panic_while_a_result_is_dropped_leaves_the_slot() {
    on(1, async |cluster| {
        let mut map = cluster.map(brittle, 0..20).chunk(1).on_error(OnError::Collect);
        let mut count = 0;
        while let Some(outcome) = map.next().await {
            // The result of the seventh was there before it broke.
            assert_eq!(outcome.unwrap().0, count);
            count += 1;
        }
        assert_eq!(count, 20);
    });
}

#[aqueduct::remote]
fn size_of_shared(all: Shared<Vec<u64>>) -> usize {
    all.get().map_or(0, |all| all.len())
}

#[test]
fn a_constant_that_no_worker_can_store_is_sent_to_each() {
    // They may write no files; a write fails then, as on a full disk.
    let worker = || {
        Worker::new().command(|| {
            let inner = worker_command();
            let mut command = Command::new("sh");
            command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
            command.arg(inner.get_program()).args(inner.get_args());
            command
        })
    };
    on_built(Cluster::builder().worker(worker()).worker(worker()), async |cluster| {
        let shared = cluster.share((0..100_000).collect::<Vec<u64>>()).unwrap();
        for number in [0, 1, 0] {
            let here = cluster.with(TaskOptions::new().on_worker(number));
            assert_eq!(here.submit(size_of_shared, shared.clone()).await, Ok(100_000));
        }
        assert_eq!(cluster.summary().constants_sent.count, 2);
    });
}

#[aqueduct::remote]
fn pick(table: &Vec<u64>, place: u64) -> u64 {
    table[usize::try_from(place).unwrap()]
}

/// Maps with captured data of its own.
#[aqueduct::remote]
fn picks(size: u64) -> Result<u64, String> {
    let table: Vec<u64> = (0..size).collect();
    let map = Cluster::current().map(with(table, pick), [0, size / 2, size - 1]);
    map.sum_blocking().map_err(|error| error.to_string())
}

#[test]
fn a_task_may_hand_its_own_job_much_captured_data() {
    on(2, async |cluster| {
        for size in [10_u64, 10_000, 1_000_000] {
            assert_eq!(cluster.submit(picks, size).await, Ok(Ok(size / 2 + size - 1)));
        }
        let all: Vec<_> = cluster.map(picks, [200_000, 200_000, 300_000]).collect().await.unwrap();
        assert_eq!(all, [Ok(299_999), Ok(299_999), Ok(449_999)]);
    });
}

/// Leaves the worker it was begun on in the log, and waits there, unless it is tried again.
#[aqueduct::remote]
fn once_held(place: &Place, item: u64) -> u64 {
    place.note_task(&item.to_string());
    if task::current().is_some_and(|task| task.attempt() == 1) {
        place.wait("open");
    }
    item
}

#[test]
fn a_leaving_worker_that_falls_silent_is_lost_as_any_other() {
    let room = Room::new();
    let builder = Cluster::builder().workers(1).idle_time(Duration::from_secs(1));
    on_built(builder, async move |cluster| {
        let handle = cluster.submit(with(room.place(), once_held), 5);
        until("the task has begun", || !room.log().is_empty());
        let pid = cluster.workers()[0].pid;
        cluster.add_worker(Worker::new()).await.unwrap();
        assert!(cluster.retire_worker(0));
        signal("STOP", pid);
        assert_eq!(handle.await, Ok(5));
        assert_eq!(room.log().len(), 2);
    });
}

#[test]
fn a_cluster_that_is_given_up_while_it_starts_leaves_no_process() {
    within(LIMIT, || {
        const MARK: &str = "AQUEDUCT_TEST_GIVEN_UP";
        let value = std::process::id().to_string();
        let called = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&called);
        let worker = Worker::new().command(move || {
            seen.store(true, SeqCst);
            let mut command = worker_command();
            command.env(MARK, std::process::id().to_string());
            command
        });
        let workers: Vec<_> = (0..3).map(|_| marked_workers(MARK, &value)).collect();
        let builder = workers.into_iter().fold(Cluster::builder().worker(worker), |builder, one| builder.worker(one));
        let mut starting = Box::pin(builder.start());
        assert!((&mut starting).now_or_never().is_none(), "workers take longer than that");
        drop(starting);
        until("the first is started", || called.load(SeqCst));
        let all = format!("{MARK}={value}");
        until("they appear", || !marked(&all).is_empty());
        until("they are gone", || marked(&all).is_empty());
    });
}

#[aqueduct::remote]
fn polite_child(place: &Place, item: u64) -> u64 {
    place.note("child begun");
    until("the cancel", || task::is_cancelled() || !place.path().exists());
    place.note("child told");
    item
}

/// Submits a child and waits for it.
#[aqueduct::remote]
fn parent_of_one(place: &Place, item: u64) -> u64 {
    let child = Cluster::current().submit(with(place.clone(), polite_child), item);
    child.wait_blocking().unwrap_or(0)
}

#[test]
fn a_child_that_a_cancelled_task_has_submitted_is_cancelled() {
    let room = Room::new();
    on(1, async move |cluster| {
        let handle = cluster.submit(with(room.place(), parent_of_one), 1);
        until("the child has begun", || room.log().iter().any(|line| line == "child begun"));
        handle.cancel();
        until("the child is told", || room.log().iter().any(|line| line == "child told"));
    });
}

#[aqueduct::remote]
fn quick(number: u64) -> u64 {
    number
}

#[test]
fn a_tag_that_is_one_too_many_is_nobodys() {
    let all = (0..64).fold(Worker::new(), |worker, number| worker.tag(format!("tag {number}")));
    on_built(Cluster::builder().worker(all), async |cluster| {
        assert!(cluster.add_worker(Worker::new().tag("one too many")).await.is_err());
        let failed = cluster.with(TaskOptions::new().needs("one too many")).submit(quick, 1).await;
        assert!(matches!(failed, Err(TaskError::NoSuchWorker { .. })), "{failed:?}");
        assert_eq!(cluster.with(TaskOptions::new().needs("tag 63")).submit(quick, 1).await, Ok(1));
    });
}

/// Writes more than it reads.
#[derive(Debug, PartialEq)]
struct Lopsided(u8);

impl Serialize for Lopsided {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0, 1_u8).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Lopsided {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Self)
    }
}

#[aqueduct::remote]
fn lopsided(number: u8) -> Lopsided {
    Lopsided(number)
}

#[test]
fn a_result_that_is_not_read_to_its_end_is_an_error() {
    on(1, async |cluster| {
        let outcome = cluster.map(lopsided, 0..10).collect::<Vec<_>>().await;
        assert!(matches!(&outcome, Err(TaskError::Codec { .. })), "{outcome:?}");
    });
}

#[test]
fn a_result_that_cannot_be_read_is_skipped_if_that_was_asked() {
    on(1, async |cluster| {
        let map = cluster.map(lopsided, 0..10).chunk(1).on_error(OnError::Skip);
        assert_eq!(map.collect::<Vec<_>>().await, Ok(Vec::new()));
        let mut map = cluster.map(lopsided, 0..10).chunk(1).on_error(OnError::Collect);
        for _ in 0..10 {
            assert!(matches!(map.next().await, Some(Err(TaskError::Codec { .. }))));
        }
        assert_eq!(map.next().await, None);
    });
}

/// Its error is longer than a message may be.
#[derive(Deserialize)]
struct Talkative;

impl Serialize for Talkative {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("é".repeat(2 << 20)))
    }
}

#[aqueduct::remote]
fn talkative(_: u64) -> Talkative {
    Talkative
}

#[test]
fn a_long_error_of_a_serialize_arrives_cut() {
    on(1, async |cluster| match cluster.submit(talkative, 1).await {
        Err(TaskError::Codec { error, .. }) => assert!(error.starts_with('é') && error.len() < 32 << 10),
        other => panic!("{:?}", other.map(drop)),
    });
}

#[test]
fn workers_added_while_the_cluster_ends_do_not_keep_anybody_waiting() {
    within(LIMIT, || {
        for _ in 0..5 {
            block_on(async {
                let cluster = Cluster::local(1).await.unwrap();
                let other = cluster.clone();
                let adding = thread::spawn(move || {
                    // Until it is refused.
                    while block_on(other.add_worker(Worker::new())).is_ok() {}
                });
                cluster.shutdown().await;
                adding.join().unwrap();
            });
        }
    });
}
