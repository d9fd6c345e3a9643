//! Rows from Clojure's core.async.

use std::time::{Duration, Instant};

use aqueduct::{Alt, AltSet, TryRecvError, oneshot, watch};

use crate::common::rounds;
use crate::harness::{Check, Flavour, Inputs, Network, Place, Style, row};

/// More takes and puts wait at once than core.async allows (1024): here there is no such limit, and each is served, in
/// the order in which it came.
fn limit_async(flavour: Flavour, place: Place) {
    // A thread each, where they are threads.
    let crowd = if place == Place::Thread { 20 } else { 1100 };
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        // Takes.
        let (tx, rx) = flavour.open();
        let takes: Vec<_> = (0..crowd)
            .map(|_| {
                let rx = rx.clone();
                me.spawn("take", move |me| async move { Ok(me.recv(&rx).await?) })
            })
            .collect();
        for n in 0..crowd {
            me.send_with_room(&tx, n).await?;
        }
        let mut seen = Vec::new();
        for take in takes {
            seen.push(me.join(take).await?);
        }
        Check::exactly(crowd).each_once_of(0..crowd).verify(&seen);
        // Puts.
        let (tx, rx, lost) = flavour.open_watched();
        for n in 0..crowd {
            let tx = tx.clone();
            drop(me.spawn("put", move |me| async move { Ok(me.send(&tx, n).await?) }));
        }
        drop(tx);
        let mut seen = Check::between(1, crowd).run(me, &rx).await?;
        seen.extend(lost.lock().unwrap().iter());
        Check::exactly(crowd).each_once_of(0..crowd).verify(&seen);
        Ok(())
    });
    network.run();
}
row!(limit_async over all);

/// A hundred futures that wait in one task are served in the order in which they came.
#[test]
fn limit_async_in_order() {
    aqueduct::run(aqueduct::task("both", async {
        let (tx, rx) = aqueduct::channel();
        let takes = futures::future::join_all((0..1100).map(|_| rx.recv()));
        let puts = futures::future::join_all((0..1100).map(|n| tx.send(n)));
        let (seen, sent) = futures::future::join(takes, puts).await;
        assert!(seen.into_iter().eq((0..1100).map(Ok)));
        assert!(sent.iter().all(Result::is_ok));
        Ok(())
    }))
    .unwrap();
}

/// What does not wait says at once whether it could.
fn offer_and_poll(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let (tx, rx) = flavour.open();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        let room = flavour.room(5);
        for n in 0..room {
            assert!(tx.try_send(n).is_ok());
        }
        if flavour.send_can_wait() && flavour.capacity() == Some(room) {
            let (value, _) = tx.try_send(room).expect_err("there is no room").into_parts();
            assert_eq!(value, room);
        }
        for n in 0..room {
            assert_eq!(rx.try_recv(), Ok(n));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        // Somebody who waits is met.
        let receiver = {
            let rx = rx.clone();
            me.spawn("receiver", move |me| async move { Ok(me.recv(&rx).await?) })
        };
        while tx.try_send(7).is_err() {
            me.rest().await;
        }
        assert_eq!(me.join(receiver).await?, 7);
        let sender = {
            let tx = tx.clone();
            me.spawn("sender", move |me| async move { Ok(me.send(&tx, 8).await?) })
        };
        let value = loop {
            match rx.try_recv() {
                Err(TryRecvError::Empty) => me.rest().await,
                other => break other?,
            }
        };
        assert_eq!(value, 8);
        me.join(sender).await
    });
    network.run();
}
row!(offer_and_poll over all);

/// A promise: delivered once, and everybody who asks, before or after, has that value. Delivering twice does not
/// compile, since `OneshotSender::send` takes the sender; a watch hands the value to any number.
fn promise_chan(place: Place) {
    for delivered in [true, false] {
        let (promise, given) = oneshot::<usize>();
        let (state, watching) = watch(None);
        let mut network = Network::new();
        for late in [false, true, false, true] {
            let watching = watching.clone();
            network.add("asker", place, move |me| async move {
                if late {
                    me.pause(Duration::from_micros(500)).await;
                }
                loop {
                    if let Some(value) = *watching.get() {
                        // And again, as often as it likes.
                        assert_eq!(*watching.get(), Some(value));
                        return Ok(Some(value));
                    }
                    let changed = if me.blocks() {
                        watching.changed_blocking()
                    } else {
                        watching.changed().await.map_err(Into::into)
                    };
                    if changed.is_err() {
                        return Ok(*watching.get());
                    }
                }
            });
        }
        network.add("deliverer", place, move |me| async move {
            me.rest().await;
            if delivered {
                promise.send(42).expect("the promise is kept");
            }
            Ok(None)
        });
        network.add("keeper", place, move |me| async move {
            let value = if me.blocks() { given.recv_blocking().ok() } else { given.await.ok() };
            if let Some(value) = value {
                state.send(Some(value)).expect("somebody asks");
            }
            Ok(None)
        });
        let expected = delivered.then_some(42);
        assert_eq!(network.run()[..4], [expected; 4]);
    }
}
row!(promise_chan in every place);

