//! Elements that are on their way when somebody gives up: each is received, or undelivered, or still with its sender.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use aqueduct::channel;

use crate::common::rounds;
use crate::harness::{Check, Flavour, Network, Place, Random, row};

/// Senders and receivers give up at random and begin again: what was sent is what was received and what is
/// undelivered, each once. (A value that one receiver gives back comes late to another: no order is claimed.)
fn undelivered_element(flavour: Flavour, sending: Place, receiving: Place) {
    const PARTIES: usize = 2;
    let count = rounds(30);
    let (tx, rx, lost) = flavour.open_watched::<usize>();
    // Receivers leave before the senders have sent everything, so that some is left in the channel.
    let (enough, stop) = channel::<()>();
    let mut network = Network::new();
    for party in 0..PARTIES {
        let tx = tx.clone();
        network.add("sender", sending, move |me| async move {
            let mut random = Random::new(party);
            let mut sent = Vec::new();
            for n in 0..count {
                let mut slot = Some(party * count + n);
                while slot.is_some() && !tx.is_ended() {
                    let _ = me.try_sending(&tx, &mut slot, random.below(20)).await;
                }
                if slot.is_none() {
                    sent.push(party * count + n);
                }
            }
            Ok((sent, Vec::new()))
        });
    }
    for party in 0..PARTIES {
        let (rx, enough) = (rx.clone(), enough.clone());
        network.add("receiver", receiving, move |me| async move {
            let mut random = Random::new(PARTIES + party);
            let mut received = Vec::new();
            while received.len() + 5 < count && !rx.is_ended() {
                received.extend(me.try_receiving(&rx, random.below(20)).await);
            }
            drop(enough);
            Ok((Vec::new(), received))
        });
    }
    drop((tx, enough));
    network.add("last receiver", receiving, move |me| async move {
        let mut random = Random::new(2 * PARTIES);
        let mut received = Vec::new();
        while !stop.is_ended() && !rx.is_ended() {
            received.extend(me.try_receiving(&rx, random.below(20)).await);
        }
        Ok((Vec::new(), received))
    });
    let (mut sent, mut arrived) = (Vec::new(), Vec::new());
    for (out, input) in network.run() {
        sent.extend(out);
        arrived.extend(input);
    }
    arrived.extend(lost.lock().unwrap().iter());
    arrived.sort_unstable();
    assert_eq!(arrived, sent, "what was sent and what arrived or is undelivered");
}
row!(undelivered_element over all);

/// The channel is ended while they send and receive: the same account, and who was refused has the value.
fn cancel_undelivered(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(20);
    for ends_by_poison in [true, false] {
        let (tx, rx, lost) = flavour.open_watched();
        let mut network = Network::new();
        network.add("sender", sending, move |me| async move {
            let mut sent = Vec::new();
            for n in 0.. {
                match me.send(&tx, n).await {
                    Ok(()) => sent.push(n),
                    Err(refused) => {
                        assert_eq!(refused.into_inner(), n, "who was refused has the value");
                        break;
                    }
                }
                // So that a channel without bounds does not fill up meanwhile.
                me.rest().await;
            }
            Ok(sent)
        });
        network.add("receiver", receiving, move |me| async move {
            let mut received = Vec::new();
            while received.len() < count {
                received.push(me.recv(&rx).await?);
            }
            if ends_by_poison {
                rx.poison("enough");
                assert!(rx.try_recv().is_err(), "nothing comes after it");
            }
            Ok(received)
        });
        let [sent, mut arrived] = <[Vec<usize>; 2]>::try_from(network.run()).unwrap();
        arrived.extend(lost.lock().unwrap().iter());
        if flavour.loses() {
            arrived.sort_unstable();
        }
        assert_eq!(arrived, sent, "received, and then undelivered");
    }
}
row!(cancel_undelivered over all);

/// A hook that fails on one element surfaces where the channel is ended, and has seen the others.
fn undelivered_failure(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let room = flavour.room(5);
        for bad in 0..room {
            let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
            let hook = Arc::clone(&seen);
            let channel = flavour.channel().on_undelivered(move |value| {
                hook.lock().unwrap().push(value);
                if value == bad {
                    // Not `panic!`: the hook of the program need not print it.
                    std::panic::resume_unwind(Box::new("a hook has failed"));
                }
            });
            let (tx, rx) = channel.open();
            for n in 0..room {
                me.send(&tx, n).await?;
            }
            // Here, and as the failure of a process that owns the end.
            if bad % 2 == 0 {
                let payload = catch_unwind(AssertUnwindSafe(|| drop(rx))).expect_err("it surfaces");
                assert_eq!(payload.downcast_ref::<&str>(), Some(&"a hook has failed"));
            } else {
                let owner = me.spawn("owner", move |_| async move {
                    drop(rx);
                    Ok(())
                });
                let failure = me.join(owner).await.expect_err("it surfaces");
                let cause = failure.cause().expect("it has failed");
                assert_eq!(cause.panic_message(), Some("a hook has failed"));
            }
            assert!(tx.is_ended());
            let seen = seen.lock().unwrap();
            Check::exactly(room).each_once_of(0..room).verify(&seen);
        }
        Ok(())
    });
    network.run();
}
row!(undelivered_failure over queued);
