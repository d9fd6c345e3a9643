//! A process that is dropped before it has finished fails as cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aqueduct::prelude::*;

use super::{OutOfPaper, is_pending, on_runtime, poison, same};

#[process]
async fn waits(input: Receiver<u32>, _out: Sender<u32>) -> Outcome {
    input.recv().await?;
    Ok(())
}

#[process]
fn waits_thread(input: Receiver<u32>, _out: Sender<u32>) -> Outcome {
    input.recv_blocking()?;
    Ok(())
}

/// Two channels of which a process holds one end each, with the ends that stay outside.
fn around() -> (Sender<u32>, Receiver<u32>, Sender<u32>, Receiver<u32>) {
    let (tx, input) = aqueduct::channel();
    let (out, rx) = aqueduct::channel();
    (tx, input, out, rx)
}

async fn check(tx: Sender<u32>, rx: Receiver<u32>, name: &str) {
    let poisoned = poison(rx.recv().await);
    assert!(poisoned.cause().is_cancelled(), "{poisoned}");
    assert_eq!(poisoned.cause().origin().name(), name);
    let refused = tx.send(1).await.unwrap_err();
    assert!(same(refused.reason().cause().unwrap(), poisoned.cause()), "both ends share the cause");
}

#[test]
fn before_it_has_started() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        drop(waits(input, out));
        check(tx, rx, "waits").await;
        let (tx, input, out, rx) = around();
        drop(waits_thread(input, out));
        check(tx, rx, "waits_thread").await;
        let (tx, input, out, rx) = around();
        drop(waits_thread(input, out).into_future());
        check(tx, rx, "waits_thread").await;
        let (tx, input, out, rx) = around();
        drop(par!(waits(input, out)));
        check(tx, rx, "waits").await;
        let (tx, input, out, rx) = around();
        let mut group = Group::new();
        group.add(waits(input, out).named("in a group"));
        drop(group);
        check(tx, rx, "in a group").await;
    });
}

#[test]
fn while_it_waits() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let mut running = Box::pin(waits(input, out).into_future());
        assert!(is_pending(running.as_mut()).await);
        drop(running);
        check(tx, rx, "waits").await;

        let (tx, input, out, rx) = around();
        let mut running = Box::pin(par!(waits(input, out)).into_future());
        for _ in 0..10 {
            assert!(is_pending(running.as_mut()).await);
        }
        drop(running);
        check(tx, rx, "waits").await;

        let (tx, input, out, rx) = around();
        let mut group = Group::new();
        group.add(waits(input, out));
        assert!(is_pending(Box::pin(group.next()).as_mut()).await);
        assert_eq!(group.len(), 1, "a cancelled wait for the group cancels nothing");
        drop(group);
        check(tx, rx, "waits").await;
    });
}

#[test]
fn in_a_timeout() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let late = tokio::time::timeout(Duration::from_millis(2), waits(input, out).into_future()).await;
        assert!(late.is_err());
        check(tx, rx, "waits").await;
    });
}

#[test]
fn a_process_that_has_finished_is_not_cancelled_by_its_drop() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let mut running = Box::pin(waits(input, out).into_future());
        let (result, sent) = futures::future::join(running.as_mut(), tx.send(1)).await;
        result.unwrap();
        sent.unwrap();
        drop(running);
        assert!(rx.recv().await.unwrap_err().is_retired());
    });
}

#[test]
fn abort_cancels_a_spawned_task() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let handle = waits(input, out).spawn();
        let number = handle.identity().number();
        assert!(!handle.is_finished());
        assert!(handle.abort());
        let error = handle.await.unwrap_err();
        assert!(error.cause().is_cancelled(), "{error}");
        assert_eq!(error.cause().origin().number(), number);
        assert_eq!(error.to_string(), format!("process waits#{number} was cancelled before it had finished"));
        check(tx, rx, "waits").await;
    });
}

/// "Processes that only ended because of it report the same cause."
#[test]
fn the_handle_of_an_aborted_process_and_its_peers_share_the_cause() {
    on_runtime(async {
        let (_tx, input, out, rx) = around();
        let (next, _end) = aqueduct::channel();
        let peer = super::relay(rx, next).spawn();
        let handle = waits(input, out).spawn();
        handle.abort();
        let error = handle.await.unwrap_err();
        let echo = peer.await.unwrap_err();
        assert!(echo.cause().is_cancelled());
        assert!(echo.same_cause(&error), "the peer's cause is a copy: {echo} / {error}");
    });
}

