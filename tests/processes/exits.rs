//! What `?` makes of an error: retired ends quietly, anything else marks the process for as long as its `Exit` lives.

use aqueduct::prelude::*;
use aqueduct::{Ended, TryRecvError, WaitError};

use super::{OutOfPaper, locally, on_runtime, poison, same};

#[process]
async fn feed(out: Sender<u32>, _other: Sender<u32>) -> Outcome {
    loop {
        out.send(1).await?;
    }
}

#[process]
fn feed_thread(out: Sender<u32>, _other: Sender<u32>) -> Outcome {
    loop {
        out.send_blocking(1)?;
    }
}

#[test]
fn retired_through_the_question_mark_retires_and_succeeds_without_a_value() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (other_tx, other) = aqueduct::channel();
        drop(rx);
        feed(tx, other_tx).await.unwrap();
        assert_eq!(other.recv().await, Err(Ended::Retired));

        let (tx, rx) = aqueduct::channel();
        let (other_tx, other) = aqueduct::channel();
        drop(rx);
        feed_thread(tx, other_tx).await.unwrap();
        assert_eq!(other.recv().await, Err(Ended::Retired));
    });
}

#[process]
async fn make(input: Receiver<u32>, _out: Sender<u32>) -> Outcome<u32> {
    Ok(input.recv().await?)
}

#[process]
fn make_thread(input: Receiver<u32>, _out: Sender<u32>) -> Outcome<u32> {
    Ok(input.recv_blocking()?)
}

#[test]
fn retired_before_the_value_is_made_says_ended_early() {
    on_runtime(async {
        for threaded in [false, true] {
            let (tx, rx) = aqueduct::channel();
            let (out, end) = aqueduct::channel();
            drop(tx);
            let error = if threaded { make_thread(rx, out).await } else { make(rx, out).await }.unwrap_err();
            assert!(error.cause().is_ended_early(), "{error}");
            let name = if threaded { "make_thread" } else { "make" };
            assert_eq!(error.cause().origin().name(), name);
            assert_eq!(
                error.to_string(),
                format!("process {} ended early: a channel retired before its value was made", error.cause().origin())
            );
            assert_eq!(end.recv().await, Err(Ended::Retired), "it ended quietly, so its ends retire");
        }
    });
}

/// Each error of the library that says "retired" is recognised, whichever form it came from.
#[test]
fn every_form_of_retired_ends_quietly() {
    fn exit(error: impl Into<Exit>) -> Exit {
        error.into()
    }
    locally(|| async {
        let (gone, rx) = aqueduct::channel::<u32>();
        drop(rx);
        let (tx, empty) = aqueduct::channel::<u32>();
        drop(tx);
        let exits = [
            exit(gone.send(1).await.unwrap_err()),
            exit(gone.try_send(1).unwrap_err()),
            exit(gone.send_timeout(1, std::time::Duration::from_secs(9)).await.unwrap_err()),
            exit(gone.send_many(&mut [1].into()).await.unwrap_err()),
            exit(gone.try_send_many(&mut [1].into()).unwrap_err()),
            exit(gone.send_from(&mut Some(1)).await.unwrap_err()),
            exit(empty.recv().await.unwrap_err()),
            exit(empty.try_recv().unwrap_err()),
            exit(empty.recv_timeout(std::time::Duration::from_secs(9)).await.unwrap_err()),
            exit(empty.recv_many(&mut Vec::new(), 1).await.unwrap_err()),
            exit(gone.closed().await),
        ];
        for (index, exit) in exits.iter().enumerate() {
            assert!(exit.is_retired() && exit.cause().is_none(), "form {index}: {exit}");
        }
        let blocking = std::thread::spawn(move || {
            [exit(gone.send_blocking(1).unwrap_err()), exit(empty.recv_blocking().unwrap_err())]
                .iter()
                .all(Exit::is_retired)
        });
        assert!(blocking.join().unwrap());
    });
}

#[test]
fn every_form_of_poisoned_carries_the_same_cause() {
    fn exit(error: impl Into<Exit>) -> Exit {
        error.into()
    }
    locally(|| async {
        let (tx, rx) = aqueduct::buffered::<u32>(4);
        tx.poison("spilt");
        let first = poison(rx.recv().await);
        let exits = [
            exit(tx.send(1).await.unwrap_err()),
            exit(tx.try_send(1).unwrap_err()),
            exit(tx.send_timeout(1, std::time::Duration::from_secs(9)).await.unwrap_err()),
            exit(tx.send_many(&mut [1].into()).await.unwrap_err()),
            exit(tx.try_send_many(&mut [1].into()).unwrap_err()),
            exit(rx.recv().await.unwrap_err()),
            exit(rx.next().await.unwrap_err()),
            exit(rx.try_recv().unwrap_err()),
            exit(rx.recv_timeout(std::time::Duration::from_secs(9)).await.unwrap_err()),
            exit(rx.recv_many(&mut Vec::new(), 1).await.unwrap_err()),
            exit(tx.closed().await),
            exit(first.clone()),
        ];
        for (index, exit) in exits.iter().enumerate() {
            assert!(!exit.is_retired());
            assert!(same(exit.cause().unwrap(), first.cause()), "form {index}: {exit}");
        }
        let error = aqueduct::task("t", async move { Err::<(), _>(exit(rx.recv().await.unwrap_err())) }).await;
        let again = exit(error.unwrap_err());
        assert!(same(again.cause().unwrap(), first.cause()), "and so does a process's error");
    });
}

