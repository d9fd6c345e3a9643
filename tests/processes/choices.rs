//! A choice that only looks at values never takes truncated data for complete data.

use aqueduct::prelude::*;

use super::{OutOfPaper, on_runtime, poison, same};

/// Looks at values only, and ends well when both inputs have ended.
#[process]
async fn merge(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    loop {
        alt! {
            Ok(n) = left.recv() => out.send(n).await?,
            Some(n) = async { right.recv().await.ok() } => out.send(n).await?,
            complete => return Ok(()),
        }
    }
}

#[process]
async fn merge_values(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome<u32> {
    let mut count = 0;
    loop {
        alt! {
            Ok(n) = left.recv() => out.send(n).await?,
            Ok(n) = right.recv() => out.send(n).await?,
            complete => return Ok(count),
        }
        count += 1;
    }
}

#[process]
fn merge_thread(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome<u32> {
    let mut count = 0;
    loop {
        alt_blocking! {
            Ok(n) = left.recv() => out.send_blocking(n)?,
            Ok(n) = right.recv() => out.send_blocking(n)?,
            complete => return Ok(count),
        }
        count += 1;
    }
}

#[test]
fn a_refutable_arm_that_meets_poison_fails_the_process_with_it() {
    on_runtime(async {
        for threaded in [false, true] {
            let (l, left) = aqueduct::channel();
            let (r, right) = aqueduct::channel();
            let (out, rx) = aqueduct::channel();
            let handle =
                if threaded { merge_thread(left, right, out).spawn() } else { merge_values(left, right, out).spawn() };
            r.send(1).await.unwrap();
            assert_eq!(rx.recv().await, Ok(1));
            l.poison(OutOfPaper);
            let cause = poison(Err::<(), _>(l.ended().unwrap()));
            // The choice goes on with the other arm.
            r.send(2).await.unwrap();
            assert_eq!(rx.recv().await, Ok(2));
            drop(r);
            let error = handle.await.unwrap_err();
            assert!(same(error.cause(), cause.cause()), "{error}");
            assert_eq!(poison(rx.recv().await), cause, "and its ends poison onward");
        }
    });
}

#[test]
fn a_refutable_arm_that_meets_a_retire_marks_nothing() {
    on_runtime(async {
        let (l, left) = aqueduct::channel();
        let (r, right) = aqueduct::channel();
        let (out, rx) = aqueduct::channel();
        let handle = merge_values(left, right, out).spawn();
        drop(l);
        r.send(2).await.unwrap();
        assert_eq!(rx.recv().await, Ok(2));
        drop(r);
        assert_eq!(handle.await.unwrap(), 1);
        assert!(rx.recv().await.unwrap_err().is_retired());
    });
}

#[test]
fn an_irrefutable_arm_sees_the_poison_and_marks_nothing() {
    on_runtime(async {
        let (l, left) = aqueduct::channel::<u32>();
        let (_r, right) = aqueduct::channel::<u32>();
        let (out, rx) = aqueduct::channel::<u32>();
        l.poison(OutOfPaper);
        let saw = aqueduct::task("looks", async move {
            let _out = out;
            Ok(alt! {
                result = left.recv() => result.unwrap_err().is_poisoned(),
                result = right.recv() => result.is_err(),
            })
        })
        .await
        .unwrap();
        assert!(saw);
        assert!(rx.recv().await.unwrap_err().is_retired());
    });
}

/// The process was marked by a poison that it did not look at, and then met a retired end: what it made is still not
/// complete.
#[test]
fn a_swallowed_poison_is_not_forgotten_when_the_process_then_ends_quietly() {
    on_runtime(async {
        let (l, left) = aqueduct::channel();
        let (r, right) = aqueduct::channel();
        let (out, rx) = aqueduct::channel();
        let (spare, spare_rx) = aqueduct::channel::<u32>();
        let handle = aqueduct::task("quiet", async move {
            let _spare = spare;
            merge_body(left, right, out).await
        })
        .spawn();
        l.poison(OutOfPaper);
        let cause = poison(Err::<(), _>(l.ended().unwrap()));
        r.send(1).await.unwrap();
        assert_eq!(rx.recv().await, Ok(1), "the poisoned arm is off by now, or will be");
        // Another round, so that the arm has been looked at.
        for n in 2..12 {
            r.send(n).await.unwrap();
            assert_eq!(rx.recv().await, Ok(n));
        }
        drop(rx);
        r.send(12).await.unwrap();
        let result = handle.await;
        assert_eq!(poison(spare_rx.recv().await), cause, "its ends poison onward");
        let error = result.expect_err("and so the process itself cannot have succeeded");
        assert!(same(error.cause(), cause.cause()), "{error}");
    });
}

async fn merge_body(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    let mut choice = Alt::pri();
    loop {
        alt! { choice;
            Ok(n) = left.recv() => out.send(n).await?,
            Ok(n) = right.recv() => out.send(n).await?,
            complete => return Ok(()),
        }
    }
}

#[test]
fn a_swallowed_poison_is_the_first_cause_also_of_a_process_that_fails_by_itself_later() {
    on_runtime(async {
        let (l, left) = aqueduct::channel::<u32>();
        let (out, out_rx) = aqueduct::channel::<u32>();
        l.poison("swallowed");
        let error = aqueduct::task("own", async move {
            let _out = out;
            alt! {
                Ok(_) = left.recv() => {}
                complete => {}
            }
            Err::<(), _>(Exit::from(OutOfPaper))
        })
        .await
        .unwrap_err();
        // The peers and the handle are told the same.
        assert!(error.to_string().contains("swallowed"), "{error}");
        let Err(Ended::Poisoned(told)) = out_rx.recv().await else { panic!("it fails") };
        assert!(std::ptr::eq(told.cause(), error.cause()));
    });
}

#[test]
fn poison_met_by_a_send_arm_or_by_offer_marks_as_well() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        rx.poison(OutOfPaper);
        let cause = poison(rx.recv().await);
        let error = aqueduct::task("sends", async move {
            alt! {
                Ok(()) = tx.send(1) => {}
                complete => {}
            }
            Ok(())
        })
        .await
        .unwrap_err();
        assert!(same(error.cause(), cause.cause()), "{error}");

        let error = aqueduct::task("offers", async move {
            let mut choice = Alt::pri();
            assert!(choice.offer().recv_ok(&rx, |n| n).select().await.is_err(), "exhausted");
            Ok(())
        })
        .await
        .unwrap_err();
        assert!(same(error.cause(), cause.cause()), "{error}");
    });
}

