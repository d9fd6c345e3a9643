//! One choice against plain operations: exactly one guard, nothing lost, nobody missed.

use aqueduct::{Alt, alt, alt_blocking, buffered, channel};
use loom::future::block_on;
use loom::thread::spawn;

use crate::{arm, explore, two};

/// A choice of two receives against a sender on each: one commits, the other's value can still be received.
fn two_receives_two_senders(alt: fn() -> Alt, reversed: bool) {
    let seen = explore(move || {
        let mut channels = two(channel);
        if reversed {
            channels.reverse();
        }
        let [(a_tx, a), (b_tx, b)] = channels;
        let senders = [(a_tx, 1), (b_tx, 2)].map(|(tx, value)| spawn(move || tx.send_blocking(value)));
        let mut choice = alt();
        let taken = alt_blocking! { choice;
            r = a.recv() => r.unwrap(),
            r = b.recv() => r.unwrap(),
        };
        let left = if taken == 1 { b.recv_blocking() } else { a.recv_blocking() };
        assert_eq!(taken + left.unwrap(), 3);
        for sender in senders {
            sender.join().unwrap().unwrap();
        }
        taken
    });
    assert_eq!(seen, [1, 2].into());
}

#[test]
fn a_fair_choice_takes_one_of_two_senders_and_leaves_the_other() {
    two_receives_two_senders(Alt::fair, false);
}

#[test]
fn a_choice_in_strict_order_takes_one_of_two_senders_and_leaves_the_other() {
    two_receives_two_senders(Alt::pri, true);
}

#[test]
fn a_choice_of_two_sends_delivers_one_and_keeps_the_other() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let receivers = [a, b].map(|rx| spawn(move || (rx.try_recv().ok(), rx)));
        let (mut one, mut two) = (Some(1), Some(2));
        let mut choice = Alt::fair();
        let mut armed = Box::pin(async {
            alt! { choice;
                r = a_tx.send_from(&mut one) => r.unwrap(),
                r = b_tx.send_from(&mut two) => r.unwrap(),
            }
        });
        arm_or_done(armed.as_mut());
        drop(armed);
        let [(one_there, _a), (two_there, _b)] = receivers.map(|receiver| receiver.join().unwrap());
        assert_eq!((one_there.or(one), two_there.or(two)), (Some(1), Some(2)));
        assert!(one.is_some() || one_there.is_some());
        assert!(two.is_some() || two_there.is_some());
        (one.is_none(), two.is_none())
    });
    assert_eq!(seen, [(false, false), (false, true), (true, false)].into());
}

fn arm_or_done<F: Future>(future: std::pin::Pin<&mut F>) {
    let _ = future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

#[test]
fn one_channel_twice_in_a_choice_is_received_from_once() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let sender = spawn(move || {
            tx.send_blocking(1).unwrap();
            (tx.try_send(2).is_ok(), tx)
        });
        let mut choice = Alt::fair();
        let taken = alt_blocking! { choice;
            r = rx.recv() => (0, r.unwrap()),
            r = rx.recv() => (1, r.unwrap()),
        };
        let (sent_again, tx) = sender.join().unwrap();
        assert!(!sent_again, "the choice has left the channel");
        assert!(rx.try_recv().is_err());
        drop(tx);
        taken
    });
    assert_eq!(seen, [(0, 1), (1, 1)].into());
}

#[test]
fn a_readiness_guard_and_a_send_never_both_have_a_result() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        let senders = [(a_tx, 1), (b_tx, 2)].map(|(tx, value)| {
            spawn(move || {
                tx.try_send(value).unwrap();
                tx
            })
        });
        let mut finished = None;
        let mut ready = Box::pin(async { finished = Some(b.recv().await.unwrap()) });
        let mut choice = Alt::fair();
        let taken = alt_blocking! { choice;
            r = a.recv() => Some(r.unwrap()),
            () = &mut ready => None,
        };
        drop(ready);
        let _open = senders.map(|sender| sender.join().unwrap());
        match taken {
            Some(value) => assert_eq!((value, finished, b.try_recv().ok()), (1, None, Some(2))),
            None => assert_eq!((finished, a.try_recv().ok()), (Some(2), Some(1))),
        }
        taken
    });
    assert_eq!(seen, [None, Some(1)].into());
}

#[test]
fn a_readiness_guard_and_a_send_of_ours_never_both_have_a_result() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let receiver = spawn(move || (a.try_recv().ok(), a));
        let sender = spawn(move || b_tx.send_blocking(2).is_ok());
        let (mut slot, mut finished) = (Some(1), None);
        let mut ready = Box::pin(async { finished = Some(b.recv().await.unwrap()) });
        let mut choice = Alt::fair();
        let sent = alt_blocking! { choice;
            r = a_tx.send_from(&mut slot) => { r.unwrap(); true }
            () = &mut ready => false,
        };
        drop(ready);
        // The sender may still wait.
        drop(b);
        sender.join().unwrap();
        let (received, _a) = receiver.join().unwrap();
        // What was sent cannot be taken back: a choice that had both would have done both.
        let (there, here) = if sent { (Some(1), None) } else { (None, Some(1)) };
        assert_eq!((received, slot, finished), (there, here, (!sent).then_some(2)));
        sent
    });
    assert_eq!(seen, [false, true].into());
}

