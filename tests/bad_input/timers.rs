//! Timers where the runtime has none, and instants at the edges.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use aqueduct::WaitError;
use aqueduct::prelude::*;
use futures::executor::block_on;

use super::common::within;
use super::{LATE, LIMIT, SOON, poll};

/// Uses every kind of timer once.
async fn every_timer() {
    let start = Instant::now();
    let due = after(SOON).await;
    assert!(Instant::now() >= due && start.elapsed() >= SOON);
    at(start + SOON).await;
    let mut clock = tick(SOON);
    clock.next().await;
    clock.next().await;
    assert!(start.elapsed() >= 3 * SOON);

    let (tx, rx) = aqueduct::channel::<u32>();
    assert_eq!(rx.recv_timeout(SOON).await, Err(WaitError::Timeout));
    assert_eq!(rx.recv_deadline(Instant::now() + SOON).await, Err(WaitError::Timeout));
    let error = tx.send_timeout(5, SOON).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.into_inner(), 5);
    assert!(tx.send_deadline(5, Instant::now() + SOON).await.unwrap_err().is_timeout());
    // The two exchanges are of one choice: it does not meet itself.
    let late = aqueduct::alt! {
        r = rx.recv() => r.is_err(),
        s = tx.send(1) => s.is_err(),
        _ = after(SOON) => true,
    };
    assert!(late);
    // A long one loses.
    let (tx, rx) = aqueduct::buffered(1);
    tx.send_timeout(1, LATE).await.unwrap();
    assert_eq!(rx.recv_timeout(LATE).await, Ok(1));
}

#[test]
fn on_another_executor() {
    within(LIMIT, || block_on(every_timer()));
}

#[test]
fn on_a_tokio_runtime_without_a_timer() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            every_timer().await;
            tokio::spawn(every_timer()).await.unwrap();
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async { tokio::spawn(every_timer()).await.unwrap() });
    });
}

#[test]
fn on_runtimes_with_and_without_a_timer_by_turns() {
    // What one runtime has says nothing about the next one on the same thread.
    within(LIMIT, || {
        for round in 0..4 {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            if round % 2 == 0 {
                builder.enable_time();
            }
            builder.build().unwrap().block_on(every_timer());
        }
    });
}

#[test]
fn on_a_plain_thread() {
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel::<u32>();
        assert_eq!(rx.recv_timeout_blocking(SOON), Err(WaitError::Timeout));
        assert!(tx.send_deadline_blocking(1, Instant::now() + SOON).unwrap_err().is_timeout());
        let late = aqueduct::alt_blocking! { r = rx.recv() => r.is_err(), _ = after(SOON) => true };
        assert!(late);
        let inside = aqueduct::thread("inside", || block_on(every_timer()));
        inside.spawn().join_blocking().unwrap();
    });
}

#[test]
fn inside_a_composition_on_a_plain_thread() {
    within(LIMIT, || {
        let both = par!(aqueduct::task("one", every_timer()), aqueduct::task("other", every_timer()));
        block_on(async { both.await }).unwrap();
    });
}

#[test]
fn a_timer_polled_first_outside_a_runtime_fires_inside_one_and_the_other_way_round() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut outside = Box::pin(after(SOON));
        assert!(poll(&mut outside.as_mut()).is_pending());
        runtime.block_on(outside);
        let mut inside = Box::pin(after(SOON));
        runtime.block_on(async { assert!(poll(&mut inside.as_mut()).is_pending()) });
        block_on(async {
            // Its clock stands still now; the deadline passes all the same.
            let mut inside = inside;
            loop {
                if poll(&mut inside.as_mut()).is_ready() {
                    break;
                }
                runtime.block_on(after(SOON));
            }
        });
    });
}

#[test]
fn instants_at_the_edges() {
    within(LIMIT, || {
        let past = Instant::now();
        std::thread::sleep(SOON);
        block_on(async {
            assert_eq!(at(past).await, past);
            after(Duration::ZERO).await;
            let mut never = pin!(after(Duration::MAX));
            assert!(never.deadline().is_none());
            assert!(poll(&mut never).is_pending());
            let mut slow = tick(Duration::MAX);
            assert!(poll(&mut pin!(slow.next())).is_pending());
            let mut zero = tick(Duration::ZERO);
            for _ in 0..100 {
                zero.next().await;
            }
        });
        let (tx, rx) = aqueduct::channel::<u32>();
        assert_eq!(rx.recv_deadline_blocking(past), Err(WaitError::Timeout));
        assert_eq!(rx.recv_timeout_blocking(Duration::ZERO), Err(WaitError::Timeout));
        assert!(tx.send_deadline_blocking(1, past).unwrap_err().is_timeout());
        let sender = std::thread::spawn(move || tx.send_timeout_blocking(5, Duration::MAX));
        assert_eq!(rx.recv_timeout_blocking(Duration::MAX), Ok(5));
        sender.join().unwrap().unwrap();
    });
}

#[test]
fn instants_as_far_as_the_clock_goes() {
    within(LIMIT, || {
        for far in [Duration::from_secs(u64::MAX / 4), Duration::from_secs(100 * 365 * 86_400)] {
            let (tx, rx) = aqueduct::buffered(1);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut waits = pin!(rx.recv_timeout(far));
                assert!(poll(&mut waits).is_pending());
                tx.try_send(1).unwrap();
                assert_eq!(waits.await, Ok(1));
            });
            let mut waits = pin!(rx.recv_timeout(far));
            assert!(poll(&mut waits).is_pending());
            tx.try_send(2).unwrap();
            assert_eq!(poll(&mut waits), Poll::Ready(Ok(2)));
            let sender = std::thread::spawn(move || {
                std::thread::sleep(SOON);
                tx.try_send(3)
            });
            assert_eq!(rx.recv_timeout_blocking(far), Ok(3));
            sender.join().unwrap().unwrap();
        }
    });
}
