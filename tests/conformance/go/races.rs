//! Races: what may not be missed, and who may not be starved.

use aqueduct::{Alt, Ended, Outcome, Receiver, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, choose, modes, row};

/// A value that is in the channel is seen, though the last sender leaves at the same time.
fn nonblock_recv_race(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (give, take) = channel();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            let (tx, rx) = flavour.open();
            me.send(&tx, n).await?;
            me.send(&give, rx).await?;
            drop(tx);
        }
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        for n in 0..count {
            let rx: Receiver<usize> = me.recv(&take).await?;
            assert_eq!(rx.try_recv(), Ok(n), "it was there all the time");
        }
        Ok(())
    });
    network.run();
}
row!(nonblock_recv_race over queued);

/// If one of two channels has a value at every instant, `default` is not taken.
fn nonblock_select_race(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100);
    let (give, take) = channel();
    let mut network = Network::new();
    network.add("mover", sending, move |me| async move {
        for n in 0..count {
            let (a_tx, a) = flavour.open();
            let (b_tx, b) = flavour.open();
            me.send(&a_tx, n).await?;
            // With all ends, so that neither channel ends before the choice.
            me.send(&give, (a_tx, a.clone(), b_tx.clone(), b.clone())).await?;
            b_tx.try_send(n).expect("b is empty");
            let _ = a.try_recv();
        }
        Ok(())
    });
    network.add("chooser", receiving, move |me| async move {
        for n in 0..count {
            let (_a_tx, a, _b_tx, b) = me.recv(&take).await?;
            for mut choice in modes().into_iter().skip(n % 4).take(1) {
                choose! { me, choice;
                    value = a.recv() => assert_eq!(value, Ok(n)),
                    value = b.recv() => assert_eq!(value, Ok(n)),
                    default => panic!("one of the two was ready all the time"),
                }
            }
        }
        Ok(())
    });
    network.run();
}
row!(nonblock_select_race over queued);

/// The same if the second channel becomes ready because it ends.
fn nonblock_select_race2(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100);
    let (give, take) = channel();
    let mut network = Network::new();
    network.add("mover", sending, move |me| async move {
        for n in 0..count {
            let (a_tx, a) = aqueduct::buffered(1);
            let (b_tx, b) = flavour.open::<usize>();
            me.send(&a_tx, n).await?;
            me.send(&give, (a.clone(), a_tx, b)).await?;
            drop(b_tx);
            let _ = a.try_recv();
        }
        Ok(())
    });
    network.add("chooser", receiving, move |me| async move {
        for n in 0..count {
            let (a, _a_tx, b) = me.recv(&take).await?;
            for mut choice in modes().into_iter().skip(n % 4).take(1) {
                choose! { me, choice;
                    value = a.recv() => assert_eq!(value, Ok(n)),
                    value = b.recv() => assert_eq!(value, Err(Ended::Retired)),
                    default => panic!("one of the two was ready all the time"),
                }
            }
        }
        Ok(())
    });
    network.run();
}
row!(nonblock_select_race2 over all);

/// Two processes offer both directions of one channel: no deadlock; over a rendezvous each only meets the other.
fn self_select(flavour: Flavour, first: Place, second: Place) {
    let count = rounds(100);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    for (number, place) in [first, second].into_iter().enumerate() {
        let (tx, rx) = (tx.clone(), rx.clone());
        network.add("both ways", place, move |me| async move {
            let mut choice = Alt::unseeded();
            for _ in 0..count {
                choose! { me, choice;
                    sent = tx.send(number) => sent?,
                    from = rx.recv() => assert!(from? != number || flavour.capacity() != Some(0), "it met itself"),
                }
            }
            Ok(())
        });
    }
    network.run();
}
row!(self_select over all);