#[test]
fn full_empty_and_timeout_are_failures_of_the_users() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let full = Exit::from(tx.try_send(1).unwrap_err());
    let empty = Exit::from(rx.try_recv().unwrap_err());
    let late = Exit::from(rx.recv_timeout_blocking(std::time::Duration::from_millis(1)).unwrap_err());
    for exit in [&full, &empty, &late] {
        assert!(exit.cause().is_some_and(|cause| cause.error().is_some()), "{exit}");
    }
    let error = empty.cause().unwrap().error().unwrap();
    assert_eq!(error.downcast_ref::<TryRecvError>(), Some(&TryRecvError::Empty));
    assert_eq!(late.cause().unwrap().error().unwrap().downcast_ref::<WaitError>(), Some(&WaitError::Timeout));
}

/// A user's error that merely has one of ours as its source is a failure, not an end.
#[test]
fn a_users_error_around_ours_stays_the_users() {
    #[derive(Debug)]
    struct Wrapped(Ended);
    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no input")
        }
    }
    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let exit = Exit::from(Wrapped(Ended::Retired));
    assert!(!exit.is_retired());
    assert!(exit.cause().unwrap().error().unwrap().is::<Wrapped>());
}

#[process]
async fn fails(_held: Sender<u32>, _also: Receiver<u32>) -> Outcome {
    Err(OutOfPaper)?
}

#[process]
fn fails_thread(_held: Sender<u32>, _also: Receiver<u32>) -> Outcome {
    Err(OutOfPaper)?
}

#[test]
fn a_users_error_poisons_the_ends_dropped_at_return() {
    on_runtime(async {
        for threaded in [false, true] {
            let (held, rx) = aqueduct::channel();
            let (tx, also) = aqueduct::channel();
            let error = if threaded { fails_thread(held, also).await } else { fails(held, also).await }.unwrap_err();
            assert!(error.cause().error().unwrap().is::<OutOfPaper>(), "the error itself is there");
            let origin = error.cause().origin();
            assert_eq!(origin.name(), if threaded { "fails_thread" } else { "fails" });
            assert_ne!(origin.number(), 0);
            assert_eq!(
                error.to_string(),
                format!("process {}#{} failed: out of paper", origin.name(), origin.number())
            );
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "out of paper");
            assert!(same(poison(rx.recv().await).cause(), error.cause()), "towards receivers");
            let refused = tx.send(1).await.unwrap_err();
            assert!(same(refused.reason().cause().unwrap(), error.cause()), "and towards senders");
        }
    });
}

async fn inner_fails() -> Outcome {
    Err(OutOfPaper)?
}

#[process]
async fn catches(early: Sender<u32>, late: Sender<u32>) -> Outcome<String> {
    let exit = inner_fails().await.unwrap_err();
    let text = exit.to_string();
    drop(early);
    drop(exit);
    drop(late);
    Ok(text)
}

#[process]
fn catches_thread(early: Sender<u32>, late: Sender<u32>) -> Outcome<String> {
    let exit = (|| -> Outcome { Err(OutOfPaper)? })().unwrap_err();
    let text = exit.to_string();
    drop(early);
    drop(exit);
    drop(late);
    Ok(text)
}

#[test]
fn an_exit_marks_while_it_lives_and_unmarks_when_dropped() {
    on_runtime(async {
        for threaded in [false, true] {
            let (early, early_rx) = aqueduct::channel();
            let (late, late_rx) = aqueduct::channel();
            let text = if threaded { catches_thread(early, late).await } else { catches(early, late).await }.unwrap();
            assert!(text.ends_with("failed: out of paper"), "{text}");
            assert!(poison(early_rx.recv().await).cause().error().unwrap().is::<OutOfPaper>());
            assert_eq!(late_rx.recv().await, Err(Ended::Retired));
        }
    });
}

#[test]
fn an_exit_that_outlives_a_wait_keeps_the_mark() {
    locally(|| async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (end, end_rx) = aqueduct::channel::<u32>();
        let body = aqueduct::task("keeps", async move {
            let _kept = inner_fails().await;
            let _end = end;
            rx.recv().await.unwrap();
            // The mark was made in another poll, and `_end` is dropped before `_kept`.
            Ok(())
        });
        let (result, ()) = futures::future::join(body.into_future(), async { tx.send(1).await.unwrap() }).await;
        result.unwrap();
        assert!(poison(end_rx.recv().await).cause().error().is_some());
    });
}

