//! Select: what cannot disturb a choice, and that everybody gets on.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::{Alt, AltSet, Outcome, Receiver, Sender, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Inputs, Network, Party, Place, Style, at_most, choose, row};

/// The peer of a choice takes, or gives, and ends the choice's other channel at once: that comes too late to count.
fn select_atomic_failure(flavour: Flavour, choosing: Place, ending: Place) {
    for run in 0..rounds(6) {
        // A send that is chosen, over any channel.
        let (out, taken) = flavour.open();
        let (other_tx, other) = flavour.open::<usize>();
        // A receive that is chosen. Where a value can lie in the channel, the choice may look only after the end: then
        // the order of its guards decides.
        let (give, input) = flavour.open();
        let (second_tx, second) = flavour.open::<usize>();
        let mut network = Network::new();
        network.add("chooser", choosing, move |me| async move {
            let mut choice = if run % 2 == 0 { Alt::pri() } else { Alt::unseeded() };
            choose! { me, choice;
                sent = out.send(run) => sent?,
                value = other.recv() => panic!("{value:?}: it was not ended before the send was taken"),
            }
            if flavour == Flavour::Rendezvous {
                choose! { me, choice;
                    value = second.recv() => panic!("{value:?}: it was not ended before the value was given"),
                    value = input.recv() => assert_eq!(value, Ok(run)),
                }
            } else {
                choose! { me, Alt::pri();
                    value = input.recv() => assert_eq!(value, Ok(run)),
                    value = second.recv() => panic!("{value:?}: it is below"),
                }
            }
            Ok(())
        });
        network.add("peer", ending, move |me| async move {
            assert_eq!(me.recv(&taken).await?, run);
            other_tx.poison("too late");
            me.send(&give, run).await?;
            second_tx.poison("too late");
            Ok(())
        });
        network.run();
    }
}
row!(select_atomic_failure over all);

/// What the mirrored choices below do, with what each has sent and received.
async fn mirrored(
    me: Party,
    style: Style,
    count: usize,
    tx: Sender<usize>,
    rx: Receiver<usize>,
) -> Outcome<Vec<usize>> {
    let mut received = Vec::new();
    let mut next = 0;
    if style == Style::Kept {
        let mut set = AltSet::arbitrary(count as u64);
        set.recv_ok(rx, Some);
        let out = set.send(tx, |sent| {
            assert!(sent.is_ok(), "the partner receives to the end");
            None
        });
        assert_eq!(set.offer(out, next), Ok(()));
        while let Ok(event) = me.select_in(&mut set).await {
            match event {
                Some(n) => received.push(n),
                None => {
                    next += 1;
                    if next < count {
                        assert_eq!(set.offer(out, next), Ok(()));
                    } else {
                        set.remove(out);
                    }
                }
            }
        }
        return Ok(received);
    }
    let mut tx = Some(tx);
    let mut choice = Alt::unseeded();
    loop {
        choose! { me, choice;
            sent = tx.as_ref().expect("it is there").send(next), if tx.is_some() => {
                sent?;
                next += 1;
                if next == count {
                    tx = None;
                }
            }
            Ok(n) = rx.recv() => received.push(n),
            complete => return Ok(received),
        }
    }
}

/// Two processes, one choosing to send on the first channel and receive on the second, the other the reverse: both
/// get on, and the numbers arrive in order.
fn select_deadlock_stress(flavour: Flavour, one: Place, other: Place) {
    let count = rounds(40);
    for styles in [[Style::Anew; 2], [Style::Kept; 2], [Style::Anew, Style::Kept]] {
        let (first_tx, first, first_lost) = flavour.open_watched();
        let (second_tx, second, second_lost) = flavour.open_watched();
        let mut network = Network::new();
        network.add("one", one, move |me| mirrored(me, styles[0], count, first_tx, second));
        network.add("other", other, move |me| mirrored(me, styles[1], count, second_tx, first));
        for (received, lost) in network.run().into_iter().zip([second_lost, first_lost]) {
            assert!(received.is_sorted(), "{received:?}");
            let mut all = received;
            all.extend(lost.lock().unwrap().iter());
            assert!(flavour.loses() || all.len() == count);
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..count), "{all:?}");
        }
    }
}
row!(select_deadlock_stress over all);

