//! Workers that are killed in the middle of a map: nothing is lost, nothing runs twice but what the dead one had.

use std::{
    collections::{BTreeMap, BTreeSet},
    process, thread,
    time::{Duration, Instant},
};

use aqueduct::{
    Cluster,
    cluster::{OnError, TaskError, TaskOptions, task, with},
};

use crate::{
    common::rounds,
    support::{Place, Room, is_alive, marked, marked_workers, on, on_built, signal, until},
};

/// Notes that it began; gives which try it was.
#[aqueduct::remote]
fn tried(place: &Place, item: u64, millis: u64) -> (u64, u32) {
    place.note_task(&item.to_string());
    thread::sleep(Duration::from_millis(millis));
    (item, task::current().map_or(0, |task| task.attempt()))
}

struct Begun {
    item: u64,
    attempt: u32,
    pid: u32,
}

fn begun(room: &Room) -> Vec<Begun> {
    let lines = room.log();
    let parse = |line: &String| {
        let mut words = line.split(' ').map(|word| word.parse::<u64>().expect("a number"));
        let mut next = || words.next().expect("three numbers");
        Begun { item: next(), attempt: next() as u32, pid: next() as u32 }
    };
    lines.iter().map(parse).collect()
}

/// Kills one of two workers when so many tasks have begun.
fn kill_in_the_middle(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let room = Room::new();
    let items = 120;
    let (millis, chunk, moment) =
        (dice.u64(0..6), [None, Some(1), Some(5), Some(40)][dice.usize(0..4)], dice.usize(1..100));
    let killed = dice.usize(0..2);
    let mark = format!("deaths-{}-{seed}", process::id());
    let worker = marked_workers("AQUEDUCT_TEST_MARK", &mark);
    let builder = Cluster::builder().worker(worker.clone()).worker(worker);
    on_built(builder, async move |cluster| {
        let place = room.place();
        let victim = cluster.workers()[killed].pid;
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("the moment of the kill", || room.log().len() >= moment);
                signal("KILL", victim);
                let (dead, known) = (Instant::now(), room.log().len());
                until("the map goes on", || room.log().len() > known || room.log().len() >= items as usize);
                dead.elapsed()
            }
        });
        let options = TaskOptions::new();
        let options = chunk.map_or(options.clone(), |chunk| options.chunk(chunk));
        let map = cluster.with(options).map(with(place, tried), (0..items).map(|item| (item, millis)));
        let results: Vec<(u64, u32)> = map.collect().await.unwrap();
        let resumed = killer.join().expect("the kill went well");
        let context = format!("seed {seed}: tasks of {millis} ms, chunk {chunk:?}, killed after {moment} had begun");
        println!("{context}: went on after {resumed:?}");

        assert_eq!(results.iter().map(|(item, _)| *item).collect::<Vec<_>>(), Vec::from_iter(0..items), "{context}");
        let mut runs: BTreeMap<u64, Vec<Begun>> = BTreeMap::new();
        for run in begun(&room) {
            runs.entry(run.item).or_default().push(run);
        }
        for (item, runs) in &runs {
            let last = runs.last().expect("it ran");
            for earlier in &runs[..runs.len() - 1] {
                assert_eq!(earlier.pid, victim, "{context}: item {item} ran twice, first at a worker that lives");
            }
            assert_eq!(results[*item as usize].1, last.attempt, "{context}: the result is the last try's");
        }
        // The dead one had what it ran and what was sent ahead, not all that was left.
        let again: BTreeSet<u64> = results.iter().filter(|(_, attempt)| *attempt > 1).map(|(item, _)| *item).collect();
        if chunk == Some(1) && millis > 1 {
            assert!(again.len() <= 8, "{context}: {} tasks went again", again.len());
        }
        // The map may be over before the death is declared.
        until("another worker takes its place", || {
            let workers = cluster.workers();
            workers.len() == 2 && workers.iter().all(|place| place.pid != victim)
        });
        let summary = cluster.summary();
        assert_eq!((summary.deaths, summary.failed), (1, 0), "{context}");
        let ended: Vec<_> = summary.workers.iter().filter_map(|worker| worker.ended.as_deref()).collect();
        assert!(matches!(ended[..], [text] if text.contains("signal 9")), "{context}: {ended:?}");
    });
    let left = marked(&format!("AQUEDUCT_TEST_MARK={mark}"));
    assert!(left.is_empty(), "seed {seed}: processes {left:?} are left behind");
}

#[test]
fn a_worker_killed_in_the_middle_of_a_map_costs_nothing_but_time() {
    for seed in 0..rounds(4) as u64 {
        kill_in_the_middle(seed);
    }
}