#[test]
fn a_readiness_guard_beside_a_silent_channel_wakes_the_choice() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let sender = spawn(move || b_tx.send_blocking(2).is_ok());
        let mut choice = Alt::fair();
        let taken = alt_blocking! { choice;
            r = a.recv() => r.unwrap(),
            r = async { b.recv().await } => r.unwrap(),
        };
        assert!(sender.join().unwrap());
        assert!(a_tx.try_send(1).is_err(), "the choice has left the channel");
        taken
    });
    assert_eq!(seen, [2].into());
}

#[test]
fn a_dropped_choice_loses_no_value_that_was_handed_to_it() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let mut choice = Alt::fair();
        let mut armed = Box::pin(async {
            alt! { choice;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            }
        });
        arm(armed.as_mut());
        let senders =
            [(a_tx, 1), (b_tx, 2)].map(|(tx, value)| spawn(move || (tx.try_send(value).ok().map(|()| value), tx)));
        drop(armed);
        let [(one, a_tx), (two, b_tx)] = senders.map(|sender| sender.join().unwrap());
        assert_eq!((a.try_recv().ok(), b.try_recv().ok()), (one, two));
        assert!(a_tx.try_send(3).is_err() && b_tx.try_send(3).is_err(), "nobody waits any more");
        (one, two)
    });
    assert_eq!(seen, [(None, None), (None, Some(2)), (Some(1), None)].into());
}

#[test]
fn a_dropped_choice_keeps_the_value_that_it_has_not_sent() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let mut slot = Some(2);
        let mut choice = Alt::fair();
        let mut armed = Box::pin(async {
            alt! { choice;
                r = a.recv() => { r.unwrap(); }
                r = b_tx.send_from(&mut slot) => r.unwrap(),
            }
        });
        arm(armed.as_mut());
        let sender = spawn(move || (a_tx.try_send(1).is_ok(), a_tx));
        let receiver = spawn(move || (b.try_recv().ok(), b));
        drop(armed);
        let (sent, _a_tx) = sender.join().unwrap();
        let (received, _b) = receiver.join().unwrap();
        assert_eq!(a.try_recv().ok(), sent.then_some(1));
        assert_eq!(received.or(slot), Some(2));
        assert!(received.is_none() || slot.is_none());
        (sent, received)
    });
    assert_eq!(seen, [(false, None), (false, Some(2)), (true, None)].into());
}

#[test]
fn a_choice_that_goes_on_with_another_waker_is_woken() {
    let seen = explore(|| {
        let [(a_tx, a), (_b_tx, b)] = two(channel);
        let mut choice = Alt::fair();
        let mut armed = Box::pin(async {
            alt! { choice;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            }
        });
        arm(armed.as_mut());
        let sender = spawn(move || a_tx.send_blocking(1).is_ok());
        let taken = block_on(armed.as_mut());
        assert!(sender.join().unwrap());
        taken
    });
    assert_eq!(seen, [1].into());
}

/// At every instant one of two channels is ready: `default` must not be taken.
fn default_is_not_taken(alt: fn() -> Alt, reversed: bool) {
    let seen = explore(move || {
        let mut channels = two(|| buffered(1));
        if reversed {
            channels.reverse();
        }
        let [(a_tx, a), (b_tx, b)] = channels;
        b_tx.try_send(2).unwrap();
        let mover = spawn({
            let b = b.clone();
            move || {
                a_tx.try_send(1).unwrap();
                (b.try_recv().ok(), a_tx)
            }
        });
        let mut choice = alt();
        let taken = alt_blocking! { choice;
            r = a.recv() => Some(r.unwrap()),
            r = b.recv() => Some(r.unwrap()),
            default => None,
        };
        let (moved, _a_tx) = mover.join().unwrap();
        let mut all = [taken, moved, a.try_recv().ok(), b.try_recv().ok()];
        all.sort_unstable();
        assert_eq!(all, [None, None, Some(1), Some(2)]);
        taken
    });
    assert_eq!(seen, [Some(1), Some(2)].into());
}

#[test]
fn a_fair_choice_does_not_take_default_while_one_of_two_channels_is_always_ready() {
    default_is_not_taken(Alt::fair, false);
}

#[test]
fn a_strict_choice_does_not_take_default_while_one_of_two_channels_is_always_ready() {
    default_is_not_taken(Alt::pri, true);
}

/// Whenever the second channel is ready the first one is: a strict choice takes the first. `with_future`: the run of
/// exchanges does not stand at the end.
fn strict_order(with_future: bool) {
    let seen = explore(move || {
        let [(a_tx, a), (b_tx, b)] = two(|| buffered(1));
        let sender = spawn(move || {
            a_tx.try_send(1).unwrap();
            b_tx.try_send(2).unwrap();
            (a_tx, b_tx)
        });
        let mut choice = Alt::pri();
        let taken = if with_future {
            alt_blocking! { choice;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
                () = std::future::pending() => unreachable!(),
            }
        } else {
            alt_blocking! { choice;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            }
        };
        let _open = sender.join().unwrap();
        assert_eq!(b.try_recv(), Ok(2));
        taken
    });
    assert_eq!(seen, [1].into());
}

#[test]
fn a_strict_choice_takes_the_first_guard_that_is_ready() {
    strict_order(false);
}

#[test]
fn a_strict_choice_takes_the_first_guard_of_a_run_that_is_ready() {
    strict_order(true);
}
