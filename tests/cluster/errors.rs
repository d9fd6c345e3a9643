//! Panics, `Err` values, and what cannot be encoded: which of them are failures, what they say, and what a map does then.

use std::panic::AssertUnwindSafe;

use aqueduct::cluster::{OnError, TaskError, TaskOptions, task, with};
use futures::FutureExt as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

use crate::support::{Place, Room, on};

#[aqueduct::remote]
fn fussy(n: u64) -> u64 {
    assert!(n != 13, "thirteen is unlucky");
    n
}

#[aqueduct::remote]
async fn fussy_later(n: u64) -> u64 {
    std::future::ready(()).await;
    assert!(n != 13, "thirteen is unlucky");
    n
}

#[aqueduct::remote]
fn checked(n: u64) -> Result<u64, String> {
    if n == 13 { Err("thirteen".into()) } else { Ok(n) }
}

#[aqueduct::remote]
fn fussy_add(a: u64, b: u64) -> u64 {
    assert!(a < 100, "too much");
    a + b
}

/// Panics at its first tries.
#[aqueduct::remote]
fn reluctant(place: &Place, item: u64, tries: u32) -> u32 {
    place.note_task(&item.to_string());
    let attempt = task::current().map_or(0, |task| task.attempt());
    assert!(attempt > tries, "not yet at try {attempt}");
    attempt
}

#[aqueduct::remote]
fn odd_panic(n: u64) -> u64 {
    std::panic::panic_any(n)
}

#[test]
fn a_panic_arrives_with_message_location_backtrace_and_place() {
    on(1, async |cluster| {
        let place = cluster.workers()[0].clone();
        for error in [cluster.submit(fussy, 13).await, cluster.submit(fussy_later, 13).await] {
            let error = error.unwrap_err();
            let panic = error.panic().unwrap_or_else(|| panic!("{error}"));
            assert_eq!(panic.message, "thirteen is unlucky");
            let location = panic.location.as_deref().expect("it is known where");
            assert!(location.starts_with("tests/cluster/errors.rs:"), "{location}");
            assert!(panic.backtrace.contains("fussy"), "the function is in the backtrace: {}", panic.backtrace);
            assert_eq!(panic.place, place);
            let text = error.to_string();
            for word in ["thirteen is unlucky", location, &place.host, &place.pid.to_string()] {
                assert!(text.contains(word), "`{word}` is in: {text}");
            }
        }
        assert_eq!(cluster.summary().deaths, 0, "a panic costs no worker");
        assert_eq!(cluster.submit(fussy, 14).await, Ok(14));
    });
}

#[test]
fn a_panic_with_a_payload_that_is_no_text_is_a_panic_too() {
    on(1, async |cluster| {
        let error = cluster.submit(odd_panic, 5).await.unwrap_err();
        assert!(error.panic().is_some_and(|panic| panic.location.is_some()), "{error}");
    });
}

#[test]
fn an_err_of_the_users_is_a_result_like_any_other() {
    on(1, async |cluster| {
        let results: Vec<_> = cluster.map(checked, 10..20).collect().await.unwrap();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
        assert_eq!(results[3], Err("thirteen".to_owned()));
        assert_eq!(cluster.summary().failed, 0);
    });
}

#[test]
fn a_map_that_fails_fast_gives_what_came_before_then_the_error_then_nothing() {
    on(2, async |cluster| {
        let mut map = cluster.map(fussy, 0..1_000_000);
        for n in 0..13 {
            assert_eq!(map.next().await, Some(Ok(n)));
        }
        assert!(matches!(map.next().await, Some(Err(TaskError::Panicked(_)))));
        assert_eq!(map.next().await, None);
        assert_eq!(map.next().await, None, "and it stays so");
        let error = cluster.map(fussy, 0..100).sum::<u64>().await.unwrap_err();
        assert!(error.panic().is_some());
    });
}

#[test]
fn a_map_that_collects_errors_gives_each_in_its_place() {
    for chunk in [1, 4, 100] {
        on(2, async move |cluster| {
            let options = TaskOptions::new().on_error(OnError::Collect).chunk(chunk);
            let mut map = cluster.with(options).map(fussy, (0..40).map(|n| n % 20));
            for n in 0..40 {
                match (n % 20, map.next().await.expect("a result for each item")) {
                    (13, Err(TaskError::Panicked(_))) => {}
                    (n, result) => assert_eq!(result, Ok(n)),
                }
            }
            assert_eq!(map.next().await, None);
            let summary = cluster.summary();
            assert_eq!((summary.tasks, summary.failed), (40, 2), "`tasks` counts those that failed as well");
            assert_eq!(summary.workers.iter().map(|worker| worker.tasks).sum::<u64>(), 40, "so do the workers'");
        });
    }
}

