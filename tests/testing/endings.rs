//! When a run is over nothing of it is left: no task, no thread, no memory.

use std::sync::Arc;
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::testing::{Explore, Reason, explore, replay};

use super::common::within;

const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn processes_that_still_run_are_cancelled_and_threads_end_by_their_channels() {
    let kept = Arc::new(());
    explore(|| {
        let kept = Arc::clone(&kept);
        async move {
            let (tx, rx) = aqueduct::channel::<()>();
            let (in_task, in_thread) = (Arc::clone(&kept), Arc::clone(&kept));
            drop(
                aqueduct::task("waits for ever", async move {
                    let _kept = (in_task, tx);
                    std::future::pending::<()>().await;
                })
                .spawn(),
            );
            drop(
                aqueduct::thread("reader", move || {
                    let _kept = in_thread;
                    // The task is cancelled: poison.
                    assert!(rx.recv_blocking().is_err());
                    // A thread may take its time.
                    alt_blocking! { _ = after(HOUR) => {} };
                })
                .spawn(),
            );
            Outcome::Ok(())
        }
    });
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn the_time_that_threads_take_after_the_end_is_not_the_networks() {
    let run = replay(0, || async {
        drop(aqueduct::thread("sleeper", || alt_blocking! { _ = after(HOUR) => {} }).spawn());
        after(Duration::from_secs(1)).await;
        Outcome::Ok(())
    });
    assert_eq!(run.virtual_time(), Duration::from_secs(1));
}

#[test]
fn threads_that_wait_for_each_other_after_the_end_are_named_and_ended() {
    let kept = Arc::new(());
    let failure = Explore::new()
        .schedules(10)
        .run(|| {
            let kept = Arc::clone(&kept);
            async move {
                let (a, a_rx) = aqueduct::channel::<()>();
                let (b, b_rx) = aqueduct::channel::<()>();
                for (name, tx, rx) in [("left", a, b_rx), ("right", b, a_rx)] {
                    let kept = Arc::clone(&kept);
                    drop(
                        aqueduct::thread(name, move || {
                            let _kept = kept;
                            rx.recv_blocking()?;
                            Ok(tx.send_blocking(())?)
                        })
                        .spawn(),
                    );
                }
                Outcome::Ok(())
            }
        })
        .unwrap_err();
    let Reason::LeftBehind(threads) = failure.reason() else { panic!("{failure}") };
    assert_eq!(threads.iter().map(|thread| thread.name()).collect::<Vec<_>>(), ["left", "right"]);
    assert!(failure.lost().is_empty());
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn a_thread_that_goes_on_for_ever_after_the_end_is_named_and_ended() {
    let kept = Arc::new(());
    let failure = Explore::new()
        .schedules(1)
        .max_steps(2_000)
        .run(|| {
            let kept = Arc::clone(&kept);
            async move {
                drop(
                    aqueduct::thread("ticker", move || {
                        let _kept = kept;
                        let mut clock = tick(Duration::from_millis(1));
                        loop {
                            alt_blocking! { _ = clock.next() => {} };
                        }
                        #[allow(unreachable_code)]
                        Ok(())
                    })
                    .spawn(),
                );
                Outcome::Ok(())
            }
        })
        .unwrap_err();
    assert!(matches!(failure.reason(), Reason::LeftBehind(threads) if threads[0].name() == "ticker"), "{failure}");
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn a_deadlock_leaves_nothing_behind() {
    let kept = Arc::new(());
    let failure = Explore::new()
        .schedules(1)
        .run(|| {
            let kept = Arc::clone(&kept);
            async move {
                let (tx, rx) = aqueduct::channel::<()>();
                let (in_task, in_thread) = (Arc::clone(&kept), Arc::clone(&kept));
                let held = (tx.clone(), rx.clone());
                drop(
                    aqueduct::thread("thread", move || {
                        let _kept = (in_thread, held);
                        // It holds the other end itself: no cancellation helps.
                        Ok(rx.recv_blocking()?)
                    })
                    .spawn(),
                );
                let task = aqueduct::task("task", async move {
                    let _kept = in_task;
                    tx.closed().await;
                    Ok(())
                });
                let _kept = kept;
                task.spawn().await?;
                Outcome::Ok(())
            }
        })
        .unwrap_err();
    assert!(matches!(failure.reason(), Reason::Deadlock(_)), "{failure}");
    assert!(failure.lost().is_empty());
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn a_thread_that_cannot_be_ended_is_told() {
    struct WaitsWhenDropped(Receiver<()>);
    impl Drop for WaitsWhenDropped {
        fn drop(&mut self) {
            let _ = self.0.recv_blocking();
        }
    }
    let failure = within(LIMIT, || {
        Explore::new()
            .run(|| async {
                let (tx, rx) = aqueduct::channel();
                drop(
                    aqueduct::thread("stubborn", move || {
                        let _held = tx;
                        let waits = WaitsWhenDropped(rx);
                        Ok(waits.0.recv_blocking()?)
                    })
                    .spawn(),
                );
                Outcome::Ok(())
            })
            .unwrap_err()
    });
    assert!(matches!(failure.reason(), Reason::LeftBehind(_)), "{failure}");
    assert_eq!(failure.lost().iter().map(|thread| thread.name()).collect::<Vec<_>>(), ["stubborn"]);
    assert!(failure.to_string().contains("nothing ends them: stubborn[1]"), "{failure}");
}

#[test]
fn ends_that_bare_tasks_of_tokio_hold_end_with_the_run() {
    explore(|| async {
        let (tx, rx) = aqueduct::channel::<()>();
        tokio::spawn(async move {
            let _tx = tx;
            std::future::pending::<()>().await;
        });
        drop(aqueduct::thread("reader", move || assert!(rx.recv_blocking().is_err())).spawn());
        Outcome::Ok(())
    });
}

#[test]
fn a_thread_that_never_had_a_turn_is_ended_too() {
    let kept = Arc::new(());
    explore(|| {
        let kept = Arc::clone(&kept);
        async move {
            for _ in 0..3 {
                let kept = Arc::clone(&kept);
                drop(aqueduct::thread("late", move || drop(kept)).spawn());
            }
            Outcome::Ok(())
        }
    });
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn a_thousand_runs_need_no_more_memory_than_one() {
    let kept = Arc::new(());
    for seed in 0..1000 {
        let kept = Arc::clone(&kept);
        replay(seed, || {
            let kept = Arc::clone(&kept);
            async move {
                let (tx, rx) = aqueduct::channel::<Arc<()>>();
                let sender = aqueduct::task("sender", async move { Ok(tx.send(kept).await?) }).spawn();
                let received = rx.recv().await?;
                sender.await?;
                drop(received);
                Outcome::Ok(())
            }
        });
    }
    assert_eq!(Arc::strong_count(&kept), 1);
}
