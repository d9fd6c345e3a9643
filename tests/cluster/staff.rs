//! Workers that come and go while maps run; tags, slots, priorities; what each worker keeps.

use std::{
    collections::BTreeSet,
    process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use aqueduct::{
    Cluster,
    cluster::{OnError, TaskError, TaskOptions, Worker, join_all, task, with, worker_state},
};

use crate::support::{Place, Room, on, on_built, signal, until};

/// Where it ran.
#[aqueduct::remote]
fn place_of(place: &Place, item: u64) -> (u64, u32) {
    place.note(&item.to_string());
    thread::sleep(Duration::from_millis(2));
    (item, task::current().map_or(u32::MAX, |task| task.place().worker))
}

#[aqueduct::remote]
fn held(place: &Place, item: u64) -> u64 {
    place.note(&item.to_string());
    place.wait("open");
    item
}

#[aqueduct::remote]
fn quick(n: u64) -> u64 {
    n
}

struct Model {
    pid: u32,
    loads: u32,
}

/// Each worker loads its model once; it tells which it is.
#[aqueduct::remote]
fn predicted(n: u64) -> (u64, u32, u32) {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    thread::sleep(Duration::from_millis(1));
    let model = worker_state(|| Model { pid: process::id(), loads: LOADS.fetch_add(1, Relaxed) + 1 });
    (n, model.pid, model.loads)
}

#[test]
fn a_worker_that_joins_in_the_middle_takes_work() {
    let room = Room::new();
    on(1, async move |cluster| {
        let mut map = cluster.map(with(room.place(), place_of), 0..2000).chunk(1);
        assert_eq!(map.next().await, Some(Ok((0, 0))));
        let joined = cluster.add_worker(Worker::new()).await.unwrap();
        assert_eq!(joined, 1);
        assert_eq!(cluster.workers().iter().map(|place| place.worker).collect::<Vec<_>>(), [0, 1]);
        let mut by_worker = [1, 0];
        let mut expected = 1;
        while let Some(result) = map.next().await {
            let (item, worker) = result.unwrap();
            assert_eq!(item, expected);
            expected += 1;
            by_worker[worker as usize] += 1;
        }
        assert_eq!(expected, 2000);
        assert!(by_worker[1] > 300, "the second worker did {} of 2000", by_worker[1]);
    });
}

#[test]
fn a_retired_worker_finishes_what_it_has_begun_and_nothing_is_lost() {
    let room = Room::new();
    on(3, async move |cluster| {
        let retired = cluster.workers()[1].clone();
        let retire = thread::spawn({
            let (room, cluster, worker) = (room.place(), cluster.clone(), retired.worker);
            move || {
                until("twenty have begun", || room.log().len() >= 20);
                assert!(cluster.retire_worker(worker));
            }
        });
        let results: Vec<(u64, u32)> =
            cluster.map(with(room.place(), place_of), 0..300).chunk(5).collect().await.unwrap();
        retire.join().expect("it is retired");
        assert!(results.iter().map(|(item, _)| *item).eq(0..300));
        assert_eq!(room.log().len(), 300, "nothing ran twice");
        until("it has gone", || !crate::support::is_alive(retired.pid));
        until("its seat is empty", || cluster.workers().len() == 2);
        let summary = cluster.summary();
        assert_eq!((summary.deaths, summary.retried), (0, 0), "to go when told is no death");
        assert_eq!(summary.workers.len(), 3);
        assert!(!cluster.retire_worker(retired.worker) && !cluster.retire_worker(99), "it is not there");
    });
}

#[test]
fn a_cluster_whose_only_worker_is_retired_works_again_with_a_new_one() {
    on(1, async |cluster| {
        assert_eq!(cluster.submit(quick, 1).await, Ok(1));
        assert!(cluster.retire_worker(0));
        until("it has gone", || cluster.workers().is_empty());
        cluster.add_worker(Worker::new()).await.unwrap();
        assert_eq!(cluster.map(quick, 0..100).sum().await, Ok(4950_u64));
    });
}

#[test]
fn what_is_bound_to_a_worker_that_is_retired_ends() {
    let room = Room::new();
    on(2, async move |cluster| {
        let options = TaskOptions::new().on_worker(1).chunk(1).on_error(OnError::Collect);
        let mut map = cluster.with(options).map(with(room.place(), held), 0..20);
        let opener = thread::spawn({
            let (room, cluster) = (room.place(), cluster.clone());
            move || {
                until("one has begun", || !room.log().is_empty());
                assert!(cluster.retire_worker(1));
                room.mark("open");
            }
        });
        let (mut done, mut failed) = (0, 0);
        while let Some(result) = map.next().await {
            match result {
                Ok(_) => done += 1,
                Err(TaskError::WorkersDied { .. } | TaskError::NoSuchWorker { .. }) => failed += 1,
                Err(error) => panic!("{error}"),
            }
        }
        opener.join().expect("it is retired");
        assert_eq!(done + failed, 20);
        assert!(done >= 1, "what it had begun is done");
    });
}

#[test]
fn tags_decide_who_runs_what() {
    let room = Room::new();
    let builder = Cluster::builder().workers(1).worker(Worker::new().tag("gpu").tag("large"));
    on_built(builder, async move |cluster| {
        for needs in [&["gpu"][..], &["large", "gpu"]] {
            let options = needs.iter().fold(TaskOptions::new(), |options, tag| options.needs(*tag));
            let map = cluster.with(options).map(with(room.place(), place_of), 0..50);
            let results: Vec<(u64, u32)> = map.collect().await.unwrap();
            assert!(results.iter().all(|(_, worker)| *worker == 1), "{needs:?}");
        }
        let error = cluster.map(quick, 0..5).needs("tpu").sum::<u64>().await.unwrap_err();
        let TaskError::NoSuchWorker { needs, present } = &error else { panic!("{error}") };
        assert_eq!((&needs[..], &present[..]), (&["tpu".to_owned()][..], &["gpu".to_owned(), "large".to_owned()][..]));
        assert!(error.to_string().contains("Worker::tag"), "{error}");
        let bound = cluster.with(TaskOptions::new().on_worker(7));
        assert!(matches!(bound.submit(quick, 1).await, Err(TaskError::NoSuchWorker { .. })));
        let bound = cluster.with(TaskOptions::new().on_worker(0));
        assert_eq!(bound.submit(with(room.place(), place_of), 5).await, Ok((5, 0)));
        // A worker that joins brings a tag that nobody had.
        cluster.add_worker(Worker::new().tag("tpu")).await.unwrap();
        assert_eq!(cluster.map(quick, 0..5).needs("tpu").sum().await, Ok(10_u64));
    });
}

#[test]
fn a_map_whose_only_fitting_worker_has_gone_ends_with_an_error() {
    let room = Room::new();
    let builder = Cluster::builder().workers(1).worker(Worker::new().tag("gpu")).without_replacement();
    on_built(builder, async move |cluster| {
        let victim = cluster.workers()[1].pid;
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("one has begun", || !room.log().is_empty());
                signal("KILL", victim);
            }
        });
        let map = cluster.map(with(room.place(), held), 0..20).needs("gpu");
        let handle = cluster.submit(quick, 3);
        let error = map.timeout_all().await;
        killer.join().expect("it is killed");
        assert!(matches!(error, TaskError::NoSuchWorker { .. } | TaskError::WorkersDied { .. }), "{error}");
        assert_eq!(handle.await, Ok(3), "others do not notice");
    });
}