#[test]
fn a_map_that_skips_errors_gives_the_others() {
    on(2, async |cluster| {
        let results: Vec<u64> = cluster.map(fussy, 0..40).on_error(OnError::Skip).collect().await.unwrap();
        assert_eq!(results, Vec::from_iter((0..40).filter(|n| *n != 13)));
        let results: Vec<u64> = cluster.map(fussy, [13; 10]).on_error(OnError::Skip).collect().await.unwrap();
        assert!(results.is_empty(), "all are left out");
        let unordered = cluster.map(fussy, 0..40).unordered().on_error(OnError::Skip);
        assert_eq!(unordered.count().await, Ok(39));
    });
}

#[test]
fn a_panic_is_tried_again_as_often_as_was_asked_and_no_more() {
    let room = Room::new();
    on(2, async move |cluster| {
        let map = cluster.map(with(room.place(), reluctant), (0..20).map(|item| (item, (item % 3) as u32))).retries(2);
        let attempts: Vec<u32> = map.collect().await.unwrap();
        assert_eq!(attempts, (0..20).map(|item| item % 3 + 1).collect::<Vec<_>>());
        let tries: u32 = attempts.iter().sum();
        assert_eq!(room.log().len(), tries as usize, "each try ran, and ran once");
        assert_eq!(cluster.summary().retried, u64::from(tries) - 20);
        let error = cluster.map(with(room.place(), reluctant), [(100, 3)]).retries(2).sum::<u32>().await.unwrap_err();
        assert_eq!(error.panic().map(|panic| panic.message.as_str()), Some("not yet at try 3"));
    });
}

#[test]
fn another_try_sends_its_own_arguments_and_not_the_whole_chunk() {
    #[aqueduct::remote]
    fn at_the_second_try(item: (u32, String)) -> u32 {
        assert!(aqueduct::cluster::task::current().is_none_or(|task| task.attempt() > 1), "the first try");
        item.0 + item.1.len() as u32
    }
    on(1, async move |cluster| {
        let items = (0..200).map(|item| (item, "x".repeat(100)));
        let sums: Vec<u32> = cluster.map(at_the_second_try, items).chunk(200).retries(1).collect().await.unwrap();
        assert_eq!(sums, (100..300).collect::<Vec<_>>());
        let sent = cluster.summary().bytes_sent;
        assert!(sent <= 2 * 200 * 103, "{sent} bytes for twice 200 items of some 102");
    });
}

#[test]
fn a_panic_in_a_reduction_is_told() {
    on(2, async |cluster| {
        let error = cluster.map_reduce(fussy, fussy_add, 20..1000).await.unwrap_err();
        let panic = error.panic().unwrap_or_else(|| panic!("{error}"));
        assert_eq!(panic.message, "too much");
        assert!(panic.location.as_deref().is_some_and(|place| place.contains("errors.rs")), "{panic:?}");
        let error = cluster.map_reduce(fussy, fussy_add, 0..20).await.unwrap_err();
        assert_eq!(error.panic().map(|panic| panic.message.as_str()), Some("thirteen is unlucky"));
    });
}

#[test]
fn a_panic_in_the_input_passes_through_and_hurts_nobody_else() {
    on(2, async |cluster| {
        let input = (20..1000).inspect(|n| assert!(*n != 500, "the input is broken"));
        let sum = AssertUnwindSafe(cluster.map(fussy, input).sum::<u64>());
        let payload = sum.catch_unwind().await.expect_err("the panic comes out where the map is awaited");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the input is broken"));
        assert_eq!(cluster.map(fussy, 20..30).sum().await, Ok((20..30).sum::<u64>()));
    });
}

/// A number that cannot be encoded if it is 13, and not be decoded if it is 14.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Brittle(u64);

impl Serialize for Brittle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 13 {
            // Something is written already when it fails.
            return (1_u64, Self(12), Refuses).serialize(serializer);
        }
        self.0.serialize(serializer)
    }
}

struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("this does not travel"))
    }
}

impl<'de> Deserialize<'de> for Brittle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            14 => Err(D::Error::custom("this does not arrive")),
            n => Ok(Self(n)),
        }
    }
}

#[aqueduct::remote]
fn made(n: u64) -> Brittle {
    Brittle(n)
}

