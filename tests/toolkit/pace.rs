//! Processes that keep time, under a clock that the test moves.

use std::future::Future;
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::toolkit::*;
use tokio::time::{advance, timeout};

use crate::LIMIT;
use crate::common::within;

const PERIOD: Duration = Duration::from_secs(10);

/// Runs a body under a clock that stands still, and goes on by itself when everybody waits for it.
fn timed<F: Future<Output = ()>>(body: impl FnOnce() -> F + Send + 'static) {
    within(LIMIT, move || {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(body());
    });
}

/// Lets everybody do what can be done at this instant.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_ticker_ticks_once_a_period_on_the_grid() {
    timed(|| async {
        let start = tokio::time::Instant::now();
        let (tx, rx) = aqueduct::channel();
        let ticking = ticker(PERIOD, tx).spawn();
        for n in 1..=5 {
            let instant = rx.recv().await.unwrap();
            assert_eq!(instant, (start + n * PERIOD).into_std());
            assert_eq!(start.elapsed(), n * PERIOD);
        }
        drop(rx);
        ticking.await.unwrap();
        assert_eq!(start.elapsed(), 5 * PERIOD, "it does not wait for the next tick");
    });
}

#[test]
fn a_late_reader_gets_one_tick_and_then_those_of_the_grid() {
    timed(|| async {
        let start = tokio::time::Instant::now();
        let (tx, rx) = aqueduct::channel();
        let ticking = ticker(PERIOD, tx).spawn();
        settle().await;
        advance(PERIOD * 7 / 2).await;
        assert_eq!(rx.recv().await.unwrap(), (start + PERIOD).into_std(), "the one that waited");
        assert_eq!(rx.recv().await.unwrap(), (start + 4 * PERIOD).into_std());
        assert_eq!(start.elapsed(), 4 * PERIOD);
        drop(rx);
        ticking.await.unwrap();
    });
}

#[test]
fn a_regulated_stream_has_a_steady_pace_and_repeats_the_latest_value() {
    timed(|| async {
        let start = tokio::time::Instant::now();
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let running = regulate(PERIOD, a_rx, b).spawn();
        // Nothing before the first value.
        settle().await;
        advance(PERIOD * 5 / 2).await;
        settle().await;
        assert!(b_rx.try_recv().unwrap_err().is_empty());
        a.send('a').await.unwrap();
        a.send('b').await.unwrap();
        for n in 3..6 {
            assert_eq!(b_rx.recv().await, Ok('b'));
            assert_eq!(start.elapsed(), n * PERIOD);
        }
        a.send('c').await.unwrap();
        assert_eq!(b_rx.recv().await, Ok('c'));
        assert_eq!(start.elapsed(), 6 * PERIOD);
        // The last value is emitted, at its tick, though the input has retired.
        a.send('d').await.unwrap();
        drop(a);
        assert_eq!(b_rx.recv().await, Ok('d'));
        assert_eq!(start.elapsed(), 7 * PERIOD);
        assert!(b_rx.recv().await.unwrap_err().is_retired());
        assert_eq!(start.elapsed(), 7 * PERIOD);
        running.await.unwrap();
    });
}

#[test]
fn a_sampled_stream_has_each_value_once_at_most() {
    timed(|| async {
        let start = tokio::time::Instant::now();
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let running = sample(PERIOD, a_rx, b).spawn();
        for value in 1..=3 {
            a.send(value).await.unwrap();
        }
        assert_eq!(b_rx.recv().await, Ok(3));
        assert_eq!(start.elapsed(), PERIOD);
        assert!(timeout(3 * PERIOD, b_rx.recv()).await.is_err(), "not again");
        a.send(4).await.unwrap();
        drop(a);
        assert_eq!(b_rx.recv().await, Ok(4));
        assert!(b_rx.recv().await.unwrap_err().is_retired());
        running.await.unwrap();
    });
}

#[test]
fn a_late_reader_gets_the_latest_and_the_input_does_not_wait_for_it() {
    timed(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let running = sample(PERIOD, a_rx, b).spawn();
        for value in 1..=5 {
            a.send(value).await.unwrap();
            tokio::time::sleep(PERIOD).await;
        }
        settle().await;
        assert_eq!(b_rx.recv().await, Ok(5));
        drop((a, b_rx));
        running.await.unwrap();
    });
}

#[test]
fn the_clock_wins_however_fast_the_input_is() {
    // A flood that never pauses, and real time: by priority, each tick is emitted.
    for repeating in [true, false] {
        within(LIMIT, move || {
            aqueduct::run(async move {
                let (a, a_rx) = aqueduct::unbounded();
                for n in 0..200_000_u32 {
                    a.try_send(n).unwrap();
                }
                let flood = aqueduct::task("flood", {
                    let a = a.clone();
                    async move {
                        for n in 200_000.. {
                            a.send(n).await?;
                            if n % 64 == 0 {
                                tokio::task::yield_now().await;
                            }
                        }
                        Ok(())
                    }
                });
                drop(a);
                let (b, b_rx) = aqueduct::channel();
                let period = Duration::from_micros(100);
                let paced = if repeating { regulate(period, a_rx, b).spawn() } else { sample(period, a_rx, b).spawn() };
                let (values, ()) = par!(collect_first(20, b_rx), flood).await?;
                assert!(values.is_sorted(), "{values:?}");
                paced.await?;
                Outcome::Ok(())
            })
            .unwrap();
        });
    }
}

#[test]
fn with_no_period_or_a_tiny_one_the_input_still_gets_on() {
    for period in [Duration::ZERO, Duration::from_nanos(1)] {
        within(LIMIT, move || {
            aqueduct::run(async move {
                let (a, a_rx) = aqueduct::channel();
                let (b, b_rx) = aqueduct::channel();
                let samples = par!(generate(0..1000, a), sample(period, a_rx, b), collect(b_rx)).await?.2;
                assert!(samples.is_sorted() && samples.last() == Some(&999));
                let (a, a_rx) = aqueduct::channel();
                let (b, b_rx) = aqueduct::channel();
                let values = par!(generate(0..1000, a), regulate(period, a_rx, b), collect(b_rx)).await?.2;
                assert!(values.is_sorted() && values.last() == Some(&999));
                Outcome::Ok(())
            })
            .unwrap();
        });
    }
}
