//! Rows from JCSP: extended rendezvous, fairness and priority under load, sampling and polling.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aqueduct::{Alt, Receiver, Sender, at, channel, tick};

use crate::common::rounds;
use crate::harness::{Check, Flavour, Inputs, Network, Party, Place, Style, choose, row};

/// What happened, in order.
type Log = Arc<Mutex<Vec<(&'static str, usize)>>>;

/// Takes a value, does something while its sender waits, and lets it go.
async fn take_extended(me: Party, rx: &Receiver<usize>, by_choice: bool, log: &Log) -> aqueduct::Outcome {
    let held = if by_choice {
        choose! { me, Alt::unseeded(); held = rx.recv_held() => held? }
    } else {
        me.recv_held(rx).await?
    };
    log.lock().unwrap().push(("read", *held));
    for _ in 0..3 {
        me.rest().await;
    }
    assert!(!log.lock().unwrap().contains(&("write", *held)), "the writer of {} has gone on", *held);
    drop(held);
    Ok(())
}

/// Reading and writing alternate, a hundred times: what a reader does with a value is done before its writer goes on.
fn extended_rendezvous(place_of_writer: Place, place_of_reader: Place) {
    const COUNT: usize = 100;
    for by_choice in [false, true] {
        let log = Log::default();
        let (tx, rx) = channel();
        let mut network = Network::new();
        let written = Arc::clone(&log);
        network.add("writer", place_of_writer, move |me| async move {
            for n in 0..COUNT {
                me.send(&tx, n).await?;
                written.lock().unwrap().push(("write", n));
            }
            Ok(())
        });
        let read = Arc::clone(&log);
        network.add("reader", place_of_reader, move |me| async move {
            for n in 0..COUNT {
                take_extended(me, &rx, by_choice, &read).await?;
                // The next one is not taken before this one's writer has written: else the log would depend on speed.
                while read.lock().unwrap().len() < 2 * n + 2 {
                    me.rest().await;
                }
            }
            Ok(())
        });
        network.run();
        let expected = (0..COUNT).flat_map(|n| [("read", n), ("write", n)]);
        assert!(log.lock().unwrap().iter().copied().eq(expected), "{log:?}");
    }
}

/// Between all pairs of places.
fn extended(writing: Place) {
    Place::ALL.into_iter().for_each(|reading| extended_rendezvous(writing, reading));
}
row!(extended in every place);

/// The same with several writers and readers: of each value, the reading is before the writing.
fn extended_shared(writing: Place) {
    const COUNT: usize = 10;
    for reading in Place::ALL {
        let log = Log::default();
        let (tx, rx) = channel();
        let mut network = Network::new();
        for writer in 0..3 {
            let (tx, log) = (tx.clone(), Arc::clone(&log));
            network.add("writer", writing, move |me| async move {
                for n in 0..COUNT {
                    me.send(&tx, COUNT * writer + n).await?;
                    log.lock().unwrap().push(("write", COUNT * writer + n));
                }
                Ok(())
            });
        }
        for reader in 0..3 {
            let (rx, log) = (rx.clone(), Arc::clone(&log));
            network.add("reader", reading, move |me| async move {
                for n in 0..COUNT {
                    take_extended(me, &rx, (reader + n) % 2 == 0, &log).await?;
                }
                Ok(())
            });
        }
        network.run();
        let log = log.lock().unwrap();
        for value in 0..3 * COUNT {
            let place = |what| log.iter().position(|entry| *entry == (what, value)).expect("each is read and written");
            assert!(place("read") < place("write"), "{value} was written before it was read: {log:?}");
        }
    }
}
row!(extended_shared in every place);

/// Where values lie in the channel nobody is held; and the value that is held has left it: nothing that is sent
/// meanwhile overwrites it.
fn extended_buffered(flavour: Flavour, writing: Place, reading: Place) {
    let (tx, rx, lost) = flavour.open_watched();
    let room = flavour.room(5);
    let (go, wait) = channel();
    let (all_sent, told) = channel();
    let mut network = Network::new();
    network.add("writer", writing, move |me| async move {
        me.send(&tx, 0).await?;
        me.recv(&wait).await?;
        let more = if flavour.send_can_wait() { room } else { 3 * room };
        for n in 1..=more {
            me.send(&tx, n).await?;
        }
        me.send(&all_sent, more).await?;
        Ok(Vec::new())
    });
    network.add("reader", reading, move |me| async move {
        let held = me.recv_held(&rx).await?;
        me.send(&go, ()).await?;
        // It comes while the value is held: the writer has written all of it.
        let more = me.recv(&told).await?;
        assert_eq!(*held, 0, "it was overwritten");
        assert_eq!(rx.len(), if flavour.capacity().is_some() { room } else { more }, "it still takes room");
        assert_eq!(held.into_inner(), 0);
        Check::between(room, more).in_order().run(me, &rx).await
    });
    let mut arrived = network.run().concat();
    arrived.extend(lost.lock().unwrap().iter());
    let sent = if flavour.send_can_wait() { room } else { 3 * room };
    Check::exactly(sent).each_once_of(1..=sent).verify(&arrived);
}
row!(extended_buffered over queued);

/// Four channels with four writers each and a fair reader: whoever has a value is served within four rounds; nobody's
/// values are lost or out of order.
fn stressed_alt(flavour: Flavour, writing: Place, reading: Place) {
    const CHANNELS: usize = 4;
    const WRITERS: usize = 4;
    let each = rounds(4);
    for style in Style::BOTH {
        let (mut rxs, mut losts) = (Vec::new(), Vec::new());
        let mut network = Network::new();
        for _ in 0..CHANNELS {
            let (tx, rx, lost) = flavour.open_watched::<(usize, usize)>();
            for writer in 0..WRITERS {
                let tx = tx.clone();
                network.add("writer", writing, move |me| async move {
                    for n in 0..each {
                        me.send(&tx, (writer, n)).await?;
                    }
                    Ok([0; CHANNELS])
                });
            }
            rxs.push(rx);
            losts.push(lost);
        }
        network.add("reader", reading, move |me| async move {
            let looks = rxs.clone();
            let mut inputs = Inputs::new(style, Alt::fair(), rxs);
            let mut next = [[0; WRITERS]; CHANNELS];
            let mut counts = [0; CHANNELS];
            // For how many rounds each has had a value without being served.
            let mut missed = [0; CHANNELS];
            loop {
                let ready: [bool; CHANNELS] = std::array::from_fn(|channel| !looks[channel].is_empty());
                let Some((channel, (writer, n))) = inputs.next(me).await else { break };
                for other in 0..CHANNELS {
                    missed[other] = if ready[other] && other != channel { missed[other] + 1 } else { 0 };
                    assert!(missed[other] < CHANNELS, "{other} has waited for {missed:?} rounds, {style:?}");
                }
                assert!(n >= next[channel][writer], "out of order");
                next[channel][writer] = n + 1;
                counts[channel] += 1;
            }
            Ok(counts)
        });
        let counts = network.run().pop().expect("the reader is last");
        for (count, lost) in counts.into_iter().zip(losts) {
            let lost = lost.lock().unwrap().len();
            assert!(flavour.loses() || lost == 0);
            assert_eq!(count + lost, WRITERS * each);
        }
    }
}
row!(stressed_alt over all);

/// Writers that never stop, and a reader with a timer: above the inputs it is taken as soon as it is due, whatever else
/// is ready; in a fair choice within as many rounds as there are guards.
fn fair_plex_time(flavour: Flavour, writing: Place, reading: Place) {
    for is_fair in [false, true] {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| flavour.open::<()>()).unzip();
        let mut network = Network::new();
        for tx in txs {
            network.add("writer", writing, move |me| async move {
                while me.send(&tx, ()).await.is_ok() {
                    // So that a channel without bounds does not grow.
                    me.rest().await;
                }
                Ok(())
            });
        }
        network.add("reader", reading, move |me| async move {
            let due = Instant::now() + Duration::from_micros(300);
            let mut choice = if is_fair { Alt::fair() } else { Alt::pri() };
            let mut rounds_late = 0;
            loop {
                rounds_late += usize::from(Instant::now() >= due);
                let timed_out = choose! { me, choice;
                    _ = at(due) => true,
                    value = rxs[0].recv() => { value?; false }
                    value = rxs[1].recv() => { value?; false }
                    value = rxs[2].recv() => { value?; false }
                };
                if timed_out {
                    break;
                }
            }
            let bound = if is_fair { 4 } else { 1 };
            assert!(Instant::now() >= due, "early");
            assert!(rounds_late <= bound, "the timer was due for {rounds_late} rounds");
            Ok(())
        });
        network.run();
    }
}
row!(fair_plex_time over all);

