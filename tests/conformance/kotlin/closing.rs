//! The end of a channel, as those see it who watch for it, and those who all end it at once.

use std::time::Duration;

use aqueduct::{Ended, Receiver, Sender};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, row};

/// Ends a channel by one of its ends; the others keep theirs.
type Way = fn(&Sender<usize>, Receiver<usize>);

const WAYS: [Way; 3] = [|_, rx| drop(rx), |tx, _| tx.poison("by its sender"), |_, rx| rx.poison("by its receiver")];

/// Who waits for the end sees it once, whether before, while or after it comes; and all see the same.
fn invoke_on_close(flavour: Flavour, ending: Place, watching: Place) {
    for way in WAYS {
        let (tx, rx) = flavour.open();
        let mut network = Network::new();
        for late in [false, false, true] {
            let tx = tx.clone();
            network.add("watcher", watching, move |me| async move {
                if late {
                    me.pause(Duration::from_millis(1)).await;
                }
                let ended = me.closed(&tx).await?;
                assert_eq!(me.closed(&tx).await?, ended, "it stays ended");
                assert_eq!(tx.ended(), Some(ended.clone()));
                Ok(ended)
            });
        }
        network.add("ender", ending, move |me| async move {
            me.rest().await;
            way(&tx, rx);
            Ok(tx.ended().expect("it has just been ended"))
        });
        let seen = network.run();
        assert!(seen.iter().all(|ended| *ended == seen[3]), "{seen:?}");
    }
}
row!(invoke_on_close over all);

/// Everybody ends the channel, at once and twice, by each means: harmless, and all see one end.
fn double_channel_close(flavour: Flavour, one_side: Place, other_side: Place) {
    for _ in 0..rounds(4) {
        let (tx, rx) = flavour.open::<usize>();
        let mut network = Network::new();
        for number in 0..2 {
            let tx = tx.clone();
            network.add("sender", one_side, move |me| async move {
                let _ = tx.try_send(number);
                tx.poison(format!("by sender {number}"));
                tx.poison("again");
                me.rest().await;
                let ended = tx.ended();
                tx.retire();
                Ok(ended)
            });
            let rx = rx.clone();
            network.add("receiver", other_side, move |me| async move {
                rx.poison(format!("by receiver {number}"));
                me.rest().await;
                let ended = rx.ended();
                rx.poison("again");
                rx.retire();
                Ok(ended)
            });
        }
        let seen = network.run();
        let last = tx.ended();
        assert!(last.as_ref().is_some_and(Ended::is_poisoned));
        assert!(seen.iter().all(|ended| *ended == last), "{seen:?} and {last:?}");
        drop((tx, rx));
    }
}
row!(double_channel_close over all);
