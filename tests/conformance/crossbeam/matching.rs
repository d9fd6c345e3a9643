//! Symmetric peers: everybody offers both directions, and they pair up.

use std::time::Duration;

use aqueduct::{Alt, after, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

const PEERS: usize = 12;

/// What a peer has done, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Did {
    Sent(usize),
    Received { from: usize, by: usize },
}

/// Runs peers that each make one choice between sending and receiving; what they did, and what is left in the channel.
fn peers(flavour: Flavour, count: usize, first: Place, second: Place, left_over: bool) -> (Vec<Did>, Vec<usize>) {
    let (tx, rx, lost) = flavour.open_watched();
    let (done, all) = channel();
    let mut network = Network::new();
    for by in 0..count {
        let (tx, rx, done) = (tx.clone(), rx.clone(), done.clone());
        network.add("peer", if by % 2 == 0 { first } else { second }, move |me| async move {
            let mut choice = Alt::unseeded();
            let did = choose! { me, choice;
                sent = tx.send(by) => { sent?; Did::Sent(by) }
                from = rx.recv() => Did::Received { from: from?, by },
            };
            me.send(&done, ()).await?;
            Ok(Some(did))
        });
    }
    drop(done);
    let keep = rx.clone();
    network.add("left over", first, move |me| async move {
        // All but one are done; the last has nobody to meet but us.
        for _ in 0..count - usize::from(left_over) {
            me.recv(&all).await?;
        }
        if left_over {
            choose! { me, Alt::pri();
                value = all.recv() => panic!("{value:?}: an odd number has paired up"),
                _ = after(Duration::from_millis(1)) => {}
            }
            me.send(&tx, usize::MAX).await?;
            me.recv(&all).await?;
        }
        Ok(None)
    });
    let did = network.run().into_iter().flatten().collect();
    let mut left: Vec<usize> = keep.try_iter().collect();
    left.extend(lost.lock().unwrap().iter());
    (did, left)
}

fn check(did: &[Did], mut left: Vec<usize>, flavour: Flavour) {
    let mut sent = Vec::new();
    for did in did {
        match *did {
            Did::Sent(by) => sent.push(by),
            Did::Received { from, by } => {
                assert!(from != by || flavour.capacity() != Some(0), "{by} met itself");
                left.push(from);
            }
        }
    }
    left.retain(|&from| from != usize::MAX);
    left.sort_unstable();
    sent.sort_unstable();
    assert_eq!(sent, left, "each value is received once, or still there");
}

/// An even number of peers: each meets another one.
fn matching(flavour: Flavour, first: Place, second: Place) {
    for _ in 0..rounds(2) {
        let (did, left) = peers(flavour, PEERS, first, second, false);
        assert_eq!(did.len(), PEERS);
        if flavour.capacity() == Some(0) {
            assert!(left.is_empty());
            assert_eq!(did.iter().filter(|did| matches!(did, Did::Sent(_))).count(), PEERS / 2);
        }
        check(&did, left, flavour);
    }
}
row!(matching over all);

/// An odd number over a rendezvous: one is left, waits, and meets the next who comes.
fn matching_with_leftover(flavour: Flavour, first: Place, second: Place) {
    let (did, left) = peers(flavour, PEERS + 1, first, second, true);
    assert!(left.is_empty());
    assert_eq!(did.len(), PEERS + 1);
    let from_outside = did.iter().filter(|did| matches!(did, Did::Received { from: usize::MAX, .. })).count();
    assert_eq!(from_outside, 1);
    check(&did, left, flavour);
}
row!(matching_with_leftover over rendezvous);

/// The same channel four times in one choice, in both directions.
fn duplicate_operations(flavour: Flavour, first: Place, second: Place) {
    let count = rounds(30);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    for (number, place) in [first, second].into_iter().enumerate() {
        let (tx, rx) = (tx.clone(), rx.clone());
        network.add("peer", place, move |me| async move {
            let mut choice = Alt::unseeded();
            let mut made = (0, 0);
            for _ in 0..count {
                choose! { me, choice;
                    sent = tx.send(number) => { sent?; made.0 += 1; }
                    from = rx.recv() => { assert!(from? < 2); made.1 += 1; }
                    sent = tx.send(number) => { sent?; made.0 += 1; }
                    from = rx.recv() => { assert!(from? < 2); made.1 += 1; }
                }
            }
            Ok(made)
        });
    }
    let made = network.run();
    let (sent, received) = (made[0].0 + made[1].0, made[0].1 + made[1].1);
    assert_eq!(sent + received, 2 * count);
    assert_eq!(sent as u64, received as u64 + rx.len() as u64 + rx.undelivered());
}
row!(duplicate_operations over all);

/// Both directions of one channel in one choice: it waits for somebody else.
fn send_recv_same_channel(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open();
        for mut choice in crate::harness::modes() {
            choose! { me, choice;
                _ = tx.send(1) => panic!("it met itself"),
                _ = rx.recv() => panic!("it met itself"),
                _ = after(Duration::from_micros(200)) => {}
            }
            assert!(tx.try_send(1).is_err_and(|error| error.is_full()), "nobody is left to receive");
            assert!(rx.try_recv().is_err_and(|error| error.is_empty()), "nobody is left to send");
        }
        Ok(())
    });
    network.run();
}
row!(send_recv_same_channel over rendezvous);
