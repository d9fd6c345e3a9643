//! Channels alone: order, capacity, ends, payloads, crowds.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use aqueduct::{Ended, Outcome, Receiver, Sender};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, row};

/// Order is kept through channels and through the links between them.
fn fifo(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100);
    let mut network = Network::new();
    let (tx, mut rx) = flavour.open();
    network.add("source", sending, move |me| async move {
        for n in 0..count {
            me.send_with_room(&tx, n).await?;
        }
        Ok(0)
    });
    for number in 0..3 {
        let (onward, next) = flavour.open();
        let input = std::mem::replace(&mut rx, next);
        let place = if number % 2 == 0 { receiving } else { sending };
        network.add("link", place, move |me| async move {
            while let Some(n) = me.next(&input).await? {
                me.send_with_room(&onward, n).await?;
            }
            Ok(0)
        });
    }
    network.add("sink", receiving, move |me| async move {
        let mut expected = 0;
        while let Some(n) = me.next(&rx).await? {
            assert_eq!(n, expected, "out of order");
            expected += 1;
        }
        Ok(expected)
    });
    assert_eq!(network.run().pop(), Some(count));
}
row!(fifo over all);

/// One value goes through a chain of many processes, each of which adds one.
fn goroutines(flavour: Flavour, first: Place, second: Place) {
    let length = match (first, second) {
        // Threads of the operating system: fewer.
        (Place::Thread, _) | (_, Place::Thread) => rounds(40).min(2_000),
        _ if first == second => 10_000,
        _ => rounds(200),
    };
    let mut network = Network::new();
    let (tx, mut rx) = flavour.open();
    for number in 0..length {
        let (onward, next) = flavour.open();
        let input = std::mem::replace(&mut rx, next);
        let place = if number % 2 == 0 { first } else { second };
        network.add("link", place, move |me| async move {
            let n: usize = me.recv(&input).await?;
            me.send(&onward, n + 1).await?;
            Ok(0)
        });
    }
    network.add("ends", first, move |me| async move {
        me.send(&tx, 0).await?;
        Ok(me.recv(&rx).await?)
    });
    assert_eq!(network.run().pop(), Some(length));
}
row!(goroutines over all);

/// The forms that do not wait, alone and with a partner that waits, for payloads of many sizes.
fn nonblock(flavour: Flavour, trying: Place, waiting: Place) {
    fn payload<T: Clone + Debug + PartialEq + Send + 'static>(
        flavour: Flavour,
        trying: Place,
        waiting: Place,
        make: impl Fn(usize) -> T + Copy + Send + 'static,
    ) {
        let room = flavour.room(100);
        let (tx, rx) = flavour.open();
        let (back_tx, back) = flavour.open();
        let (go, wait) = aqueduct::channel();
        let mut network = Network::new();
        network.add("tries", trying, move |me| async move {
            // Alone.
            assert!(back.try_recv().is_err_and(|error| error.is_empty()));
            for n in 0..room {
                assert!(tx.try_send(make(n)).is_ok(), "there is room");
            }
            if flavour.send_can_wait() {
                let refused = tx.try_send(make(7)).expect_err("there is no room");
                assert!(refused.is_full());
                assert_eq!(refused.into_inner(), make(7), "the value comes back as it was");
            }
            // With a partner, who waits sooner or later.
            me.send(&go, ()).await?;
            for n in room..room + 5 {
                while flavour.loses() && tx.len() == room {
                    me.rest().await;
                }
                while tx.try_send(make(n)).is_err() {
                    me.rest().await;
                }
            }
            for n in 0..room + 5 {
                let value = loop {
                    match back.try_recv() {
                        Ok(value) => break value,
                        Err(error) => assert!(error.is_empty()),
                    }
                    me.rest().await;
                };
                assert_eq!(value, make(n));
            }
            Ok(())
        });
        network.add("waits", waiting, move |me| async move {
            me.recv(&wait).await?;
            let mut values = Vec::new();
            for _ in 0..room + 5 {
                values.push(me.recv(&rx).await?);
            }
            for value in values {
                me.send_with_room(&back_tx, value).await?;
            }
            Ok(())
        });
        network.run();
    }
    payload(flavour, trying, waiting, |_| ());
    payload(flavour, trying, waiting, |n| n as u64);
    payload(flavour, trying, waiting, |n| [n as u16; 501]);
    payload(flavour, trying, waiting, |n| n.to_string());
    payload(flavour, trying, waiting, |n| (n % 2 == 0).then(|| Box::new(n)));
}
row!(nonblock over all);