/// Forks are tokens in channels; each philosopher takes the one that is there first and tries for the other. They eat
/// until the last of them has eaten enough, so that a philosopher who starves shows as a hang.
fn select_philosophers_stress(flavour: Flavour, place: Place) {
    const COUNT: usize = 5;
    let meals = rounds(10);
    let forks: Vec<_> = (0..COUNT).map(|_| flavour.open::<()>()).collect();
    for (tx, _) in &forks {
        tx.try_send(()).expect("there is room");
    }
    let hungry = Arc::new(AtomicUsize::new(COUNT));
    let mut network = Network::new();
    for number in 0..COUNT {
        let (left_tx, left) = forks[number].clone();
        let (right_tx, right) = forks[(number + 1) % COUNT].clone();
        let hungry = Arc::clone(&hungry);
        network.add("philosopher", place, move |me| async move {
            let mut choice = Alt::fair();
            let mut eaten = 0;
            while hungry.load(Ordering::SeqCst) > 0 {
                let (held, wanted) = choose! { me, choice;
                    fork = left.recv() => { fork?; (&left_tx, (&right, &right_tx)) }
                    fork = right.recv() => { fork?; (&right_tx, (&left, &left_tx)) }
                };
                let both = choose! { me, choice;
                    fork = wanted.0.recv() => { fork?; true }
                    default => false,
                };
                if both {
                    eaten += 1;
                    if eaten == meals {
                        hungry.fetch_sub(1, Ordering::SeqCst);
                    }
                    me.send(wanted.1, ()).await?;
                }
                me.send(held, ()).await?;
                me.rest().await;
            }
            Ok(eaten)
        });
    }
    let eaten = network.run();
    assert!(eaten.iter().all(|&eaten| eaten >= meals), "{eaten:?}");
    assert!(forks.iter().all(|(tx, _)| tx.len() == 1), "every fork lies on the table");
}
row!(select_philosophers_stress over queued);

/// Both directions of one channel in one choice: legal; alone it never meets itself; and the channel is as good as
/// before.
fn select_send_and_receive(flavour: Flavour, first: Place, second: Place) {
    let (tx, rx) = flavour.open();
    let (peer_tx, peer_rx) = (tx.clone(), rx.clone());
    let (go, wait) = channel();
    let mut network = Network::new();
    network.add("both ways", first, move |me| async move {
        let mut choice = Alt::pri();
        if flavour == Flavour::Rendezvous {
            choose! { me, choice;
                value = rx.recv() => panic!("{value:?} from itself"),
                sent = tx.send(0) => panic!("{sent:?} to itself"),
                _ = aqueduct::after(Duration::from_micros(200)) => (),
            }
        } else {
            choose! { me, choice; sent = tx.send(7) => sent?, value = rx.recv() => panic!("{value:?}") }
            choose! { me, choice; value = rx.recv() => assert_eq!(value, Ok(7)), sent = tx.send(8) => panic!("{sent:?}") }
        }
        me.send(&go, ()).await?;
        for n in 0..5 {
            me.send(&tx, n).await?;
            // Where values can lie in the channel, none is to be dropped.
            while !tx.is_empty() {
                me.rest().await;
            }
            if flavour == Flavour::Rendezvous {
                assert_eq!(me.recv(&rx).await?, n + 10);
            }
        }
        Ok(())
    });
    network.add("peer", second, move |me| async move {
        me.recv(&wait).await?;
        for n in 0..5 {
            assert_eq!(me.recv(&peer_rx).await, Ok(n));
            if flavour == Flavour::Rendezvous {
                me.send(&peer_tx, n + 10).await?;
            }
        }
        Ok(())
    });
    network.run();
}
row!(select_send_and_receive over all);

/// Of two channels that always have a value a biased choice takes the first only; the others give each at least a
/// quarter, and a fair one half.
fn select_bias(flavour: Flavour, place: Place) {
    const TRIALS: usize = 400;
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for style in Style::BOTH {
            let orders = [(Alt::pri(), TRIALS..=TRIALS), (Alt::fair(), TRIALS / 2..=TRIALS / 2)];
            let even = TRIALS / 4..=3 * TRIALS / 4;
            for (order, share) in
                orders.into_iter().chain([Alt::unseeded(), Alt::arbitrary(3)].map(|o| (o, even.clone())))
            {
                let (txs, rxs): (Vec<_>, Vec<_>) = (0..2).map(|_| flavour.open()).unzip();
                let mode = format!("{order:?}, {style:?}");
                let mut inputs = Inputs::new(style, order, rxs);
                txs.iter().for_each(|tx| tx.try_send(()).expect("there is room"));
                let mut first = 0;
                for _ in 0..TRIALS {
                    let (number, ()) = inputs.next(me).await.expect("both are open");
                    me.send(&txs[number], ()).await?;
                    first += 1 - number;
                }
                assert!(share.contains(&first), "{first} of {TRIALS} from the first: {mode}");
            }
        }
        Ok(())
    });
    network.run();
}
row!(select_bias over queued);

/// A choice that is cancelled while it waits has left its channels: whoever comes next is met by others.
fn select_cancelled(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(6);
    let (tx, rx) = flavour.open();
    let (_silent_tx, silent) = channel::<usize>();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            me.send_with_room(&tx, n).await?;
        }
        Ok(())
    });
    network.add("chooser", receiving, move |me| async move {
        for n in 0..count {
            let taken = if me.blocks() {
                choose! { me, Alt::fair();
                    value = silent.recv() => panic!("{value:?}"),
                    value = rx.recv() => Some(value?),
                    _ = aqueduct::after(Duration::from_micros(n as u64)) => None,
                }
            } else {
                let choice = async {
                    aqueduct::alt! { value = silent.recv() => value, value = rx.recv() => value }
                };
                at_most(n % 3, pin!(choice)).await.transpose()?
            };
            match taken {
                Some(value) => assert_eq!(value, n),
                None => assert_eq!(me.recv(&rx).await?, n, "a choice that was given up took a value along"),
            }
        }
        Ok(())
    });
    network.run();
}
row!(select_cancelled over lossless);
