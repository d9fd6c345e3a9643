//! Who comes first: T7, T9, T10, T12, T17.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::prelude::*;

use super::common::{CountingWaker, rounds, within};
use super::{LIMIT, Random, modes, poll};

// T7

#[test]
fn t07_what_was_sent_has_been_received_and_nobody_barges_in() {
    let (tx, rx) = aqueduct::channel();
    let mut waits = pin!(rx.recv());
    assert!(poll(&mut waits).is_pending());
    tx.try_send(1).unwrap();
    // The receiver has not run since, but the value is its own already.
    assert!(rx.try_recv().is_err());
    assert!(tx.try_send(2).unwrap_err().is_full());
    assert_eq!(poll(&mut waits), Poll::Ready(Ok(1)));
}

#[test]
fn t07_room_goes_to_the_sender_that_waits() {
    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(1).unwrap();
    let mut waits = pin!(tx.send(2));
    assert!(poll(&mut waits).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(tx.try_send(3).unwrap_err().is_full(), "the room was the waiting sender's");
    assert!(poll(&mut waits).is_ready());
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn t07_with_barging_receivers_every_value_arrives_once_and_in_order_at_each() {
    within(LIMIT, || {
        let count = rounds(8_000);
        let (tx, rx) = aqueduct::channel::<usize>();
        let sum = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = (0..4)
            .map(|n| {
                let (rx, sum) = (rx.clone(), Arc::clone(&sum));
                std::thread::spawn(move || {
                    let mut last = None;
                    loop {
                        let value = if n % 2 == 0 {
                            match rx.next_blocking().unwrap() {
                                Some(value) => value,
                                None => return,
                            }
                        } else {
                            match rx.try_recv() {
                                Ok(value) => value,
                                Err(aqueduct::TryRecvError::Ended(_)) => return,
                                Err(_) => {
                                    std::thread::yield_now();
                                    continue;
                                }
                            }
                        };
                        assert!(last < Some(value), "{value} came after {last:?}");
                        last = Some(value);
                        sum.fetch_add(value, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        drop(rx);
        for n in 0..count {
            tx.send_blocking(n).unwrap();
        }
        drop(tx);
        for receiver in receivers {
            receiver.join().unwrap();
        }
        assert_eq!(sum.load(Ordering::Relaxed), count * (count - 1) / 2);
    });
}

// T9

/// Which of five ready guards was taken in each of many choices.
fn picks(mut choice: Alt, count: usize) -> Vec<usize> {
    let rxs: Vec<_> = (0..5)
        .map(|_| {
            let (tx, rx) = aqueduct::unbounded();
            (0..count).for_each(|n| tx.try_send(n).unwrap());
            rx
        })
        .collect();
    (0..count)
        .map(|_| {
            aqueduct::alt_blocking! { choice;
                _ = rxs[0].recv() => 0,
                _ = rxs[1].recv() => 1,
                _ = rxs[2].recv() => 2,
                _ = rxs[3].recv() => 3,
                _ = rxs[4].recv() => 4,
            }
        })
        .collect()
}

#[test]
fn t09_the_three_modes_do_what_they_say() {
    assert_eq!(picks(Alt::pri(), 20), [0; 20]);
    assert_eq!(picks(Alt::fair(), 12), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    let arbitrary = picks(Alt::arbitrary(1), 1_000);
    for guard in 0..5 {
        let share = arbitrary.iter().filter(|pick| **pick == guard).count();
        assert!((120..280).contains(&share), "guard {guard} was taken {share} times of 1000");
    }
}

#[test]
fn t09_a_seed_replays_exactly() {
    let one = picks(Alt::arbitrary(42), 300);
    assert_eq!(one, picks(Alt::arbitrary(42), 300));
    assert_ne!(one, picks(Alt::arbitrary(43), 300));
    // A clone goes on from where its original is.
    let mut original = Alt::arbitrary(9);
    let (tx, rx) = aqueduct::unbounded();
    tx.try_send(1).unwrap();
    aqueduct::alt_blocking! { original; _ = rx.recv() => {}, _ = tx.closed() => {} }
    assert_eq!(picks(original.clone(), 100), picks(original, 100));
}

#[test]
fn t09_a_bare_alt_prefers_nobody() {
    let (a_tx, a) = aqueduct::unbounded();
    let (b_tx, b) = aqueduct::unbounded();
    let mut taken = [0, 0];
    for n in 0..400 {
        a_tx.try_send(n).unwrap();
        b_tx.try_send(n).unwrap();
        aqueduct::alt_blocking! { _ = a.recv() => taken[0] += 1, _ = b.recv() => taken[1] += 1 }
    }
    assert!(taken.iter().all(|count| (100..300).contains(count)), "{taken:?}");
}

// T10

#[test]
fn t10_fair_rotates_and_does_not_count_what_was_missed() {
    // Counting how often each was taken would now prefer b thirty times in a row.
    let (a_tx, a) = aqueduct::unbounded();
    let (b_tx, b) = aqueduct::unbounded();
    let mut choice = Alt::fair();
    let mut next = || {
        aqueduct::alt_blocking! { choice; _ = a.recv() => 'a', _ = b.recv() => 'b' }
    };
    for n in 0..30 {
        a_tx.try_send(n).unwrap();
        assert_eq!(next(), 'a');
    }
    for n in 0..40 {
        a_tx.try_send(n).unwrap();
        b_tx.try_send(n).unwrap();
    }
    let taken: String = (0..40).map(|_| next()).collect();
    assert_eq!(taken, "ba".repeat(20));
}

#[test]
fn t10_a_guard_taken_while_the_choice_waited_counts_as_well() {
    let (a_tx, a) = aqueduct::unbounded();
    let (b_tx, b) = aqueduct::unbounded();
    let mut choice = Alt::fair();
    for _ in 0..3 {
        let mut waiting = pin!(async {
            aqueduct::alt! { choice; _ = a.recv() => 'a', _ = b.recv() => 'b' }
        });
        assert!(poll(&mut waiting).is_pending());
        a_tx.try_send(0).unwrap();
        assert_eq!(poll(&mut waiting), Poll::Ready('a'));
    }
    for n in 0..2 {
        a_tx.try_send(n).unwrap();
        b_tx.try_send(n).unwrap();
    }
    let taken: String =
        (0..4).map(|_| aqueduct::alt_blocking! { choice; _ = a.recv() => 'a', _ = b.recv() => 'b' }).collect();
    assert_eq!(taken, "baba");
}

/// A random guard of the property below: receives, sends, futures and timers, each ready or not, enabled or not.
struct Station {
    tx: Sender<()>,
    rx: Receiver<()>,
    kind: usize,
    /// For how many choices in a row it has been ready and was not taken.
    passed_over: usize,
}

#[test]
fn t10_among_n_choices_every_guard_ready_at_each_is_taken() {
    for seed in 1..=rounds(60) {
        let mut random = Random((seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let n = 2 + random.below(7);
        let mut stations: Vec<Station> = (0..n)
            .map(|_| {
                let (tx, rx) = aqueduct::buffered(1);
                Station { tx, rx, kind: random.below(4), passed_over: 0 }
            })
            .collect();
        // Some are nearly always ready, some seldom.
        let eager: Vec<usize> = (0..n).map(|_| random.below(10)).collect();
        let mut choice = Alt::fair();
        for _ in 0..200 {
            let ready: Vec<bool> = eager.iter().map(|eager| random.below(10) <= *eager).collect();
            let enabled: Vec<bool> = (0..n).map(|_| random.below(8) != 0).collect();
            for (station, ready) in stations.iter().zip(&ready) {
                // A receive is ready on a full buffer, a send on an empty one.
                let full = if station.kind == 1 { !ready } else { *ready };
                let _ = if full { station.tx.try_send(()).is_ok() } else { station.rx.try_recv().is_ok() };
            }
            let mut offer = choice.offer();
            for (index, station) in stations.iter().enumerate() {
                let is_ready = ready[index];
                offer = match station.kind {
                    0 => offer.recv(&station.rx, move |_| index),
                    1 => offer.send(&station.tx, (), move |_| index),
                    2 => offer.after(if is_ready { Duration::ZERO } else { Duration::MAX }, move || index),
                    _ => {
                        let future =
                            std::future::poll_fn(move |_| if is_ready { Poll::Ready(()) } else { Poll::Pending });
                        offer.future(future, move |()| index)
                    }
                }
                .when(enabled[index]);
            }
            let taken = offer.try_select().unwrap_or(None);
            assert_eq!(taken.is_some(), (0..n).any(|index| ready[index] && enabled[index]), "seed {seed}");
            let Some(taken) = taken else { continue };
            assert!(ready[taken] && enabled[taken], "seed {seed}");
            for (index, station) in stations.iter_mut().enumerate() {
                if index == taken || !ready[index] || !enabled[index] {
                    station.passed_over = 0;
                } else {
                    station.passed_over += 1;
                    assert!(station.passed_over < n, "seed {seed}: guard {index} of {n} was passed over {n} times");
                }
            }
        }
    }
}

// T12

#[test]
fn t12_a_send_that_is_always_ready_does_not_starve_its_siblings_under_fair() {
    let (out, _sink) = aqueduct::unbounded();
    let (commands_tx, commands) = aqueduct::unbounded();
    let mut choice = Alt::fair();
    for n in 0..100 {
        commands_tx.try_send(n).unwrap();
    }
    let mut taken = Vec::new();
    for n in 0..100 {
        aqueduct::alt_blocking! { choice;
            _ = out.send(n) => taken.push('s'),
            _ = commands.recv() => taken.push('c'),
        }
    }
    assert_eq!(taken.iter().filter(|which| **which == 'c').count(), 50, "{taken:?}");
    // A command that comes later waits for one send at most.
    while commands.try_recv().is_ok() {}
    for round in 0..10 {
        aqueduct::alt_blocking! { choice; _ = out.send(0) => {}, _ = commands.recv() => unreachable!() }
        commands_tx.try_send(round).unwrap();
        let mut rounds = 0;
        loop {
            rounds += 1;
            if aqueduct::alt_blocking! { choice; _ = out.send(0) => false, _ = commands.recv() => true } {
                break;
            }
        }
        assert!(rounds <= 2, "{rounds}");
    }
}

#[test]
fn t12_a_bare_alt_reaches_the_sibling_soon() {
    let (out, _sink) = aqueduct::unbounded();
    let (quit_tx, quit) = aqueduct::buffered(1);
    quit_tx.try_send(()).unwrap();
    for n in 0.. {
        assert!(n < 200, "two hundred times the same of two guards");
        if aqueduct::alt_blocking! { _ = out.send(n) => false, _ = quit.recv() => true } {
            break;
        }
    }
}

#[test]
fn t12_a_choice_that_is_always_ready_lets_other_tasks_run() {
    // The same trap one level up: the task is always ready and starves the other tasks of its worker.
    let done = within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (out, sink) = aqueduct::buffered(1);
            let (quit_tx, quit) = aqueduct::channel::<()>();
            tokio::spawn(async move { drop(quit_tx) });
            let mut choice = Alt::fair();
            for n in 0..200_000 {
                let quit = aqueduct::alt! { choice;
                    _ = quit.recv() => true,
                    s = out.send(n) => { s.unwrap(); false }
                    r = sink.recv() => { r.unwrap(); false }
                };
                if quit {
                    return true;
                }
            }
            false
        })
    });
    assert!(done, "200 000 choices in a row without a yield: the other task never ran");
}

// T17

type Waiter<'a> = Pin<Box<dyn Future<Output = usize> + 'a>>;

fn polled(waiter: &mut Waiter<'_>) -> Poll<usize> {
    waiter.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn t17_receivers_are_served_in_order_plain_ones_and_choices_alike() {
    let (tx, rx) = aqueduct::channel::<usize>();
    let (_silent_tx, silent) = aqueduct::channel::<usize>();
    let mut waiters: Vec<Waiter<'_>> = Vec::new();
    for n in 0..12 {
        waiters.push(match n % 4 {
            0 => Box::pin(async { rx.recv().await.unwrap() }),
            1 => Box::pin(async {
                aqueduct::alt! { r = silent.recv() => r.unwrap(), r = rx.recv() => r.unwrap() }
            }),
            2 => Box::pin(async { rx.recv_timeout(Duration::MAX).await.unwrap() }),
            _ => Box::pin(async {
                let mut choice = Alt::pri();
                choice.offer().recv(&rx, Result::unwrap).recv(&silent, Result::unwrap).select().await.unwrap()
            }),
        });
        assert!(polled(&mut waiters[n]).is_pending());
    }
    for n in 0..12 {
        tx.try_send(n).unwrap();
    }
    // However late and in whatever order they look.
    for n in (0..12).rev() {
        assert_eq!(polled(&mut waiters[n]), Poll::Ready(n));
    }
}

#[test]
fn t17_senders_are_served_in_order_plain_ones_and_choices_alike() {
    for capacity in [0, 1, 3] {
        let (tx, rx) = aqueduct::buffered::<usize>(capacity);
        let (other, _silent) = aqueduct::channel::<usize>();
        for n in 0..capacity {
            tx.try_send(n).unwrap();
        }
        let mut waiters: Vec<Waiter<'_>> = Vec::new();
        for n in capacity..capacity + 9 {
            let (tx, other) = (&tx, &other);
            waiters.push(match n % 3 {
                0 => Box::pin(async move {
                    tx.send(n).await.unwrap();
                    n
                }),
                1 => Box::pin(async move {
                    aqueduct::alt! { s = other.send(n) => s.unwrap(), s = tx.send(n) => s.unwrap() }
                    n
                }),
                _ => Box::pin(async move {
                    tx.send_from(&mut Some(n)).await.unwrap();
                    n
                }),
            });
            assert!(waiters.last_mut().is_some_and(|waiter| polled(waiter).is_pending()));
        }
        for n in 0..capacity + 9 {
            assert_eq!(rx.try_recv(), Ok(n));
        }
        for (index, waiter) in waiters.iter_mut().enumerate() {
            assert_eq!(polled(waiter), Poll::Ready(capacity + index));
        }
    }
}

#[test]
fn t17_threads_that_wait_are_served_in_order() {
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel::<usize>();
        let (_silent_tx, silent) = aqueduct::channel::<usize>();
        let mut waiters = Vec::new();
        for n in 0..6 {
            let (rx, silent) = (rx.clone(), silent.clone());
            waiters.push(std::thread::spawn(move || {
                if n % 2 == 0 {
                    rx.recv_blocking().unwrap()
                } else {
                    aqueduct::alt_blocking! { r = rx.recv() => r.unwrap(), r = silent.recv() => r.unwrap() }
                }
            }));
            // Nothing tells that a thread waits; this is long enough on any machine that is alive.
            std::thread::sleep(Duration::from_millis(20));
        }
        for n in 0..6 {
            tx.try_send(n).unwrap();
        }
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.join().unwrap(), n);
        }
    });
}

#[test]
fn t17_losing_keeps_the_places_of_the_others() {
    let (tx, rx) = aqueduct::channel::<usize>();
    let (other_tx, other) = aqueduct::channel::<usize>();
    let mut first = pin!(rx.recv());
    let mut leaves = pin!(async {
        aqueduct::alt! { r = rx.recv() => r, r = other.recv() => r }
    });
    let mut second: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut third = pin!(async {
        aqueduct::alt! { r = rx.recv() => r, r = other.recv() => r }
    });
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut leaves).is_pending());
    assert!(polled(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    other_tx.try_send(100).unwrap();
    drop(second);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(poll(&mut leaves), Poll::Ready(Ok(100)));
    assert_eq!(poll(&mut first), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut third), Poll::Ready(Ok(2)));
}

/// Polls `early`, then `late`, then `early` again, with the same waker or another; gives what `early` has after one
/// send.
fn early_after(same: bool, early: &mut Waiter<'_>, late: &mut Waiter<'_>, tx: &Sender<usize>) -> Poll<usize> {
    let (_one, waker) = CountingWaker::new();
    let (_other, another) = CountingWaker::new();
    let again = if same { &waker } else { &another };
    assert!(early.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(polled(late).is_pending());
    assert!(early.as_mut().poll(&mut Context::from_waker(again)).is_pending());
    tx.try_send(7).unwrap();
    early.as_mut().poll(&mut Context::from_waker(again))
}

#[test]
fn t17_a_poll_without_news_keeps_the_place() {
    // A sibling in the same task woke it.
    let (tx, rx) = aqueduct::channel::<usize>();
    let (_other_tx, other) = aqueduct::channel::<usize>();
    let mut late: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut early: Waiter<'_> = Box::pin(async {
        aqueduct::alt! { r = rx.recv() => r.unwrap(), r = other.recv() => r.unwrap() }
    });
    assert_eq!(early_after(true, &mut early, &mut late, &tx), Poll::Ready(7));
}

#[test]
fn t17_a_poll_without_news_keeps_the_place_of_a_choice_with_a_timer() {
    let (tx, rx) = aqueduct::channel::<usize>();
    let mut late: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut early: Waiter<'_> = Box::pin(async {
        aqueduct::alt! { r = rx.recv() => r.unwrap(), _ = after(Duration::from_secs(60)) => 0 }
    });
    assert_eq!(early_after(true, &mut early, &mut late, &tx), Poll::Ready(7));
}