/// Payloads that take no memory are counted like all others.
fn zerosize(flavour: Flavour, sending: Place, receiving: Place) {
    fn payload<T: Send + 'static>(flavour: Flavour, sending: Place, receiving: Place, make: fn() -> T) {
        assert_eq!(size_of::<T>(), 0);
        let count = rounds(50);
        let (tx, rx) = flavour.open();
        let mut network = Network::new();
        network.add("sender", sending, move |me| async move {
            for _ in 0..count {
                me.send_with_room(&tx, make()).await?;
            }
            Ok(count)
        });
        network.add("receiver", receiving, move |me| async move {
            let mut seen = 0;
            while me.next(&rx).await?.is_some() {
                seen += 1;
            }
            Ok(seen)
        });
        assert_eq!(network.run(), [count, count]);
    }
    payload(flavour, sending, receiving, || ());
    payload(flavour, sending, receiving, || [0_u64; 0]);
    payload(flavour, sending, receiving, || std::marker::PhantomData::<String>);
}
row!(zerosize over all);

/// A receive waits on an empty channel and a send on a full one; `len` and `capacity` say what there is.
fn chan_blocks(flavour: Flavour, sending: Place, receiving: Place) {
    let short = Duration::from_millis(1);
    let room = flavour.room(200);
    let (tx, rx) = flavour.open();
    let (go, wait) = aqueduct::channel();
    let mut network = Network::new();
    network.add("receiver", receiving, move |me| async move {
        assert!(rx.try_recv().is_err_and(|error| error.is_empty()));
        assert!(me.recv_timeout(&rx, short).await.is_err_and(|error| error.is_timeout()));
        assert_eq!((rx.len(), rx.is_empty(), rx.capacity()), (0, true, flavour.capacity()));
        me.send(&go, ()).await?;
        // Full: until the sender says so nobody receives.
        me.send(&go, ()).await?;
        for n in 0..=room {
            assert_eq!(me.recv(&rx).await, Ok(n));
        }
        assert_eq!(me.next(&rx).await?, None);
        Ok(())
    });
    network.add("sender", sending, move |me| async move {
        me.recv(&wait).await?;
        for n in 0..room {
            me.send(&tx, n).await?;
            assert_eq!(tx.len(), n + 1);
        }
        assert_eq!(tx.is_full(), flavour.send_can_wait());
        if flavour.send_can_wait() {
            assert!(tx.try_send(99).is_err_and(|error| error.is_full()));
            let error = me.send_timeout(&tx, 99, short).await.expect_err("nobody receives");
            assert!(error.is_timeout());
            assert_eq!(error.into_inner(), 99);
        }
        me.recv(&wait).await?;
        me.send_with_room(&tx, room).await?;
        Ok(())
    });
    network.run();
}
row!(chan_blocks over all);

/// After the last sender has gone, what is left is received, and then everybody sees the end.
fn chan_drains(flavour: Flavour, sending: Place, receiving: Place) {
    let room = flavour.room(100);
    let (tx, rx) = flavour.open();
    let (go, wait) = aqueduct::channel::<()>();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..room {
            me.send(&tx, n).await?;
        }
        drop(tx);
        drop(go);
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        assert_eq!(me.next(&wait).await?, None);
        for n in 0..room {
            assert_eq!(rx.len(), room - n);
            assert!(!rx.is_ended(), "there is something left");
            assert_eq!(me.recv(&rx).await, Ok(n));
        }
        assert_eq!(rx.ended(), Some(Ended::Retired));
        for _ in 0..3 {
            assert_eq!(rx.try_recv(), Err(Ended::Retired.into()));
            assert_eq!(me.recv(&rx).await, Err(Ended::Retired.into()));
        }
        Ok(())
    });
    network.run();
}
row!(chan_drains over all);

