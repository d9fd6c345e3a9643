//! One send and one receive at a time: handing over, leaving, coming back.

use std::future::Future;
use std::pin::Pin;

use aqueduct::{Receiver, RecvFuture, buffered, channel, unbounded};
use futures::Stream as _;
use loom::future::block_on;
use loom::thread::spawn;

use crate::{arm, explore};

/// A receive that stands in the channel's list.
fn armed<T: std::fmt::Debug>(receiver: &Receiver<T>) -> Pin<Box<RecvFuture<'_, T>>> {
    let mut receive = Box::pin(receiver.recv());
    arm(receive.as_mut());
    receive
}

#[test]
fn a_send_and_a_receive_meet_on_two_threads() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let sender = spawn(move || tx.send_blocking(1).is_ok());
        let received = rx.recv_blocking();
        assert_eq!(received, Ok(1));
        sender.join().unwrap()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn a_send_and_a_receive_meet_in_two_tasks_that_are_polled_for_nothing() {
    // Loom's own executor also polls without having been woken.
    let seen = explore(|| {
        let (tx, rx) = channel();
        let sender = spawn(move || block_on(tx.send(1)).is_ok());
        let received = block_on(rx.recv());
        assert_eq!(received, Ok(1));
        sender.join().unwrap()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn two_senders_and_one_receiver_lose_and_double_nothing() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let senders = [(tx.clone(), 1), (tx, 2)].map(|(tx, value)| spawn(move || tx.send_blocking(value)));
        let received = (rx.recv_blocking().unwrap(), rx.recv_blocking().unwrap());
        for sender in senders {
            sender.join().unwrap().unwrap();
        }
        assert!(rx.recv_blocking().is_err(), "both senders have left");
        received
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}

#[test]
fn two_receivers_share_what_one_sender_sends() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let other = rx.clone();
        let receiver = spawn(move || other.recv_blocking().unwrap());
        let sender = spawn(move || {
            tx.send_blocking(1).unwrap();
            tx.send_blocking(2).unwrap();
        });
        let here = rx.recv_blocking().unwrap();
        sender.join().unwrap();
        (here, receiver.join().unwrap())
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}

#[test]
fn a_waiting_sender_goes_on_once_there_is_room() {
    let seen = explore(|| {
        let (tx, rx) = buffered(1);
        tx.try_send(1).unwrap();
        let sender = spawn(move || tx.send_blocking(2).is_ok());
        let first = rx.recv_blocking().unwrap();
        // Nobody receives meanwhile.
        assert!(sender.join().unwrap());
        (first, rx.try_recv().unwrap())
    });
    assert_eq!(seen, [(1, 2)].into());
}

#[test]
fn values_are_received_in_order_while_senders_wait_for_room() {
    let seen = explore(|| {
        let (tx, rx) = buffered(1);
        tx.try_send(1).unwrap();
        let sender = spawn(move || {
            tx.send_blocking(2).unwrap();
            tx.send_blocking(3).unwrap();
        });
        let received = [(); 3].map(|()| rx.recv_blocking().unwrap());
        sender.join().unwrap();
        assert!(rx.is_empty());
        received
    });
    assert_eq!(seen, [[1, 2, 3]].into());
}

#[test]
fn values_taken_many_at_a_time_let_waiting_senders_in() {
    let seen = explore(|| {
        let (tx, rx) = buffered(1);
        tx.try_send(1).unwrap();
        let sender = spawn(move || tx.send_blocking(2).unwrap());
        let mut received = Vec::new();
        let first = rx.try_recv_many(&mut received, 1);
        assert_eq!(first, 1);
        received.push(rx.recv_blocking().unwrap());
        sender.join().unwrap();
        received
    });
    assert_eq!(seen, [vec![1, 2]].into());
}

#[test]
fn a_dropped_receive_loses_no_value_that_was_handed_to_it() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let receive = armed(&rx);
        let sender = spawn(move || (tx.try_send(1).is_ok(), tx));
        drop(receive);
        let (sent, tx) = sender.join().unwrap();
        assert_eq!(rx.try_recv().ok(), sent.then_some(1));
        assert!(rx.try_recv().is_err());
        assert!(tx.try_send(2).is_err(), "nobody waits any more");
        sent
    });
    assert_eq!(seen, [false, true].into());
}

