//! D2: what poison does to values that were sent and not yet received.
//!
//! PyCSP's documentation says that after a writer's poison a reader drains the buffer and then sees the poison; in one
//! interpreter it sees the poison at once, and what was buffered is lost: its own doctest expects `[0, 1, 2, 3, 4]` and
//! gets `[]`. After a reader's poison, or a retire of the last reader, what is buffered is lost in silence, too.
//!
//! Here there are two endings, and they differ. *Retire* drains: everything that was sent is received. *Poison* is an
//! abort: it overtakes what is in the channel, from whichever side it comes; what it overtakes is counted and handed
//! to the hook, in sending order; and everybody learns the cause.

use std::sync::{Arc, Mutex};

use aqueduct::prelude::*;
use aqueduct::{Refused, TryRecvError, WaitError};

use super::common::rounds;
use super::{On, PAIRS, on_runtime, sink, source};

const SIZES: [usize; 7] = [0, 1, 2, 3, 4, 17, usize::MAX];

/// A channel, and what it could not deliver.
fn hooked(size: usize) -> (Sender<usize>, Receiver<usize>, Arc<Mutex<Vec<usize>>>) {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&lost);
    let (tx, rx) = Channel::buffered(size).on_undelivered(move |n| hook.lock().unwrap().push(n)).open();
    (tx, rx, lost)
}

#[test]
fn d02_in_one_thread_poison_overtakes_and_tells_what() {
    for size in SIZES {
        for by_sender in [true, false] {
            let (tx, rx, lost) = hooked(size);
            let sent = (0..size.min(20)).filter(|&n| tx.try_send(n).is_ok()).count();
            assert_eq!(sent, size.min(20));
            if by_sender {
                tx.poison("enough")
            } else {
                rx.poison("enough")
            }
            assert_eq!(*lost.lock().unwrap(), (0..sent).collect::<Vec<_>>());
            assert_eq!((tx.undelivered(), rx.undelivered()), (sent as u64, sent as u64));
            assert_eq!((rx.len(), tx.len()), (0, 0));
            let error = rx.try_recv().unwrap_err();
            assert!(matches!(error, TryRecvError::Ended(Ended::Poisoned(_))), "{error}");
            assert!(error.to_string().contains("enough"));
            let (value, reason) = tx.try_send(99).unwrap_err().into_parts();
            assert!(value == 99 && matches!(reason, Refused::Ended(Ended::Poisoned(_))));
            // What was never sent is not counted.
            assert_eq!(tx.undelivered(), sent as u64);
        }
    }
}

#[test]
fn d02_in_one_thread_retire_drains() {
    for size in SIZES {
        let (tx, rx, lost) = hooked(size);
        let sent = (0..size.min(20)).filter(|&n| tx.try_send(n).is_ok()).count();
        tx.retire();
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), (0..sent).collect::<Vec<_>>());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Retired)));
        assert!(lost.lock().unwrap().is_empty() && rx.undelivered() == 0);
    }
}

#[test]
fn d02_poison_overtakes_a_retire_that_is_not_drained_and_no_other() {
    for size in SIZES.into_iter().filter(|&size| size > 0) {
        let (tx, rx, lost) = hooked(size);
        tx.try_send(1).unwrap();
        tx.retire();
        rx.poison("enough");
        assert!(matches!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Poisoned(_)))));
        assert_eq!((&*lost.lock().unwrap(), rx.undelivered()), (&vec![1], 1));

        let (tx, rx, lost) = hooked(size);
        tx.try_send(1).unwrap();
        tx.retire();
        assert_eq!(rx.try_recv(), Ok(1));
        rx.poison("too late");
        assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));
        assert!(lost.lock().unwrap().is_empty());
    }
}

#[test]
fn d02_the_last_receiver_that_leaves_loses_nothing_in_silence() {
    for size in SIZES {
        let (tx, rx, lost) = hooked(size);
        let sent = (0..size.min(20)).filter(|&n| tx.try_send(n).is_ok()).count();
        rx.retire();
        assert_eq!(*lost.lock().unwrap(), (0..sent).collect::<Vec<_>>());
        assert_eq!(tx.undelivered(), sent as u64);
    }
}