#[test]
fn all_workers_killed_at_once_cost_nothing_but_time() {
    let room = Room::new();
    on(3, async move |cluster| {
        let victims: Vec<u32> = cluster.workers().iter().map(|place| place.pid).collect();
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("ten have begun", || room.log().len() >= 10);
                victims.into_iter().for_each(|pid| signal("KILL", pid));
            }
        });
        let map = cluster.map(with(room.place(), tried), (0..60).map(|item| (item, 4)));
        let results: Vec<(u64, u32)> = map.collect().await.unwrap();
        killer.join().expect("the kill went well");
        assert_eq!(results.iter().map(|(item, _)| *item).collect::<Vec<_>>(), Vec::from_iter(0..60));
    });
}

#[test]
fn a_worker_that_dies_without_replacement_leaves_its_work_to_the_others() {
    let room = Room::new();
    on_built(Cluster::builder().workers(2).without_replacement(), async move |cluster| {
        let victim = cluster.workers()[0].pid;
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("ten have begun", || room.log().len() >= 10);
                signal("KILL", victim);
                until("it is gone", || !is_alive(victim));
            }
        });
        let map = cluster.map(with(room.place(), tried), (0..60).map(|item| (item, 4)));
        let results: Vec<(u64, u32)> = map.collect().await.unwrap();
        killer.join().expect("the kill went well");
        assert_eq!(results.len(), 60);
        until("the death is declared", || cluster.summary().deaths == 1);
        assert_eq!(cluster.workers().len(), 1);
    });
}

#[test]
fn the_last_worker_dead_without_replacement_ends_maps_with_an_error_that_says_how() {
    let room = Room::new();
    on_built(Cluster::builder().workers(1).without_replacement(), async move |cluster| {
        let victim = cluster.workers()[0].pid;
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("one has begun", || !room.log().is_empty());
                signal("KILL", victim);
            }
        });
        let map = cluster.map(with(room.place(), tried), (0..60).map(|item| (item, 4)));
        let error = map.collect::<Vec<_>>().await.unwrap_err();
        killer.join().expect("the kill went well");
        assert!(matches!(error, TaskError::NoWorkers(_)), "{error}");
        assert!(error.to_string().contains("signal 9"), "{error}");
        let error = cluster.submit(with(room.place(), tried), (0, 0)).await.unwrap_err();
        assert!(matches!(error, TaskError::NoWorkers(_)), "what comes later is refused as well: {error}");
        // A worker that joins has nothing to do with what was given up.
        cluster.add_worker(aqueduct::cluster::Worker::new()).await.unwrap();
        let results: Vec<(u64, u32)> =
            cluster.map(with(room.place(), tried), (100..160).map(|item| (item, 0))).collect().await.unwrap();
        assert_eq!(results, (100..160).map(|item| (item, 1)).collect::<Vec<_>>());
    });
}

#[test]
fn a_worker_that_joins_after_the_last_has_died_takes_work() {
    let room = Room::new();
    on_built(Cluster::builder().workers(1).without_replacement(), async move |cluster| {
        signal("KILL", cluster.workers()[0].pid);
        until("it is gone", || cluster.workers().is_empty());
        cluster.add_worker(aqueduct::cluster::Worker::new()).await.unwrap();
        assert_eq!(cluster.submit(with(room.place(), tried), (7, 0)).await, Ok((7, 1)));
    });
}

#[test]
fn a_death_fails_what_was_bound_to_that_worker() {
    let room = Room::new();
    on(2, async move |cluster| {
        let place = cluster.workers()[1].clone();
        let options = TaskOptions::new().on_worker(place.worker).on_error(OnError::Collect).chunk(1);
        let killer = thread::spawn({
            let room = room.place();
            move || {
                until("two have begun", || room.log().len() >= 2);
                signal("KILL", place.pid);
            }
        });
        let mut map = cluster.with(options).map(with(room.place(), tried), (0..50).map(|item| (item, 20)));
        let (mut done, mut failed) = (0, 0);
        while let Some(result) = map.next().await {
            match result {
                Ok(_) => done += 1,
                Err(error) => {
                    assert!(matches!(error, TaskError::WorkersDied { .. }), "{error}");
                    failed += 1;
                }
            }
        }
        killer.join().expect("the kill went well");
        assert_eq!(done + failed, 50);
        assert!(failed > 0, "what it had not run is failed");
        assert!(begun(&room).iter().all(|run| run.attempt == 1), "nothing of it ran elsewhere");
    });
}

/// A death while nothing runs is repaired too.
#[test]
fn an_idle_worker_that_dies_is_replaced() {
    on(1, async |cluster| {
        let first = cluster.workers()[0].clone();
        signal("KILL", first.pid);
        until("another takes its place", || {
            cluster.workers().first().is_some_and(|place| place.pid != first.pid && place.worker != first.worker)
        });
        let room = Room::new();
        assert_eq!(cluster.submit(with(room.place(), tried), (7, 0)).await, Ok((7, 1)));
    });
}