#[test]
fn a_dropped_receive_leaves_a_value_to_the_next_one() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let receive = armed(&rx);
        let sender = spawn(move || tx.send_blocking(1).is_ok());
        drop(receive);
        assert_eq!(rx.recv_blocking(), Ok(1));
        sender.join().unwrap()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn a_dropped_receive_gives_its_value_to_another_that_waits() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let (still_open, other) = (tx.clone(), rx.clone());
        let receive = armed(&rx);
        let receiver = spawn(move || other.recv_blocking());
        let sender = spawn(move || tx.send_blocking(1).is_ok());
        drop(receive);
        assert_eq!(receiver.join().unwrap(), Ok(1));
        assert!(rx.try_recv().is_err());
        drop(still_open);
        sender.join().unwrap()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn a_dropped_receive_and_the_last_receiver_leave_the_value_counted_or_returned() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let receive = armed(&rx);
        let sender = spawn(move || (tx.try_send(1).is_ok(), tx));
        drop(receive);
        drop(rx);
        let (sent, tx) = sender.join().unwrap();
        assert_eq!(tx.undelivered(), u64::from(sent));
        sent
    });
    assert_eq!(seen, [false, true].into());
}

/// Two receives are dropped while two values come; what is left is still in order.
fn two_dropped_receives(first_one_first: bool) {
    let seen = explore(move || {
        let (tx, rx) = unbounded();
        let (first, second) = (armed(&rx), armed(&rx));
        let sender = spawn(move || {
            tx.try_send(1).unwrap();
            tx.try_send(2).unwrap();
        });
        if first_one_first {
            drop(first);
            drop(second);
        } else {
            drop(second);
            drop(first);
        }
        sender.join().unwrap();
        (rx.try_recv().ok(), rx.try_recv().ok(), rx.try_recv().ok())
    });
    assert_eq!(seen, [(Some(1), Some(2), None)].into());
}

#[test]
fn values_come_back_in_order_if_the_receives_are_dropped_first_to_last() {
    two_dropped_receives(true);
}

#[test]
fn values_come_back_in_order_if_the_receives_are_dropped_last_to_first() {
    two_dropped_receives(false);
}

#[test]
fn a_dropped_send_keeps_its_value_or_has_delivered_it() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut slot = Some(1);
        let mut send = Box::pin(tx.send_from(&mut slot));
        arm(send.as_mut());
        let receiver = spawn(move || (rx.try_recv().ok(), rx));
        drop(send);
        let (received, rx) = receiver.join().unwrap();
        assert!(rx.try_recv().is_err(), "nobody sends any more");
        (received, slot)
    });
    assert_eq!(seen, [(None, Some(1)), (Some(1), None)].into());
}

/// A wait that was begun with one waker goes on with another while a peer completes it.
fn goes_on_with_another_waker<F: Future<Output: std::fmt::Debug>>(wait: F, peer: impl FnOnce() + 'static) -> F::Output {
    let mut wait = Box::pin(wait);
    arm(wait.as_mut());
    let peer = spawn(peer);
    let output = block_on(wait.as_mut());
    peer.join().unwrap();
    output
}

#[test]
fn a_receive_that_goes_on_with_another_waker_is_woken() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        goes_on_with_another_waker(rx.recv(), move || tx.send_blocking(1).unwrap()).unwrap()
    });
    assert_eq!(seen, [1].into());
}

#[test]
fn a_send_that_goes_on_with_another_waker_is_woken() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        goes_on_with_another_waker(tx.send(1), move || assert_eq!(rx.recv_blocking(), Ok(1))).is_ok()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn a_watch_that_goes_on_with_another_waker_is_woken() {
    let seen = explore(|| {
        let (tx, rx) = channel::<u32>();
        goes_on_with_another_waker(tx.closed(), move || drop(rx)).is_retired()
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn a_stream_begins_again_where_the_last_value_came() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let sender = spawn(move || {
            tx.send_blocking(1).unwrap();
            tx.send_blocking(2).unwrap();
        });
        let mut stream = Box::pin(rx.into_stream());
        let mut next = || block_on(std::future::poll_fn(|cx| stream.as_mut().poll_next(cx))).map(Result::unwrap);
        let received = (next(), next(), next());
        sender.join().unwrap();
        received
    });
    assert_eq!(seen, [(Some(1), Some(2), None)].into());
}

#[test]
fn many_values_sent_are_received_in_order() {
    let seen = explore(|| {
        let (tx, rx) = buffered(1);
        let sender = spawn(move || {
            let mut values = [1, 2, 3].into();
            tx.send_many_blocking(&mut values).unwrap();
            values.is_empty()
        });
        let mut received = Vec::new();
        while rx.recv_many_blocking(&mut received, 2).is_ok() {}
        assert!(sender.join().unwrap());
        received
    });
    assert_eq!(seen, [vec![1, 2, 3]].into());
}
