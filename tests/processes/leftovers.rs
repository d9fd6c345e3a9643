//! What a failing process leaves behind: values that nobody gets, in which there may be ends.

use aqueduct::prelude::*;

use super::{on_runtime, poison};

/// A value whose drop panics.
#[derive(Debug)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the value resists");
        }
    }
}

/// Lets the poison of `left` go by.
async fn swallow(left: Receiver<u32>) {
    alt! {
        Ok(_) = left.recv() => {}
        complete => {}
    }
}

#[test]
fn an_end_in_the_value_of_a_process_that_let_a_poison_go_by_poisons() {
    on_runtime(async {
        let (l, left) = aqueduct::channel::<u32>();
        let (out, rx) = aqueduct::channel::<u32>();
        l.poison("broken");
        let made = aqueduct::task("maker", async move {
            swallow(left).await;
            Ok(out)
        });
        assert!(made.await.unwrap_err().to_string().contains("broken"));
        assert!(poison(rx.recv().await).to_string().contains("broken"));
    });
}

#[test]
fn an_end_in_the_value_of_a_sibling_poisons_when_the_composition_fails() {
    on_runtime(async {
        let (tx, rx) = aqueduct::buffered::<u32>(1);
        let parent = aqueduct::task("parent", async move {
            let (_tx, ()) = par!(
                aqueduct::task("first", async move {
                    tx.send(1).await?;
                    Ok(tx)
                }),
                aqueduct::task("second", async { Outcome::<()>::Err(Exit::failure("torn")) }),
            )
            .await?;
            Ok(())
        });
        assert!(parent.await.unwrap_err().to_string().contains("torn"));
        assert!(poison(rx.recv().await).to_string().contains("torn"));
    });
}

#[test]
fn an_end_in_the_value_of_a_member_poisons_when_the_group_fails() {
    on_runtime(async {
        let (tx, rx) = aqueduct::buffered::<u32>(1);
        let parent = aqueduct::task("parent", async move {
            let mut group = Group::new();
            group.add(aqueduct::task("first", async move { Ok(Some(tx)) }));
            group.add(aqueduct::task("second", async { Outcome::<Option<Sender<u32>>>::Err(Exit::failure("torn")) }));
            group.join().await?;
            Ok(())
        });
        assert!(parent.await.unwrap_err().to_string().contains("torn"));
        assert!(poison(rx.recv().await).to_string().contains("torn"));
    });
}

#[test]
fn a_value_that_resists_its_drop_does_not_hide_the_cause() {
    on_runtime(async {
        for on_a_thread in [false, true] {
            let (l, left) = aqueduct::channel::<u32>();
            l.poison("broken");
            let error = if on_a_thread {
                let body = move || {
                    aqueduct::alt_blocking! { Ok(_) = left.recv() => {}, complete => {} }
                    Ok(Bomb)
                };
                aqueduct::thread("maker", body).spawn().await.unwrap_err()
            } else {
                aqueduct::task("maker", async move {
                    swallow(left).await;
                    Ok(Bomb)
                })
                .await
                .unwrap_err()
            };
            assert!(error.to_string().contains("broken"), "{error}");
        }
    });
}

#[test]
fn a_network_that_runs_while_its_thread_unwinds_is_healthy() {
    struct RunsOne(std::sync::mpsc::Sender<bool>);
    impl Drop for RunsOne {
        fn drop(&mut self) {
            let (tx, rx) = aqueduct::buffered(1);
            let network = par!(
                aqueduct::task("send", async move { Ok(tx.send(1).await?) }),
                aqueduct::task("receive", async move {
                    let first = rx.next().await?;
                    Ok((first, rx.next().await?))
                }),
            );
            let ended = futures::executor::block_on(network.into_future());
            let _ = self.0.send(matches!(ended, Ok(((), (Some(1), None)))));
        }
    }
    let (report, healthy) = std::sync::mpsc::channel();
    let unwound = std::thread::spawn(move || {
        let _runs = RunsOne(report);
        panic!("unwinds");
    });
    assert!(unwound.join().is_err());
    assert_eq!(healthy.recv(), Ok(true));
}
