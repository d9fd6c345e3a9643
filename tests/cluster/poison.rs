//! Tasks that kill their workers: they fail with an error that says how, after as many deaths as they may cause, and all
//! others have their results.

use std::{collections::BTreeSet, process};

use aqueduct::cluster::{OnError, TaskError, TaskOptions, task};

use crate::support::{finish, on};

#[aqueduct::remote]
fn deadly(item: u64, deadly: u64) -> (u64, u32) {
    if item == deadly {
        eprintln!("item {item} is about to abort");
        process::abort();
    }
    (item, task::current().map_or(0, |task| task.attempt()))
}

#[aqueduct::remote]
fn exits(status: i32) {
    process::exit(status);
}

/// Uses its stack up.
#[aqueduct::remote]
fn bottomless(n: u64) -> u64 {
    fn deeper(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 512]);
        if n == u64::MAX { 0 } else { deeper(n + 1) + frame[(n % 512) as usize] }
    }
    deeper(n)
}

fn one_of_many(items: u64, bad: u64, options: TaskOptions, deaths: u32) {
    on(2, async move |cluster| {
        let started: BTreeSet<u32> = cluster.workers().iter().map(|place| place.worker).collect();
        let options = options.on_error(OnError::Collect);
        let mut map = cluster.with(options).map(deadly, (0..items).map(|item| (item, bad)));
        let mut results = Vec::new();
        while let Some(result) = map.next().await {
            results.push(result);
        }
        assert_eq!(results.len() as u64, items);
        for (item, result) in (0..).zip(results) {
            if item != bad {
                assert_eq!(result.map(|(item, _)| item), Ok(item));
                continue;
            }
            let error = result.unwrap_err();
            let text = error.to_string();
            let TaskError::WorkersDied { deaths: counted, end } = error else { panic!("{text}") };
            assert_eq!(counted, deaths, "{text}");
            assert_eq!((end.signal, end.code), (Some(6), None), "{text}");
            assert!(end.place.pid > 1 && !end.place.host.is_empty(), "{text}");
            assert!(
                !started.contains(&end.place.worker),
                "the last of the deaths was not of the first workers: {text}"
            );
            assert!(end.stderr.contains(&format!("item {bad} is about to abort")), "its last words are told: {text}");
            for word in [&end.place.host, &end.place.pid.to_string(), "signal 6", "about to abort"] {
                assert!(text.contains(word), "`{word}` is in: {text}");
            }
        }
        let summary = finish(cluster).await;
        assert_eq!(summary.failed, 1);
        assert!(summary.deaths >= deaths.into(), "{summary}");
    });
}

#[test]
fn a_task_that_aborts_is_given_up_and_no_other() {
    one_of_many(40, 13, TaskOptions::new().deaths(2).chunk(1), 3);
}

#[test]
fn a_task_that_aborts_is_found_in_a_fixed_chunk() {
    one_of_many(100, 77, TaskOptions::new().deaths(2).chunk(50), 4);
}

#[test]
fn a_task_that_aborts_is_found_in_an_automatic_chunk() {
    // How often it dies depends on how large its chunk was: at least once more than it may.
    on(2, async |cluster| {
        let options = TaskOptions::new().deaths(1).on_error(OnError::Skip);
        let results: Vec<(u64, u32)> =
            cluster.with(options).map(deadly, (0..5000).map(|item| (item, 4321))).collect().await.unwrap();
        let items = results.into_iter().map(|(item, _)| item);
        assert!(items.eq((0..5000).filter(|item| *item != 4321)));
        assert_eq!(cluster.summary().failed, 1);
    });
}

#[test]
fn a_task_that_may_cause_no_death_fails_at_the_first() {
    on(1, async |cluster| {
        let error = cluster.with(TaskOptions::new().deaths(0)).submit(deadly, (1, 1)).await.unwrap_err();
        let TaskError::WorkersDied { deaths, .. } = error else { panic!("{error}") };
        assert!(deaths >= 1);
        assert_eq!(cluster.submit(deadly, (0, 1)).await.map(|(item, _)| item), Ok(0), "another worker is there");
    });
}

#[test]
fn a_task_that_exits_is_told_with_its_status() {
    on(1, async |cluster| {
        let error = cluster.with(TaskOptions::new().deaths(0)).submit(exits, 7).await.unwrap_err();
        let TaskError::WorkersDied { end, .. } = &error else { panic!("{error}") };
        assert_eq!((end.signal, end.code), (None, Some(7)), "{error}");
        assert!(error.to_string().contains("exited with status 7"), "{error}");
        let error = cluster.with(TaskOptions::new().deaths(0)).submit(exits, 0).await.unwrap_err();
        assert!(error.to_string().contains("exited with status 0"), "to exit well is no result: {error}");
    });
}

#[test]
fn a_task_that_overflows_its_stack_kills_its_worker_alone() {
    on(1, async |cluster| {
        let error = cluster.with(TaskOptions::new().deaths(0)).submit(bottomless, 0).await.unwrap_err();
        let TaskError::WorkersDied { end, .. } = &error else { panic!("{error}") };
        assert!(end.signal.is_some(), "{error}");
        assert!(error.to_string().contains("overflowed its stack"), "what the system said is told: {error}");
        assert_eq!(cluster.submit(deadly, (0, 1)).await.map(|(item, _)| item), Ok(0));
    });
}