#[test]
fn abort_after_the_end_changes_nothing() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let mut handle = waits(input, out).spawn();
        tx.send(1).await.unwrap();
        assert!(rx.recv().await.unwrap_err().is_retired());
        (&mut handle).await.unwrap();
        assert!(handle.is_finished());
        assert!(!handle.abort());
        let again = handle.await.unwrap_err();
        assert!(again.to_string().ends_with("has given its result away already"), "{again}");
    });
}

#[test]
fn a_dropped_handle_lets_the_process_run_on() {
    on_runtime(async {
        for threaded in [false, true] {
            let (tx, input, out, rx) = around();
            drop(if threaded { waits_thread(input, out).spawn() } else { waits(input, out).spawn() });
            tokio::task::yield_now().await;
            tx.send(1).await.unwrap();
            assert!(rx.recv().await.unwrap_err().is_retired());
        }
    });
}

/// A thread cannot be stopped from outside: end its channels instead.
#[test]
fn a_running_thread_process_goes_on_when_it_is_dropped() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let mut running = Box::pin(waits_thread(input, out).into_future());
        assert!(is_pending(running.as_mut()).await);
        drop(running);
        assert_eq!(rx.ended(), None);
        tx.send(1).await.unwrap();
        assert!(rx.recv().await.unwrap_err().is_retired(), "it ended in good order");

        let (tx, input, out, rx) = around();
        let handle = waits_thread(input, out).spawn();
        assert!(!handle.abort());
        tx.poison("enough");
        let error = handle.await.unwrap_err();
        assert_eq!(error.cause().error().unwrap().to_string(), "enough");
        assert!(same(poison(rx.recv().await).cause(), error.cause()));
    });
}

#[test]
fn a_runtime_that_shuts_down_cancels_its_processes() {
    let (_tx, input, out, rx) = around();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let handle = {
        let _inside = runtime.enter();
        waits(input, out).spawn()
    };
    drop(runtime);
    let error = rx.recv_blocking().unwrap_err();
    assert!(error.cause().is_some_and(aqueduct::Cause::is_cancelled), "{error}");
    assert!(handle.join_blocking().unwrap_err().cause().is_cancelled());
}

#[test]
fn spawned_without_a_runtime_a_task_says_so_and_its_ends_poison() {
    let (_tx, input, out, rx) = around();
    let handle = waits(input, out).spawn();
    assert!(handle.is_finished());
    let error = handle.join_blocking().unwrap_err();
    assert!(error.cause().is_not_started(), "{error}");
    let peer = rx.recv_blocking().unwrap_err();
    assert!(same(peer.cause().unwrap(), error.cause()));
}

#[test]
fn the_first_failure_in_try_par_cancels_the_siblings() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let finished = Arc::new(AtomicBool::new(false));
        let flag = finished.clone();
        let error = try_par!(
            waits(input, out),
            aqueduct::task("fails", async {
                tokio::task::yield_now().await;
                Err::<(), _>(Exit::from(OutOfPaper))
            }),
            aqueduct::task("endless", async move {
                std::future::pending::<()>().await;
                flag.store(true, Ordering::SeqCst);
            }),
        )
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "fails");
        assert!(error.cause().error().unwrap().is::<OutOfPaper>());
        assert!(!finished.load(Ordering::SeqCst));
        check(tx, rx, "waits").await;
    });
}

#[test]
fn try_par_without_a_failure_waits_for_all() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let ((), (), n) = try_par!(
            waits(input, out),
            aqueduct::task("sends", async move { Ok(tx.send(1).await?) }),
            aqueduct::task("value", async { Outcome::Ok(5) }),
        )
        .await
        .unwrap();
        assert_eq!(n, 5);
        assert!(rx.recv().await.unwrap_err().is_retired());
    });
}

#[test]
fn par_waits_for_all_after_a_failure() {
    on_runtime(async {
        let (tx, input, out, rx) = around();
        let composed = par!(aqueduct::task("fails", async { Err::<(), _>(Exit::from(OutOfPaper)) }), waits(input, out));
        let mut running = Box::pin(composed.into_future());
        for _ in 0..20 {
            assert!(is_pending(running.as_mut()).await, "one child still runs");
        }
        let (result, sent) = futures::future::join(running, tx.send(1)).await;
        sent.unwrap();
        assert_eq!(result.unwrap_err().cause().origin().name(), "fails");
        assert!(rx.recv().await.unwrap_err().is_retired(), "the healthy child ended in good order");
    });
}
