//! A worker that is stopped (SIGSTOP) is not dead: nothing is lost, pure tasks are done elsewhere, what it says late is
//! dropped.

use std::{collections::BTreeMap, thread, time::Duration};

use aqueduct::{
    Cluster,
    cluster::{TaskError, task, with},
};

use crate::support::{Place, Room, is_alive, on, on_built, signal, until};

#[aqueduct::remote(pure)]
fn pure(place: &Place, item: u64) -> (u64, u32) {
    place.note_task(&item.to_string());
    thread::sleep(Duration::from_millis(5));
    (item, task::current().map_or(0, |task| task.attempt()))
}

#[aqueduct::remote]
fn impure(place: &Place, item: u64) -> (u64, u32) {
    place.note_task(&item.to_string());
    thread::sleep(Duration::from_millis(5));
    (item, task::current().map_or(0, |task| task.attempt()))
}

/// Stops this worker as soon as so many tasks have begun.
fn stop_at(room: &Room, begun: usize, pid: u32) -> thread::JoinHandle<()> {
    let room = room.place();
    thread::spawn(move || {
        until("enough have begun", || room.log().len() >= begun);
        signal("STOP", pid);
    })
}

#[test]
fn a_pure_map_finishes_without_a_stopped_worker_and_drops_what_it_says_late() {
    let room = Room::new();
    on(2, async move |cluster| {
        let victim = cluster.workers()[0].pid;
        let stopper = stop_at(&room, 20, victim);
        let map = cluster.map(with(room.place(), pure), 0..80).chunk(1).speculate();
        let results: Vec<(u64, u32)> = map.collect().await.unwrap();
        stopper.join().expect("it is stopped");
        assert!(results.iter().map(|(item, _)| *item).eq(0..80));
        assert!(is_alive(victim), "nobody killed it");
        assert_eq!(cluster.summary().deaths, 0);
        assert_eq!(cluster.summary().tasks, 80, "each counts once");
        // It wakes, and says what it has done: nobody is troubled by that.
        signal("CONT", victim);
        let results: Vec<(u64, u32)> = cluster.map(with(room.place(), pure), 100..200).collect().await.unwrap();
        assert!(results.iter().map(|(item, _)| *item).eq(100..200));
        assert_eq!(cluster.summary().tasks, 180);
        assert_eq!(cluster.workers().len(), 2);
    });
}

#[test]
fn a_stopped_worker_that_goes_on_loses_nothing_and_repeats_nothing() {
    let room = Room::new();
    on(2, async move |cluster| {
        let victim = cluster.workers()[1].pid;
        let stopper = stop_at(&room, 20, victim);
        let waker = thread::spawn({
            let room = room.place();
            move || {
                stopper.join().expect("it is stopped");
                // The other does all that it can get.
                let mut known = 0;
                until("the other has done what it can", || {
                    thread::sleep(Duration::from_millis(100));
                    std::mem::replace(&mut known, room.log().len()) == known
                });
                signal("CONT", victim);
            }
        });
        let results: Vec<(u64, u32)> = cluster.map(with(room.place(), impure), 0..80).chunk(1).collect().await.unwrap();
        waker.join().expect("it is woken");
        assert_eq!(results, (0..80).map(|item| (item, 1)).collect::<Vec<_>>());
        let mut runs: BTreeMap<String, u32> = BTreeMap::new();
        for line in room.log() {
            *runs.entry(line.split(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
        assert!(runs.len() == 80 && runs.values().all(|times| *times == 1), "each ran once: {runs:?}");
    });
}

#[test]
fn a_worker_that_is_silent_for_too_long_is_replaced() {
    let room = Room::new();
    on_built(Cluster::builder().workers(2).idle_time(Duration::from_secs(2)), async move |cluster| {
        let victim = cluster.workers()[1].pid;
        let stopper = stop_at(&room, 20, victim);
        let results: Vec<(u64, u32)> = cluster.map(with(room.place(), impure), 0..80).collect().await.unwrap();
        stopper.join().expect("it is stopped");
        assert!(results.iter().map(|(item, _)| *item).eq(0..80));
        until("it is gone", || !is_alive(victim));
        until("another takes its place", || cluster.workers().len() == 2);
        let summary = cluster.summary();
        assert_eq!(summary.deaths, 1);
        let ended = summary.workers.iter().find(|worker| worker.pid == victim).and_then(|worker| worker.ended.clone());
        assert!(ended.as_deref().is_some_and(|text| text.contains("silent")), "it is told why: {ended:?}");
    });
}

#[test]
fn a_stopped_worker_does_not_hold_up_the_shutdown_for_ever() {
    on(2, async |cluster| {
        signal("STOP", cluster.workers()[0].pid);
        // `on` shuts down, and looks that nobody is left.
    });
}

#[test]
fn copies_are_made_of_pure_functions_only() {
    let room = Room::new();
    on(1, async move |cluster| {
        let map = cluster.map(with(room.place(), impure), 0..5).speculate();
        assert_eq!(map.count().await, Err(TaskError::NotPure));
        assert!(room.log().is_empty(), "nothing ran");
    });
}
