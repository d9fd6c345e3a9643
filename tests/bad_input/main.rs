//! What users do wrong, or do at the edge of what makes sense: it is an error value or a clear panic, and nothing
//! that others use is broken by it.
//!
//! Here: capacities, limits and choices without guards. Beside: sends to ended channels, panics, timers where the
//! runtime has none, and blocking where one must not.

#[path = "../common/mod.rs"]
mod common;

mod blocking;
mod ended;
mod handles;
mod panics;
mod timers;

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::Exhausted;
use aqueduct::prelude::*;
use futures::executor::block_on;

const LIMIT: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(2);
/// Longer than any test.
const LATE: Duration = Duration::from_secs(3600);

fn poll<F: Future + ?Sized>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// The message of the panic in `body`.
fn panic_of<R>(body: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast::<&str>().expect("text")).to_owned(),
        },
    }
}

fn modes() -> [Alt; 4] {
    [Alt::pri(), Alt::fair(), Alt::arbitrary(0), Alt::unseeded()]
}

#[test]
fn no_capacity_is_a_rendezvous() {
    let (tx, rx) = aqueduct::buffered(0);
    assert_eq!(tx.capacity(), Some(0));
    assert!(tx.try_send(1).unwrap_err().is_full());
    let mut send = pin!(tx.send(1));
    assert!(poll(&mut send).is_pending());
    assert_eq!((rx.len(), rx.is_full()), (0, true));
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(poll(&mut send).is_ready());
}

#[test]
fn absurd_capacities_cost_nothing_and_work() {
    for (capacity, said) in [(usize::MAX, None), (usize::MAX - 1, Some(usize::MAX - 1)), (1 << 62, Some(1 << 62))] {
        let channels: Vec<_> = (0..100).map(|_| aqueduct::buffered::<[u64; 64]>(capacity)).collect();
        for (tx, rx) in &channels {
            assert_eq!((tx.capacity(), tx.is_full()), (said, false));
            for n in 0..20 {
                tx.try_send([n; 64]).unwrap();
            }
            let mut into = Vec::new();
            assert_eq!(rx.try_recv_many(&mut into, usize::MAX), 20);
            assert_eq!(into[19][63], 19);
        }
    }
    let (tx, rx) = aqueduct::buffered::<()>(usize::MAX - 1);
    (0..1_000).for_each(|_| tx.try_send(()).unwrap());
    assert_eq!(rx.try_iter().count(), 1_000);
}

#[test]
fn nothing_asked_is_nothing_done() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut into = vec![7];
    assert_eq!(rx.try_recv_many(&mut into, 0), 0);
    assert_eq!(rx.recv_many_blocking(&mut into, 0), Ok(0));
    assert_eq!(block_on(rx.recv_many(&mut into, 0)), Ok(0));
    assert_eq!(into, [7]);
    let mut none = VecDeque::new();
    assert_eq!(tx.try_send_many(&mut none), Ok(()));
    assert_eq!(tx.send_many_blocking(&mut none), Ok(()));
    assert_eq!(block_on(tx.send_from(&mut None)), Ok(()));
    // There is nothing to refuse, so the end does not matter.
    drop(rx);
    assert_eq!(tx.try_send_many(&mut none), Ok(()));
    assert_eq!(block_on(tx.send_many(&mut none)), Ok(()));
}

#[test]
fn an_absurd_limit_takes_what_is_there() {
    let (tx, rx) = aqueduct::buffered(2);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let mut waiting = pin!(tx.send(3));
    assert!(poll(&mut waiting).is_pending());
    let mut into = Vec::new();
    assert_eq!(rx.recv_many_blocking(&mut into, usize::MAX), Ok(3));
    assert_eq!(into, [1, 2, 3]);
}

#[test]
fn with_every_guard_disabled_complete_or_default_is_taken() {
    for mut choice in modes() {
        let (_tx, rx) = aqueduct::channel::<u32>();
        let taken = aqueduct::alt_blocking! { choice; _ = rx.recv(), if false => 0, complete => 1 };
        assert_eq!(taken, 1);
        let taken = aqueduct::alt_blocking! { choice; _ = rx.recv(), if false => 0, default => 2 };
        assert_eq!(taken, 2);
        let taken = aqueduct::alt_blocking! { choice; _ = rx.recv(), if false => 0, default => 2, complete => 1 };
        assert_eq!(taken, 1);
        let taken = block_on(async {
            aqueduct::alt! { choice; _ = rx.recv(), if false => 0, complete => 1 }
        });
        assert_eq!(taken, 1);
    }
    assert_eq!(aqueduct::alt_blocking! { complete => 3 }, 3);
    assert_eq!(aqueduct::alt_blocking! { default => 4 }, 4);
}

#[test]
fn a_choice_with_every_guard_disabled_and_no_other_way_panics_and_says_why() {
    let (tx, _rx) = aqueduct::channel::<u32>();
    let mut nothing = None;
    let said = panic_of(|| aqueduct::alt_blocking! { r = tx.send_from(&mut nothing) => r });
    assert!(said.contains("every guard of this choice is disabled"), "{said}");
    let said = panic_of(|| {
        block_on(async {
            aqueduct::alt! { r = tx.send_from(&mut nothing) => r }
        })
    });
    assert!(said.contains("neither `complete` nor `default`"), "{said}");
    assert_eq!(tx.ended(), None);
}

#[test]
fn an_offer_without_guards_is_exhausted() {
    for mut choice in modes() {
        assert_eq!(block_on(choice.offer::<()>().select()), Err(Exhausted));
        assert_eq!(choice.offer::<()>().try_select(), Err(Exhausted));
        assert_eq!(choice.offer::<()>().select_blocking(), Ok(Err(Exhausted)));
        let (tx, rx) = aqueduct::channel::<u32>();
        assert_eq!(choice.offer().recv(&rx, |_| ()).when(false).try_select(), Err(Exhausted));
        assert_eq!(choice.offer().recv(&rx, |_| ()).try_select(), Ok(None));
        // `when` without a guard before it has nothing to disable.
        assert_eq!(choice.offer::<()>().when(false).try_select(), Err(Exhausted));
        drop(tx);
        assert_eq!(block_on(choice.offer().recv_ok(&rx, |_| ()).select()), Err(Exhausted));
    }
}