#[test]
fn t17_a_choice_with_a_future_takes_its_place_anew_when_it_is_polled() {
    // As the guide says: a future is asked while nobody can commit another guard, so the choice leaves its lists.
    let (tx, rx) = aqueduct::channel::<usize>();
    let mut late: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut early: Waiter<'_> = Box::pin(async {
        aqueduct::alt! { r = rx.recv() => r.unwrap(), () = std::future::pending::<()>() => 0 }
    });
    assert_eq!(early_after(true, &mut early, &mut late, &tx), Poll::Pending);
    assert_eq!(polled(&mut late), Poll::Ready(7), "it stood before the choice that came again");
    tx.try_send(8).unwrap();
    assert_eq!(polled(&mut early), Poll::Ready(8), "and the choice stands behind it");
}

#[test]
fn t17_a_new_waker_keeps_the_place() {
    let (tx, rx) = aqueduct::channel::<usize>();
    let (_other_tx, other) = aqueduct::channel::<usize>();
    let mut late: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut plain: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    assert_eq!(early_after(false, &mut plain, &mut late, &tx), Poll::Ready(7));
    drop(late);
    let mut late: Waiter<'_> = Box::pin(async { rx.recv().await.unwrap() });
    let mut choice: Waiter<'_> = Box::pin(async {
        aqueduct::alt! { r = rx.recv() => r.unwrap(), r = other.recv() => r.unwrap() }
    });
    assert_eq!(early_after(false, &mut choice, &mut late, &tx), Poll::Ready(7));
}

#[test]
fn t17_values_arrive_in_sending_order_whatever_receives_them() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::buffered(4);
        let sender = std::thread::spawn(move || (0..200).for_each(|n| tx.send_blocking(n).unwrap()));
        let mut got = Vec::new();
        while got.len() < 200 {
            match got.len() % 3 {
                0 => got.push(rx.recv_blocking().unwrap()),
                1 => aqueduct::alt_blocking! { choice; r = rx.recv() => got.push(r.unwrap()) },
                _ => got.extend(rx.try_recv().ok().or_else(|| rx.recv_blocking().ok())),
            }
        }
        assert!(got.iter().copied().eq(0..200));
        sender.join().unwrap();
    }
}
