//! One choice: ready before, while and after it begins to wait; ends that travel; choices inside choices.

use std::cell::RefCell;
use std::time::Duration;

use aqueduct::{Alt, Ended, Outcome, Receiver, Sender, after, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, choose, modes, row};

/// Long enough for a partner to begin to wait. Only what a row reaches depends on it, not what it says.
const A_WHILE: Duration = Duration::from_millis(1);
/// Never reached unless a wake-up is lost.
const LOST: Duration = Duration::from_secs(30);

/// Both are ready: each is taken once.
fn both_ready(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for mut choice in modes() {
            let (in_tx, input) = flavour.open();
            let (out, out_rx) = aqueduct::buffered(1);
            me.send(&in_tx, 7).await?;
            let (mut to_send, mut received) = (Some(8), None);
            for _ in 0..2 {
                choose! { me, choice;
                    n = input.recv(), if received.is_none() => received = Some(n?),
                    sent = out.send_from(&mut to_send) => sent?,
                    default => panic!("both were ready"),
                }
            }
            assert_eq!((received, to_send), (Some(7), None));
            assert_eq!(me.recv(&out_rx).await, Ok(8));
        }
        Ok(())
    });
    network.run();
}
row!(both_ready over queued);

/// Choices with `default`, over and over, until the partner's choices with `default` have met them.
fn loop_try(flavour: Flavour, sending: Place, receiving: Place) {
    for _ in 0..rounds(5) {
        let (tx, rx) = flavour.open();
        let (end, ended) = channel::<()>();
        let mut network = Network::new();
        // A partner that waits: two that only try never meet over a rendezvous.
        network.add("waits", sending, move |me| async move {
            let mut choice = Alt::unseeded();
            choose! { me, choice; sent = tx.send(1) => sent?, _ = after(LOST) => panic!("a lost wake-up") }
            assert_eq!(me.next(&ended).await?, None);
            Ok(())
        });
        network.add("tries", receiving, move |me| async move {
            let mut choice = Alt::unseeded();
            loop {
                let value = choose! { me, choice; value = rx.recv() => Some(value), default => None };
                match value {
                    Some(value) => break assert_eq!(value, Ok(1)),
                    None => me.rest().await,
                }
            }
            drop(end);
            Ok(())
        });
        network.run();

        let (tx, rx) = flavour.open();
        let mut network = Network::new();
        network.add("tries", sending, move |me| async move {
            let mut choice = Alt::unseeded();
            loop {
                let sent = choose! { me, choice; sent = tx.send(2) => Some(sent), default => None };
                match sent {
                    Some(sent) => break sent?,
                    None => me.rest().await,
                }
            }
            Ok(())
        });
        network.add("waits", receiving, move |me| async move {
            let mut choice = Alt::unseeded();
            choose! { me, choice;
                value = rx.recv() => assert_eq!(value, Ok(2)),
                _ = after(LOST) => panic!("a lost wake-up"),
            }
            Ok(())
        });
        network.run();
    }
}
row!(loop_try over all);

/// A choice that waits is woken by a receive, by a send, and by an end of the partner.
fn unblocks(flavour: Flavour, first: Place, second: Place) {
    let (tx, rx) = flavour.open();
    let (back_tx, back) = flavour.open();
    let (silent_tx, silent) = flavour.open::<usize>();
    let room = flavour.room(64);
    let mut network = Network::new();
    network.add("chooser", first, move |me| async move {
        let mut choice = Alt::unseeded();
        choose! { me, choice;
            value = rx.recv() => assert_eq!(value, Ok(1)),
            _ = silent.recv() => panic!("it is silent"),
            _ = after(LOST) => panic!("a lost wake-up"),
        }
        if flavour.send_can_wait() {
            for n in 0..=room {
                choose! { me, choice;
                    sent = back_tx.send(n) => sent?,
                    _ = silent.recv() => panic!("it is silent"),
                    _ = after(LOST) => panic!("a lost wake-up"),
                }
            }
        }
        choose! { me, choice;
            value = rx.recv() => assert_eq!(value, Err(Ended::Retired)),
            _ = silent.recv() => panic!("it is silent"),
            _ = after(LOST) => panic!("a lost wake-up"),
        }
        Ok(())
    });
    network.add("partner", second, move |me| async move {
        me.pause(A_WHILE).await;
        me.send(&tx, 1).await?;
        if flavour.send_can_wait() {
            me.pause(A_WHILE).await;
            for n in 0..=room {
                assert_eq!(me.recv(&back).await, Ok(n));
            }
        }
        me.pause(A_WHILE).await;
        drop(tx);
        Ok(())
    });
    network.run();
    drop(silent_tx);
}
row!(unblocks over all);

