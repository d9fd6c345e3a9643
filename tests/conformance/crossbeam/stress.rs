//! Many rounds, of which none may be lost.

use std::time::Duration;

use aqueduct::{Alt, after, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

/// A choice between two receives, whose senders take turns or come together.
fn stress_recv(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (a_tx, a) = flavour.open();
    let (b_tx, b) = flavour.open();
    let (next, wait) = channel();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            me.send(&a_tx, n).await?;
            me.recv(&wait).await?;
            me.send(&b_tx, n).await?;
            me.recv(&wait).await?;
        }
        Ok(())
    });
    network.add("chooser", receiving, move |me| async move {
        let mut choice = Alt::unseeded();
        for n in 0..count {
            for from_b in [false, true] {
                choose! { me, choice;
                    value = a.recv() => assert_eq!((value, from_b), (Ok(n), false)),
                    value = b.recv() => assert_eq!((value, from_b), (Ok(n), true)),
                }
                me.send(&next, ()).await?;
            }
        }
        Ok(())
    });
    network.run();
}
row!(stress_recv over all);

/// A choice between two sends, whose receivers take turns.
fn stress_send(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (a_tx, a, a_lost) = flavour.open_watched();
    let (b_tx, b, b_lost) = flavour.open_watched();
    let mut network = Network::new();
    network.add("chooser", sending, move |me| async move {
        let mut choice = Alt::unseeded();
        for n in 0..2 * count {
            choose! { me, choice; sent = a_tx.send(n) => sent?, sent = b_tx.send(n) => sent? }
        }
        Ok(Vec::new())
    });
    network.add("receiver", receiving, move |me| async move {
        let mut seen = Vec::new();
        let mut open = [true; 2];
        while open != [false; 2] {
            for (number, rx) in [&a, &b].into_iter().enumerate() {
                // Strictly in turn would wait for ever where the chooser has nothing for this one.
                match me.recv_timeout(rx, Duration::from_micros(50)).await {
                    Ok(n) => seen.push(n),
                    Err(error) => open[number] = error.is_timeout(),
                }
            }
        }
        Ok(seen)
    });
    let mut seen = network.run().concat();
    seen.extend(a_lost.lock().unwrap().iter());
    seen.extend(b_lost.lock().unwrap().iter());
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..2 * count), "{seen:?}");
}
row!(stress_send over all);

/// A choice between a receive and a send.
fn stress_mixed(flavour: Flavour, first: Place, second: Place) {
    let count = rounds(50);
    let (a_tx, a) = flavour.open();
    let (b_tx, b, b_lost) = flavour.open_watched();
    let mut network = Network::new();
    network.add("chooser", first, move |me| async move {
        let mut choice = Alt::unseeded();
        let (mut to_receive, mut to_send) = (0, 0);
        while to_receive < count || to_send < count {
            choose! { me, choice;
                value = a.recv(), if to_receive < count => { assert_eq!(value, Ok(to_receive)); to_receive += 1; }
                sent = b_tx.send(to_send), if to_send < count => { sent?; to_send += 1; }
                complete => unreachable!("one is left"),
            }
        }
        Ok(Vec::new())
    });
    network.add("sender", second, move |me| async move {
        for n in 0..count {
            me.send_with_room(&a_tx, n).await?;
        }
        Ok(Vec::new())
    });
    network.add("receiver", second, move |me| async move {
        let mut seen = Vec::new();
        while let Some(n) = me.next(&b).await? {
            seen.push(n);
        }
        assert!(seen.is_sorted(), "out of order");
        Ok(seen)
    });
    let mut seen = network.run().concat();
    seen.extend(b_lost.lock().unwrap().iter());
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..count), "{seen:?}");
}
row!(stress_mixed over all);

/// Both sides give up, and come again, at moments that have nothing to do with each other.
fn stress_timeout_two_threads(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(20);
    let limit = Duration::from_micros(30);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            if n % 3 == 0 {
                me.pause(limit).await;
            }
            while flavour.loses() && Some(tx.len()) == flavour.capacity() {
                me.rest().await;
            }
            let mut slot = Some(n);
            let mut choice = Alt::unseeded();
            while slot.is_some() {
                choose! { me, choice; sent = tx.send_from(&mut slot) => sent?, _ = after(limit) => {} }
            }
        }
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        let mut choice = Alt::unseeded();
        for n in 0..count {
            if n % 4 == 1 {
                me.pause(limit).await;
            }
            loop {
                let value = choose! { me, choice; value = rx.recv() => Some(value), _ = after(limit) => None };
                match value {
                    Some(value) => break assert_eq!(value, Ok(n)),
                    None => continue,
                }
            }
        }
        Ok(())
    });
    network.run();
}
row!(stress_timeout_two_threads over all);

/// A new channel for every value, ended by both sides at once.
fn stress_oneshot(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100);
    let (give, take) = channel();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            let (tx, rx) = flavour.open();
            me.send(&give, rx).await?;
            me.send(&tx, n).await?;
        }
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        for n in 0..count {
            let rx = me.recv(&take).await?;
            assert_eq!(me.recv(&rx).await, Ok(n));
        }
        Ok(())
    });
    network.run();
}
row!(stress_oneshot over all);