/// The end of a channel wakes everybody who waits to receive.
fn chan_end_wakes_receivers(flavour: Flavour, sending: Place, receiving: Place) {
    let (tx, rx) = flavour.open::<u32>();
    let mut network = Network::new();
    for _ in 0..5 {
        let rx = rx.clone();
        network.add("receiver", receiving, move |me| async move {
            assert_eq!(me.recv(&rx).await, Err(Ended::Retired.into()));
            assert_eq!(me.next(&rx).await?, None);
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
row!(chan_end_wakes_receivers over all);

/// Many to many: each value arrives as often as it was sent, or the channel says that it has dropped it.
async fn crowd_sends(me: Party, tx: Sender<usize>, count: usize) -> Outcome<Vec<usize>> {
    for n in 0..count {
        me.send(&tx, n).await?;
    }
    Ok(Vec::new())
}

async fn crowd_receives(me: Party, rx: Receiver<usize>, count: usize) -> Outcome<Vec<usize>> {
    let mut seen = vec![0; count];
    while let Some(n) = me.next(&rx).await? {
        seen[n] += 1;
    }
    Ok(seen)
}

fn chan_many_to_many(flavour: Flavour, sending: Place, receiving: Place) {
    many_to_many(flavour, sending, receiving, rounds(50));
}
row!(chan_many_to_many over all);

fn many_to_many(flavour: Flavour, sending: Place, receiving: Place, count: usize) {
    const CROWD: usize = 4;
    let (tx, rx, lost) = flavour.open_watched();
    let mut network = Network::new();
    for _ in 0..CROWD {
        let (tx, rx) = (tx.clone(), rx.clone());
        network.add("sender", sending, move |me| crowd_sends(me, tx, count));
        network.add("receiver", receiving, move |me| crowd_receives(me, rx, count));
    }
    drop((tx, rx));
    let mut total = vec![0; count];
    for seen in network.run() {
        seen.into_iter().enumerate().for_each(|(n, times)| total[n] += times);
    }
    let lost = lost.lock().unwrap();
    assert!(flavour.loses() || lost.is_empty());
    lost.iter().for_each(|&n| total[n] += 1);
    assert!(total.iter().all(|&times| times == CROWD), "not each value {CROWD} times: {total:?}");
}

/// The same at every capacity from 0 to 199.
fn chan_at_every_capacity(place: Place) {
    for capacity in 0..200 {
        let flavour = Flavour::Buffered(capacity);
        chan_drains(flavour, place, place);
        many_to_many(flavour, place, place, rounds(2));
        let (tx, rx) = flavour.open();
        let mut network = Network::new();
        network.add("sender", place, move |me| async move {
            for n in 0..100 {
                me.send_with_room(&tx, n).await?;
            }
            Ok(())
        });
        network.add("receiver", place, move |me| async move {
            for n in 0..100 {
                assert_eq!(me.recv(&rx).await, Ok(n));
            }
            assert_eq!(me.next(&rx).await?, None);
            Ok(())
        });
        network.run();
    }
}
row!(chan_at_every_capacity in every place);

/// Workers that share an input and an output; the sums agree when the ends have gone from stage to stage.
fn multi_consumer(flavour: Flavour, outside: Place, working: Place) {
    const WORKERS: usize = 23;
    const FACTORS: [u64; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
    let count = rounds(271_828 / 500);
    let (tx, input, lost_before) = flavour.open_watched();
    let (out, rx, lost_after) = flavour.open_watched();
    let mut network = Network::new();
    for number in 0..WORKERS {
        let (input, out) = (input.clone(), out.clone());
        network.add("worker", working, move |me| async move {
            let mut done = 0;
            while let Some(n) = me.next(&input).await? {
                if FACTORS[number % FACTORS.len()] > n % 16 {
                    me.rest().await;
                }
                me.send(&out, n).await?;
                done += n;
            }
            Ok(done)
        });
    }
    drop((input, out));
    network.add("source", outside, move |me| async move {
        let mut sum = 0;
        for n in 0..count {
            let value = FACTORS[n % FACTORS.len()] + n as u64;
            me.send(&tx, value).await?;
            sum += value;
        }
        Ok(sum)
    });
    network.add("sink", outside, move |me| async move {
        let mut sum = 0;
        while let Some(n) = me.next(&rx).await? {
            sum += n;
        }
        Ok(sum)
    });
    let sums = network.run();
    let (workers, ends) = sums.split_at(WORKERS);
    let worked = workers.iter().sum::<u64>();
    assert_eq!(ends[0], worked + lost_before.lock().unwrap().iter().sum::<u64>());
    assert_eq!(worked, ends[1] + lost_after.lock().unwrap().iter().sum::<u64>());
}
row!(multi_consumer over all);

/// The value is written to, and read from, the place where its partner waits: it stays there while the partner's stack
/// is deep, and is whole.
fn slot_stays_in_place(flavour: Flavour, sending: Place, receiving: Place) {
    type Large = [usize; 600];
    type Deep<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

    fn send_deep(me: Party, tx: &Sender<Large>, value: usize, depth: usize) -> Deep<'_> {
        Box::pin(async move {
            let ballast = [depth; 20];
            match depth {
                0 => me.send_with_room(tx, [value; 600]).await?,
                _ => send_deep(me, tx, value, depth - 1).await?,
            }
            assert_eq!(ballast, [depth; 20]);
            Ok(())
        })
    }

    fn recv_deep(me: Party, rx: &Receiver<Large>, value: usize, depth: usize) -> Deep<'_> {
        Box::pin(async move {
            let ballast = [depth; 20];
            match depth {
                0 => assert_eq!(me.recv(rx).await?, [value; 600]),
                _ => recv_deep(me, rx, value, depth - 1).await?,
            }
            assert_eq!(ballast, [depth; 20]);
            Ok(())
        })
    }

    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..24 {
            send_deep(me, &tx, n, n % 12).await?;
        }
        Ok(())
    });
    network.add("receiver", receiving, move |me| async move {
        for n in 0..24 {
            recv_deep(me, &rx, n, (24 - n) % 7).await?;
        }
        Ok(())
    });
    network.run();
}
row!(slot_stays_in_place over all);