#[test]
fn d02_a_hand_over_that_is_committed_beats_the_poison() {
    let (tx, rx, lost) = hooked(0);
    let receiver = rx.clone();
    on_runtime(move || {
        let receiving = std::thread::spawn(move || receiver.recv_blocking());
        tx.send_blocking(5).unwrap();
        // The value is the receiver's, whether it has looked or not.
        tx.poison("enough");
        assert_eq!(receiving.join().unwrap(), Ok(5));
    });
    assert_eq!((rx.undelivered(), lost.lock().unwrap().len()), (0, 0));
}

/// A source sends without end, one side poisons in between: each value that was sent is received or counted, the
/// received ones come first, and the hook has the others, in order.
#[test]
fn d02_across_processes_what_was_sent_is_received_or_told() {
    for (from, to) in PAIRS {
        for size in SIZES {
            for by_sender in [true, false] {
                for _ in 0..rounds(3) {
                    let (sent, received, lost) = on_runtime(move || crossing(from, to, size, by_sender));
                    let all: Vec<_> = received.iter().chain(&lost).copied().collect();
                    assert_eq!(all, (0..sent).collect::<Vec<_>>(), "{from:?}, {to:?}, {size}, {by_sender}");
                }
            }
        }
    }
}

/// How many values were sent; which were received; which the hook has.
fn crossing(from: On, to: On, size: usize, by_sender: bool) -> (usize, Vec<usize>, Vec<usize>) {
    const ENOUGH: usize = 50;
    let (tx, rx, lost) = hooked(size);
    let probe = rx.clone();
    let source = match from {
        On::Task => aqueduct::task("source", async move {
            for n in 0.. {
                if by_sender && n == ENOUGH {
                    tx.poison("enough");
                }
                if tx.send(n).await.is_err() {
                    return Ok(n);
                }
            }
            Ok(0)
        })
        .spawn(),
        On::Thread => aqueduct::thread("source", move || {
            for n in 0.. {
                if by_sender && n == ENOUGH {
                    tx.poison("enough");
                }
                if tx.send_blocking(n).is_err() {
                    return Ok(n);
                }
            }
            Ok(0)
        })
        .spawn(),
    };
    let sink = match to {
        On::Task => aqueduct::task("sink", async move {
            let mut received = Vec::new();
            while let Ok(n) = rx.recv().await {
                received.push(n);
                if !by_sender && received.len() == ENOUGH {
                    rx.poison("enough");
                }
            }
            Ok(received)
        })
        .spawn(),
        On::Thread => aqueduct::thread("sink", move || {
            let mut received = Vec::new();
            while let Ok(n) = rx.recv_blocking() {
                received.push(n);
                if !by_sender && received.len() == ENOUGH {
                    rx.poison("enough");
                }
            }
            Ok(received)
        })
        .spawn(),
    };
    let (sent, received) = (source.join_blocking().unwrap(), sink.join_blocking().unwrap());
    let lost = lost.lock().unwrap().clone();
    assert_eq!(probe.undelivered(), lost.len() as u64);
    (sent, received, lost)
}

/// PyCSP's own doctest: five values, then the end. With poison its reader got none of them, and no error that says so.
#[test]
fn d02_a_reader_never_takes_what_a_poison_left_for_complete() {
    for (from, to) in PAIRS {
        for size in SIZES {
            let (drained, aborted) = on_runtime(move || {
                let (tx, rx) = aqueduct::buffered(size);
                let retiring = source(from, tx, (0..5).collect(), |tx| {
                    tx.retire();
                    Ok(())
                });
                let drained = sink(to, rx).join_blocking();
                retiring.join_blocking().unwrap();
                let (tx, rx) = aqueduct::buffered(size);
                let poisoning = source(from, tx, (0..5).collect(), |tx| {
                    tx.poison("enough");
                    Ok(())
                });
                let aborted = sink(to, rx).join_blocking();
                poisoning.join_blocking().unwrap();
                (drained, aborted)
            });
            assert_eq!(drained.unwrap(), [0, 1, 2, 3, 4]);
            assert!(aborted.unwrap_err().to_string().ends_with("enough"));
        }
    }
}
