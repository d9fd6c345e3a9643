//! Whom a choice prefers: nobody, or the first.

use std::time::Duration;

use aqueduct::{Alt, after};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

const TRIALS: usize = 2_000;

/// An arbitrary choice among guards that are always ready: each has its share, and at least a half of it; a fair one
/// gives each exactly its share.
fn assert_shares(mode: &str, hits: &[usize]) {
    let share = hits.iter().sum::<usize>() / hits.len();
    let least = if mode == "fair" { share } else { share / 2 };
    assert!(hits.iter().all(|&hits| hits >= least), "{mode}: {hits:?}");
}

fn even_modes() -> [(&'static str, Alt); 3] {
    [("fair", Alt::fair()), ("arbitrary", Alt::arbitrary(9)), ("unseeded", Alt::unseeded())]
}

/// Two channels with values and two timers whose time has come.
fn fairness1(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for (mode, mut choice) in even_modes() {
            let (a_tx, a) = flavour.open();
            let (b_tx, b) = flavour.open();
            me.send(&a_tx, ()).await?;
            me.send(&b_tx, ()).await?;
            let now = std::time::Instant::now();
            let mut hits = [0; 4];
            for _ in 0..TRIALS {
                let hit = choose! { me, choice;
                    value = a.recv() => { value?; me.send(&a_tx, ()).await?; 0 }
                    _ = after(Duration::ZERO) => 1,
                    value = b.recv() => { value?; me.send(&b_tx, ()).await?; 2 }
                    _ = aqueduct::at(now) => 3,
                };
                hits[hit] += 1;
            }
            assert_shares(mode, &hits);
        }
        Ok(())
    });
    network.run();
}
row!(fairness1 over queued);

/// A partner offers three channels in turn: none of them is left out, whoever waits for whom.
fn fairness2(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(300).max(300);
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| flavour.open()).unzip();
    let mut network = Network::new();
    network.add("feeder", sending, move |me| async move {
        let mut choice = Alt::fair();
        for _ in 0..count {
            choose! { me, choice;
                sent = txs[0].send(()) => sent?,
                sent = txs[1].send(()) => sent?,
                sent = txs[2].send(()) => sent?,
            }
        }
        Ok([0; 3])
    });
    network.add("chooser", receiving, move |me| async move {
        let mut choice = Alt::unseeded();
        let mut hits = [0; 3];
        loop {
            let hit = choose! { me, choice;
                Ok(()) = rxs[0].recv() => 0,
                Ok(()) = rxs[1].recv() => 1,
                Ok(()) = rxs[2].recv() => 2,
                complete => break,
            };
            hits[hit] += 1;
        }
        Ok(hits)
    });
    let hits = network.run()[1];
    let total: usize = hits.iter().sum();
    assert!(flavour.loses() || total == count);
    // A channel that drops may give only a few in all.
    let least = total.saturating_sub(60) / 10;
    assert!(hits.iter().all(|&hits| hits >= least), "{hits:?}");
}
row!(fairness2 over all);

/// Two channels that always have room.
fn fairness_send(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for (mode, mut choice) in even_modes() {
            let (a_tx, a) = flavour.open();
            let (b_tx, b) = flavour.open();
            let mut hits = [0; 2];
            for n in 0..TRIALS {
                let hit =
                    choose! { me, choice; sent = a_tx.send(n) => { sent?; 0 }, sent = b_tx.send(n) => { sent?; 1 } };
                hits[hit] += 1;
                assert_eq!(me.recv([&a, &b][hit]).await, Ok(n));
            }
            assert_shares(mode, &hits);
        }
        Ok(())
    });
    network.run();
}
row!(fairness_send over queued);

/// The same receive five times in one choice: each arm has its share.
fn fairness_duplicates(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(500).max(500);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            me.send_with_room(&tx, n).await?;
        }
        Ok([0; 5])
    });
    network.add("chooser", receiving, move |me| async move {
        let mut choice = Alt::unseeded();
        let mut hits = [0; 5];
        for n in 0..count {
            let (hit, value) = choose! { me, choice;
                value = rx.recv() => (0, value),
                value = rx.recv() => (1, value),
                value = rx.recv() => (2, value),
                value = rx.recv() => (3, value),
                value = rx.recv() => (4, value),
            };
            assert_eq!(value, Ok(n));
            hits[hit] += 1;
        }
        Ok(hits)
    });
    let hits = network.run()[1];
    assert!(hits.iter().all(|&hits| hits >= count / 50), "{hits:?}");
}
row!(fairness_duplicates over all);

/// In textual order the first ready guard is taken, always; the next ones when it is not ready.
fn unfairness(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| flavour.open()).unzip();
        let each = flavour.room(20);
        for tx in &txs {
            for n in 0..each {
                me.send(tx, n).await?;
            }
        }
        let mut choice = Alt::pri();
        let mut order = Vec::new();
        for _ in 0..3 * each {
            order.push(choose! { me, choice;
                n = rxs[0].recv() => (0, n?),
                n = rxs[1].recv() => (1, n?),
                n = rxs[2].recv() => (2, n?),
            });
        }
        let expected: Vec<_> = (0..3).flat_map(|channel| (0..each).map(move |n| (channel, n))).collect();
        assert_eq!(order, expected);
        Ok(())
    });
    network.run();
}
row!(unfairness over queued);

/// The same above and below a limit that has already passed.
fn unfairness_timeout(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open();
        let mut choice = Alt::pri();
        for n in 0..20 {
            me.send(&tx, n).await?;
            choose! { me, choice;
                _ = after(Duration::ZERO) => {}
                value = rx.recv() => panic!("{value:?} below a timer that is ready"),
            }
            choose! { me, choice;
                value = rx.recv() => assert_eq!(value, Ok(n)),
                _ = after(Duration::ZERO) => panic!("below a receive that is ready"),
            }
        }
        Ok(())
    });
    network.run();
}
row!(unfairness_timeout over queued);
