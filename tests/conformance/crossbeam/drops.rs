//! Payloads: each is dropped exactly once, whatever becomes of it, and ends wake everybody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aqueduct::{Ended, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

/// Counts its drop.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Received, refused, and left in the channel: each is dropped once, and not before its time.
fn drops(flavour: Flavour, sending: Place, receiving: Place) {
    for run in 0..rounds(4) {
        let dropped = Arc::new(AtomicUsize::new(0));
        let steps = 7 * run % 23;
        let left = flavour.room(run % 5);
        let (tx, rx) = flavour.open();
        let (go, wait) = channel::<()>();
        let mut network = Network::new();
        let counter = Arc::clone(&dropped);
        let counted = move || Counted(Arc::clone(&counter));
        let keep = (tx.clone(), rx.clone());
        network.add("sender", sending, move |me| async move {
            for _ in 0..steps {
                me.send_with_room(&tx, counted()).await?;
            }
            me.recv(&wait).await?;
            for _ in 0..left {
                me.send(&tx, counted()).await?;
            }
            if flavour.send_can_wait() && flavour.room(usize::MAX) == left {
                let refused = tx.try_send(counted()).expect_err("there is no room");
                drop(refused);
                return Ok(1);
            }
            Ok(0)
        });
        let seen = Arc::clone(&dropped);
        network.add("receiver", receiving, move |me| async move {
            for _ in 0..steps {
                drop(me.recv(&rx).await?);
            }
            assert_eq!(seen.load(Ordering::SeqCst), steps);
            me.send(&go, ()).await?;
            Ok(0)
        });
        let refused = network.run()[0];
        assert_eq!(dropped.load(Ordering::SeqCst), steps + refused, "what is in the channel lives");
        drop(keep);
        assert_eq!(dropped.load(Ordering::SeqCst), steps + refused + left);
    }
}
row!(drops over all);

/// What is left when the last receiver goes is dropped then, though senders remain.
fn drop_unreceived(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let dropped = Arc::new(AtomicUsize::new(0));
        let room = flavour.room(30);
        let (tx, rx) = flavour.open();
        for _ in 0..room {
            me.send(&tx, Counted(Arc::clone(&dropped))).await?;
        }
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        drop(rx);
        assert_eq!(dropped.load(Ordering::SeqCst), room);
        assert_eq!(tx.undelivered(), room as u64);
        let error = me.send(&tx, Counted(Arc::clone(&dropped))).await.expect_err("nobody receives");
        assert_eq!(dropped.load(Ordering::SeqCst), room, "the value came back");
        drop(error);
        assert_eq!(dropped.load(Ordering::SeqCst), room + 1);
        Ok(())
    });
    network.run();
}
row!(drop_unreceived over all);

/// A drop that panics does not keep the others from being dropped, once each.
fn panic_on_drop(flavour: Flavour, place: Place) {
    struct Bomb {
        armed: bool,
        _counted: Counted,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.armed {
                // Not `panic!`: the hook need not print it.
                std::panic::resume_unwind(Box::new("a bomb"));
            }
        }
    }

    let mut network = Network::new();
    network.add("both", place, move |me| async move {
        let room = flavour.room(5);
        for armed in 0..room {
            let dropped = Arc::new(AtomicUsize::new(0));
            let (tx, rx) = flavour.open();
            for n in 0..room {
                let bomb = Bomb { armed: n == armed, _counted: Counted(Arc::clone(&dropped)) };
                assert!(me.send(&tx, bomb).await.is_ok());
            }
            let payload = catch_unwind(AssertUnwindSafe(|| drop(rx))).expect_err("a drop has panicked");
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a bomb"));
            assert_eq!(dropped.load(Ordering::SeqCst), room);
            assert!(tx.is_ended());
        }
        Ok(())
    });
    network.run();
}
row!(panic_on_drop over queued);

/// The last receiver goes: every sender that waits is woken, and has its value back.
fn disconnect_wakes_sender(flavour: Flavour, sending: Place, receiving: Place) {
    let (tx, rx) = flavour.open();
    let room = flavour.room(usize::MAX);
    for _ in 0..room {
        tx.try_send(usize::MAX).expect("there is room");
    }
    let mut network = Network::new();
    for n in 0..3 {
        let plain = tx.clone();
        network.add("sender", sending, move |me| async move {
            let (value, reason) = me.send(&plain, n).await.expect_err("nobody receives").into_parts();
            assert_eq!((value, reason), (n, Ended::Retired.into()));
            Ok(())
        });
        let chosen = tx.clone();
        network.add("chooser", sending, move |me| async move {
            let (_silent_tx, silent) = channel::<()>();
            let mut slot = Some(n);
            choose! { me, aqueduct::Alt::unseeded();
                sent = chosen.send_from(&mut slot) => assert_eq!(sent, Err(Ended::Retired)),
                _ = silent.recv() => panic!("it is silent"),
            }
            assert_eq!(slot, Some(n), "the value came back");
            Ok(())
        });
    }
    network.add("receiver", receiving, move |me| async move {
        me.pause(Duration::from_millis(1)).await;
        drop(rx);
        Ok(())
    });
    network.run();
    assert_eq!(tx.undelivered(), room as u64);
}
row!(disconnect_wakes_sender over waiting);

/// The last sender goes: every receiver that waits is woken.
fn disconnect_wakes_receiver(flavour: Flavour, sending: Place, receiving: Place) {
    let (tx, rx) = flavour.open::<usize>();
    let mut network = Network::new();
    for _ in 0..3 {
        let plain = rx.clone();
        network.add("receiver", receiving, move |me| async move {
            assert_eq!(me.recv(&plain).await, Err(Ended::Retired.into()));
            Ok(())
        });
        let chosen = rx.clone();
        network.add("chooser", receiving, move |me| async move {
            let (_silent_tx, silent) = channel::<()>();
            choose! { me, aqueduct::Alt::unseeded();
                value = chosen.recv() => assert_eq!(value, Err(Ended::Retired)),
                _ = silent.recv() => panic!("it is silent"),
            }
            Ok(())
        });
    }
    network.add("sender", sending, move |me| async move {
        me.pause(Duration::from_millis(1)).await;
        drop(tx);
        Ok(())
    });
    network.run();
}
row!(disconnect_wakes_receiver over all);

/// The value of a send may itself come from a receive.
fn recv_in_send(flavour: Flavour, sending: Place, receiving: Place) {
    let (tx, rx) = flavour.open();
    let (to, from) = flavour.open();
    let mut network = Network::new();
    network.add("relay", receiving, move |me| async move {
        for _ in 0..10 {
            // Plain, and in a choice.
            me.send(&tx, me.recv(&from).await?).await?;
            choose! { me, aqueduct::Alt::pri();
                sent = tx.send(me.recv(&from).await?) => sent?,
            }
        }
        Ok(())
    });
    network.add("source", sending, move |me| async move {
        for n in 0..10 {
            me.send(&to, n).await?;
            assert_eq!(me.recv(&rx).await, Ok(n));
            me.send(&to, 100).await?;
            assert_eq!(me.recv(&rx).await, Ok(100));
        }
        Ok(())
    });
    network.run();
}
row!(recv_in_send over all);