/// Sent, or ended, before the choice, just as it begins to wait, or after: nothing is missed.
fn preflight(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (give, take) = channel::<(Sender<usize>, Receiver<usize>)>();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        while let Some((tx, _rx)) = me.next(&take).await? {
            for _ in 0..tx.len() {
                me.rest().await;
            }
            me.send(&tx, 5).await?;
        }
        Ok(())
    });
    network.add("chooser", receiving, move |me| async move {
        for n in 0..count {
            let (tx, rx) = flavour.open();
            let (_silent_tx, silent) = channel::<()>();
            me.send(&give, (tx, rx.clone())).await?;
            for _ in 0..n % 4 {
                me.rest().await;
            }
            for mut choice in modes().into_iter().skip(n % 4).take(1) {
                for expected in [Ok(5), Err(Ended::Retired)] {
                    choose! { me, choice;
                        value = rx.recv() => assert_eq!(value, expected),
                        _ = silent.recv() => panic!("it is silent"),
                        _ = after(LOST) => panic!("a lost wake-up"),
                    }
                }
            }
        }
        Ok(())
    });
    network.run();
}
row!(preflight over all);

/// Ends may be cloned and dropped while others choose over them.
fn cloning(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(30);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            let clone = tx.clone();
            me.send_with_room(&clone, n).await?;
            drop(clone);
        }
        Ok(0)
    });
    network.add("chooser", receiving, move |me| async move {
        let mut seen = 0;
        loop {
            let clone = rx.clone();
            let (_silent_tx, silent) = flavour.open::<()>();
            let again = silent.clone();
            let value = choose! { me, Alt::unseeded();
                value = clone.recv() => value,
                value = rx.recv() => value,
                _ = silent.recv() => panic!("it is silent"),
                _ = again.recv() => panic!("it is silent"),
            };
            match value {
                Ok(n) => assert_eq!(n, seen),
                Err(ended) => {
                    assert_eq!(ended, Ended::Retired);
                    break;
                }
            }
            seen += 1;
        }
        Ok(seen)
    });
    assert_eq!(network.run()[1], count);
}
row!(cloning over all);

/// A message that is a receiver of messages.
struct Next(Receiver<Self>);

/// Ends travel over the channels that they belong to: each message is the channel on which the next one comes.
fn channel_through_channel(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(50);
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("sender", sending, move |me| async move {
        let mut tx = tx;
        for _ in 0..count {
            let (next_tx, next) = flavour.open();
            choose! { me, Alt::unseeded();
                sent = tx.send(Next(next)) => sent?,
                _ = after(LOST) => panic!("a lost wake-up"),
            }
            tx = next_tx;
        }
        Ok(0)
    });
    network.add("receiver", receiving, move |me| async move {
        let mut rx: Receiver<Next> = rx;
        let mut length = 0;
        loop {
            let next = choose! { me, Alt::unseeded();
                Ok(next) = rx.recv() => next.0,
                complete => break,
            };
            rx = next;
            length += 1;
        }
        Ok(length)
    });
    assert_eq!(network.run()[1], count);
}
row!(channel_through_channel over all);

/// A choice in an arm of a choice, three deep, over the same ends.
fn nesting(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open();
        let sum = choose! { me, Alt::unseeded();
            sent = tx.send(1) => {
                sent?;
                choose! { me, Alt::unseeded();
                    value = rx.recv() => {
                        let first = value?;
                        choose! { me, Alt::unseeded();
                            sent = tx.send(10) => {
                                sent?;
                                choose! { me, Alt::unseeded(); value = rx.recv() => first + value? }
                            }
                        }
                    }
                }
            }
        };
        assert_eq!(sum, 11);
        Ok(())
    });
    network.run();
}
row!(nesting over queued);

/// An end that is ready because it has ended keeps `default` and a limit from being taken.
fn default_when_disconnected(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        let (tx, rx) = flavour.open::<u8>();
        drop(tx);
        let (out, out_rx) = flavour.open::<u8>();
        drop(out_rx);
        for mut choice in modes() {
            choose! { me, choice;
                value = rx.recv() => assert_eq!(value, Err(Ended::Retired)),
                default => panic!("it has ended"),
            }
            choose! { me, choice;
                sent = out.send(1) => assert!(sent.is_err()),
                default => panic!("it has ended"),
            }
            choose! { me, choice;
                value = rx.recv() => assert_eq!(value, Err(Ended::Retired)),
                _ = after(LOST) => panic!("it has ended"),
            }
            // Where only values count, an ended guard is out of the choice.
            let complete = choose! { me, choice; Ok(_) = rx.recv() => false, complete => true };
            assert!(complete);
        }
        Ok(())
    });
    network.run();
}
row!(default_when_disconnected over all);

