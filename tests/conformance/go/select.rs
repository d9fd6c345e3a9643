//! One choice: what is evaluated and when, what waits and what does not, and what is left alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::{Alt, Ended, Exhausted, after};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, assert_flat, bytes_in_use, choose, modes, row};

/// One choice over four sends: no value arrives twice, and none gets lost unseen.
fn doubleselect(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(200);
    let channels: Vec<_> = (0..4).map(|_| flavour.open_watched::<usize>()).collect();
    let losts: Vec<_> = channels.iter().map(|(_, _, lost)| lost.clone()).collect();
    let (txs, rxs): (Vec<_>, Vec<_>) = channels.into_iter().map(|(tx, rx, _)| (tx, rx)).unzip();
    let mut network = Network::new();
    network.add("chooser", sending, move |me| async move {
        let mut choice = Alt::unseeded();
        for n in 0..count {
            choose! { me, choice;
                sent = txs[0].send(n) => sent?,
                sent = txs[1].send(n) => sent?,
                sent = txs[2].send(n) => sent?,
                sent = txs[3].send(n) => sent?,
            }
        }
        Ok(Vec::new())
    });
    for rx in rxs {
        network.add("receiver", receiving, move |me| async move {
            let mut seen = Vec::new();
            while let Some(n) = me.next(&rx).await? {
                seen.push(n);
            }
            assert!(seen.is_sorted(), "out of order");
            Ok(seen)
        });
    }
    let mut seen = network.run().concat();
    for lost in losts {
        let lost = lost.lock().unwrap();
        assert!(flavour.loses() || lost.is_empty());
        seen.extend(lost.iter());
    }
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..count), "twice, or lost: {seen:?}");
}
row!(doubleselect over all);

/// A value is evaluated once in each attempt, and not at all for a guard that is disabled: the counter is 10.
fn select(flavour: Flavour, sending: Place, receiving: Place) {
    let (a_tx, a, a_lost) = flavour.open_watched();
    let (b_tx, b, b_lost) = flavour.open_watched();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        let evaluated = AtomicUsize::new(0);
        let value = || 1 + evaluated.fetch_add(1, Ordering::Relaxed);
        let (mut to_a, mut to_b) = (5, 5);
        for mut choice in std::iter::repeat_with(Alt::unseeded).take(10) {
            let a_is_next = to_a >= to_b;
            choose! { me, choice;
                sent = a_tx.send(value()), if a_is_next => {
                    sent?;
                    to_a -= 1;
                }
                sent = b_tx.send(value()), if !a_is_next => {
                    sent?;
                    to_b -= 1;
                }
                complete => panic!("one of the two is always enabled"),
            }
        }
        assert_eq!((to_a, to_b), (0, 0));
        Ok(evaluated.into_inner())
    });
    network.add("receiver", receiving, move |me| async move {
        let mut received = 0;
        let mut choice = Alt::unseeded();
        loop {
            choose! { me, choice;
                Ok(n) = a.recv() => assert_eq!(n % 2, 1, "a gets every other one"),
                Ok(n) = b.recv() => assert_eq!(n % 2, 0, "and b the others"),
                complete => break,
            }
            received += 1;
        }
        Ok(received)
    });
    let made = network.run();
    assert_eq!(made[0], 10);
    assert_eq!(made[1] + a_lost.lock().unwrap().len() + b_lost.lock().unwrap().len(), 10);
}
row!(select over all);

/// Choices with a second channel that stays silent: nothing accumulates.
fn select2(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(600);
    let (tx, rx) = flavour.open();
    let (silent_tx, silent) = flavour.open::<usize>();
    // The sender waits for each, so that an unbounded channel does not grow by what is in it.
    let (done, next) = aqueduct::channel();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..2 * count {
            me.send(&tx, n).await?;
            me.recv(&next).await?;
        }
        Ok(0)
    });
    network.add("chooser", receiving, move |me| async move {
        let mut choice = Alt::fair();
        let mut before = 0;
        for n in 0..2 * count {
            // The first half is for what comes once: buffers, thread-locals, the runtimes' own.
            if n == count {
                before = bytes_in_use();
            }
            choose! { me, choice;
                value = rx.recv() => assert_eq!(value, Ok(n)),
                value = silent.recv() => panic!("{value:?} from a silent channel"),
            }
            me.send(&done, ()).await?;
        }
        Ok(bytes_in_use() - before)
    });
    assert_flat(network.run()[1], count);
    drop(silent_tx);
}
row!(select2 over all, alone);

