//! Choices among other waiters: a loser leaves a whole queue behind, and everybody pairs with everybody.

use std::time::Duration;

use aqueduct::{Alt, Outcome, Receiver, Sender, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, choose, row};

/// Long enough for the others to begin to wait. Only what a row reaches depends on it, not what it says.
const A_WHILE: Duration = Duration::from_millis(1);

/// A choice that waits in a channel and is taken elsewhere leaves the other waiters of that channel whole: receivers
/// before and behind it in the queue.
fn select6(flavour: Flavour, waking: Place, waiting: Place) {
    let (tx, rx) = flavour.open::<usize>();
    let (other_tx, other) = flavour.open::<usize>();
    let (chosen_tx, chosen) = channel();
    let mut network = Network::new();
    let plain = |network: &mut Network<usize>, rx: &Receiver<usize>| {
        let rx = rx.clone();
        network.add("plain", waiting, move |me| async move { Ok(me.recv(&rx).await?) });
    };
    for _ in 0..2 {
        plain(&mut network, &rx);
        let (rx, other, chosen_tx) = (rx.clone(), other.clone(), chosen_tx.clone());
        network.add("chooser", waiting, move |me| async move {
            let mut choice = Alt::pri();
            let n = choose! { me, choice; n = other.recv() => n?, n = rx.recv() => n? };
            me.send(&chosen_tx, ()).await?;
            Ok(n)
        });
    }
    plain(&mut network, &rx);
    drop((rx, other));
    network.add("sender", waking, move |me| async move {
        me.pause(A_WHILE).await;
        for n in 0..2 {
            me.send(&other_tx, n).await?;
            me.recv(&chosen).await?;
        }
        for n in 2..5 {
            me.send_with_room(&tx, n).await?;
        }
        Ok(5)
    });
    let mut made = network.run();
    made.sort_unstable();
    assert_eq!(made, [0, 1, 2, 3, 4, 5]);
}
row!(select6 over all);

/// The same for senders that wait on a full channel.
fn select6_senders(flavour: Flavour, waking: Place, waiting: Place) {
    let room = flavour.room(usize::MAX);
    let (tx, rx) = flavour.open::<usize>();
    let (other_tx, other) = channel::<usize>();
    for _ in 0..room {
        assert!(tx.try_send(0).is_ok());
    }
    let (chosen_tx, chosen) = channel();
    let mut network = Network::new();
    let plain = |network: &mut Network<usize>, tx: &Sender<usize>| {
        let tx = tx.clone();
        network.add("plain", waiting, move |me| async move {
            me.send(&tx, 1).await?;
            Ok(0)
        });
    };
    for _ in 0..2 {
        plain(&mut network, &tx);
        let (tx, other_tx, chosen_tx) = (tx.clone(), other_tx.clone(), chosen_tx.clone());
        network.add("chooser", waiting, move |me| async move {
            let mut choice = Alt::pri();
            choose! { me, choice; sent = other_tx.send(7) => sent?, sent = tx.send(100) => sent? }
            me.send(&chosen_tx, ()).await?;
            Ok(0)
        });
    }
    plain(&mut network, &tx);
    drop((tx, other_tx));
    network.add("receiver", waking, move |me| async move {
        me.pause(A_WHILE).await;
        for _ in 0..2 {
            assert_eq!(me.recv(&other).await, Ok(7));
            me.recv(&chosen).await?;
        }
        let mut sum = 0;
        while let Some(n) = me.next(&rx).await? {
            sum += n;
        }
        Ok(sum)
    });
    assert_eq!(network.run().pop(), Some(3), "three plain senders, and no choice");
}
row!(select6_senders over waiting);

/// How a party communicates.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    /// A choice over this guard alone.
    One,
    /// A choice over this guard and a silent channel.
    Two,
}

const FORMS: [Form; 3] = [Form::Plain, Form::One, Form::Two];

async fn send_by(form: Form, me: Party, tx: &Sender<usize>, n: usize) -> Outcome {
    let (_silent_tx, silent) = channel::<usize>();
    let mut choice = Alt::unseeded();
    match form {
        Form::Plain => me.send(tx, n).await?,
        Form::One => choose! { me, choice; sent = tx.send(n) => sent? },
        Form::Two => choose! { me, choice; sent = tx.send(n) => sent?, _ = silent.recv() => panic!("silent") },
    }
    Ok(())
}

async fn recv_by(form: Form, me: Party, rx: &Receiver<usize>) -> Outcome<usize> {
    let (silent, _silent_rx) = channel::<usize>();
    let mut choice = Alt::unseeded();
    Ok(match form {
        Form::Plain => me.recv(rx).await?,
        Form::One => choose! { me, choice; n = rx.recv() => n? },
        Form::Two => choose! { me, choice; n = rx.recv() => n?, _ = silent.send(1) => panic!("silent") },
    })
}

/// All nine pairings of a plain operation, a choice over one guard and a choice over two complete, whoever is first.
fn select7(flavour: Flavour, sending: Place, receiving: Place) {
    for sends in FORMS {
        for receives in FORMS {
            let (tx, rx) = flavour.open();
            let mut network = Network::new();
            network.add("sender", sending, move |me| async move {
                for n in 0..6 {
                    if n == 3 {
                        me.pause(A_WHILE / 4).await;
                    }
                    while flavour.loses() && Some(tx.len()) == flavour.capacity() {
                        me.rest().await;
                    }
                    send_by(sends, me, &tx, n).await?;
                }
                Ok(())
            });
            network.add("receiver", receiving, move |me| async move {
                for n in 0..6 {
                    if n == 5 {
                        me.pause(A_WHILE / 4).await;
                    }
                    assert_eq!(recv_by(receives, me, &rx).await?, n);
                }
                Ok(())
            });
            network.run();
        }
    }
}
row!(select7 over all);

/// One channel twice in one choice: when it is taken elsewhere, both places are given up, and the next waiter is
/// served.
fn select_duplicate_channel(flavour: Flavour, waking: Place, waiting: Place) {
    for _ in 0..rounds(3) {
        let (c_tx, c) = flavour.open::<usize>();
        let (d_tx, d) = flavour.open::<usize>();
        let (e_tx, e) = channel();
        let mut network = Network::new();
        let behind = c.clone();
        network.add("chooser", waiting, move |me| async move {
            let mut choice = Alt::unseeded();
            let n = choose! { me, choice; n = c.recv() => n?, n = c.recv() => n?, n = d.recv() => n? };
            me.send(&e_tx, ()).await?;
            Ok(n)
        });
        network.add("behind", waiting, move |me| async move {
            me.pause(A_WHILE / 2).await;
            Ok(me.recv(&behind).await?)
        });
        network.add("sender", waking, move |me| async move {
            me.pause(A_WHILE).await;
            me.send(&d_tx, 7).await?;
            me.recv(&e).await?;
            me.send(&c_tx, 8).await?;
            Ok(9)
        });
        assert_eq!(network.run(), [7, 8, 9]);
    }
}
row!(select_duplicate_channel over all);