#[test]
fn the_failure_of_a_child_that_an_arm_lets_go_by_marks_as_well() {
    on_runtime(async {
        let (out, rx) = aqueduct::channel::<u32>();
        let mut child = aqueduct::task("child", async { Err::<(), _>(Exit::from(OutOfPaper)) }).spawn();
        let error = aqueduct::task("parent", async move {
            let _out = out;
            alt! {
                Ok(()) = &mut child => {}
                complete => {}
            }
            Ok(())
        })
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "child");
        assert!(same(poison(rx.recv().await).cause(), error.cause()));
    });
}

#[test]
fn the_process_that_stands_in_the_choice_is_marked_and_not_its_neighbours() {
    on_runtime(async {
        let (l, left) = aqueduct::channel::<u32>();
        l.poison(OutOfPaper);
        let (own, own_rx) = aqueduct::channel::<u32>();
        let (other, other_rx) = aqueduct::channel::<u32>();
        let (parent, parent_rx) = aqueduct::channel::<u32>();
        aqueduct::task("parent", async move {
            let error = par!(
                aqueduct::task("chooses", async move {
                    let _own = own;
                    alt! {
                        Ok(_) = left.recv() => {}
                        complete => {}
                    }
                    tokio::task::yield_now().await;
                    Ok(())
                }),
                aqueduct::task("neighbour", async move {
                    tokio::task::yield_now().await;
                    let _other = other;
                    Ok(())
                })
            )
            .await
            .unwrap_err();
            assert!(error.cause().error().unwrap().is::<OutOfPaper>());
            drop(parent);
            Ok(())
        })
        .await
        .unwrap();
        assert!(own_rx.recv().await.unwrap_err().is_poisoned());
        assert!(other_rx.recv().await.unwrap_err().is_retired());
        assert!(parent_rx.recv().await.unwrap_err().is_retired());
    });
}

/// `merge` mixes an end and a future of one: the future's arm cannot switch off for good, but its `None` is enough.
#[test]
fn a_poison_hidden_in_a_users_future_is_the_users_to_look_at() {
    on_runtime(async {
        let (l, left) = aqueduct::channel();
        let (r, right) = aqueduct::channel();
        let (out, rx) = aqueduct::channel();
        drop(l);
        r.poison(OutOfPaper);
        merge(left, right, out).await.unwrap();
        assert!(rx.recv().await.unwrap_err().is_retired());
    });
}
