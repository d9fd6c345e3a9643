//! How channels end by themselves, and by no accident: retired ends, poison and what it leaves, and processes that go.

use std::sync::Arc;

use aqueduct::{Ended, Exit, Outcome, Receiver, Sender};

use crate::common::rounds;
use crate::harness::{Check, Flavour, Network, Party, Place, row};

/// An end that has retired has left, and no more (that it cannot be used is the compiler's business: `tests/ui`); its
/// siblings go on; and when the last one has gone, nothing brings the channel back.
fn retired_end_refusal(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(5);
    let (tx, rx) = flavour.open();
    let (weak_tx, weak_rx) = (tx.downgrade(), rx.downgrade());
    let sibling = tx.clone();
    let mut network = Network::new();
    network.add("senders", sending, move |me| async move {
        me.send_with_room(&tx, 0).await?;
        let same = tx.clone();
        tx.retire();
        assert!(!same.is_ended(), "one end does not speak for the others");
        drop(same);
        for n in 1..count {
            me.send_with_room(&sibling, n).await?;
        }
        sibling.retire();
        Ok(())
    });
    let late = rx.clone();
    network.add("receiver", receiving, move |me| async move {
        Check::exactly(count).in_order().each_once_of(0..count).run(me, &rx).await?;
        rx.retire();
        Ok(())
    });
    network.run();
    assert!(weak_tx.upgrade().is_none(), "a sender has risen again");
    let again = weak_rx.upgrade().expect("a receiver is left");
    assert_eq!(again.ended(), Some(Ended::Retired));
    assert_eq!(late.try_recv().map_err(|error| error.is_empty()), Err(false));
    drop((late, again));
    assert!(weak_rx.upgrade().is_none());
}
row!(retired_end_refusal over all);

/// Values lie in the channel, or their senders wait: poison overtakes them, and each is accounted for, in order;
/// a retire lets them be drained. Whichever side poisons.
fn poison_and_drain(flavour: Flavour, sending: Place, receiving: Place) {
    let room = flavour.room(4);
    for way in ["retire", "poison by the sender", "poison by the receiver"] {
        let (tx, rx, lost) = flavour.open_watched();
        let (go, wait) = aqueduct::channel();
        let mut network = Network::new();
        network.add("sender", sending, move |me| async move {
            for n in 0..room {
                me.send(&tx, n).await?;
            }
            if way == "poison by the sender" {
                tx.poison("by the sender");
            }
            if way == "retire" {
                tx.retire();
                me.send(&go, None).await?;
            } else {
                me.send(&go, Some(tx.clone())).await?;
                assert!(me.closed(&tx).await?.is_poisoned());
                let refused = me.send(&tx, room).await.expect_err("it has ended");
                assert_eq!(refused.into_inner(), room);
            }
            Ok(Vec::new())
        });
        network.add("receiver", receiving, move |me| async move {
            let tx: Option<Sender<usize>> = me.recv(&wait).await?;
            if way == "retire" {
                return Check::exactly(room).in_order().run(me, &rx).await;
            }
            if way == "poison by the receiver" {
                rx.poison("by the receiver");
            }
            let error = me.recv(&rx).await.expect_err("what lay there has been overtaken");
            assert!(
                error.cause().expect("a poison").to_string().contains(way.trim_start_matches("poison ")),
                "{error}"
            );
            assert_eq!(tx.expect("it came along").undelivered(), room as u64);
            Ok(Vec::new())
        });
        let received = network.run().concat();
        let lost = lost.lock().unwrap();
        let expected: Vec<usize> = (0..room).collect();
        if way == "retire" {
            assert!(received == expected && lost.is_empty(), "{received:?} and {lost:?}");
        } else {
            assert_eq!(*lost, expected, "{way}");
        }
    }
}
row!(poison_and_drain over all);

/// How a process goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Going {
    Returns,
    SaysRetired,
    Fails,
    Panics,
    /// Tasks only: a thread cannot be stopped from outside.
    IsCancelled,
}

async fn go(me: Party, going: Going, wait: Receiver<()>) -> Outcome {
    let _ = me.recv(&wait).await;
    match going {
        Going::Returns => Ok(()),
        Going::SaysRetired => Err(Ended::Retired.into()),
        Going::Fails => Err(Exit::failure("it has failed")),
        // Not `panic!`: the hook need not print it.
        Going::Panics => std::panic::resume_unwind(Box::new("it has panicked")),
        Going::IsCancelled => loop {
            me.rest().await;
        },
    }
}

/// Who goes ends its channels: in good order, or with the cause; nobody hangs, on either side, waiting or late.
fn exit_and_panic(flavour: Flavour, going_place: Place, staying: Place) {
    for going in [Going::Returns, Going::SaysRetired, Going::Fails, Going::Panics, Going::IsCancelled] {
        if going == Going::IsCancelled && going_place == Place::Thread {
            continue;
        }
        let (tx, rx) = flavour.open::<usize>();
        let (back, input) = flavour.open::<usize>();
        let (begin, wait) = aqueduct::channel();
        let mut network = Network::new();
        network.add("parent", going_place, move |me| async move {
            let held = Arc::new((tx, input));
            let child = me.spawn("child", move |me| async move {
                // Hidden where nobody could find them by looking through arguments.
                let _held: Box<dyn std::any::Any + Send> = Box::new(held);
                go(me, going, wait).await
            });
            me.send(&begin, ()).await?;
            if going == Going::IsCancelled {
                assert!(child.abort());
            }
            let ended = me.join(child).await;
            let is_good = matches!(going, Going::Returns | Going::SaysRetired);
            assert_eq!(ended.is_ok(), is_good, "{going:?}");
            Ok(())
        });
        let judge = move |ended: Option<&aqueduct::Cause>| match (going, ended) {
            (Going::Returns | Going::SaysRetired, None) => {}
            (Going::Fails, Some(cause)) => assert!(cause.to_string().contains("it has failed"), "{cause}"),
            (Going::Panics, Some(cause)) => assert!(cause.is_panic(), "{cause}"),
            (Going::IsCancelled, Some(cause)) => assert!(cause.is_cancelled(), "{cause}"),
            (_, other) => panic!("{going:?} was seen as {other:?}"),
        };
        network.add("receiver", staying, move |me| async move {
            let error = me.recv(&rx).await.expect_err("nothing is sent");
            judge(error.cause());
            judge(me.recv(&rx).await.expect_err("late").cause());
            Ok(())
        });
        network.add("sender", staying, move |me| async move {
            // However much room there is.
            loop {
                if let Err(refused) = me.send(&back, 1).await {
                    judge(refused.into_parts().1.cause());
                    return Ok(());
                }
                me.rest().await;
            }
        });
        network.run();
    }
}
row!(exit_and_panic over all);
