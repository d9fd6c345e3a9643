//! The end of a channel against those who wait on it: retire, poison, and who was faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aqueduct::{Alt, Channel, Ended, Receiver, Sender, alt_blocking, channel};
use loom::thread::spawn;

use crate::{arm, explore, two};

/// How a receive or a send came out, without the cause.
fn ending<T>(result: Result<T, Ended>) -> Result<T, &'static str> {
    result.map_err(|ended| if ended.is_retired() { "retired" } else { "poisoned" })
}

fn receive(rx: &Receiver<u32>) -> Result<u32, &'static str> {
    ending(rx.recv_blocking().map_err(|error| match error {
        aqueduct::WaitError::Ended(ended) => ended,
        other => panic!("{other}"),
    }))
}

#[test]
fn the_last_sender_that_leaves_ends_a_waiting_receive_unless_a_value_was_faster() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let receiver = spawn(move || receive(&rx));
        let sent = tx.try_send(1).is_ok();
        drop(tx);
        (sent, receiver.join().unwrap())
    });
    assert_eq!(seen, [(false, Err("retired")), (true, Ok(1))].into());
}

#[test]
fn two_senders_that_leave_at_once_retire_the_channel_once() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let other = tx.clone();
        let one = spawn(move || drop(tx));
        let two = spawn(move || drop(other));
        let received = receive(&rx);
        one.join().unwrap();
        two.join().unwrap();
        received
    });
    assert_eq!(seen, [Err("retired")].into());
}

#[test]
fn a_poison_ends_a_waiting_receive_unless_a_value_was_faster() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let receiver = spawn(move || receive(&rx));
        let sent = tx.try_send(1).is_ok();
        tx.poison("out of order");
        assert_eq!(tx.undelivered(), 0, "a committed hand-over beats a poison");
        (sent, receiver.join().unwrap())
    });
    assert_eq!(seen, [(false, Err("poisoned")), (true, Ok(1))].into());
}

#[test]
fn a_poison_that_overtakes_a_buffered_value_counts_it() {
    let seen = explore(|| {
        let handed_over = Arc::new(AtomicUsize::new(0));
        let hook = Arc::clone(&handed_over);
        let (tx, rx) = Channel::buffered(1)
            .on_undelivered(move |_: u32| {
                hook.fetch_add(1, Ordering::Relaxed);
            })
            .open();
        let receiver = spawn(move || receive(&rx));
        tx.try_send(1).unwrap();
        tx.poison("out of order");
        assert_eq!(handed_over.load(Ordering::Relaxed) as u64, tx.undelivered());
        (tx.undelivered(), receiver.join().unwrap())
    });
    assert_eq!(seen, [(0, Ok(1)), (1, Err("poisoned"))].into());
}

#[test]
fn of_two_poisons_everybody_sees_the_first() {
    let seen = explore(|| {
        let (tx, rx) = channel::<u32>();
        let other = spawn({
            let tx = tx.clone();
            move || tx.poison("elsewhere")
        });
        let receiver = spawn(move || rx.recv_blocking().unwrap_err().to_string());
        tx.poison("here");
        other.join().unwrap();
        let seen_by_sender = tx.ended().unwrap().to_string();
        assert!(receiver.join().unwrap().contains(&seen_by_sender));
        seen_by_sender.ends_with(": here")
    });
    assert_eq!(seen, [false, true].into());
}

#[test]
fn a_waiting_send_gets_its_value_back_or_has_delivered_it() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let sender = spawn(move || tx.send_blocking(1).map_err(aqueduct::SendError::into_inner));
        let received = rx.try_recv().ok();
        drop(rx);
        (received, sender.join().unwrap())
    });
    assert_eq!(seen, [(None, Err(1)), (Some(1), Ok(()))].into());
}

#[test]
fn a_dropped_receive_meets_a_poison_and_its_value_is_counted() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut received = Box::pin(rx.recv());
        arm(received.as_mut());
        let sender = spawn(move || {
            let sent = tx.try_send(1).is_ok();
            tx.poison("out of order");
            (sent, tx)
        });
        drop(received);
        let left = rx.try_recv().ok();
        let (sent, tx) = sender.join().unwrap();
        assert_eq!(u64::from(sent), tx.undelivered() + u64::from(left.is_some()));
        (sent, left)
    });
    assert_eq!(seen, [(false, None), (true, None), (true, Some(1))].into());
}

#[test]
fn a_weak_reference_joins_an_open_channel_or_none() {
    let seen = explore(|| {
        let (tx, rx) = Channel::buffered(1).open();
        let weak = tx.downgrade();
        let other = spawn(move || weak.upgrade().map(|tx: Sender<u32>| tx.try_send(1).is_ok()));
        drop(tx);
        let joined = other.join().unwrap();
        assert_eq!(receive(&rx).ok(), joined.map(|_| 1));
        joined
    });
    assert_eq!(seen, [None, Some(true)].into());
}

/// What an armed choice of two receives sees when one channel ends and the other may have a value.
fn an_armed_choice_meets(end: impl Fn(Sender<u32>) + Copy + Send + Sync + 'static, how: &'static str) {
    let seen = explore(move || {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let ender = spawn(move || end(a_tx));
        let sender = spawn(move || (b_tx.try_send(2).is_ok(), b_tx));
        let mut choice = Alt::fair();
        let taken = alt_blocking! { choice;
            r = a.recv() => ending(r),
            r = b.recv() => ending(r),
        };
        ender.join().unwrap();
        let (sent, still_open) = sender.join().unwrap();
        assert!(b.try_recv().is_err(), "a rendezvous holds nothing");
        assert_eq!(receive(&a), Err(how));
        drop(still_open);
        (sent, taken)
    });
    assert_eq!(seen, [(false, Err(how)), (true, Ok(2))].into());
}

#[test]
fn an_armed_choice_sees_the_last_sender_leave() {
    an_armed_choice_meets(drop, "retired");
}

#[test]
fn an_armed_choice_sees_a_poison() {
    an_armed_choice_meets(|tx| tx.poison("out of order"), "poisoned");
}