/// The table: nothing, ended, empty and full; receive and send; alone, with a limit, and with a `default`.
fn select3(flavour: Flavour, place: Place) {
    /// Long enough for an operation that does not wait to show it; one that waits never ends before it.
    const SHORT: Duration = Duration::from_millis(1);
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        // Empty: a receive waits.
        let (tx, rx) = flavour.open::<u8>();
        assert!(me.recv_timeout(&rx, SHORT).await.is_err_and(|error| error.is_timeout()));
        for mut choice in modes() {
            let waits = choose! { me, choice; _ = rx.recv() => false, _ = after(SHORT) => true };
            assert!(waits, "a receive on an empty channel");
            let waits = choose! { me, choice; _ = rx.recv() => false, default => true };
            assert!(waits, "a receive on an empty channel, with default");
        }

        // Room: a send does not wait. Full: it does.
        for n in 0..flavour.room(3) {
            for _ in 0..4 {
                let sent = choose! { me, Alt::pri(); sent = tx.send(n as u8) => sent.is_ok(), default => false };
                assert!(sent, "there is room");
                assert_eq!(me.recv(&rx).await, Ok(n as u8));
            }
        }
        if let (Some(capacity), true) = (flavour.capacity(), flavour.send_can_wait()) {
            for _ in 0..capacity {
                me.send(&tx, 7).await?;
            }
            assert!(me.send_timeout(&tx, 8, SHORT).await.is_err_and(|error| error.is_timeout()));
            for mut choice in modes() {
                let waits = choose! { me, choice; _ = tx.send(8) => false, _ = after(SHORT) => true };
                assert!(waits, "a send on a full channel");
                let waits = choose! { me, choice; _ = tx.send(8) => false, default => true };
                assert!(waits, "a send on a full channel, with default");
            }
            assert_eq!(rx.len(), capacity);
            // Not empty: a receive does not wait.
            for _ in 0..capacity {
                let value = choose! { me, Alt::pri(); value = rx.recv() => value, default => panic!("it waits") };
                assert_eq!(value, Ok(7));
            }
        } else {
            for n in 0..100 {
                let sent = choose! { me, Alt::pri(); sent = tx.send(n) => sent.is_ok(), default => false };
                assert!(sent, "there is always room");
            }
            assert_eq!(rx.try_iter().count(), flavour.room(100));
        }

        // Ended: neither waits, and each says so. (Go panics in the send; here it gives the value back.)
        drop(tx);
        let (ended_tx, ended) = flavour.open::<u8>();
        drop(ended);
        for mut choice in modes() {
            let value = choose! { me, choice; value = rx.recv() => value, default => panic!("it waits") };
            assert_eq!(value, Err(Ended::Retired));
            let value = choose! { me, choice; value = rx.recv() => value, _ = after(SHORT) => panic!("it waits") };
            assert_eq!(value, Err(Ended::Retired));
            let error = choose! { me, choice; sent = ended_tx.send(9) => sent, default => panic!("it waits") };
            assert_eq!(error.expect_err("nobody receives").into_inner(), 9);
            let error = choose! { me, choice; sent = ended_tx.send(9) => sent, _ = after(SHORT) => panic!("it waits") };
            assert_eq!(error.expect_err("nobody receives").into_inner(), 9);
        }
        assert_eq!(me.recv(&rx).await, Err(Ended::Retired.into()));
        assert!(me.send(&ended_tx, 9).await.is_err());

        // Nothing (Go: nil): a disabled guard is never taken, whatever state its channel is in.
        let (tx, rx) = flavour.open::<u8>();
        let no = tx.is_ended();
        for mut choice in modes() {
            let none = choose! { me, choice;
                _ = tx.send(1), if no => false,
                _ = rx.recv(), if no => false,
                _ = ended_tx.send(1), if no => false,
                default => true,
            };
            assert!(none, "a disabled guard was taken");
            let none = choose! { me, choice;
                _ = tx.send(1), if no => false,
                _ = rx.recv(), if no => false,
                _ = ended_tx.send(1), if no => false,
                _ = after(SHORT) => true,
            };
            assert!(none, "a disabled guard was taken");
            // All are disabled. Go waits for ever; here that is said.
            let complete = choose! { me, choice;
                _ = tx.send(1), if no => false,
                _ = rx.recv(), if no => false,
                complete => true,
            };
            assert!(complete);
            assert_eq!(me.select(choice.offer::<()>()).await, Err(Exhausted), "a choice over nothing");
        }

        // Itself: a choice never meets itself. With room it may use the room, which is not itself.
        if flavour.capacity() == Some(0) {
            for mut choice in modes() {
                let waits = choose! { me, choice;
                    _ = tx.send(1) => false,
                    _ = rx.recv() => false,
                    _ = after(SHORT) => true,
                };
                assert!(waits, "it met itself");
                let waits = choose! { me, choice;
                    _ = rx.recv() => false,
                    _ = tx.send(1) => false,
                    default => true,
                };
                assert!(waits, "it met itself");
            }
        }
        Ok(())
    });
    network.run();
}
row!(select3 over all);

