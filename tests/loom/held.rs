//! Extended rendezvous: a sender that its receiver holds, lets go, or leaves behind.

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Waker};

use aqueduct::{Alt, alt_blocking, channel};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::spawn;

use crate::{arm, explore, two};

#[test]
fn a_held_sender_sees_what_its_receiver_did() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let sender = spawn(move || {
            tx.send_blocking(1).unwrap();
            seen.load(Ordering::Relaxed)
        });
        let held = rx.recv_held_blocking().unwrap();
        done.store(true, Ordering::Relaxed);
        let value = held.into_inner();
        (value, sender.join().unwrap())
    });
    assert_eq!(seen, [(1, true)].into());
}

#[test]
fn two_held_senders_are_let_go_in_turn() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let senders = [(tx.clone(), 1), (tx, 2)].map(|(tx, value)| spawn(move || tx.send_blocking(value).is_ok()));
        let first = rx.recv_held_blocking().unwrap().into_inner();
        let second = rx.recv_held_blocking().unwrap().into_inner();
        assert!(senders.into_iter().all(|sender| sender.join().unwrap()));
        (first, second)
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}

#[test]
fn a_held_sender_that_leaves_while_it_is_let_go_has_delivered() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut send = Box::pin(tx.send(1));
        arm(send.as_mut());
        let receiver = spawn(move || rx.recv_held_blocking().ok().map(aqueduct::Held::into_inner));
        let polled = send.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(send);
        drop(tx);
        (polled.is_ready(), receiver.join().unwrap())
    });
    // Withdrawn before the receiver came, delivered and held to the end, let go before the look.
    assert_eq!(seen, [(false, None), (false, Some(1)), (true, Some(1))].into());
}

#[test]
fn a_choice_that_sends_is_held_like_a_send() {
    let seen = explore(|| {
        let [(a_tx, a_rx), (b_tx, b_rx)] = two(channel);
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let sender = spawn(move || {
            let mut choice = Alt::pri();
            let chosen = alt_blocking! { choice;
                r = a_tx.send(1) => { r.unwrap(); 'a' }
                r = b_tx.send(2) => { r.unwrap(); 'b' }
            };
            (chosen, seen.load(Ordering::Relaxed))
        });
        let held = b_rx.recv_held_blocking().unwrap();
        done.store(true, Ordering::Relaxed);
        let value = held.into_inner();
        let sent = sender.join().unwrap();
        drop(a_rx);
        (value, sent)
    });
    assert_eq!(seen, [(2, ('b', true))].into());
}

#[test]
fn a_held_receive_that_leaves_gives_back_and_lets_go() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut receive = Box::pin(rx.recv_held());
        arm(receive.as_mut());
        let sender = spawn(move || tx.send_blocking(1).is_ok());
        drop(receive);
        // Whether it had come or not, it can be had now, and the sender goes on.
        let value = rx.recv_blocking().unwrap();
        (value, sender.join().unwrap())
    });
    assert_eq!(seen, [(1, true)].into());
}
