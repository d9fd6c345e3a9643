//! Rows from Guile Fibers.

use std::pin::Pin;
use std::time::Duration;

use aqueduct::{Alt, Outcome, after, calls};

use crate::common::rounds;
use crate::harness::{Flavour, Growth, Network, Party, Place, assert_flat, choose, row};

/// A timer that loses, again and again, is cancelled: nothing of it stays, though it is not due for an hour.
fn cancel_timer(flavour: Flavour, place: Place) {
    let count = rounds(200);
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open();
        // Over a rendezvous the value comes from another.
        let sender = (flavour == Flavour::Rendezvous).then(|| {
            let tx = tx.clone();
            me.spawn("sender", move |me| async move {
                while me.send(&tx, ()).await.is_ok() {}
                Ok(())
            })
        });
        let mut choice = Alt::fair();
        let mut growth = Growth::default();
        for n in 0..Growth::INTERVALS * count {
            if n % count == 0 {
                growth.look();
            }
            if sender.is_none() {
                me.send(&tx, ()).await?;
            }
            choose! { me, choice;
                value = rx.recv() => value?,
                _ = after(Duration::from_secs(3600)) => panic!("an hour has passed"),
            }
        }
        growth.look();
        drop((tx, rx));
        if let Some(sender) = sender {
            me.join(sender).await?;
        }
        Ok(growth.least())
    });
    assert_flat(network.run()[0], count);
}
row!(cancel_timer over all, alone);

/// The number of leaves of the tree of calls, each call a process that starts the two below it and hears from them.
fn fib(me: Party, flavour: Flavour, n: usize) -> Pin<Box<dyn Future<Output = Outcome<usize>> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return Ok(1);
        }
        let mut answers = Vec::new();
        for below in [n - 1, n - 2] {
            let (answer, rx) = flavour.open();
            let process = me.spawn("fib", move |me| async move {
                let leaves = fib(me, flavour, below).await?;
                Ok(me.send(&answer, leaves).await?)
            });
            answers.push((rx, process));
        }
        let mut sum = 0;
        for (rx, process) in answers {
            sum += me.recv(&rx).await?;
            me.join(process).await?;
        }
        Ok(sum)
    })
}

/// A deep tree of processes: the 24th number is 75025.
fn rpc_fib(flavour: Flavour, place: Place) {
    const NUMBERS: [(usize, usize); 3] = [(6, 13), (11, 144), (24, 75025)];
    let size = match place {
        // As many threads as calls.
        Place::Thread => 0,
        _ if rounds(1) < 500 => 1,
        _ => 2,
    };
    let (n, expected) = NUMBERS[size];
    let mut network = Network::new();
    network.add("root", place, move |me| fib(me, flavour, n));
    assert_eq!(network.run(), [expected]);
}
row!(rpc_fib over all);

/// The same by call and reply: a server that, to answer, calls a server of its own.
fn rpc_chain(place: Place) {
    fn serve(me: Party, depth: usize) -> aqueduct::Caller<usize, usize> {
        let (caller, requests) = calls::<usize, usize>();
        drop(me.spawn("server", move |me| async move {
            let below = (depth > 0).then(|| serve(me, depth - 1));
            while let Some(call) = me.next(&requests).await? {
                let (n, reply) = call.into_parts();
                let sum = match &below {
                    Some(below) => n + me.call(below, n).await?,
                    None => n,
                };
                assert!(reply.send(sum).is_ok(), "the caller waits");
            }
            Ok(())
        }));
        caller
    }

    let mut network = Network::new();
    network.add("client", place, move |me| async move {
        let server = serve(me, 20);
        for n in 0..rounds(5) {
            assert_eq!(me.call(&server, n).await?, 21 * n);
        }
        Ok(())
    });
    network.run();
}
row!(rpc_chain in every place);

/// Between any two places values go there and back, whichever of the two waits: a thread is as good a partner as a task.
fn foreign(flavour: Flavour, first: Place, second: Place) {
    let count = rounds(10);
    let (there, from_first) = flavour.open();
    let (back, from_second) = flavour.open();
    let mut network = Network::new();
    network.add("first", first, move |me| async move {
        for n in 0..count {
            if n % 3 == 0 {
                me.pause(Duration::from_micros(30)).await;
            }
            me.send(&there, n).await?;
            assert_eq!(me.recv(&from_second).await, Ok(n + 1));
        }
        Ok(())
    });
    network.add("second", second, move |me| async move {
        let mut choice = Alt::unseeded();
        while let Some(n) = me.next(&from_first).await? {
            if n % 4 == 0 {
                me.pause(Duration::from_micros(30)).await;
            }
            choose! { me, choice; sent = back.send(n + 1) => sent? }
        }
        Ok(())
    });
    network.run();
}
row!(foreign over all);