/// A sliding buffer keeps the newest, a dropping one the oldest; neither is ever too full to send.
fn overwriting_buffers(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let (tx, rx, lost) = flavour.open_watched();
        let room = flavour.room(usize::MAX);
        for n in 0..3 * room {
            me.send(&tx, n).await?;
            assert!(!tx.is_full());
            assert_eq!(tx.len(), room.min(n + 1));
        }
        drop(tx);
        let kept = Check::exactly(room).in_order().run(me, &rx).await?;
        let (first, rest) = match flavour {
            Flavour::Sliding(_) => (2 * room, 0..2 * room),
            _ => (0, room..3 * room),
        };
        assert!(kept.into_iter().eq(first..first + room));
        assert!(lost.lock().unwrap().iter().copied().eq(rest), "{lost:?}");
        Ok(())
    });
    network.run();
}
row!(overwriting_buffers over losing);

/// Writing to a channel that has ended says so; what was written before is still read, and then its end.
fn write_on_closed(flavour: Flavour, writing: Place, reading: Place) {
    let (tx, rx) = flavour.open();
    let (other_tx, other) = flavour.open::<usize>();
    let mut network = Network::new();
    let room = flavour.room(4);
    network.add("writer", writing, move |me| async move {
        for n in 0..room.max(1) {
            me.send(&tx, n).await?;
        }
        tx.retire();
        // The other side has ended this one.
        me.closed(&other_tx).await?;
        let (value, reason) = me.send(&other_tx, 9).await.expect_err("nobody reads").into_parts();
        assert!(value == 9 && reason.is_retired(), "{reason}");
        Ok(())
    });
    network.add("reader", reading, move |me| async move {
        drop(other);
        for n in 0..room.max(1) {
            assert_eq!(me.recv(&rx).await, Ok(n));
        }
        for _ in 0..2 {
            assert!(me.recv(&rx).await.is_err_and(|error| error.is_retired()));
            assert_eq!(me.next(&rx).await?, None);
        }
        Ok(())
    });
    network.run();
}
row!(write_on_closed over all);

/// Timers fire in the order of their instants, in whichever order they are made, and none before its own. (Several
/// may be due when a busy machine gets round to looking: of those that were due before it looked, the first.)
fn timeout_ordering(place: Place) {
    const ORDER: [u32; 8] = [5, 2, 7, 0, 3, 6, 1, 4];
    for _ in 0..rounds(2) {
        let mut network = Network::new();
        network.add("chooser", place, move |me| async move {
            let start = Instant::now();
            let due = |n: u32| start + n * Duration::from_micros(400);
            let mut timers = ORDER.map(|n| (n, aqueduct::at(due(n))));
            timers.sort_by_key(|timer| timer.0);
            let mut set = AltSet::pri();
            for (n, timer) in timers {
                set.future(timer, move |_| n);
            }
            let mut left: Vec<u32> = (0..8).collect();
            while !left.is_empty() {
                let before = Instant::now();
                let fired = me.select_in(&mut set).await?;
                assert!(Instant::now() >= due(fired), "{fired} is early");
                assert!(left[0] == fired || due(left[0]) > before, "{fired} of {left:?}, and the first was due");
                left.retain(|&n| n != fired);
            }
            assert!(set.is_empty());
            Ok(())
        });
        network.run();
    }
}
row!(timeout_ordering in every place);

/// Values that many processes put into channels of a choice are taken one at a time, and all: core.async's `merge`.
fn merge(flavour: Flavour, writing: Place, reading: Place) {
    for style in Style::BOTH {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| flavour.open()).unzip();
        let mut network = Network::new();
        for (number, tx) in txs.into_iter().enumerate() {
            network.add("source", writing, move |me| async move {
                for n in 0..6 {
                    me.send_with_room(&tx, 6 * number + n).await?;
                }
                Ok(Vec::new())
            });
        }
        network.add("merge", reading, move |me| async move {
            let mut inputs = Inputs::new(style, Alt::unseeded(), rxs);
            let mut seen: [Vec<usize>; 3] = Default::default();
            while let Some((number, value)) = inputs.next(me).await {
                seen[number].push(value);
            }
            assert!(seen.iter().all(|values| values.is_sorted()), "{seen:?}");
            Ok(seen.concat())
        });
        Check::exactly(18).in_order().verify(&network.run().concat());
    }
}
row!(merge over all);
