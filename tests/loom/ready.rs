//! The ready sets of `par!` and of groups: a child that is woken is polled, whatever the parent is just doing.

use std::future::IntoFuture;
use std::pin::Pin;

use aqueduct::{Group, Outcome, Process, ProcessError, Receiver, channel, par, task, unbounded};
use loom::future::block_on;
use loom::thread::spawn;

use crate::{arm, explore};

/// As in `src/process/join.rs`. If it becomes more there, these models miss their point, and the mutations of the
/// ready set are no longer caught.
const EAGER_POLLS: usize = 6;

/// A child that receives one value.
fn child(rx: Receiver<u32>) -> impl Process<Value = u32, IntoFuture: Send> {
    task("child", async move { Outcome::Ok(rx.recv().await?) })
}

type Values = Result<(u32, u32), ProcessError>;

/// Two children that have used up the polls without a ready set; `registered`: they wait with the ready set's wakers.
fn composition(a: Receiver<u32>, b: Receiver<u32>, registered: bool) -> Pin<Box<impl Future<Output = Values>>> {
    let mut composition = Box::pin(par!(child(a), child(b)).into_future());
    for _ in 0..EAGER_POLLS + usize::from(registered) {
        arm(composition.as_mut());
    }
    composition
}

#[test]
fn children_woken_from_two_threads_are_polled() {
    let seen = explore(|| {
        let ((a_tx, a), (b_tx, b)) = (unbounded(), unbounded());
        let composition = composition(a, b, true);
        let senders = [(a_tx, 1), (b_tx, 2)].map(|(tx, value)| spawn(move || tx.try_send(value).is_ok()));
        let values = block_on(composition).unwrap();
        for sender in senders {
            assert!(sender.join().unwrap());
        }
        values
    });
    assert_eq!(seen, [(1, 2)].into());
}

#[test]
fn children_woken_while_they_get_the_ready_sets_wakers_are_polled() {
    let seen = explore(|| {
        let ((a_tx, a), (b_tx, b)) = (channel(), channel());
        let composition = composition(a, b, false);
        let sender = spawn(move || {
            a_tx.send_blocking(1).unwrap();
            b_tx.send_blocking(2).unwrap();
        });
        let values = block_on(composition).unwrap();
        sender.join().unwrap();
        values
    });
    assert_eq!(seen, [(1, 2)].into());
}

#[test]
fn a_composition_that_goes_on_with_another_waker_is_woken() {
    let seen = explore(|| {
        let ((a_tx, a), (b_tx, b)) = (unbounded(), unbounded());
        b_tx.try_send(2).unwrap();
        let composition = composition(a, b, true);
        let sender = spawn(move || a_tx.try_send(1).is_ok());
        let values = block_on(composition).unwrap();
        assert!(sender.join().unwrap());
        values
    });
    assert_eq!(seen, [(1, 2)].into());
}

#[test]
fn a_composition_dropped_while_a_child_is_woken_counts_the_childs_value() {
    let seen = explore(|| {
        let ((a_tx, a), (_b_tx, b)) = (channel(), channel());
        let composition = composition(a, b, true);
        let sender = spawn(move || (a_tx.try_send(1).is_ok(), a_tx));
        drop(composition);
        let (sent, a_tx) = sender.join().unwrap();
        assert!(a_tx.ended().is_some_and(|ended| ended.is_poisoned()), "a cancelled process poisons");
        assert_eq!(a_tx.undelivered(), u64::from(sent));
        sent
    });
    assert_eq!(seen, [false, true].into());
}

#[test]
fn members_of_a_group_woken_from_two_threads_are_polled() {
    let seen = explore(|| {
        let mut group = Group::new();
        let senders = [1, 2].map(|value| {
            let (tx, rx) = unbounded();
            group.add(child(rx));
            spawn(move || tx.try_send(value).is_ok())
        });
        let first = block_on(group.next()).unwrap().unwrap();
        let second = block_on(group.next()).unwrap().unwrap();
        assert!(block_on(group.next()).is_none());
        for sender in senders {
            assert!(sender.join().unwrap());
        }
        (first, second)
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}
