//! Same seed, same interleaving; whatever takes part.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::testing::{Explore, replay};

use super::common::rounds;

type Log = Arc<Mutex<Vec<String>>>;

fn say(log: &Log, text: impl Into<String>) {
    log.lock().unwrap().push(text.into());
}

/// Everything at once: tasks, threads, `par!`, a group, choices of both kinds, a handle that is aborted, timers.
async fn everything(log: Log) -> Outcome<Vec<String>> {
    let (numbers, numbers_rx) = aqueduct::channel::<u32>();
    let (words, words_rx) = aqueduct::buffered::<String>(2);
    let (results, results_rx) = aqueduct::unbounded::<String>();

    let ticker = {
        let log = Arc::clone(&log);
        aqueduct::task("ticker", async move {
            let mut clock = tick(Duration::from_millis(7));
            loop {
                clock.next().await;
                say(&log, "tick");
            }
            #[allow(unreachable_code)]
            Ok(())
        })
        .spawn()
    };
    let senders: Vec<_> = (0..3)
        .map(|sender| {
            let numbers = numbers.clone();
            aqueduct::task("sender", async move {
                for n in 0..3 {
                    numbers.send(10 * sender + n).await?;
                }
                Ok(())
            })
            .spawn()
        })
        .collect();
    drop(numbers);
    let thread = {
        let (words, log) = (words.clone(), Arc::clone(&log));
        aqueduct::thread("thread", move || {
            for n in 0..3 {
                words.send_blocking(format!("thread {n}"))?;
                let slept = aqueduct::now();
                aqueduct::alt_blocking! { _ = after(Duration::from_millis(5)) => {} };
                say(&log, format!("slept {:?}", aqueduct::now() - slept));
            }
            Ok(())
        })
        .spawn()
    };
    let merge_thread = {
        let results = results.clone();
        aqueduct::thread("merge thread", move || {
            loop {
                let text = alt_blocking! {
                    Ok(n) = numbers_rx.recv() => n.to_string(),
                    Ok(word) = words_rx.recv() => word,
                    complete => return Ok(()),
                };
                results.send_blocking(text)?;
            }
        })
        .spawn()
    };
    let mut group = Group::new();
    for n in 0..3 {
        let words = words.clone();
        group.add(aqueduct::task("member", async move {
            after(Duration::from_millis(n)).await;
            words.send(format!("member {n}")).await?;
            Ok(n)
        }));
    }
    let (a, a_rx) = aqueduct::channel::<&str>();
    let (b, b_rx) = aqueduct::channel::<&str>();
    let log_of_choice = Arc::clone(&log);
    let (members, (), (), ()) = par!(
        aqueduct::task("group", async move { Ok(group.join().await?) }),
        aqueduct::task("a", async move { Ok(a.send("a").await?) }),
        aqueduct::task("b", async move { Ok(b.send("b").await?) }),
        aqueduct::task("choice", async move {
            loop {
                alt! {
                    Ok(text) = a_rx.recv() => say(&log_of_choice, text),
                    Ok(text) = b_rx.recv() => say(&log_of_choice, text),
                    complete => return Ok(()),
                }
            }
        }),
    )
    .await?;
    assert_eq!(members, [0, 1, 2]);
    drop(words);
    for sender in senders {
        sender.await?;
    }
    assert!(ticker.abort());
    assert!(ticker.await.unwrap_err().cause().is_cancelled());
    thread.await?;
    merge_thread.await?;
    drop(results);
    while let Some(text) = results_rx.next().await? {
        say(&log, text);
    }
    let log = log.lock().unwrap().clone();
    assert_eq!(log.iter().filter(|line| !line.contains("tick")).count(), 3 * 3 + 3 + 3 + 2 + 3, "{log:?}");
    Ok(log)
}

#[test]
fn the_same_seed_makes_the_same_run_whatever_takes_part() {
    for seed in 0..rounds(200) as u64 {
        let first = replay(seed, || everything(Log::default()));
        let second = replay(seed, || everything(Log::default()));
        assert_eq!(first.fingerprint(), second.fingerprint(), "seed {seed}");
        assert_eq!(first.value(), second.value(), "seed {seed}");
        assert_eq!(first.trace().to_string(), second.trace().to_string(), "seed {seed}");
        assert_eq!((first.steps(), first.virtual_time()), (second.steps(), second.virtual_time()), "seed {seed}");
    }
}

#[test]
fn one_seed_makes_the_same_run_fifty_times() {
    let first = replay(5, || everything(Log::default()));
    for _ in 0..50 {
        let again = replay(5, || everything(Log::default()));
        assert_eq!((first.fingerprint(), first.value()), (again.fingerprint(), again.value()));
    }
}

#[test]
fn what_went_before_in_this_program_changes_nothing() {
    let fresh = replay(3, || everything(Log::default()));
    // Process numbers rise for the whole program, and this thread's random choices go on.
    for _ in 0..100 {
        drop(aqueduct::task("other", async {}).spawn());
        fastrand::u64(..);
    }
    assert_eq!(fresh.fingerprint(), replay(3, || everything(Log::default())).fingerprint());
}

#[test]
fn a_run_leaves_the_random_choices_of_its_thread_as_they_were() {
    fastrand::seed(42);
    let expected = fastrand::u64(..);
    fastrand::seed(42);
    replay(1, || async {
        fastrand::u64(..);
        Outcome::Ok(())
    });
    assert_eq!(fastrand::u64(..), expected);
}

#[test]
fn explorations_on_two_threads_do_not_disturb_each_other() {
    let alone: Vec<u64> = (0..30).map(|seed| replay(seed, || everything(Log::default())).fingerprint()).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let beside: Vec<u64> =
                    (0..30).map(|seed| replay(seed, || everything(Log::default())).fingerprint()).collect();
                assert_eq!(beside, alone);
            });
        }
    });
}

#[test]
fn bare_tasks_of_tokio_run_in_the_same_order_in_each_run() {
    async fn network() -> Outcome<Vec<u32>> {
        let (tx, rx) = aqueduct::channel();
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let tx = tx.clone();
                tokio::spawn(async move {
                    for _ in 0..3 {
                        tx.send(n).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        drop(tx);
        let reader = aqueduct::task("reader", async move {
            let mut order = Vec::new();
            while let Some(n) = rx.next().await? {
                order.push(n);
            }
            Ok(order)
        });
        let order = reader.spawn().await?;
        for task in tasks {
            task.await.map_err(Exit::failure)?;
        }
        Ok(order)
    }
    for seed in 0..50 {
        let (first, second) = (replay(seed, network), replay(seed, network));
        assert_eq!(first.value(), second.value());
        assert_eq!(first.value().len(), 12);
        assert_eq!(first.fingerprint(), second.fingerprint());
    }
}

#[test]
fn different_seeds_make_different_runs() {
    let report = Explore::new().schedules(100).run(|| everything(Log::default())).unwrap();
    // Unless a number of schedules was asked for from outside.
    assert!(report.interleavings() * 10 >= report.runs().len() * 9, "{report}");
}
