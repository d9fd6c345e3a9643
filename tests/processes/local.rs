//! Processes that are not `Send`: they stay on the thread where they were made.

use std::cell::RefCell;
use std::rc::Rc;

use aqueduct::prelude::*;

use super::{locally, poison};

#[process(local)]
async fn collect(input: Receiver<u32>, into: Rc<RefCell<Vec<u32>>>) -> Outcome {
    while let Some(n) = input.next().await? {
        into.borrow_mut().push(n);
    }
    Ok(())
}

#[process]
async fn send(numbers: Vec<u32>, out: Sender<u32>) -> Outcome {
    for n in numbers {
        out.send(n).await?;
    }
    Ok(())
}

#[test]
fn they_are_awaited_and_composed_with_others() {
    locally(|| async {
        let into = Rc::default();
        let (tx, rx) = aqueduct::channel();
        par!(send(vec![1, 2], tx), collect(rx, Rc::clone(&into))).await.unwrap();
        let (tx, rx) = aqueduct::buffered(1);
        send(vec![3], tx).await.unwrap();
        collect(rx, Rc::clone(&into)).await.unwrap();
        assert_eq!(*into.borrow(), [1, 2, 3]);
    });
}

#[test]
fn they_are_spawned_on_a_local_set() {
    locally(|| async {
        tokio::task::LocalSet::new()
            .run_until(async {
                let into = Rc::default();
                let (tx, rx) = aqueduct::channel();
                let collecting = collect(rx, Rc::clone(&into)).spawn_local();
                assert_eq!(collecting.identity().name(), "collect");
                send(vec![4, 5], tx).await.unwrap();
                collecting.await.unwrap();
                assert_eq!(*into.borrow(), [4, 5]);

                // A composition, and one that is aborted.
                let (tx, rx) = aqueduct::channel();
                let (other, other_rx) = aqueduct::channel();
                let both = par!(collect(rx, Rc::clone(&into)), send(vec![6], tx)).spawn_local();
                both.await.unwrap();
                let collecting = collect(other_rx, into).spawn_local();
                assert!(collecting.abort());
                assert!(collecting.await.unwrap_err().cause().is_cancelled());
                assert!(other.send(1).await.unwrap_err().reason().is_poisoned());
            })
            .await;
    });
}

#[test]
fn without_a_local_set_they_do_not_start_and_say_so() {
    locally(|| async {
        let (tx, rx) = aqueduct::channel();
        let error = collect(rx, Rc::default()).spawn_local().await.unwrap_err();
        assert!(error.cause().is_not_started(), "{error}");
        assert!(error.to_string().contains("`tokio::task::LocalSet`"), "{error}");
        let ended = tx.send(1).await.unwrap_err().into_parts().1;
        assert!(std::ptr::eq(poison::<()>(Err(ended)).cause(), error.cause()));
    });
}
