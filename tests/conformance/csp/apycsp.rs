//! Rows from aPyCSP: `tests/test_channels.py`, `tests/test_alt*.py`, and the rule that `verify()` asserts.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aqueduct::{Receiver, Sender};

use super::topology::{Pace, Topology};
use crate::common::rounds;
use crate::harness::{Check, Ending, Flavour, Network, Place, Random, Style, row};

/// One writer and five readers, five and one, five and five; and three and three that rest between.
fn crowds(flavour: Flavour, writing: Place, reading: Place) {
    let paces =
        [(Pace::Quick, Pace::Quick), (Pace::Quick, Pace::Quick), (Pace::Quick, Pace::Quick), (Pace::Slow, Pace::Slow)];
    for ((writers, readers), paces) in [(1, 5), (5, 1), (5, 5), (3, 3)].into_iter().zip(paces) {
        Topology::new(writers, readers, 5).run(flavour, Style::Anew, (writing, reading), paces);
    }
}
row!(crowds over all);

/// A writer waits, and its reader poisons: it is told, and has its value; nobody else gets it.
fn poison_reader(flavour: Flavour, writing: Place, reading: Place) {
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("writer", writing, move |me| async move {
        // As many as have room, and one more, which waits where a send can wait.
        let mut n = 0;
        let refused = loop {
            match me.send(&tx, n).await {
                Ok(()) => n += 1,
                Err(refused) => break refused,
            }
            me.rest().await;
        };
        let (value, reason) = refused.into_parts();
        assert!(value == n && reason.is_poisoned(), "{value} of {n}: {reason}");
        assert!(me.send(&tx, n).await.is_err(), "again");
        Ok(())
    });
    network.add("reader", reading, move |me| async move {
        assert!(me.recv(&rx).await.is_ok());
        me.pause(std::time::Duration::from_micros(200)).await;
        rx.poison("the reader has had enough");
        assert!(me.recv(&rx).await.is_err());
        Ok(())
    });
    network.run();
}
row!(poison_reader over all);

/// Readers wait, and the writer poisons: each is told; a loop over the channel ends with the poison, not as if complete.
fn poison_writer(flavour: Flavour, writing: Place, reading: Place) {
    let (tx, rx) = flavour.open::<usize>();
    let mut network = Network::new();
    for _ in 0..3 {
        let rx = rx.clone();
        network.add("reader", reading, move |me| async move {
            let error = me.recv(&rx).await.expect_err("nothing was sent");
            assert!(error.is_poisoned());
            let error = me.next(&rx).await.expect_err("it is not complete");
            assert!(error.cause().expect("a poison has a cause").to_string().contains("the writer"), "{error}");
            Ok(())
        });
    }
    network.add("writer", writing, move |me| async move {
        me.pause(std::time::Duration::from_micros(200)).await;
        tx.poison("the writer has had enough");
        let refused = me.send(&tx, 1).await.expect_err("it has ended");
        assert_eq!(refused.into_inner(), 1);
        Ok(())
    });
    network.run();
}
row!(poison_writer over all);

/// A reader that reads until the poison has what was received before it, in order, and nothing after it.
fn read_until_poisoned(flavour: Flavour, writing: Place, reading: Place) {
    let count = rounds(10);
    let (tx, rx, lost) = flavour.open_watched();
    let mut network = Network::new();
    network.add("writer", writing, move |me| async move {
        for n in 0..count {
            me.send(&tx, n).await?;
        }
        tx.poison("done");
        Ok(Vec::new())
    });
    network.add("reader", reading, move |me| async move {
        Check::between(0, count).in_order().ending(Ending::Poisoned).run(me, &rx).await
    });
    let mut arrived = network.run().concat();
    assert!(flavour != Flavour::Rendezvous || arrived.len() == count, "what is given over a rendezvous has arrived");
    arrived.extend(lost.lock().unwrap().iter());
    Check::exactly(count).each_once_of(0..count).verify(&arrived);
}
row!(read_until_poisoned over all);

type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls each that waits, and keeps those that still do.
fn settle<T>(waiting: &mut Vec<Waiting<'_, T>>, mut done: impl FnMut(T)) {
    waiting.retain_mut(|future| match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => {
            done(output);
            false
        }
        Poll::Pending => true,
    });
}

/// After each step only one direction waits; who waits to receive finds the channel empty, and who waits to send finds
/// it full.
fn verify(flavour: Flavour) {
    for seed in 0..rounds(50) {
        let mut random = Random::new(seed);
        let (tx, rx): (Sender<usize>, Receiver<usize>) = flavour.open();
        let (mut sends, mut receives): (Vec<Waiting<'_, _>>, Vec<Waiting<'_, _>>) = (Vec::new(), Vec::new());
        for n in 0..60 {
            match random.below(6) {
                0 | 1 => sends.push(Box::pin(tx.send(n))),
                2 | 3 => receives.push(Box::pin(rx.recv())),
                4 if !sends.is_empty() => drop(sends.swap_remove(random.below(sends.len()))),
                5 if !receives.is_empty() => drop(receives.swap_remove(random.below(receives.len()))),
                _ => {}
            }
            // Twice: the first round may have served those who were polled before.
            for _ in 0..2 {
                settle(&mut sends, |sent| assert!(sent.is_ok()));
                settle(&mut receives, |value| assert!(value.is_ok()));
            }
            assert!(sends.is_empty() || receives.is_empty(), "both directions wait, at step {n} of {seed}");
            assert!(receives.is_empty() || rx.is_empty(), "a receiver waits beside a value, at step {n} of {seed}");
            let full = Some(tx.len()) >= tx.capacity() && tx.is_full();
            assert!(sends.is_empty() || full, "a sender waits beside room, at step {n} of {seed}");
        }
    }
}
row!(verify over all);