/// Four channels, of which the second has the flavour; plain and choosing senders and receivers on all: it ends, and
/// nothing is lost.
fn select_stress(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let channels = [channel(), flavour.open::<usize>(), aqueduct::buffered(2), aqueduct::buffered(3)];
    let (txs, rxs): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let mut network = Network::new();
    for (number, tx) in txs.iter().cloned().enumerate() {
        network.add("plain sender", sending, move |me| async move {
            for _ in 0..count {
                me.send(&tx, number).await?;
            }
            Ok([0; 4])
        });
    }
    network.add("choosing sender", sending, move |me| async move {
        let mut left = [count; 4];
        let mut choice = Alt::unseeded();
        while left != [0; 4] {
            let number = choose! { me, choice;
                sent = txs[3].send(3), if left[3] > 0 => { sent?; 3 }
                sent = txs[2].send(2), if left[2] > 0 => { sent?; 2 }
                sent = txs[0].send(0), if left[0] > 0 => { sent?; 0 }
                sent = txs[1].send(1), if left[1] > 0 => { sent?; 1 }
                complete => unreachable!("one is left"),
            };
            left[number] -= 1;
        }
        Ok([0; 4])
    });
    for (number, rx) in rxs.iter().cloned().enumerate() {
        network.add("plain receiver", receiving, move |me| async move {
            let mut seen = [0; 4];
            for _ in 0..count {
                assert_eq!(me.recv(&rx).await, Ok(number));
                seen[number] += 1;
            }
            Ok(seen)
        });
    }
    network.add("choosing receiver", receiving, move |me| async move {
        let mut seen = [0; 4];
        let mut choice = Alt::unseeded();
        while seen != [count; 4] {
            let number = choose! { me, choice;
                n = rxs[0].recv(), if seen[0] < count => n?,
                n = rxs[1].recv(), if seen[1] < count => n?,
                n = rxs[2].recv(), if seen[2] < count => n?,
                n = rxs[3].recv(), if seen[3] < count => n?,
                complete => unreachable!("one is left"),
            };
            seen[number] += 1;
        }
        Ok(seen)
    });
    let total = network.run().into_iter().fold([0; 4], |sum, seen| std::array::from_fn(|i| sum[i] + seen[i]));
    assert_eq!(total, [2 * count; 4]);
}
row!(select_stress over lossless);

/// Takes from two channels that are never empty; how often from the first.
async fn shares(me: Party, flavour: Flavour, mut choice: Alt, trials: usize) -> Outcome<usize> {
    let (a_tx, a) = flavour.open();
    let (b_tx, b) = flavour.open();
    let (_silent_tx, silent) = flavour.open::<()>();
    me.send(&a_tx, ()).await?;
    me.send(&b_tx, ()).await?;
    let mut from_a = 0;
    for _ in 0..trials {
        choose! { me, choice;
            _ = silent.recv() => panic!("it is silent"),
            value = a.recv() => {
                value?;
                me.send(&a_tx, ()).await?;
                from_a += 1;
            }
            value = b.recv() => {
                value?;
                me.send(&b_tx, ()).await?;
            }
        }
    }
    Ok(from_a)
}

/// Two channels that are never empty get shares within ten standard deviations of even; a fair choice gives each its
/// half, and a prioritised one everything to the first.
fn select_fairness(flavour: Flavour, place: Place) {
    const TRIALS: usize = 10_000;
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        // sigma = sqrt(n p (1 - p)) = 50
        for choice in [Alt::unseeded(), Alt::arbitrary(1)] {
            let from_a = shares(me, flavour, choice, TRIALS).await?;
            assert!(from_a.abs_diff(TRIALS / 2) < 500, "{from_a} of {TRIALS}");
        }
        assert_eq!(shares(me, flavour, Alt::fair(), 1_000).await?, 500);
        assert_eq!(shares(me, flavour, Alt::pri(), 1_000).await?, 1_000);
        Ok(())
    });
    network.run();
}
row!(select_fairness over queued);

/// One choice that sends either of two values to one channel sends neither less than one time in ten.
fn pseudo_random_send(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100).max(100);
    let (tx, rx, lost) = flavour.open_watched();
    let mut network = Network::new();
    network.add("chooser", sending, move |me| async move {
        let mut choice = Alt::unseeded();
        for _ in 0..count {
            choose! { me, choice; sent = tx.send(0) => sent?, sent = tx.send(1) => sent? }
        }
        Ok([0, 0])
    });
    network.add("receiver", receiving, move |me| async move {
        let mut seen = [0, 0];
        while let Some(n) = me.next(&rx).await? {
            seen[n] += 1;
        }
        Ok(seen)
    });
    let mut seen = network.run()[1];
    lost.lock().unwrap().iter().for_each(|&n: &usize| seen[n] += 1);
    assert_eq!(seen[0] + seen[1], count);
    assert!(seen[0] > count / 10 && seen[1] > count / 10, "{seen:?} of {count}");
}
row!(pseudo_random_send over all);
