//! Panics in the user's code: in an arm, in a guard, in a future.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aqueduct::prelude::*;

use super::common::within;
use super::{LIMIT, panic_of, poll};

#[process]
async fn breaks(a: Receiver<u32>, b: Receiver<u32>, out: Sender<u32>) -> Outcome {
    let mut choice = Alt::pri();
    aqueduct::alt! { choice;
        r = a.recv() => {
            // The guards are gone: the arm may use the ends.
            out.send(r? + b.recv().await?).await?;
            panic!("in the arm")
        }
        // Not ready yet.
        _ = out.closed() => {}
    }
    Ok(())
}

#[test]
fn a_panic_in_an_arm_poisons_what_the_process_owns() {
    within(LIMIT, || {
        let (a_tx, a) = aqueduct::channel();
        let (b_tx, b) = aqueduct::channel();
        let (out, rx) = aqueduct::channel();
        let (result, a_tx, b_tx, rx) = aqueduct::run(async {
            let broken = breaks(a, b, out).spawn();
            a_tx.send(1).await?;
            b_tx.send(2).await?;
            assert_eq!(rx.recv().await?, 3);
            Outcome::Ok((broken.await, a_tx, b_tx, rx))
        })
        .unwrap();
        let error = result.unwrap_err();
        assert_eq!(error.cause().panic_message(), Some("in the arm"));
        for ended in [a_tx.ended(), b_tx.ended(), rx.ended()] {
            assert!(std::ptr::eq(ended.unwrap().cause().unwrap(), error.cause()));
        }
    });
}

#[test]
fn a_panic_in_an_arm_leaves_borrowed_channels_to_the_others() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let (other_tx, other) = aqueduct::channel::<u32>();
    let mut waits = pin!(rx.recv());
    {
        let mut breaks = pin!(async {
            aqueduct::alt! { r = rx.recv() => panic!("with {r:?}"), r = other.recv() => r.unwrap() }
        });
        assert!(poll(&mut breaks).is_pending());
        assert!(poll(&mut waits).is_pending());
        tx.try_send(1).unwrap();
        assert_eq!(panic_of(|| poll(&mut breaks)), "with Ok(1)");
    }
    assert_eq!((tx.ended(), other_tx.ended()), (None, None));
    tx.try_send(2).unwrap();
    assert_eq!(poll(&mut waits), Poll::Ready(Ok(2)));
    assert!(other_tx.try_send(3).unwrap_err().is_full(), "nobody of the broken choice waits there");
}

#[test]
fn a_panic_in_a_guard_expression_takes_the_guards_before_it_back() {
    let (tx, rx) = aqueduct::buffered::<u32>(1);
    let mut slot = Some(1);
    let said = panic_of(|| {
        aqueduct::alt_blocking! {
            r = tx.send_from(&mut slot) => r.is_ok(),
            r = rx.recv() => r.is_ok(),
            s = tx.send(panic!("in a guard")) => s.is_ok(),
        }
    });
    assert_eq!(said, "in a guard");
    assert_eq!((slot, tx.ended(), rx.len()), (Some(1), None, 0));
}

#[test]
fn a_future_that_panics_as_a_guard_breaks_no_channel() {
    for polls in [1, 2] {
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut count = 0;
        let mut choice = Box::pin(async {
            let bad = poll_fn(|_| {
                count += 1;
                assert!(count < polls, "in a future");
                Poll::<()>::Pending
            });
            aqueduct::alt! { r = rx.recv() => r.is_ok(), () = bad => false }
        });
        if polls == 2 {
            assert!(poll(&mut choice.as_mut()).is_pending());
        }
        assert_eq!(panic_of(|| poll(&mut choice.as_mut())), "in a future");
        assert!(tx.try_send(1).unwrap_err().is_full(), "the choice waits no more");
        drop(choice);
        assert_eq!(tx.ended(), None);
        let mut waits = pin!(rx.recv());
        assert!(poll(&mut waits).is_pending());
        tx.try_send(2).unwrap();
        assert_eq!(poll(&mut waits), Poll::Ready(Ok(2)));
    }
}

#[test]
fn a_panic_in_a_handler_of_an_offer_is_like_one_in_an_arm() {
    let (tx, rx) = aqueduct::buffered::<u32>(2);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let said = panic_of(|| Alt::pri().offer::<u32>().recv(&rx, |r| panic!("with {r:?}")).try_select());
    assert_eq!(said, "with Ok(1)");
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(tx.ended(), None);
}

#[test]
fn a_panic_outside_any_process_poisons_what_it_drops() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let thread = std::thread::spawn(move || {
        let _tx = tx;
        panic!("outside")
    });
    assert!(thread.join().is_err());
    assert!(rx.ended().unwrap().cause().unwrap().is_panic());
}
