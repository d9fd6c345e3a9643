//! Rows from PyCSP: its tests of communication, buffers, poison and composition, and the processes that crowd one channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::{Alt, Outcome, par};

use super::topology::{Pace, Topology};
use crate::common::rounds;
use crate::harness::{Check, Ending, Flavour, Inputs, Network, Party, Place, Style, row};

/// The topologies of `commtest.py`: forty values from each writer.
const TOPOLOGIES: [Topology; 6] = [
    Topology::new(1, 1, 40),
    Topology::new(4, 1, 40),
    Topology::new(1, 4, 40),
    Topology::new(1, 4, 40).over(4).choosing(true, false),
    Topology::new(4, 4, 40),
    Topology::new(4, 4, 40).over(4).choosing(true, true),
];

/// How many of the nine pairs of paces one setting takes; together the settings take all.
fn paces(places: (Place, Place)) -> impl Iterator<Item = (Pace, Pace)> {
    let number = |place| Place::ALL.iter().position(|&one| one == place).unwrap_or(0);
    let first = 4 * number(places.0) + number(places.1);
    Pace::pairs().cycle().skip(first).take(rounds(1).min(9))
}

fn communicate(topologies: &[Topology], flavour: Flavour, places: (Place, Place)) {
    for topology in topologies {
        for paces in paces(places) {
            for style in Style::BOTH {
                let chooses = topology.choosing_writers || topology.choosing_readers;
                if chooses || style == Style::Anew {
                    topology.run(flavour, style, places, paces);
                }
            }
        }
    }
}

/// One to one, any to one, one to any, a choosing writer to any, any to any, choosing to choosing: every value once.
fn commtest(flavour: Flavour, writing: Place, reading: Place) {
    communicate(&TOPOLOGIES, flavour, (writing, reading));
}
row!(commtest over all);

/// The same over buffers of 1, 5, 10 and 20; and ten values written before ten are read.
fn buffertest(place: Place) {
    for capacity in [1, 5, 10, 20] {
        communicate(&TOPOLOGIES, Flavour::Buffered(capacity), (place, place));
    }
    let mut network = Network::new();
    network.add("both", place, |me| async move {
        let (tx, rx) = aqueduct::buffered(10);
        for n in 0..10 {
            me.send(&tx, n).await?;
        }
        assert!(tx.is_full());
        tx.retire();
        Check::exactly(10).in_order().each_once_of(0..10).run(me, &rx).await
    });
    network.run();
}
row!(buffertest in every place);

/// The same ended by the first writer that is done, with poison: what was sent was received or is accounted for, and
/// nobody hangs.
fn poisontest(flavour: Flavour, writing: Place, reading: Place) {
    communicate(&TOPOLOGIES.map(|topology| Topology { each: 10, ..topology }.poisoned()), flavour, (writing, reading));
}
row!(poisontest over all);

/// Four writers to one reader, which chooses among four channels in each of the orders; and any to any.
fn autotest(flavour: Flavour, writing: Place, reading: Place) {
    for order in [Alt::unseeded(), Alt::fair(), Alt::pri()] {
        for style in Style::BOTH {
            let (txs, rxs): (Vec<_>, Vec<_>) = (0..4).map(|_| flavour.open::<usize>()).unzip();
            let mut network = Network::new();
            for (number, tx) in txs.into_iter().enumerate() {
                network.add("writer", writing, move |me| async move {
                    for n in 0..5 {
                        me.send_with_room(&tx, 5 * number + n).await?;
                    }
                    Ok(Vec::new())
                });
            }
            let order = order.clone();
            network.add("reader", reading, move |me| async move {
                let mut inputs = Inputs::new(style, order, rxs);
                let mut seen = Vec::new();
                while let Some((number, value)) = inputs.next(me).await {
                    assert_eq!(value / 5, number, "from another channel");
                    seen.push(value);
                }
                Ok(seen)
            });
            Check::exactly(20).each_once_of(0..20).verify(&network.run().concat());
        }
    }
    Topology::new(5, 5, 4).run(flavour, Style::Anew, (writing, reading), (Pace::Random, Pace::Random));
}
row!(autotest over all);

/// A process that makes a value, after a while.
async fn value(me: Party, n: u64) -> Outcome<u64> {
    me.pause(Duration::from_micros(100 * (5 - n))).await;
    Ok(n)
}

/// What processes make, together and one after the other, in the order of the text, whoever is done first.
fn parallel_and_sequence(place: Place) {
    let mut network = Network::new();
    network.add("parent", place, |me| async move {
        // Together, apart from the parent.
        let handles: Vec<_> = (0..4).map(|n| me.spawn("value", move |me| value(me, n))).collect();
        let mut made = Vec::new();
        for handle in handles {
            made.push(me.join(handle).await?);
        }
        assert_eq!(made, [0, 1, 2, 3]);
        // One after the other.
        for n in 0..4 {
            let handle = me.spawn("value", move |me| value(me, n));
            assert_eq!(me.join(handle).await?, n);
        }
        // Composed: threads and tasks in one.
        let composed = par!(
            aqueduct::task("one", value(Party::Task, 1)),
            aqueduct::thread("two", || Ok(2)),
            par!(aqueduct::task("three", value(Party::Task, 3)), aqueduct::thread("four", || Ok(4))),
        );
        let made = if me.blocks() { aqueduct::run(composed)? } else { composed.await? };
        assert_eq!(made, (1, 2, (3, 4)));
        Ok(())
    });
    network.run();
}
row!(parallel_and_sequence in every place);

/// Ten sleep at once: each sleeps on until it has seen that all do. One after the other, they would sleep for ever.
fn iotest(place: Place) {
    const SLEEPERS: usize = 10;
    let asleep = Arc::new(AtomicUsize::new(0));
    let mut network = Network::new();
    for _ in 0..SLEEPERS {
        let asleep = Arc::clone(&asleep);
        network.add("sleeper", place, move |me| async move {
            asleep.fetch_add(1, Ordering::SeqCst);
            while asleep.load(Ordering::SeqCst) < SLEEPERS {
                me.pause(Duration::from_micros(200)).await;
            }
            Ok(())
        });
    }
    network.run();
}
row!(iotest in every place);

/// A crowd of processes reads from one channel, each one value: PyCSP's million.
fn many_processes(flavour: Flavour, place: Place) {
    let count = if place == Place::Thread { 50 } else { rounds(1000) };
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    for _ in 0..count {
        let rx = rx.clone();
        network.add("reader", place, move |me| async move { Ok(me.recv(&rx).await?) });
    }
    drop(rx);
    network.add("writer", place, move |me| async move {
        for n in 0..count {
            me.send_with_room(&tx, n).await?;
        }
        Ok(usize::MAX)
    });
    let mut seen = network.run();
    assert_eq!(seen.pop(), Some(usize::MAX));
    Check::exactly(count).each_once_of(0..count).verify(&seen);
}
row!(many_processes over all);

/// Five sources and five sinks share a channel; the sources end it when they are done. Retired, nothing is missing; by
/// poison some may be, and each of them is accounted for.
fn termination_race(flavour: Flavour, sources: Place, sinks: Place) {
    Topology::new(5, 5, 10).run(flavour, Style::Anew, (sources, sinks), (Pace::Random, Pace::Random));
    let poisoned = Topology { ending: Ending::Poisoned, ..Topology::new(5, 5, 10) };
    poisoned.run(flavour, Style::Anew, (sources, sinks), (Pace::Random, Pace::Random));
}
row!(termination_race over all);
