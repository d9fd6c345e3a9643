//! Order: sums, folds and collections are in input order whatever the tasks take; unordered results come as they come.

use std::{collections::BTreeSet, future::ready, pin::pin, thread, time::Duration};

use aqueduct::{
    channel,
    cluster::{TaskOptions, with},
    prelude::*,
};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::support::{Place, Room, on};

#[aqueduct::remote]
fn shuffled(n: u64) -> u64 {
    // Neighbours take very different times.
    thread::sleep(Duration::from_micros(n * 7919 % 3000));
    n
}

#[aqueduct::remote]
fn twice(n: u64) -> u64 {
    2 * n
}

#[aqueduct::remote]
fn word(n: u64) -> String {
    format!("{n};")
}

/// Associative, and not commutative.
#[aqueduct::remote]
fn joined(a: String, b: String) -> String {
    a + &b
}

#[aqueduct::remote]
fn gated(place: &Place, n: u64) -> u64 {
    if n == 0 {
        place.wait("open");
    }
    n
}

#[aqueduct::remote]
fn nothing() {}

#[aqueduct::remote]
fn many(a: u8, b: String, c: Option<f64>) -> (u8, String, Option<f64>) {
    (a, b, c)
}

#[test]
fn results_come_in_input_order_whatever_tasks_take() {
    on(3, async |cluster| {
        for chunk in [None, Some(1), Some(9)] {
            let options = TaskOptions::new();
            let options = chunk.map_or(options.clone(), |chunk| options.chunk(chunk));
            let results: Vec<u64> = cluster.with(options).map(shuffled, 0..300).collect().await.unwrap();
            assert_eq!(results, Vec::from_iter(0..300), "chunk {chunk:?}");
        }
    });
}

#[test]
fn folds_scans_and_reductions_keep_the_order() {
    on(3, async |cluster| {
        let expected: String = (0..2000).map(word).collect();
        let folded = cluster.map(word, 0..2000).fold(String::new(), |all, word| all + &word).await;
        assert_eq!(folded.as_ref(), Ok(&expected));
        assert_eq!(cluster.map_reduce(word, joined, 0..2000).await, Ok(Some(expected.clone())));
        let scanned = cluster.map_scan(word, |all, word| format!("{all}{word}"), 0..10).await.unwrap();
        assert_eq!(scanned[9], "0;1;2;3;4;5;6;7;8;9;");
        assert_eq!(scanned.len(), 10);
        let collected: BTreeSet<u64> = cluster.map(twice, 0..5).collect().await.unwrap();
        assert_eq!(collected, BTreeSet::from([0, 2, 4, 6, 8]));
        assert_eq!(cluster.map(twice, 0..1000).find(|n| *n > 99).await, Ok(Some(100)));
        assert_eq!(cluster.map(twice, 0..10).find(|n| *n > 99).await, Ok(None));
    });
}

#[test]
fn unordered_results_do_not_wait_for_the_first() {
    let room = Room::new();
    on(2, async move |cluster| {
        let mut map = cluster.map(with(room.place(), gated), 0..50).unordered().chunk(1);
        let mut seen = BTreeSet::new();
        // Forty-nine come while the first is held back.
        for _ in 0..49 {
            seen.insert(map.next().await.unwrap().unwrap());
        }
        assert!(!seen.contains(&0));
        room.mark("open");
        assert_eq!(map.next().await, Some(Ok(0)));
        assert_eq!(map.next().await, None);
    });
}

#[test]
fn empty_inputs_and_unit_results_are_results_too() {
    on(2, async |cluster| {
        assert_eq!(cluster.map(twice, 0..0).collect::<Vec<_>>().await, Ok(vec![]));
        assert_eq!(cluster.map(twice, 0..0).sum().await, Ok(0_u64));
        assert_eq!(cluster.map(nothing, [(); 1000]).count().await, Ok(1000));
        assert_eq!(cluster.submit(nothing, ()).await, Ok(()));
        assert_eq!(cluster.for_each(nothing, vec![(); 10]).await, Ok(()));
        let items = [(1, "x".to_owned(), None), (2, String::new(), Some(0.5))];
        assert_eq!(cluster.map(many, items.clone()).collect::<Vec<_>>().await, Ok(items.to_vec()));
    });
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Large(Vec<u64>);

#[aqueduct::remote]
fn reversed(mut large: Large) -> Large {
    large.0.reverse();
    large
}

#[test]
fn large_and_small_items_keep_their_order() {
    on(2, async |cluster| {
        // From nothing to a megabyte, which travels apart.
        let sizes = [0, 10, 120_000, 3, 9_000, 8_192, 40_000, 1];
        let items: Vec<Large> = sizes.iter().map(|size| Large((0..*size).collect())).collect();
        for chunk in [1, 3, 100] {
            let results: Vec<Large> = cluster.map(reversed, items.clone()).chunk(chunk).collect().await.unwrap();
            assert!(results.into_iter().map(reversed).eq(items.iter().cloned()), "chunk {chunk}");
        }
    });
}

#[aqueduct::process]
async fn numbers(first: u64, last: u64, out: Sender<u64>) -> Outcome {
    for n in first..=last {
        out.send(n).await?;
    }
    Ok(())
}

#[aqueduct::process]
async fn doubled(cluster: aqueduct::Cluster, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    // A poisoned input ends the stream; the ends of this process pass the poison on.
    let mut results = pin!(cluster.map_stream(twice, input.into_stream().scan((), |(), item| ready(item.ok()))));
    while let Some(result) = results.next().await {
        out.send(result?).await?;
    }
    Ok(())
}

#[aqueduct::process]
async fn total(input: Receiver<u64>) -> Outcome<u64> {
    let mut sum = 0;
    while let Some(n) = input.next().await? {
        sum += n;
    }
    Ok(sum)
}

#[test]
fn a_map_over_a_receiver_is_a_part_of_a_network() {
    on(2, async |cluster| {
        let (numbers_out, numbers_in) = channel();
        let (doubled_out, doubled_in) = channel();
        let ((), (), sum) =
            par!(numbers(1, 500, numbers_out), doubled(cluster, numbers_in, doubled_out), total(doubled_in))
                .await
                .unwrap();
        assert_eq!(sum, 500 * 501);
    });
}