#[aqueduct::remote]
fn taken(brittle: Brittle) -> u64 {
    brittle.0
}

#[aqueduct::remote]
fn captured(brittle: &Brittle, n: u64) -> u64 {
    brittle.0 + n
}

fn says(error: &TaskError, words: [&str; 3]) {
    assert!(matches!(error, TaskError::Codec { .. }), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is in: {error}");
    }
}

#[test]
fn a_result_that_cannot_be_encoded_fails_that_item_alone() {
    on(1, async |cluster| {
        let mut map = cluster.map(made, 10..20).chunk(10).on_error(OnError::Collect);
        for n in (10..20).filter(|n| *n < 14) {
            match map.next().await.expect("a result for each") {
                Err(error) if n == 13 => says(&error, ["a result", "encoded", "this does not travel"]),
                result => assert_eq!(result, Ok(Brittle(n))),
            }
        }
        says(&map.next().await.unwrap().unwrap_err(), ["a result", "decoded", "this does not arrive"]);
    });
}

#[test]
fn an_argument_that_cannot_be_encoded_or_decoded_is_an_error_that_says_so() {
    on(1, async |cluster| {
        says(
            &cluster.submit(taken, Brittle(13)).await.unwrap_err(),
            ["an argument", "encoded", "this does not travel"],
        );
        says(
            &cluster.submit(taken, Brittle(14)).await.unwrap_err(),
            ["an argument", "decoded", "this does not arrive"],
        );
        let error = cluster.map(taken, (0..20).map(Brittle)).sum::<u64>().await.unwrap_err();
        says(&error, ["an argument", "encoded", "this does not travel"]);
        let error = cluster.map(taken, (14..20).map(Brittle)).sum::<u64>().await.unwrap_err();
        says(&error, ["an argument", "decoded", "this does not arrive"]);
        assert_eq!(cluster.map(taken, (0..10).map(Brittle)).sum().await, Ok(45_u64), "the worker is none the worse");
    });
}

#[test]
fn an_argument_that_cannot_be_encoded_does_not_swallow_the_results_before_it() {
    on(1, async |cluster| {
        let mut map = cluster.map(taken, (0..20).map(Brittle)).on_error(OnError::Collect);
        for n in 0..20 {
            match map.next().await.expect("a result for each") {
                Err(error) if n == 13 => says(&error, ["an argument", "encoded", "this does not travel"]),
                // Where one cannot be decoded, those of its chunk behind it cannot either.
                Err(error) if n >= 14 => says(&error, ["an argument", "decoded", "this does not arrive"]),
                result => assert_eq!(result, Ok(n)),
            }
        }
        assert_eq!(map.next().await, None);
    });
}

#[test]
fn captured_data_that_cannot_travel_is_an_error_that_says_so() {
    on(1, async |cluster| {
        let error = cluster.map(with(Brittle(13), captured), 0..5).sum::<u64>().await.unwrap_err();
        says(&error, ["captured", "encoded", "this does not travel"]);
        let error = cluster.submit(with(Brittle(14), captured), 5).await.unwrap_err();
        says(&error, ["captured", "decoded", "this does not arrive"]);
        assert_eq!(cluster.submit(with(Brittle(1), captured), 5).await, Ok(6));
    });
}

#[test]
fn what_is_not_a_remote_function_is_refused_at_once_with_the_fix() {
    fn forgotten(n: u64) -> u64 {
        n
    }
    on(1, async |cluster| {
        let error = cluster.submit(forgotten, 1).await.unwrap_err();
        assert!(matches!(error, TaskError::NotRegistered(_)), "{error}");
        assert!(error.to_string().contains("put `#[aqueduct::remote]` on it"), "{error}");
        let y = 5;
        let error = cluster.map(move |n: u64| n + y, 0..3).sum::<u64>().await.unwrap_err();
        assert!(error.to_string().contains("is a closure"), "{error}");
        let error = cluster.map_reduce(fussy, |a, b| a + b, 0..3).await.unwrap_err();
        assert!(error.to_string().contains("is a closure"), "{error}");
        assert_eq!(cluster.summary().tasks, 0, "nothing of it ran");
    });
}

#[test]
fn a_reduction_of_nothing_is_nothing_and_of_one_item_that_item() {
    on(1, async |cluster| {
        assert_eq!(cluster.map_reduce(fussy, fussy_add, 0..0).await, Ok(None));
        assert_eq!(cluster.map_reduce(fussy, fussy_add, [300]).await, Ok(Some(300)), "`fussy_add` was not called");
    });
}