/// The expressions are evaluated in textual order, once, also those of guards that are not taken.
fn select4(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for (mode, mut choice) in modes().into_iter().enumerate() {
            let (tx, rx) = flavour.open::<usize>();
            let (ready_tx, ready) = aqueduct::buffered(1);
            let (full_tx, _full) = aqueduct::channel();
            me.send(&ready_tx, mode).await?;
            let order = std::sync::Mutex::new(Vec::new());
            let said = |name: &'static str| order.lock().unwrap().push(name);
            let taken = choose! { me, choice;
                _ = { said("first"); rx.recv() } => panic!("it is empty"),
                _ = { said("third end"); &full_tx }.send({ said("third value"); 1 }), if { said("third if"); true } =>
                    panic!("nobody receives"),
                _ = { said("never"); rx.recv() }, if { said("fourth if"); tx.is_ended() } => panic!("it is disabled"),
                value = { said("last"); ready.recv() } => value,
            };
            assert_eq!(taken, Ok(mode));
            let order = order.into_inner().unwrap();
            let evaluated = ["first", "third if", "third end", "third value", "fourth if", "last"];
            assert_eq!(order, evaluated);
        }
        Ok(())
    });
    network.run();
}
row!(select4 over all);

/// Whichever guard is taken, the others have done nothing: no arm runs, nothing is sent or received.
fn select5(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (a_tx, a, a_lost) = flavour.open_watched::<usize>();
    let (b_tx, b, b_lost) = flavour.open_watched::<usize>();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        let mut choice = Alt::arbitrary(5);
        let (mut slot_a, mut slot_b) = (None, None);
        let (mut to_a, mut to_b) = (0, 0);
        for _ in 0..count {
            slot_a.get_or_insert(to_a);
            slot_b.get_or_insert(to_b);
            choose! { me, choice;
                sent = a_tx.send_from(&mut slot_a) => { sent?; to_a += 1; }
                sent = b_tx.send_from(&mut slot_b) => { sent?; to_b += 1; }
            }
            assert_eq!(slot_a.is_none() as usize + slot_b.is_none() as usize, 1, "exactly one has gone");
        }
        Ok((to_a, to_b))
    });
    network.add("receiver", receiving, move |me| async move {
        let mut choice = Alt::arbitrary(6);
        let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
        loop {
            choose! { me, choice;
                Ok(n) = a.recv() => from_a.push(n),
                Ok(n) = b.recv() => from_b.push(n),
                complete => break,
            }
        }
        assert!(from_a.is_sorted() && from_b.is_sorted(), "out of order: {from_a:?}, {from_b:?}");
        Ok((from_a.len(), from_b.len()))
    });
    let made = network.run();
    assert_eq!(made[0].0, made[1].0 + a_lost.lock().unwrap().len());
    assert_eq!(made[0].1, made[1].1 + b_lost.lock().unwrap().len());
    assert_eq!(made[0].0 + made[0].1, count);
}
row!(select5 over all);
