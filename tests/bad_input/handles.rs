//! Processes that cannot start, and results that are asked for twice.

use std::pin::pin;
use std::time::Duration;

use aqueduct::prelude::*;
use futures::executor::block_on;

use super::LIMIT;
use super::common::within;

#[test]
fn spawned_without_a_runtime_a_task_says_so_and_its_ends_poison() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut handle = aqueduct::task("orphan", async move { Ok(tx.send(1).await?) }).spawn();
    assert!(handle.is_finished());
    assert!(!handle.abort());
    assert_eq!(handle.identity().name(), "orphan");
    let error = block_on(&mut handle).unwrap_err();
    assert!(error.cause().is_not_started(), "{error}");
    assert!(error.to_string().starts_with("process orphan#"), "{error}");
    let ended = rx.ended().unwrap();
    assert!(std::ptr::eq(ended.cause().unwrap(), error.cause()));

    let other = aqueduct::task("orphan", async {}).spawn().join_blocking().unwrap_err();
    assert!(other.cause().is_not_started());
}

#[test]
fn spawned_without_a_runtime_a_network_says_so_and_its_ends_poison() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let (back_tx, back) = aqueduct::channel::<u32>();
    let network = par!(
        aqueduct::task("orphan", async move { Ok(tx.send(1).await?) }),
        aqueduct::thread("sibling", move || Ok(back_tx.send_blocking(1)?)),
    );
    let error = network.spawn().join_blocking().unwrap_err();
    assert!(error.cause().is_not_started(), "{error}");
    assert!(rx.ended().unwrap().is_poisoned());
    assert!(back.ended().unwrap().is_poisoned());
}

#[test]
fn spawned_without_a_runtime_a_thread_needs_none() {
    assert_eq!(aqueduct::thread("free", || Outcome::Ok(5)).spawn().join_blocking().unwrap(), 5);
}

#[test]
fn a_handle_polled_twice_says_so() {
    within(LIMIT, || {
        let mut thread = aqueduct::thread("once", || Outcome::Ok(5)).spawn();
        assert_eq!(block_on(&mut thread).unwrap(), 5);
        for _ in 0..3 {
            let said = block_on(&mut thread).unwrap_err().to_string();
            assert!(said.contains("once#") && said.contains("already"), "{said}");
        }
        assert!(thread.is_finished());
        assert!(!thread.abort());
        assert!(thread.join_blocking().is_err());

        aqueduct::run(async {
            let mut task = aqueduct::task("once", async { Outcome::Ok(5) }).spawn();
            assert_eq!((&mut task).await?, 5);
            assert!((&mut task).await.is_err());
            assert!(task.is_finished());

            let mut aborted = aqueduct::task("once", std::future::pending::<()>()).spawn();
            assert!(aborted.abort());
            assert!((&mut aborted).await.unwrap_err().cause().is_cancelled());
            let said = (&mut aborted).await.unwrap_err().to_string();
            assert!(said.contains("already"), "{said}");

            let mut panicked = aqueduct::task("once", async { assert_eq!(1, 2, "bad") }).spawn();
            let first = (&mut panicked).await.unwrap_err();
            assert!(first.cause().panic_message().unwrap().contains("bad"));
            assert!((&mut panicked).await.unwrap_err().to_string().contains("already"));
            Outcome::Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_running_process_polled_twice_says_so() {
    within(LIMIT, || {
        let mut task = pin!(aqueduct::task("once", async { Outcome::Ok(5) }).into_future());
        assert_eq!(block_on(task.as_mut()).unwrap(), 5);
        assert!(block_on(task).unwrap_err().to_string().contains("already"));
        let mut thread = pin!(aqueduct::thread("once", || Outcome::Ok(5)).into_future());
        assert_eq!(block_on(thread.as_mut()).unwrap(), 5);
        assert!(block_on(thread).unwrap_err().to_string().contains("already"));
    });
}

#[test]
fn a_handle_taken_twice_by_choices_says_so() {
    within(LIMIT, || {
        let mut handle = aqueduct::thread("once", || Outcome::Ok(5)).spawn();
        let first = aqueduct::alt_blocking! { r = &mut handle => r };
        assert_eq!(first.unwrap(), 5);
        let again = aqueduct::alt_blocking! {
            r = &mut handle => r,
            _ = after(Duration::from_secs(60)) => unreachable!("it is ready at once"),
        };
        assert!(again.unwrap_err().to_string().contains("already"));
    });
}

#[test]
fn a_handle_that_is_dropped_lets_the_process_run_on() {
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel();
        drop(aqueduct::thread("free", move || Ok(tx.send_blocking(1)?)).spawn());
        assert_eq!(rx.recv_blocking(), Ok(1));
    });
}