/// Fails where a map would never end.
trait TimeoutAll {
    async fn timeout_all(self) -> TaskError;
}

impl<I, R> TimeoutAll for aqueduct::cluster::Map<I, R>
where
    I: aqueduct::cluster::Input<Item: serde::Serialize>,
    R: serde::de::DeserializeOwned,
{
    async fn timeout_all(self) -> TaskError {
        let collected = std::pin::pin!(self.collect::<Vec<R>>());
        let late = std::pin::pin!(aqueduct::after(Duration::from_secs(20)));
        match futures::future::select(collected, late).await {
            futures::future::Either::Left((outcome, _)) => outcome.err().expect("it cannot be done"),
            futures::future::Either::Right(_) => panic!("the map waits for ever for a worker that does not come"),
        }
    }
}

#[test]
fn a_worker_with_slots_runs_so_many_at_a_time() {
    let room = Room::new();
    on_built(Cluster::builder().worker(Worker::new().slots(3)), async move |cluster| {
        let handles: Vec<_> = (0..6).map(|item| cluster.submit(with(room.place(), held), item)).collect();
        until("three run together", || room.log().len() == 3);
        assert_eq!(cluster.summary().workers[0].slots, 3);
        room.mark("open");
        assert_eq!(join_all(handles).await, Ok(Vec::from_iter(0..6)));
    });
}

#[test]
fn greater_priority_goes_first() {
    let room = Room::new();
    on(1, async move |cluster| {
        let first = cluster.submit(with(room.place(), held), 0);
        until("the worker is busy", || room.log().len() == 1);
        let submit = |priority, item| {
            cluster.with(TaskOptions::new().priority(priority)).submit(with(room.place(), place_of), item)
        };
        let handles: Vec<_> = [(0, 10), (-5, 20), (7, 30), (0, 11), (7, 31)]
            .map(|(priority, item)| submit(priority, item))
            .into_iter()
            .collect();
        room.mark("open");
        assert_eq!(first.await, Ok(0));
        join_all(handles).await.unwrap();
        let order: Vec<_> = room.log().into_iter().skip(1).collect();
        // One may have been sent ahead of the others before they were known.
        let order: Vec<_> = order.iter().filter(|item| *item != "10").map(String::as_str).collect();
        assert_eq!(order, ["30", "31", "11", "20"]);
    });
}

#[test]
fn each_worker_loads_its_state_once() {
    let builder = Cluster::builder().worker(Worker::new().slots(4)).workers(1);
    on_built(builder, async |cluster| {
        let pids: BTreeSet<u32> = cluster.workers().iter().map(|place| place.pid).collect();
        let results: Vec<(u64, u32, u32)> = cluster.map(predicted, 0..200).chunk(1).collect().await.unwrap();
        assert!(results.iter().all(|(_, pid, loads)| pids.contains(pid) && *loads == 1));
        let seen: BTreeSet<u32> = results.iter().map(|(_, pid, _)| *pid).collect();
        assert_eq!(seen, pids, "both took part");
    });
}

#[test]
fn two_clusters_in_one_process_do_not_meet() {
    on(1, async |one| {
        let other = Cluster::local(2).await.unwrap();
        assert_ne!(one.address(), other.address());
        let mut map = one.map(quick, 0..1000);
        for n in 0..500 {
            assert_eq!(map.next().await, Some(Ok(n)));
        }
        assert_eq!(other.map(quick, 0..1000).sum().await, Ok(499_500_u64));
        let pids = |cluster: &Cluster| cluster.workers().iter().map(|place| place.pid).collect::<BTreeSet<_>>();
        assert!(pids(&one).is_disjoint(&pids(&other)));
        crate::support::finish(other.clone()).await;
        assert!(matches!(other.submit(quick, 1).await, Err(TaskError::Closed)));
        // The one that lives goes on.
        assert_eq!(map.next().await, Some(Ok(500)));
    });
}
