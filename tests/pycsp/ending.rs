//! D1, D3, D4, D10: who leaves a channel has left it, whichever way it leaves.

use aqueduct::prelude::*;
use aqueduct::{TryRecvError, WaitError};

use super::{On, PAIRS, on_runtime, sink, source};

/// D1. PyCSP: an end that was retired still sends and receives while its siblings are open, though the reference says
/// that it raises. (The instance's `__call__` is replaced, which Python 3 ignores.)
///
/// Here: `retire` takes the end, so the compiler refuses its use: "used after it was moved", in `tests/ui/fail`. What
/// is left to run: it counts once, its siblings go on, and nothing brings the channel back.
#[test]
fn d01_a_retired_end_has_left_and_its_siblings_go_on() {
    let (tx, rx) = aqueduct::buffered(2);
    let (sibling, weak) = (tx.clone(), tx.downgrade());
    tx.try_send(1).unwrap();
    tx.retire();
    sibling.try_send(2).unwrap();
    assert_eq!((rx.try_recv(), rx.try_recv(), rx.try_recv()), (Ok(1), Ok(2), Err(TryRecvError::Empty)));
    sibling.retire();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Retired)));
    assert!(weak.upgrade().is_none(), "a retired side does not come back");

    let (tx, rx) = aqueduct::channel::<u32>();
    let sibling = rx.clone();
    rx.retire();
    let receiving = std::thread::spawn(move || sibling.recv_blocking());
    tx.send_blocking(3).unwrap();
    assert_eq!(receiving.join().unwrap(), Ok(3));
    assert!(tx.is_ended());
}

/// D1, with processes: of two sources one retires at once. In PyCSP it could go on sending.
#[test]
fn d01_a_source_that_retires_does_not_end_the_other() {
    for (first, second) in PAIRS {
        let values = on_runtime(move || {
            let (tx, rx) = aqueduct::channel();
            let retires = |tx: Sender<u32>| {
                tx.retire();
                Ok(())
            };
            let early = source(first, tx.clone(), vec![], retires);
            early.join_blocking().unwrap();
            let late = source(second, tx, vec![1, 2, 3], retires);
            let values = sink(first, rx).join_blocking().unwrap();
            late.join_blocking().unwrap();
            values
        });
        assert_eq!(values, [1, 2, 3], "{first:?}, {second:?}");
    }
}

/// D3. PyCSP: a process that returns without retiring its ends leaves its peers waiting for ever.
///
/// Here: an end that is dropped retires.
#[test]
fn d03_who_returns_has_retired() {
    for (from, to) in PAIRS {
        let values = on_runtime(move || {
            let (tx, rx) = aqueduct::channel();
            let source = source(from, tx, vec![1, 2], |_end| Ok(()));
            let values = sink(to, rx).join_blocking();
            source.join_blocking().unwrap();
            values.unwrap()
        });
        assert_eq!(values, [1, 2], "{from:?}, {to:?}");
    }
}

/// D3. PyCSP: a process that raises leaves its peers waiting for ever, and `Parallel` hangs after a child has raised
/// `ValueError`.
///
/// Here: the ends of a process that fails poison, its peers end with that cause, and so does whoever waits for them.
#[test]
fn d03_who_fails_has_poisoned_and_nobody_hangs() {
    for (from, to) in PAIRS {
        for panics in [false, true] {
            let (source, sink) = on_runtime(move || {
                let (tx, rx) = aqueduct::channel();
                let source = source(from, tx, vec![1, 2], move |_end| {
                    assert!(!panics, "value error");
                    Err(std::io::Error::other("value error").into())
                });
                let sink = sink(to, rx).join_blocking();
                (source.join_blocking(), sink)
            });
            let (source, sink) = (source.unwrap_err(), sink.unwrap_err());
            assert!(sink.to_string().contains("value error"), "{sink}");
            assert!(sink.to_string().contains("source#"), "it says where: {sink}");
            assert_eq!(source.cause().is_panic(), panics, "{source}");
        }
    }
}

/// D3, as PyCSP's witness: `Parallel(producer, consumer)` where the producer raises.
#[test]
fn d03_par_returns_after_a_child_has_failed() {
    on_runtime(|| {
        let (tx, rx) = aqueduct::channel::<u32>();
        let failed = aqueduct::run(async move {
            par!(
                aqueduct::task("producer", async move {
                    tx.send(1).await?;
                    let number: u32 = "no number".parse()?;
                    tx.send(number).await?;
                    Ok(())
                }),
                aqueduct::thread("consumer", move || {
                    while rx.next_blocking()?.is_some() {}
                    Ok(())
                }),
            )
            .await
        });
        let error = failed.unwrap_err().to_string();
        assert!(error.contains("producer#") && error.contains("invalid digit"), "{error}");
    });
}

