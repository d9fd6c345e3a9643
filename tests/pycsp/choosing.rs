//! D5, D6, D8, D9: what a choice takes, what it leaves, and that it always gets on.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use aqueduct::prelude::*;
use aqueduct::{alt, alt_blocking};

use super::common::rounds;
use super::{On, PAIRS, on_runtime};

/// D5. PyCSP: `FairSelect` counts how often each channel was chosen at a line of source. After A was chosen alone 30
/// times, and then both are ready, it takes B 31 times in a row. The counts are never freed.
///
/// Here: a fair choice rotates. What was ready alone for however long is not held against it.
#[test]
fn d05_a_guard_that_was_ready_alone_is_not_starved_afterwards() {
    for alone in [1, 30, 1000] {
        let taken = tally(alone, On::Thread);
        assert_eq!(taken, on_runtime(move || tally(alone, On::Task)));
        let (before, after) = taken.split_at(alone);
        assert_eq!(before, "a".repeat(alone));
        assert!(after == "ba".repeat(20) || after == "ab".repeat(20), "{after}");
    }
}

/// What a fair choice takes: first `a` is ready alone, then both are.
fn tally(alone: usize, on: On) -> String {
    let (a_tx, a) = aqueduct::unbounded();
    let (b_tx, b) = aqueduct::unbounded();
    let mut choice = Alt::fair();
    let feed = move |round: usize| {
        a_tx.try_send(()).unwrap();
        if round == alone {
            // More than will be taken: both stay ready.
            (0..40).for_each(|_| b_tx.try_send(()).unwrap());
            (0..40).for_each(|_| a_tx.try_send(()).unwrap());
        }
    };
    let mut taken = String::new();
    match on {
        On::Thread => {
            for round in 0..alone + 40 {
                feed(round);
                alt_blocking! { choice;
                    r = a.recv() => { r.unwrap(); taken.push('a') }
                    r = b.recv() => { r.unwrap(); taken.push('b') }
                }
            }
            taken
        }
        On::Task => aqueduct::task("chooser", async move {
            for round in 0..alone + 40 {
                feed(round);
                alt! { choice;
                    r = a.recv() => { r?; taken.push('a') }
                    r = b.recv() => { r?; taken.push('b') }
                }
            }
            Ok(taken)
        })
        .spawn()
        .join_blocking()
        .unwrap(),
    }
}

/// D5. PyCSP keys its counts by process and line, so two choices at one line share them.
#[test]
fn d05_two_choices_at_one_line_know_nothing_of_each_other() {
    let (tx, rx) = aqueduct::unbounded();
    let (other_tx, other) = aqueduct::unbounded();
    (0..100).for_each(|n| tx.try_send(n).and(other_tx.try_send(n)).unwrap());
    let mut choices = [Alt::fair(), Alt::fair()];
    let mut first = |which: usize| {
        alt_blocking! { choices[which].by_mut(); _ = rx.recv() => true, _ = other.recv() => false }
    };
    // Whatever one of them does, the other one begins where it stands.
    assert!(first(0));
    assert!(!first(0));
    assert!(first(0));
    assert!(first(1));
    assert!(!first(1));
    assert!(!first(0));
}

/// D6. PyCSP: in an `AltSelect` of a ready and a poisoned guard it is a race which one is seen: measured,
/// `[ready, poisoned]` raised the poison, and `[poisoned, ready]` gave the message.
///
/// Here: a guard whose channel has ended is ready, in its own place: in textual order the upper one is taken, each
/// time.
#[test]
fn d06_between_a_poisoned_and_a_ready_guard_the_place_decides() {
    for (from, on) in PAIRS {
        for _ in 0..rounds(20) {
            let (upper, lower) = on_runtime(move || {
                let (tx, ready) = aqueduct::buffered(2);
                let (bad, poisoned) = aqueduct::buffered::<u32>(2);
                bad.try_send(9).unwrap();
                super::source(from, tx.clone(), vec![1, 2], |_| Ok(())).join_blocking().unwrap();
                super::source(from, bad, vec![], |bad| {
                    bad.poison("enough");
                    Ok(())
                })
                .join_blocking()
                .unwrap();
                match on {
                    On::Thread => {
                        let upper = alt_blocking! { Alt::pri(); r = ready.recv() => r, r = poisoned.recv() => r };
                        let lower = alt_blocking! { Alt::pri(); r = poisoned.recv() => r, r = ready.recv() => r };
                        (upper, lower)
                    }
                    On::Task => aqueduct::task("chooser", async move {
                        let upper = alt! { Alt::pri(); r = ready.recv() => r, r = poisoned.recv() => r };
                        let lower = alt! { Alt::pri(); r = poisoned.recv() => r, r = ready.recv() => r };
                        drop(tx);
                        Ok((upper, lower))
                    })
                    .spawn()
                    .join_blocking()
                    .unwrap(),
                }
            });
            assert_eq!(upper, Ok(1));
            assert!(lower.unwrap_err().to_string().ends_with("enough"));
        }
    }
}