/// Gives on the last value that it has seen whenever its clock ticks: sampling.
async fn regulate(me: Party, input: Receiver<usize>, out: Sender<usize>) -> aqueduct::Outcome {
    let mut clock = tick(Duration::from_micros(300));
    let mut last = me.recv(&input).await?;
    let mut open = true;
    let mut choice = Alt::pri();
    loop {
        choose! { me, choice;
            _ = clock.next() => if me.send(&out, last).await.is_err() {
                return Ok(());
            },
            value = input.next(), if open => match value? {
                Some(value) => last = value,
                None => open = false,
            },
        }
    }
}

/// However fast values come, they leave at the clock's pace, the newest each time; and again while none comes.
fn regulated(flavour: Flavour, sending: Place, sampling: Place) {
    let count = rounds(20);
    let (tx, input) = flavour.open();
    let (out, rx) = channel();
    let mut network = Network::new();
    network.add("source", sending, move |me| async move {
        for n in 1..=count {
            me.send_with_room(&tx, n).await?;
            if n % 8 == 0 {
                me.pause(Duration::from_micros(200)).await;
            }
        }
        Ok(())
    });
    network.add("regulate", sampling, move |me| regulate(me, input, out));
    network.add("sink", sending, move |me| async move {
        let mut seen = Vec::new();
        // Twice the last: the sampler goes on when its source has gone.
        while seen.iter().filter(|&&n| n == count).count() < 2 {
            seen.push(me.recv(&rx).await?);
        }
        assert!(seen.is_sorted(), "{seen:?}");
        Ok(())
    });
    network.run();
}
row!(regulated over all);

