//! Timers as guards.

use std::time::{Duration, Instant};

use aqueduct::{Alt, after, at, channel, tick};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

const SHORT: Duration = Duration::from_millis(2);

/// A timer fires once its time has come, and not before.
fn after_fires(place: Place) {
    let mut network = Network::new();
    network.add("waits", place, move |me| async move {
        let (_silent_tx, silent) = channel::<()>();
        for mut choice in crate::harness::modes() {
            let begun = Instant::now();
            choose! { me, choice; _ = silent.recv() => panic!("it is silent"), _ = after(SHORT) => {} }
            assert!(begun.elapsed() >= SHORT);
            let deadline = Instant::now() + SHORT;
            choose! { me, choice; _ = silent.recv() => panic!("it is silent"), _ = at(deadline) => {} }
            assert!(Instant::now() >= deadline);
            // It has passed: at once.
            choose! { me, choice;
                _ = at(deadline) => {}
                _ = after(Duration::from_secs(30)) => panic!("that time has passed"),
            }
            // Looked at too early, it is not ready.
            choose! { me, choice; _ = after(Duration::from_secs(30)) => panic!("too early"), default => {} }
        }
        Ok(())
    });
    network.run();
}
row!(after_fires in every place);

/// A clock ticks no faster than its period says, and the n-th tick comes n periods after its start at the earliest.
fn tick_intervals(place: Place) {
    let mut network = Network::new();
    network.add("waits", place, move |me| async move {
        let begun = Instant::now();
        let mut clock = tick(SHORT);
        let (_silent_tx, silent) = channel::<()>();
        let mut choice = Alt::fair();
        for n in 1..=4 {
            choose! { me, choice;
                _ = silent.recv() => panic!("it is silent"),
                _ = clock.next() => assert!(begun.elapsed() >= SHORT * n, "tick {n} came early"),
            }
        }
        Ok(())
    });
    network.run();
}
row!(tick_intervals in every place);

/// Each tick has one consumer: passed on through a channel that many read, no two have the same, and none is lost.
fn tick_race(flavour: Flavour, ticking: Place, reading: Place) {
    let count = rounds(4);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("clock", ticking, move |me| async move {
        let mut clock = tick(Duration::from_micros(100));
        for _ in 0..count {
            let tick = choose! { me, Alt::pri(); tick = clock.next() => tick };
            me.send_with_room(&tx, tick).await?;
        }
        Ok(Vec::new())
    });
    for _ in 0..3 {
        let rx = rx.clone();
        network.add("reader", reading, move |me| async move {
            let mut ticks = Vec::new();
            while let Some(tick) = me.next(&rx).await? {
                ticks.push(tick);
            }
            Ok(ticks)
        });
    }
    drop(rx);
    let mut ticks = network.run().concat();
    ticks.sort_unstable();
    ticks.dedup();
    assert_eq!(ticks.len(), count);
}
row!(tick_race over all);

/// A limit and a message race: whoever wins, the message is received once, by this round or by the next.
fn recv_race(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(20);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            me.send_with_room(&tx, n).await?;
            me.rest().await;
        }
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        let mut expected = 0;
        while expected < count {
            match me.recv_timeout(&rx, Duration::from_micros(expected as u64 % 7)).await {
                Ok(n) => {
                    assert_eq!(n, expected);
                    expected += 1;
                }
                Err(error) => assert!(error.is_timeout(), "{error}"),
            }
        }
        Ok(())
    });
    network.run();
}
row!(recv_race over all);