#[test]
fn of_two_exits_the_first_cause_marks_until_the_last_is_gone() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<u32>();
        let (b, b_rx) = aqueduct::channel::<u32>();
        let (c, c_rx) = aqueduct::channel::<u32>();
        aqueduct::task("two", async move {
            let first = Exit::failure("first");
            let second = Exit::failure("second");
            drop(a);
            drop(first);
            drop(b);
            drop(second);
            drop(c);
            Ok(())
        })
        .await
        .unwrap();
        let cause = poison(a_rx.recv().await);
        assert_eq!(cause.cause().error().unwrap().to_string(), "first");
        assert!(b_rx.recv().await.unwrap_err().is_poisoned(), "one exit is left");
        assert_eq!(c_rx.recv().await, Err(Ended::Retired));
    });
}

#[process]
async fn sends_what_another_function_makes(out: Sender<u32>) -> Outcome {
    async fn make() -> Outcome<u32> {
        Ok(7)
    }
    // The `?` of the inner function lives across the outer await: a process that does so is `Send` all the same.
    out.send(make().await?).await?;
    Ok(())
}

#[test]
fn an_exit_may_live_across_an_await() {
    on_runtime(async {
        let (tx, rx) = aqueduct::buffered(1);
        sends_what_another_function_makes(tx).spawn().await.expect("it is sent");
        assert_eq!(rx.recv().await, Ok(7));
    });
}

#[test]
fn retire_in_a_failing_process_retires() {
    on_runtime(async {
        let (quiet, quiet_rx) = aqueduct::buffered(1);
        let (loud, loud_rx) = aqueduct::channel::<u32>();
        let (gone_tx, gone) = aqueduct::channel::<u32>();
        let error = aqueduct::task("tidy", async move {
            quiet.send(7).await?;
            let failure = Exit::failure("torn");
            quiet.retire();
            gone.retire();
            let _loud = loud;
            Err::<(), _>(failure)
        })
        .await
        .unwrap_err();
        assert_eq!(error.cause().error().unwrap().to_string(), "torn");
        assert_eq!(quiet_rx.recv().await, Ok(7), "nothing was overtaken");
        assert_eq!(quiet_rx.recv().await, Err(Ended::Retired));
        assert_eq!(gone_tx.send(1).await.unwrap_err().reason(), &Ended::Retired);
        assert!(same(poison(loud_rx.recv().await).cause(), error.cause()), "the others poison");
    });
}

#[test]
fn outside_any_process_an_exit_marks_nothing() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let exit = Exit::failure("nobody's");
    assert_eq!(exit.cause().unwrap().origin().number(), 0);
    drop(tx);
    drop(exit);
    assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));
}

#[test]
fn a_failure_of_a_nested_process_marks_only_itself() {
    on_runtime(async {
        let (inner_end, inner_rx) = aqueduct::channel::<u32>();
        let (outer_end, outer_rx) = aqueduct::channel::<u32>();

        let (_spare_tx, spare_in) = aqueduct::channel();
        aqueduct::task("outer", async move {
            let error = fails(inner_end, spare_in).await.unwrap_err();
            assert_eq!(error.cause().origin().name(), "fails");
            // The error is held, but no `Exit` was made of it.
            drop(outer_end);
            Ok(())
        })
        .await
        .unwrap();
        assert!(inner_rx.recv().await.unwrap_err().is_poisoned());
        assert_eq!(outer_rx.recv().await, Err(Ended::Retired));
    });
}

#[test]
fn a_failure_marks_no_sibling() {
    on_runtime(async {
        let (_never, failing_in) = aqueduct::channel();
        let (failing_end, failing_rx) = aqueduct::channel();
        let (calm_end, calm_rx) = aqueduct::channel::<u32>();
        let error = par!(
            fails(failing_end, failing_in),
            aqueduct::task("calm", async move {
                tokio::task::yield_now().await;
                drop(calm_end);
                Ok(())
            }),
        )
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "fails");
        assert!(failing_rx.recv().await.unwrap_err().is_poisoned());
        assert_eq!(calm_rx.recv().await, Err(Ended::Retired));
    });
}

#[test]
fn the_error_of_a_nested_process_through_the_question_mark_keeps_its_cause() {
    on_runtime(async {
        let (end, end_rx) = aqueduct::channel::<u32>();
        let (deep_tx, deep_rx) = aqueduct::channel();
        let (_deep, deep_in) = aqueduct::channel();
        let error = aqueduct::task("outermost", async move {
            let _end = end;
            aqueduct::task("outer", async move { Ok(par!(fails(deep_tx, deep_in)).await.map(|_| ())?) }).await?;
            Ok(())
        })
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "fails");
        assert!(same(poison(deep_rx.recv().await).cause(), error.cause()));
        assert!(same(poison(end_rx.recv().await).cause(), error.cause()));
    });
}