/// Polls its inputs while it works: it is never held up, and takes everything.
fn polling(flavour: Flavour, sending: Place, polling: Place) {
    let count = rounds(5);
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..3).map(|_| flavour.open::<usize>()).unzip();
    let (begin, begun) = channel();
    let mut network = Network::new();
    for tx in txs {
        let begun = begun.clone();
        network.add("source", sending, move |me| async move {
            me.recv(&begun).await?;
            for n in 0..count {
                me.send_with_room(&tx, n).await?;
            }
            Ok(0)
        });
    }
    network.add("poller", polling, move |me| async move {
        let (mut seen, mut worked) = ([0; 3], 0);
        let mut choice = Alt::fair();
        loop {
            choose! { me, choice;
                Ok(n) = rxs[0].recv() => { assert_eq!(n, seen[0]); seen[0] += 1; }
                Ok(n) = rxs[1].recv() => { assert_eq!(n, seen[1]); seen[1] += 1; }
                Ok(n) = rxs[2].recv() => { assert_eq!(n, seen[2]); seen[2] += 1; }
                default => {
                    worked += 1;
                    if worked == 3 {
                        // The sources began only now: it has worked meanwhile.
                        for _ in 0..3 {
                            me.send(&begin, ()).await?;
                        }
                    }
                    me.rest().await;
                }
                complete => break,
            }
        }
        assert_eq!(seen, [count; 3]);
        Ok(worked)
    });
    assert!(network.run()[3] >= 3, "it did not work meanwhile");
}
row!(polling over all);
