//! A panic is caught where the process runs, and its peers are poisoned with it.

use aqueduct::prelude::*;

use super::{on_runtime, poison, same};

#[process]
async fn panics(_end: Sender<u32>) {
    tokio::task::yield_now().await;
    panic!("burnt {}", "toast");
}

#[process]
fn panics_thread(_end: Sender<u32>) {
    panic!("static text");
}

async fn burn() {
    panic!("burnt toast");
}

async fn throw(payload: u32) {
    std::panic::panic_any(payload);
}

async fn check(error: ProcessError, rx: Receiver<u32>, name: &str, message: &str) {
    let cause = error.cause();
    assert!(cause.is_panic() && !cause.is_cancelled(), "{error}");
    assert_eq!(cause.panic_message(), Some(message));
    assert_eq!(cause.origin().name(), name);
    assert_eq!(error.to_string(), format!("process {} panicked: {message}", cause.origin()));
    assert!(same(poison(rx.recv().await).cause(), cause), "the peers see the very same cause");
}

#[test]
fn in_a_task_process() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        check(panics(tx).await.unwrap_err(), rx, "panics", "burnt toast").await;
    });
}

#[test]
fn in_a_thread_process() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        check(panics_thread(tx).await.unwrap_err(), rx, "panics_thread", "static text").await;
    });
}

#[test]
fn in_a_child_of_par_which_waits_for_the_others() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (go, wait) = aqueduct::channel();
        let (done, was_done) = aqueduct::buffered(1);
        let error = par!(
            panics(tx),
            aqueduct::task("slow", async move {
                wait.recv().await?;
                done.send(()).await?;
                Ok(())
            }),
            aqueduct::task("later", async move {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                Ok(go.send(()).await?)
            })
        )
        .await
        .unwrap_err();
        assert_eq!(was_done.try_recv(), Ok(()), "par! waited for the healthy children");
        check(error, rx, "panics", "burnt toast").await;
    });
}

#[test]
fn in_a_child_of_a_group() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let mut group = Group::new();
        group.add(aqueduct::task("calm", async {}));
        group.add(aqueduct::task("hot", async move {
            let _tx = tx;
            burn().await
        }));
        check(group.join().await.unwrap_err(), rx, "hot", "burnt toast").await;
    });
}

#[test]
fn in_a_spawned_process() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        check(panics(tx).spawn().await.unwrap_err(), rx, "panics", "burnt toast").await;
        let (tx, rx) = aqueduct::channel();
        check(panics_thread(tx).spawn().await.unwrap_err(), rx, "panics_thread", "static text").await;
        let (tx, rx) = aqueduct::channel();
        check(par!(panics(tx)).spawn().await.unwrap_err(), rx, "panics", "burnt toast").await;
    });
}

#[test]
fn with_a_payload_that_is_not_text() {
    on_runtime(async {
        let error = aqueduct::task("odd", throw(42_u32)).await.unwrap_err();
        assert!(error.cause().is_panic());
        assert_eq!(error.cause().panic_message(), Some("a payload that is not text"));
    });
}

#[test]
fn with_a_payload_whose_drop_panics() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the drop of a payload");
        }
    }
    on_runtime(async {
        let error = aqueduct::thread("bomb", || -> Outcome { std::panic::panic_any(Bomb) }).await.unwrap_err();
        assert!(error.cause().is_panic());
    });
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("broken");
    }
}

#[test]
fn of_a_value_dropped_at_the_end_of_a_body() {
    on_runtime(async {
        for threaded in [false, true] {
            let fragile = Fragile;
            let (tx, rx) = aqueduct::channel::<u32>();
            let handle = if threaded {
                aqueduct::thread("fragile", move || {
                    let _tx = tx;
                    let _fragile = fragile;
                })
                .spawn()
            } else {
                aqueduct::task("fragile", async move {
                    let _tx = tx;
                    tokio::task::yield_now().await;
                    let _fragile = fragile;
                })
                .spawn()
            };
            let error = handle.await.unwrap_err();
            assert_eq!(error.cause().panic_message(), Some("broken"), "{error}");
            assert!(same(poison(rx.recv().await).cause(), error.cause()));
        }
    });
}

#[test]
fn of_a_value_dropped_with_a_cancelled_process_surfaces_there() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let fragile = Fragile;
    let process = aqueduct::task("fragile", async move {
        let (_tx, _fragile) = (tx, fragile);
        std::future::pending::<()>().await;
    });
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(process))).unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"broken"));
    assert!(rx.recv_blocking().unwrap_err().cause().is_some_and(aqueduct::Cause::is_cancelled));
}

/// Everything that the unwinding drops, and what the future still held, has one cause.
#[test]
fn all_ends_of_a_panicking_process_share_the_cause() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<u32>();
        let (b_tx, b) = aqueduct::channel::<u32>();
        let (c, c_rx) = aqueduct::channel::<u32>();
        let error = aqueduct::task("three", async move {
            let _moved = a;
            let _boxed: Box<dyn std::any::Any + Send> = Box::new(b);
            let _nested = Some(vec![c]);
            tokio::task::yield_now().await;
            burn().await
        })
        .await
        .unwrap_err();
        assert!(same(poison(a_rx.recv().await).cause(), error.cause()));
        assert!(same(poison(c_rx.recv().await).cause(), error.cause()));
        assert!(same(b_tx.send(1).await.unwrap_err().reason().cause().unwrap(), error.cause()));
    });
}

#[test]
fn a_panic_marks_neither_siblings_nor_the_parent() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (sibling, sibling_rx) = aqueduct::channel::<u32>();
        let (parent, parent_rx) = aqueduct::channel::<u32>();
        aqueduct::task("parent", async move {
            let error = par!(
                panics(tx),
                aqueduct::task("sibling", async move {
                    let _sibling = sibling;
                    Ok(())
                })
            )
            .await
            .unwrap_err();
            assert!(error.cause().is_panic());
            drop(parent);
            Ok(())
        })
        .await
        .unwrap();
        assert!(rx.recv().await.unwrap_err().is_poisoned());
        assert!(sibling_rx.recv().await.unwrap_err().is_retired());
        assert!(parent_rx.recv().await.unwrap_err().is_retired());
    });
}

#[test]
fn a_panic_outside_any_process_poisons_what_it_drops() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let thread = std::thread::spawn(move || {
        let _tx = tx;
        panic!("a plain thread");
    });
    thread.join().unwrap_err();
    let error = rx.recv_blocking().unwrap_err();
    let cause = error.cause().unwrap();
    assert!(cause.is_panic());
    assert_eq!(cause.origin().number(), 0);
}

#[test]
fn a_poison_while_panicking_reaches_waiting_peers() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let waiting = aqueduct::task("waiting", async move {
            rx.recv().await?;
            Ok(())
        })
        .spawn();
        tokio::task::yield_now().await;
        let error = panics(tx).spawn().await.unwrap_err();
        assert!(waiting.await.unwrap_err().same_cause(&error));
    });
}