/// D4. PyCSP: after an end has been sent to another process, using it is a bare `AttributeError` if it was pickled;
/// sent within one interpreter, both sides can use it, and it counts once.
///
/// Here: it moves, and the compiler refuses its use at the sender: "used after it was moved", in `tests/ui/fail`. What
/// is left to run: it is the receiver's alone, so the channel ends when the receiver drops it, although the process
/// that sent it is still there.
#[test]
fn d04_an_end_that_was_sent_is_its_receivers_alone() {
    for (from, to) in PAIRS {
        on_runtime(move || {
            let (tx, rx) = aqueduct::channel::<u32>();
            let (carry, carried) = aqueduct::channel::<Sender<u32>>();
            let (stay, leave) = aqueduct::channel::<()>();
            let giver = match from {
                On::Task => aqueduct::task("giver", async move {
                    carry.send(tx).await?;
                    leave.next().await?;
                    Ok(())
                })
                .spawn(),
                On::Thread => aqueduct::thread("giver", move || {
                    carry.send_blocking(tx)?;
                    leave.next_blocking()?;
                    Ok(())
                })
                .spawn(),
            };
            let taker = match to {
                On::Task => aqueduct::task("taker", async move {
                    let tx = carried.recv().await?;
                    tx.send(1).await?;
                    Ok(())
                })
                .spawn(),
                On::Thread => aqueduct::thread("taker", move || {
                    carried.recv_blocking()?.send_blocking(1)?;
                    Ok(())
                })
                .spawn(),
            };
            assert_eq!(rx.recv_blocking(), Ok(1));
            assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));
            taker.join_blocking().unwrap();
            assert!(!giver.is_finished(), "who gave the end away is still there");
            drop(stay);
            giver.join_blocking().unwrap();
        });
    }
}

/// D10. PyCSP, until 0.9.2: an end that travels keeps its channel alive for ever, and `shutdown` hangs.
///
/// Here: it goes with whoever drops it: its receiver, the channel in which it lies, or the send that is cancelled.
#[test]
fn d10_an_end_on_its_way_goes_with_whatever_holds_it() {
    type Fate = fn(Sender<Sender<u32>>, Receiver<Sender<u32>>, Sender<u32>);
    let ends: [Fate; 5] = [
        // It is received, and dropped.
        |carry, carried, end| {
            carry.try_send(end).unwrap();
            drop(carried.try_recv().unwrap());
        },
        // Nobody receives it.
        |carry, carried, end| {
            carry.try_send(end).unwrap();
            drop(carried);
        },
        // A poison overtakes it.
        |carry, carried, end| {
            carry.try_send(end).unwrap();
            carried.poison("enough");
        },
        // It is refused, and comes back in the error.
        |carry, carried, end| {
            drop(carried);
            drop(carry.try_send(end).unwrap_err().into_inner());
        },
        // Its time is up before there is room; so the other end goes with its channel.
        |carry, carried, end| {
            carry.try_send(end.clone()).unwrap();
            assert!(carry.send_timeout_blocking(end, std::time::Duration::ZERO).unwrap_err().is_timeout());
            drop((carry, carried));
        },
    ];
    for (index, end) in ends.into_iter().enumerate() {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (carry, carried) = aqueduct::buffered(1);
        end(carry, carried, tx);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Retired)), "{index}");
    }
}

/// D10, with processes: an end goes through a chain of relays that end, and nothing waits for it afterwards.
#[test]
fn d10_a_network_through_which_ends_have_travelled_shuts_down() {
    for (from, to) in PAIRS {
        let values = on_runtime(move || {
            let (tx, rx) = aqueduct::channel::<u32>();
            let ends = vec![tx.clone(), tx.clone(), tx];
            let (carry, carried) = aqueduct::channel();
            let (onward, arrived) = aqueduct::channel();
            let first = source(from, carry, ends, |_end| Ok(()));
            let relay = aqueduct::task("relay", async move {
                while let Some(end) = carried.next().await? {
                    onward.send(end).await?;
                }
                Ok(())
            })
            .spawn();
            let last = match to {
                On::Task => aqueduct::task("last", async move {
                    while let Some(end) = arrived.next().await? {
                        end.send(7).await?;
                    }
                    Ok(())
                })
                .spawn(),
                On::Thread => aqueduct::thread("last", move || {
                    while let Some(end) = arrived.next_blocking()? {
                        end.send_blocking(7)?;
                    }
                    Ok(())
                })
                .spawn(),
            };
            let values: Vec<_> = rx.iter().map(Result::unwrap).collect();
            for process in [first, relay, last] {
                process.join_blocking().unwrap();
            }
            values
        });
        assert_eq!(values, [7, 7, 7]);
    }
}
