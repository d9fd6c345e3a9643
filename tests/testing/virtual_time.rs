//! Virtual time: it passes only while nobody can go on, and then at once.

use std::future::Future;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use aqueduct::testing::{Explore, Run, replay};

const HOUR: Duration = Duration::from_secs(3600);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The same network under many seeds, each seed twice.
fn each_twice<T: PartialEq + std::fmt::Debug, F: Future<Output = Outcome<T>>>(network: impl Fn() -> F) -> Vec<Run<T>> {
    (0..100)
        .map(|seed| {
            let (first, second) = (replay(seed, &network), replay(seed, &network));
            assert_eq!((first.value(), first.fingerprint()), (second.value(), second.fingerprint()), "seed {seed}");
            first
        })
        .collect()
}

#[test]
fn an_hour_of_ticks_takes_no_hour() {
    let began = Instant::now();
    let run = replay(0, || async {
        let mut clock = tick(Duration::from_secs(1));
        for _ in 0..3600 {
            clock.next().await;
        }
        Outcome::Ok(())
    });
    assert_eq!(run.virtual_time(), HOUR);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn timers_fire_in_order_on_tasks_and_threads() {
    let runs = each_twice(|| async {
        let (tx, rx) = aqueduct::unbounded();
        for n in [5, 1, 4] {
            let tx = tx.clone();
            drop(
                aqueduct::task("task", async move {
                    after(ms(n)).await;
                    Ok(tx.send(n).await?)
                })
                .spawn(),
            );
        }
        for n in [3, 2] {
            let tx = tx.clone();
            drop(
                aqueduct::thread("thread", move || {
                    alt_blocking! { _ = after(ms(n)) => {} };
                    Ok(tx.send_blocking(n)?)
                })
                .spawn(),
            );
        }
        drop(tx);
        let mut order = Vec::new();
        while let Some(n) = rx.next().await? {
            order.push(n);
        }
        Outcome::Ok(order)
    });
    assert!(runs.iter().all(|run| *run.value() == [1, 2, 3, 4, 5] && run.virtual_time() == ms(5)));
}

#[test]
fn what_comes_before_its_limit_is_received_and_what_comes_after_is_not() {
    let runs = each_twice(|| async {
        let (tx, rx) = aqueduct::channel::<&str>();
        let sender = aqueduct::task("sender", async move {
            after(ms(9)).await;
            tx.send("in time").await?;
            after(ms(20)).await;
            Outcome::Ok(tx.send("late").await?)
        })
        .spawn();
        assert_eq!(rx.recv_timeout(ms(10)).await.unwrap(), "in time");
        assert!(rx.recv_timeout(ms(10)).await.unwrap_err().is_timeout());
        assert_eq!(rx.recv_deadline(aqueduct::now() + HOUR).await.unwrap(), "late");
        sender.await?;
        Outcome::Ok(())
    });
    assert!(runs.iter().all(|run| run.virtual_time() == ms(29)));
}

#[test]
fn a_thread_waits_in_virtual_time_too() {
    let runs = each_twice(|| async {
        let (tx, rx) = aqueduct::channel::<&str>();
        let reader = aqueduct::thread("reader", move || {
            let began = aqueduct::now();
            assert!(rx.recv_timeout_blocking(HOUR).unwrap_err().is_timeout());
            assert_eq!(aqueduct::now() - began, HOUR);
            let deadline = aqueduct::now() + HOUR;
            assert_eq!(rx.recv_deadline_blocking(deadline).unwrap(), "after half an hour");
            assert_eq!(aqueduct::now() - began, HOUR + HOUR / 2);
            let mut clock = tick(HOUR);
            alt_blocking! { _ = clock.next() => {} };
            assert_eq!(aqueduct::now() - began, 2 * HOUR + HOUR / 2);
            Ok(())
        })
        .spawn();
        after(HOUR + HOUR / 2).await;
        tx.send("after half an hour").await?;
        reader.await?;
        Outcome::Ok(())
    });
    assert!(runs.iter().all(|run| run.virtual_time() == 2 * HOUR + HOUR / 2));
}

#[test]
fn a_timeout_and_a_delivery_at_the_same_instant_are_a_race_that_the_seed_decides() {
    let runs = each_twice(|| async {
        let (tx, rx) = aqueduct::buffered::<()>(1);
        let sender = aqueduct::task("sender", async move {
            after(ms(10)).await;
            Outcome::Ok(tx.send(()).await?)
        })
        .spawn();
        let delivered = rx.recv_timeout(ms(10)).await.is_ok();
        drop(rx);
        sender.await?;
        Outcome::Ok(delivered)
    });
    let delivered = runs.iter().filter(|run| *run.value()).count();
    assert!((10..=90).contains(&delivered), "{delivered} of {}", runs.len());
}

#[test]
fn now_is_the_virtual_now_inside_a_run_and_the_real_one_outside() {
    let outside = aqueduct::now();
    assert!(outside <= Instant::now() && outside + HOUR > Instant::now());
    replay(0, || async {
        let began = aqueduct::now();
        after(HOUR).await;
        assert_eq!(aqueduct::now() - began, HOUR);
        assert_eq!(tokio::time::Instant::now().into_std(), aqueduct::now());
        Outcome::Ok(())
    });
    assert!(aqueduct::now() < outside + HOUR);
}

#[test]
fn timers_of_tokio_are_virtual_as_well() {
    let run = replay(0, || async {
        let slow = tokio::time::timeout(HOUR, std::future::pending::<()>());
        assert!(slow.await.is_err());
        tokio::time::sleep(HOUR).await;
        Outcome::Ok(())
    });
    assert_eq!(run.virtual_time(), 2 * HOUR);
}

#[test]
fn a_year_of_waiting_is_possible_where_it_is_allowed() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let network = || async {
        for _ in 0..6 {
            after(50 * DAY).await;
        }
        Outcome::Ok(())
    };
    let run = Explore::new().max_virtual_time(365 * DAY).replay(0, network).unwrap();
    assert_eq!(run.virtual_time(), 300 * DAY);
}