/// Every process puts a value into one of two channels and takes one: there is always one for it.
fn linearizable_default(flavour: Flavour, sending: Place, receiving: Place) {
    linearizable(flavour, sending, receiving, |me, a, b| async move {
        choose! { me, Alt::unseeded(); n = a.recv() => Ok(n?), n = b.recv() => Ok(n?), default => panic!("missed") }
    });
}
row!(linearizable_default over buffered_1, buffered_3, buffered_64, unbounded);

/// The same with a limit that has already passed.
fn linearizable_timeout(flavour: Flavour, sending: Place, receiving: Place) {
    linearizable(flavour, sending, receiving, |me, a, b| async move {
        choose! { me, Alt::pri();
            n = a.recv() => Ok(n?),
            n = b.recv() => Ok(n?),
            _ = after(Duration::ZERO) => panic!("missed"),
        }
    });
}
row!(linearizable_timeout over buffered_1, buffered_3, buffered_64, unbounded);

fn linearizable<F>(
    flavour: Flavour,
    first: Place,
    second: Place,
    take: impl Fn(Party, Receiver<usize>, Receiver<usize>) -> F + Copy + Send + 'static,
) where
    F: Future<Output = Outcome<usize>> + Send + 'static,
{
    let count = rounds(30);
    let (a_tx, a) = flavour.open();
    let (b_tx, b) = flavour.open();
    let mut network = Network::new();
    for number in 0..4 {
        let (tx, a, b) = (if number % 2 == 0 { &a_tx } else { &b_tx }.clone(), a.clone(), b.clone());
        network.add("both", if number < 2 { first } else { second }, move |me| async move {
            let mut sum = 0;
            for n in 0..count {
                me.send(&tx, n).await?;
                sum += take(me, a.clone(), b.clone()).await?;
            }
            Ok(sum)
        });
    }
    assert_eq!(network.run().into_iter().sum::<usize>(), 4 * (0..count).sum::<usize>());
}

/// A choice that was given up leaves its channels as they were: whoever comes next is served.
fn uncompleted(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(5);
    let (tx, rx) = flavour.open();
    let (go, wait) = channel();
    let mut network = Network::new();
    network.add("chooser", receiving, move |me| async move {
        let (full, _full_rx) = channel();
        for n in 0..count {
            for mut choice in modes() {
                choose! { me, choice;
                    value = rx.recv() => panic!("{value:?} before it was sent"),
                    _ = full.send(9) => panic!("nobody receives"),
                    _ = after(A_WHILE / 4) => {}
                }
            }
            me.send(&go, ()).await?;
            assert_eq!(me.recv(&rx).await, Ok(n));
        }
        Ok(())
    });
    network.add("sender", sending, move |me| async move {
        for n in 0..count {
            me.recv(&wait).await?;
            me.send(&tx, n).await?;
        }
        Ok(())
    });
    network.run();
}
row!(uncompleted over all);

/// A thread-local value may use channels, and choose, while its thread goes away.
fn thread_locals(flavour: Flavour) {
    struct Farewell {
        to: Sender<usize>,
        from: Receiver<usize>,
    }

    impl Drop for Farewell {
        fn drop(&mut self) {
            // After the library's own thread-locals, or before them.
            let (_silent_tx, silent) = channel::<usize>();
            aqueduct::alt_blocking! {
                value = silent.recv() => panic!("{value:?} from a silent channel"),
                _ = after(Duration::from_micros(10)) => {}
            }
            self.to.send_blocking(1).unwrap();
            aqueduct::alt_blocking! {
                value = self.from.recv() => assert_eq!(value, Ok(2)),
                value = silent.recv() => panic!("{value:?} from a silent channel"),
            }
            self.to.send_blocking(3).unwrap();
        }
    }

    thread_local! {
        static FAREWELL: RefCell<Option<Farewell>> = const { RefCell::new(None) };
    }

    for used_before in [false, true] {
        let (to, rx) = flavour.open();
        let (tx, from) = flavour.open();
        let thread = std::thread::spawn(move || {
            let warm_up = || {
                let (tx, rx) = aqueduct::buffered(1);
                tx.send_blocking(1).unwrap();
                aqueduct::alt_blocking! { value = rx.recv() => assert_eq!(value, Ok(1)) }
            };
            if used_before {
                warm_up();
            }
            FAREWELL.with(|slot| *slot.borrow_mut() = Some(Farewell { to, from }));
            if !used_before {
                warm_up();
            }
        });
        assert_eq!(rx.recv_blocking(), Ok(1));
        tx.send_blocking(2).unwrap();
        assert_eq!(rx.recv_blocking(), Ok(3));
        thread.join().unwrap();
    }
}
row!(thread_locals over all);