/// D6. A fair choice takes both within two rounds; one that waits takes what came first.
#[test]
fn d06_a_fair_choice_reports_the_poison_and_takes_the_value() {
    let (tx, ready) = aqueduct::buffered(1);
    let (bad, poisoned) = aqueduct::channel::<u32>();
    tx.try_send(1).unwrap();
    bad.poison("enough");
    let mut choice = Alt::fair();
    let mut seen = [false; 2];
    for _ in 0..2 {
        alt_blocking! { choice;
            r = poisoned.recv() => seen[0] = r.is_err(),
            r = ready.recv() => seen[1] = r == Ok(1),
        }
    }
    assert_eq!(seen, [true; 2]);

    for poison_first in [true, false] {
        let (tx, ready) = aqueduct::channel();
        let (bad, poisoned) = aqueduct::channel::<u32>();
        let mut waiting = pin!(async {
            alt! { r = ready.recv() => r, r = poisoned.recv() => r }
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        if poison_first {
            bad.poison("enough");
            assert!(tx.try_send(1).unwrap_err().is_full(), "nobody waits there any more");
        } else {
            tx.try_send(1).unwrap();
            bad.poison("enough");
        }
        let std::task::Poll::Ready(result) = waiting.poll(&mut cx) else { panic!("something came") };
        assert_eq!(result.is_err(), poison_first);
    }
}

/// D8. PyCSP: the value of an output guard is evaluated when the choice is put together, and is lost if another guard
/// is taken (a user popped a queue inside the guard, and lost what was popped).
///
/// Here: `send_from` leaves the value in its slot unless it is sent; a guard whose pre-condition is false does not
/// evaluate its value at all.
#[test]
fn d08_a_value_that_was_not_chosen_is_still_there() {
    for (on, with) in PAIRS {
        let count = rounds(300);
        let received = on_runtime(move || {
            let (out, results) = aqueduct::channel();
            let (beat, beats) = aqueduct::channel();
            let beating = super::source(with, beat, (0..count).collect(), |_| Ok(()));
            let pump = pump(on, (0..count).collect(), out, beats);
            let received = super::sink(with, results).join_blocking().unwrap();
            pump.join_blocking().unwrap();
            // It may have been left alone with what it had to say.
            let _ = beating.join_blocking();
            received
        });
        assert_eq!(received, (0..count).collect::<Vec<_>>(), "{on:?}, {with:?}");
    }
}

/// Pops a queue and offers what it has popped, while it also takes beats.
fn pump(on: On, mut queue: VecDeque<usize>, out: Sender<usize>, beats: Receiver<usize>) -> aqueduct::Handle<()> {
    let mut slot = None;
    let mut choice = Alt::fair();
    match on {
        On::Task => aqueduct::task("pump", async move {
            loop {
                slot = slot.or_else(|| queue.pop_front());
                if slot.is_none() {
                    return Ok(());
                }
                alt! { choice;
                    Ok(_) = beats.recv() => {}
                    sent = out.send_from(&mut slot) => sent?,
                }
            }
        })
        .spawn(),
        On::Thread => aqueduct::thread("pump", move || {
            loop {
                slot = slot.or_else(|| queue.pop_front());
                if slot.is_none() {
                    return Ok(());
                }
                alt_blocking! { choice;
                    Ok(_) = beats.recv() => {}
                    sent = out.send_from(&mut slot) => sent?,
                }
            }
        })
        .spawn(),
    }
}

#[test]
fn d08_a_value_is_made_once_and_only_for_a_guard_that_is_offered() {
    let (out, results) = aqueduct::buffered(1);
    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(1).unwrap();
    let mut queue = VecDeque::from([10, 20]);
    // Off: nothing is popped.
    let offering = false;
    let got = alt_blocking! { Alt::pri();
        s = out.send(queue.pop_front().unwrap()), if offering => s.map(|()| 0).map_err(|error| error.into_parts().1),
        r = rx.recv() => r,
    };
    assert_eq!((got, queue.len()), (Ok(1), 2));
    // On: it is popped once, however long the choice waits, and it arrives.
    alt_blocking! { Alt::pri();
        s = out.send(queue.pop_front().unwrap()) => s.unwrap(),
        _ = rx.recv() => unreachable!("nothing is sent"),
    }
    assert_eq!((results.try_recv(), queue.len()), (Ok(10), 1));
    // Refused: it comes back.
    drop(results);
    let back = alt_blocking! { Alt::pri(); s = out.send(queue.pop_front().unwrap()) => s.unwrap_err().into_inner() };
    assert_eq!(back, 20);
}

/// D9. PyCSP, before 0.6.1: two processes that each choose between an input and an output, over the same two channels
/// in opposite orders, deadlock.
///
/// Here: locks are taken by address, whatever the order of the text, and whoever chooses.
#[test]
fn d09_choices_over_the_same_channels_in_opposite_orders_get_on() {
    for (left, right) in PAIRS {
        let count = rounds(2_000);
        let exchanged = on_runtime(move || {
            let (x_tx, x_rx) = aqueduct::channel();
            let (y_tx, y_rx) = aqueduct::channel();
            // One reads `x` and writes `y`, the other one reads `y` and writes `x`.
            let left = chooser(left, count, x_rx, y_tx, true);
            let right = chooser(right, count, y_rx, x_tx, false);
            (left.join_blocking().unwrap(), right.join_blocking().unwrap())
        });
        let ((left_read, left_written), (right_read, right_written)) = exchanged;
        assert_eq!((left_read, right_read), (right_written, left_written), "{left:?}, {right:?}");
        assert!(left_read + left_written == count || right_read + right_written == count);
    }
}

/// Reads or writes `count` times, whichever is possible, unless the other one has had enough before.
fn chooser(
    on: On,
    count: usize,
    input: Receiver<usize>,
    output: Sender<usize>,
    input_first: bool,
) -> aqueduct::Handle<(usize, usize)> {
    let (mut read, mut written) = (0, 0);
    let mut choice = Alt::pri();
    match on {
        On::Task => aqueduct::task("chooser", async move {
            while read + written < count {
                let done = if input_first {
                    alt! { choice;
                        r = input.recv() => r.map(|_| read += 1).is_ok(),
                        s = output.send(1) => s.map(|()| written += 1).is_ok(),
                    }
                } else {
                    alt! { choice;
                        s = output.send(1) => s.map(|()| written += 1).is_ok(),
                        r = input.recv() => r.map(|_| read += 1).is_ok(),
                    }
                };
                if !done {
                    break;
                }
            }
            Ok((read, written))
        })
        .spawn(),
        On::Thread => aqueduct::thread("chooser", move || {
            while read + written < count {
                let done = if input_first {
                    alt_blocking! { choice;
                        r = input.recv() => r.map(|_| read += 1).is_ok(),
                        s = output.send(1) => s.map(|()| written += 1).is_ok(),
                    }
                } else {
                    alt_blocking! { choice;
                        s = output.send(1) => s.map(|()| written += 1).is_ok(),
                        r = input.recv() => r.map(|_| read += 1).is_ok(),
                    }
                };
                if !done {
                    break;
                }
            }
            Ok((read, written))
        })
        .spawn(),
    }
}

/// D9. The same with outputs only and inputs only, in opposite orders: four processes over two channels.
#[test]
fn d09_writers_and_readers_in_opposite_orders_get_on() {
    for (writers, readers) in PAIRS {
        let count = rounds(1_000);
        let sums = on_runtime(move || {
            let (x_tx, x_rx) = aqueduct::channel();
            let (y_tx, y_rx) = aqueduct::channel();
            let writing = [(x_tx.clone(), y_tx.clone()), (y_tx, x_tx)]
                .map(|(first, second)| writer(writers, count, first, second));
            let reading =
                [(y_rx.clone(), x_rx.clone()), (x_rx, y_rx)].map(|(first, second)| reader(readers, first, second));
            let written: Vec<_> = writing.into_iter().map(|writer| writer.join_blocking().unwrap()).collect();
            let read: Vec<_> = reading.into_iter().map(|reader| reader.join_blocking().unwrap()).collect();
            (written.iter().sum::<usize>(), read.iter().sum::<usize>())
        });
        assert_eq!(sums, (2 * count, 2 * count), "{writers:?}, {readers:?}");
    }
}

fn writer(on: On, count: usize, first: Sender<()>, second: Sender<()>) -> aqueduct::Handle<usize> {
    match on {
        On::Task => aqueduct::task("writer", async move {
            for _ in 0..count {
                alt! { s = first.send(()) => s?, s = second.send(()) => s? }
            }
            Ok(count)
        })
        .spawn(),
        On::Thread => aqueduct::thread("writer", move || {
            for _ in 0..count {
                alt_blocking! { s = first.send(()) => s?, s = second.send(()) => s? }
            }
            Ok(count)
        })
        .spawn(),
    }
}

fn reader(on: On, first: Receiver<()>, second: Receiver<()>) -> aqueduct::Handle<usize> {
    let mut read = 0;
    match on {
        On::Task => aqueduct::task("reader", async move {
            loop {
                alt! {
                    Ok(()) = first.recv() => read += 1,
                    Ok(()) = second.recv() => read += 1,
                    complete => return Ok(read),
                }
            }
        })
        .spawn(),
        On::Thread => aqueduct::thread("reader", move || {
            loop {
                alt_blocking! {
                    Ok(()) = first.recv() => read += 1,
                    Ok(()) = second.recv() => read += 1,
                    complete => return Ok(read),
                }
            }
        })
        .spawn(),
    }
}
