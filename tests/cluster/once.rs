//! Without faults every task runs exactly once: long ones, short ones, in chunks or alone, with an idle driver.

use std::{collections::BTreeMap, thread, time::Duration};

use aqueduct::cluster::with;

use crate::support::{Place, Room, on};

/// Notes that it ran, and takes some milliseconds.
#[aqueduct::remote]
fn noted(place: &Place, item: u64, millis: u64) -> u64 {
    place.note(&item.to_string());
    thread::sleep(Duration::from_millis(millis));
    item
}

fn counts(room: &Room) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    for line in room.log() {
        *counts.entry(line.parse().expect("a number")).or_default() += 1;
    }
    counts
}

fn once_each(items: u64) -> BTreeMap<u64, u32> {
    (0..items).map(|item| (item, 1)).collect()
}

#[test]
fn long_and_short_tasks_run_once_each() {
    let room = Room::new();
    on(3, async move |cluster| {
        // A few take as long as all the others together.
        let items = (0..300).map(|item| (item, if item % 60 == 0 { 300 } else { item % 4 }));
        let results: Vec<u64> = cluster.map(with(room.place(), noted), items).collect().await.unwrap();
        assert_eq!(results, Vec::from_iter(0..300));
        assert_eq!(counts(&room), once_each(300));
        let summary = cluster.summary();
        assert_eq!((summary.tasks, summary.failed, summary.retried, summary.deaths), (300, 0, 0, 0));
    });
}

#[test]
fn short_tasks_in_automatic_chunks_run_once_each() {
    let room = Room::new();
    on(3, async move |cluster| {
        let items = (0..20_000).map(|item| (item, 0));
        let sum: u64 = cluster.map(with(room.place(), noted), items).unordered().sum().await.unwrap();
        assert_eq!(sum, (0..20_000).sum::<u64>());
        assert_eq!(counts(&room), once_each(20_000));
    });
}

#[test]
fn tasks_run_once_each_while_the_driver_does_something_else() {
    let room = Room::new();
    on(2, async move |cluster| {
        let handles: Vec<_> = (0..8).map(|item| cluster.submit(with(room.place(), noted), (item, 50))).collect();
        // The driver asks nothing while they run.
        crate::support::until("all have begun", || room.log().len() == 8);
        let results = aqueduct::cluster::join_all(handles).await.unwrap();
        assert_eq!(results, Vec::from_iter(0..8));
        assert_eq!(counts(&room), once_each(8));
    });
}

#[test]
fn fixed_chunks_run_once_each_whatever_their_size() {
    let room = Room::new();
    on(2, async move |cluster| {
        for chunk in [1, 7, 100, 1000] {
            let items = (0..100).map(|item| (item, 0));
            let results: Vec<u64> = cluster.map(with(room.place(), noted), items).chunk(chunk).collect().await.unwrap();
            assert_eq!(results, Vec::from_iter(0..100), "in chunks of {chunk}");
        }
        assert_eq!(counts(&room), (0..100).map(|item| (item, 4)).collect());
    });
}
