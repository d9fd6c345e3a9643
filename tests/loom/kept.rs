//! Choices that keep their places: claimed while armed, touched while not, and never asleep beside a ready guard.

use std::future::Future as _;
use std::task::{Context, Poll, Waker};

use aqueduct::{Alt, AltSet, Receiver, alt_blocking, buffered, channel};
use loom::thread::spawn;

use crate::{explore, explore_at_least, two};

/// A set over these channels that gives the number of the channel and the value.
fn set<const N: usize>(order: Alt, receivers: [Receiver<u32>; N]) -> AltSet<(usize, u32)> {
    let mut set = AltSet::new(order);
    for (index, receiver) in receivers.into_iter().enumerate() {
        set.recv_ok(receiver, move |value| (index, value));
    }
    set
}

#[test]
fn two_senders_meet_one_set_in_any_order() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let mut set = set(Alt::fair(), [a, b]);
        let senders = [(a_tx, 1), (b_tx, 2)].map(|(tx, value)| spawn(move || tx.send_blocking(value).is_ok()));
        let first = set.select_blocking().unwrap().unwrap();
        let second = set.select_blocking().unwrap().unwrap();
        assert!(senders.into_iter().all(|sender| sender.join().unwrap()));
        assert!(set.select_blocking().unwrap().is_err(), "both have left");
        (first, second)
    });
    assert_eq!(seen, [((0, 1), (1, 2)), ((1, 2), (0, 1))].into());
}

#[test]
fn what_comes_while_the_owner_looks_elsewhere_is_not_slept_through() {
    // The guards are linked and the claim is idle when the sender comes: it touches, or it finds the claim armed.
    let seen = explore(|| {
        let (tx, rx) = buffered(1);
        let mut set = set(Alt::pri(), [rx]);
        assert_eq!(set.try_select(), Ok(None));
        let sender = spawn(move || tx.try_send(7).is_ok());
        let got = set.select_blocking().unwrap().unwrap();
        assert!(sender.join().unwrap());
        got
    });
    assert_eq!(seen, [(0, 7)].into());
}

#[test]
fn a_waiting_sender_that_found_the_claim_idle_is_met() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut set = set(Alt::pri(), [rx]);
        assert_eq!(set.try_select(), Ok(None));
        let sender = spawn(move || tx.send_blocking(7).is_ok());
        let got = set.select_blocking().unwrap().unwrap();
        assert!(sender.join().unwrap());
        got
    });
    assert_eq!(seen, [(0, 7)].into());
}

#[test]
fn the_default_is_right_about_both_guards_at_one_instant() {
    // One value goes from b to a: at every instant one of the two is ready. (As Go's race of the non-blocking select.)
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        b_tx.try_send(1).unwrap();
        let from = b.clone();
        let mut set = set(Alt::pri(), [a, b]);
        let mover = spawn(move || {
            a_tx.try_send(2).unwrap();
            from.try_recv().is_ok()
        });
        let got = set.try_select().unwrap();
        mover.join().unwrap();
        got.map(|(_, value)| value)
    });
    assert_eq!(seen, [Some(1), Some(2)].into(), "never nothing");
}

#[test]
fn a_choice_that_is_dropped_while_it_is_claimed_keeps_the_value() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let mut set = set(Alt::pri(), [rx]);
        let sender = spawn(move || tx.try_send(7).is_ok());
        let mut select = Box::pin(set.select());
        // Ready if the sender came while it looked, or has left already.
        let at_once = match select.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(chosen) => chosen.ok(),
            Poll::Pending => None,
        };
        drop(select);
        let sent = sender.join().unwrap();
        let got = at_once.or_else(|| set.try_select().ok().flatten());
        assert_eq!(sent, got.is_some(), "what was sent is there, and nothing else");
        sent
    });
    assert_eq!(seen, [false, true].into());
}

#[test]
fn opposing_sets_meet() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let other = spawn(move || {
            let mut set = AltSet::pri();
            let a_key = set.send(a_tx, |sent| sent.map(|()| 'a').map_err(drop));
            let b_key = set.send(b_tx, |sent| sent.map(|()| 'b').map_err(drop));
            set.offer(a_key, 1).unwrap();
            set.offer(b_key, 2).unwrap();
            set.select_blocking().unwrap().unwrap().unwrap()
        });
        let mut set = set(Alt::fair(), [a, b]);
        let got = set.select_blocking().unwrap().unwrap();
        (got, other.join().unwrap())
    });
    for ((index, value), sent) in &seen {
        assert!(matches!((index, value, sent), (0, 1, 'a') | (1, 2, 'b')), "{seen:?}");
    }
    assert!(!seen.is_empty());
}

#[test]
fn a_set_and_a_choice_that_is_made_anew_share_two_channels() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let (a_two, b_two) = (a.clone(), b.clone());
        let other = spawn(move || {
            let mut choice = Alt::pri();
            alt_blocking! { choice;
                r = a_two.recv() => r.unwrap(),
                r = b_two.recv() => r.unwrap(),
            }
        });
        let sender = spawn(move || {
            a_tx.send_blocking(1).unwrap();
            b_tx.send_blocking(2).unwrap();
        });
        let mut set = set(Alt::pri(), [a, b]);
        let (_, got) = set.select_blocking().unwrap().unwrap();
        sender.join().unwrap();
        (got, other.join().unwrap())
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}

#[test]
fn a_set_notices_the_end_of_a_channel_while_it_waits_and_while_it_does_not() {
    let seen = explore(|| {
        let (tx, rx) = channel::<u32>();
        let mut set = set(Alt::pri(), [rx]);
        assert_eq!(set.try_select(), Ok(None));
        let sender = spawn(move || drop(tx));
        let ended = set.select_blocking().unwrap().is_err();
        sender.join().unwrap();
        ended
    });
    assert_eq!(seen, [true].into());
}

#[test]
fn in_textual_order_the_default_is_right_although_a_peer_was_barred() {
    // As above, but the value that moves makes the higher guard ready before the lower one.
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        let mut set = set(Alt::pri(), [a, b]);
        assert_eq!(set.try_select(), Ok(None));
        let sender = spawn(move || {
            a_tx.try_send(1).unwrap();
            b_tx.try_send(2).unwrap();
        });
        let got = set.try_select().unwrap();
        sender.join().unwrap();
        got
    });
    assert_eq!(seen, [None, Some((0, 1))].into(), "never the lower one alone");
}

#[test]
fn in_textual_order_the_guard_that_was_ready_first_is_taken_first() {
    let seen = explore_at_least(3, || {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        let mut set = set(Alt::pri(), [a, b]);
        assert_eq!(set.try_select(), Ok(None));
        let sender = spawn(move || {
            a_tx.try_send(1).unwrap();
            b_tx.try_send(2).unwrap();
        });
        let first = set.select_blocking().unwrap().unwrap();
        let second = set.select_blocking().unwrap().unwrap();
        sender.join().unwrap();
        (first, second)
    });
    assert_eq!(seen, [((0, 1), (1, 2))].into());
}

#[test]
fn in_textual_order_that_holds_at_the_first_look_too() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        let mut set = set(Alt::pri(), [a, b]);
        let sender = spawn(move || {
            a_tx.try_send(1).unwrap();
            b_tx.try_send(2).unwrap();
        });
        let first = set.select_blocking().unwrap().unwrap();
        sender.join().unwrap();
        first
    });
    assert_eq!(seen, [(0, 1)].into());
}
