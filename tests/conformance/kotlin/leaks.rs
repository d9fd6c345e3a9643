//! Select and the ends of channels: what they leave behind.

use std::sync::Arc;

use aqueduct::{Alt, AltSet, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Growth, Network, Place, Style, assert_flat, choose, row};

/// A choice with `default`, many times, on a channel where it finds nothing: nothing stays behind, neither memory nor
/// anybody whom a partner could meet.
fn select_resource_cleanup(flavour: Flavour, place: Place) {
    let count = rounds(1000).max(1000);
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open();
        let mut choice = Alt::unseeded();
        let mut growth = Growth::default();
        for n in 0..Growth::INTERVALS * count {
            if n % count == 0 {
                growth.look();
            }
            choose! { me, choice; value = rx.recv() => panic!("{value:?}"), default => () }
        }
        growth.look();
        if flavour == Flavour::Rendezvous {
            assert!(tx.try_send(1).is_err_and(|error| error.is_full()), "a receiver is left");
        }
        if flavour.send_can_wait() {
            for n in 0..flavour.room(usize::MAX) {
                me.send(&tx, n).await?;
            }
            for _ in 0..count {
                choose! { me, choice; sent = tx.send(usize::MAX) => panic!("{sent:?}"), default => () }
            }
            for n in 0..flavour.room(usize::MAX) {
                assert_eq!(rx.try_recv(), Ok(n));
            }
        }
        assert!(rx.try_recv().is_err_and(|error| error.is_empty()), "a sender is left");
        Ok(growth.least())
    });
    assert_flat(network.run()[0], count);
}
row!(select_resource_cleanup over all, alone);

/// A choice beside everything that may stay silent for long: a send that nobody takes, a process that does not end.
fn select_memory_leak_stress(flavour: Flavour, place: Place) {
    for style in Style::BOTH {
        let count = rounds(150);
        let (tx, rx) = flavour.open::<usize>();
        let (done, next) = channel();
        let mut network = Network::new();
        network.add("sender", place, move |me| async move {
            for n in 0..Growth::INTERVALS * count {
                me.send(&tx, n).await?;
                me.recv(&next).await?;
            }
            Ok(0)
        });
        network.add("chooser", place, move |me| async move {
            let (stuck, _nobody) = channel::<usize>();
            let (stop, stopped) = channel::<()>();
            let mut endless = me.spawn("endless", move |me| async move {
                let _ = me.recv(&stopped).await;
                Ok(())
            });
            let mut choice = Alt::fair();
            let mut set = AltSet::fair();
            if style == Style::Kept {
                set.recv(rx.clone(), Some);
                let key = set.send(stuck.clone(), |_| None);
                assert_eq!(set.offer(key, 1), Ok(()));
            }
            let mut growth = Growth::default();
            for n in 0..Growth::INTERVALS * count {
                if n % count == 0 {
                    growth.look();
                }
                if style == Style::Kept {
                    assert_eq!(me.select_in(&mut set).await?, Some(Ok(n)));
                } else {
                    choose! { me, choice;
                        value = rx.recv() => assert_eq!(value, Ok(n)),
                        sent = stuck.send(n) => panic!("{sent:?} to nobody"),
                        ended = &mut endless => panic!("{ended:?}"),
                    }
                }
                me.send(&done, ()).await?;
            }
            growth.look();
            drop(stop);
            me.join(endless).await?;
            Ok(growth.least())
        });
        assert_flat(network.run()[1], count);
    }
}
row!(select_memory_leak_stress over all, alone);

/// A channel that has ended holds neither its elements nor those who waited and gave up, though its ends live on.
fn cancelled_channel_leak(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let element = Arc::new(());
        let mut ends = Vec::new();
        for run in 0..rounds(10) {
            let (tx, rx) = flavour.open();
            for _ in 0..flavour.room(10) {
                me.send(&tx, Arc::clone(&element)).await?;
            }
            // Whoever waits beside them and gives up.
            if flavour.send_can_wait() {
                let mut slot = Some(Arc::clone(&element));
                let _ = me.try_sending(&tx, &mut slot, 3).await;
                assert_eq!(slot.is_some(), flavour.room(10) == flavour.room(usize::MAX));
            }
            assert!(Arc::strong_count(&element) > flavour.room(10));
            match run % 3 {
                0 => rx.poison("cancelled"),
                1 => tx.poison("cancelled"),
                _ => rx.retire(),
            }
            assert_eq!(Arc::strong_count(&element), 1, "the channel holds an element after its end");
            ends.push(tx);
        }
        Ok(())
    });
    network.run();
}
row!(cancelled_channel_leak over all);
