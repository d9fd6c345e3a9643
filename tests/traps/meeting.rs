//! Who meets whom: T1, T2, T4, T5, T6, T11, T21.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use aqueduct::prelude::*;

use super::common::{rounds, within};
use super::{LIMIT, modes, poll, runtime};

// T1

#[test]
fn t01_a_choice_offering_both_directions_never_meets_itself() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::channel::<u32>();
        for _ in 0..50 {
            let met = aqueduct::alt_blocking! { choice;
                _ = tx.send(1) => true,
                _ = rx.recv() => true,
                default => false,
            };
            assert!(!met, "{choice:?} met itself without waiting");
        }
        for _ in 0..3 {
            let met = aqueduct::alt_blocking! { choice;
                _ = rx.recv() => true,
                _ = tx.send(1) => true,
                _ = after(Duration::from_millis(1)) => false,
            };
            assert!(!met, "{choice:?} met itself while it waited");
        }
        assert!(tx.try_send(1).unwrap_err().is_full(), "nobody is left behind to receive");
        assert!(rx.try_recv().is_err(), "nobody is left behind to send");
    }
}

#[test]
fn t01_it_does_not_meet_itself_through_clones_nor_when_it_is_polled_again() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let (tx2, rx2) = (tx.clone(), rx.clone());
    let mut choice = pin!(async {
        aqueduct::alt! {
            _ = tx.send(1) => "sent",
            _ = rx.recv() => "received",
            _ = tx2.send(2) => "sent",
            _ = rx2.recv() => "received",
            // A readiness guard makes the choice withdraw and look again at every poll.
            () = std::future::pending::<()>() => "never",
        }
    });
    for _ in 0..10 {
        assert_eq!(poll(&mut choice), Poll::Pending);
    }
}

#[test]
fn t01_two_choices_of_one_task_meet_each_other() {
    // Identity is the choice, not the thread and not the task.
    for mut choice in modes() {
        let mut other = choice.clone();
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut one = pin!(async {
            aqueduct::alt! { choice;
                sent = tx.send(1) => { sent.unwrap(); 0 }
                value = rx.recv() => value.unwrap(),
            }
        });
        let mut two = pin!(async {
            aqueduct::alt! { other;
                sent = tx.send(2) => { sent.unwrap(); 0 }
                value = rx.recv() => value.unwrap(),
            }
        });
        assert_eq!(poll(&mut one), Poll::Pending);
        let Poll::Ready(b) = poll(&mut two) else { panic!("the first choice was not met") };
        let Poll::Ready(a) = poll(&mut one) else { panic!("the first choice does not know that it was met") };
        assert!((a, b) == (0, 1) || (a, b) == (2, 0), "{a} {b}");
    }
}

#[test]
fn t01_two_threads_that_offer_both_directions_of_one_channel_pair_up() {
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel::<(usize, usize)>();
        let count = rounds(5_000);
        let threads = [0, 1].map(|me| {
            let (tx, rx) = (tx.clone(), rx.clone());
            std::thread::spawn(move || {
                let mut choice = Alt::arbitrary(me as u64);
                for round in 0..count {
                    aqueduct::alt_blocking! { choice;
                        sent = tx.send((me, round)) => sent.unwrap(),
                        value = rx.recv() => assert_eq!(value.unwrap(), (1 - me, round), "from itself, or out of step"),
                    }
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

// T2

/// One station of a ring: in each round it sends to the right or receives from the left, whichever comes first.
fn station(me: usize) -> Alt {
    match me % 4 {
        0 => Alt::pri(),
        1 => Alt::fair(),
        2 => Alt::arbitrary(3),
        _ => Alt::unseeded(),
    }
}

/// Runs a ring of `size` stations, those for which `is_thread` on threads, and gives sent and received in total.
///
/// A station that is done is no neighbour any more. The rounds left on even and on odd stations are equally many, so
/// somebody can always go on.
fn ring(size: usize, count: usize, is_thread: fn(usize) -> bool) -> (usize, usize) {
    let runtime = runtime();
    let sent = Arc::new(AtomicUsize::new(0));
    let received = Arc::new(AtomicUsize::new(0));
    let (mut outs, mut ins): (Vec<_>, Vec<_>) = (0..size).map(|_| aqueduct::channel::<usize>()).unzip();
    ins.rotate_right(1);
    let mut handles = Vec::new();
    for me in 0..size {
        let (out, input) = (outs.remove(0), ins.remove(0));
        let (sent, received) = (Arc::clone(&sent), Arc::clone(&received));
        let left = (me + size - 1) % size;
        // Half of them write the receive first: the locks are named in opposing orders.
        let handle = if is_thread(me) {
            aqueduct::thread("station", move || {
                let mut choice = station(me);
                for _ in 0..count {
                    aqueduct::alt_blocking! { choice;
                        Ok(()) = out.send(me) => { sent.fetch_add(1, Ordering::Relaxed); }
                        Ok(from) = input.recv() => { assert_eq!(from, left); received.fetch_add(1, Ordering::Relaxed); }
                        complete => panic!("both neighbours were done first"),
                    }
                }
                Outcome::Ok(())
            })
            .spawn()
        } else {
            let task = aqueduct::task("station", async move {
                let mut choice = station(me);
                for _ in 0..count {
                    aqueduct::alt! { choice;
                        Ok(from) = input.recv() => { assert_eq!(from, left); received.fetch_add(1, Ordering::Relaxed); }
                        Ok(()) = out.send(me) => { sent.fetch_add(1, Ordering::Relaxed); }
                        complete => panic!("both neighbours were done first"),
                    }
                }
                Outcome::Ok(())
            });
            let _inside = runtime.enter();
            task.spawn()
        };
        handles.push(handle);
    }
    for handle in handles {
        handle.join_blocking().unwrap();
    }
    (sent.load(Ordering::Relaxed), received.load(Ordering::Relaxed))
}

#[test]
fn t02_two_opposing_choices_always_make_progress() {
    let kinds: [fn(usize) -> bool; 3] = [|_| true, |_| false, |me| me == 0];
    for kind in kinds {
        let count = rounds(10_000);
        // Each communication is one round of the sender and one of the receiver.
        assert_eq!(within(LIMIT, move || ring(2, count, kind)), (count, count));
    }
}

#[test]
fn t02_a_ring_of_four_choices_always_makes_progress() {
    let kinds: [fn(usize) -> bool; 4] = [|_| true, |_| false, |me| me % 2 == 0, |me| me < 2];
    for kind in kinds {
        let count = rounds(5_000);
        assert_eq!(within(LIMIT, move || ring(4, count, kind)), (2 * count, 2 * count));
    }
}

#[test]
fn t02_two_choices_over_the_same_channels_in_opposite_orders() {
    // Both name both channels, one of them upside down, and everybody may send and receive on both.
    within(LIMIT, || {
        let (a_tx, a_rx) = aqueduct::channel::<usize>();
        let (b_tx, b_rx) = aqueduct::channel::<usize>();
        let count = rounds(3_000);
        let up = {
            let (a_tx, a_rx, b_tx, b_rx) = (a_tx.clone(), a_rx.clone(), b_tx.clone(), b_rx.clone());
            std::thread::spawn(move || {
                let mut choice = Alt::pri();
                for _ in 0..count {
                    aqueduct::alt_blocking! { choice;
                        r = a_rx.recv() => assert_eq!(r.unwrap(), 2),
                        r = b_rx.recv() => assert_eq!(r.unwrap(), 2),
                        s = a_tx.send(1) => s.unwrap(),
                        s = b_tx.send(1) => s.unwrap(),
                    }
                }
            })
        };
        let mut choice = Alt::pri();
        for _ in 0..count {
            aqueduct::alt_blocking! { choice;
                s = b_tx.send(2) => s.unwrap(),
                s = a_tx.send(2) => s.unwrap(),
                r = b_rx.recv() => assert_eq!(r.unwrap(), 1),
                r = a_rx.recv() => assert_eq!(r.unwrap(), 1),
            }
        }
        up.join().unwrap();
    });
}

// T4

#[test]
fn t04_a_choice_of_sends_sends_each_value_once() {
    within(LIMIT, || {
        let count = rounds(4_000);
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..4).map(|_| aqueduct::channel::<usize>()).unzip();
        let (all_tx, all_rx) = aqueduct::unbounded();
        let receivers: Vec<_> = rxs
            .into_iter()
            .map(|rx| {
                let all = all_tx.clone();
                std::thread::spawn(move || {
                    for value in rx {
                        all.try_send(value.unwrap()).unwrap();
                    }
                })
            })
            .collect();
        drop(all_tx);
        let mut choice = Alt::arbitrary(1);
        for n in 0..count {
            aqueduct::alt_blocking! { choice;
                s = txs[0].send(n) => s.unwrap(),
                s = txs[1].send(n) => s.unwrap(),
                s = txs[2].send(n) => s.unwrap(),
                s = txs[3].send(n) => s.unwrap(),
            }
        }
        drop(txs);
        let mut seen: Vec<usize> = all_rx.iter().map(Result::unwrap).collect();
        seen.sort_unstable();
        assert!(seen.iter().copied().eq(0..count), "a value came twice or not at all: {} of {count}", seen.len());
        for receiver in receivers {
            receiver.join().unwrap();
        }
    });
}

#[test]
fn t04_of_two_ready_guards_one_is_committed_and_the_other_keeps_its_value() {
    for mut choice in modes() {
        let (a_tx, a) = aqueduct::buffered(1);
        let (b_tx, b) = aqueduct::buffered(1);
        a_tx.try_send('a').unwrap();
        b_tx.try_send('b').unwrap();
        let taken = aqueduct::alt_blocking! { choice;
            r = a.recv() => r.unwrap(),
            r = b.recv() => r.unwrap(),
        };
        let left: Vec<char> = a.try_iter().chain(b.try_iter()).collect();
        assert_eq!(left.len(), 1);
        assert_ne!(left[0], taken);
    }
}

#[test]
fn t04_a_waiting_choice_that_two_peers_reach_at_once_takes_one() {
    within(LIMIT, || {
        for round in 0..rounds(1_000) {
            let (a_tx, a) = aqueduct::channel::<u32>();
            let (b_tx, b) = aqueduct::channel::<u32>();
            let peers = [a_tx, b_tx].map(|tx| std::thread::spawn(move || tx.send_blocking(1).is_ok()));
            let mut choice = Alt::arbitrary(round as u64);
            let taken = aqueduct::alt_blocking! { choice;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            };
            // The other value is still with its sender, who gets it back.
            drop((a, b));
            let delivered = peers.map(|peer| peer.join().unwrap()).iter().filter(|sent| **sent).count();
            assert_eq!((taken, delivered), (1, 1));
        }
    });
}

// T5

#[test]
fn t05_one_channel_twice_in_one_choice() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::buffered(2);
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        let mut got = Vec::new();
        for _ in 0..2 {
            aqueduct::alt_blocking! { choice;
                r = rx.recv() => got.push(r.unwrap()),
                r = rx.recv() => got.push(r.unwrap()),
            }
        }
        assert_eq!(got, [1, 2]);
        let full = aqueduct::alt_blocking! { choice;
            r = rx.recv() => r.is_ok(),
            r = rx.recv() => r.is_ok(),
            default => false,
        };
        assert!(!full);
    }
}

#[test]
fn t05_a_loser_leaves_the_list_of_a_doubled_channel_whole() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let (other_tx, other) = aqueduct::channel::<u32>();
    let mut before = pin!(rx.recv());
    let mut doubled = pin!(async {
        aqueduct::alt! {
            r = rx.recv() => r.unwrap(),
            r = rx.recv() => r.unwrap(),
            r = other.recv() => r.unwrap(),
            r = rx.recv() => r.unwrap(),
        }
    });
    let mut behind = pin!(rx.recv());
    let mut last = pin!(rx.recv());
    assert!(poll(&mut before).is_pending());
    assert!(poll(&mut doubled).is_pending());
    assert!(poll(&mut behind).is_pending());
    assert!(poll(&mut last).is_pending());
    // The choice leaves the middle of the list, in three places.
    other_tx.try_send(9).unwrap();
    assert_eq!(poll(&mut doubled), Poll::Ready(9));
    for n in [1, 2, 3] {
        tx.try_send(n).unwrap();
    }
    assert_eq!(poll(&mut before), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut behind), Poll::Ready(Ok(2)));
    assert_eq!(poll(&mut last), Poll::Ready(Ok(3)));
    assert!(tx.try_send(4).unwrap_err().is_full(), "nobody waits any more");
}

#[test]
fn t05_a_doubled_guard_that_was_taken_but_not_polled_hides_nobody() {
    // The choice is committed, but its other nodes still stand in the list: peers pass over them.
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut doubled = pin!(async {
        aqueduct::alt! { r = rx.recv() => r.unwrap(), r = rx.recv() => r.unwrap() }
    });
    let mut behind = pin!(rx.recv());
    assert!(poll(&mut doubled).is_pending());
    assert!(poll(&mut behind).is_pending());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert!(tx.try_send(3).unwrap_err().is_full());
    assert_eq!(poll(&mut behind), Poll::Ready(Ok(2)));
    assert_eq!(poll(&mut doubled), Poll::Ready(1));
}

#[test]
fn t05_doubled_channels_under_load() {
    within(LIMIT, || {
        let count = rounds(3_000);
        let (a_tx, a) = aqueduct::channel::<usize>();
        let (b_tx, b) = aqueduct::channel::<usize>();
        let sender = std::thread::spawn(move || {
            let mut choice = Alt::unseeded();
            for n in 0..count {
                aqueduct::alt_blocking! { choice;
                    s = a_tx.send(n) => s.unwrap(),
                    s = a_tx.send(n) => s.unwrap(),
                    s = b_tx.send(n) => s.unwrap(),
                    s = b_tx.send(n) => s.unwrap(),
                }
            }
        });
        let mut choice = Alt::unseeded();
        for n in 0..count {
            let got = aqueduct::alt_blocking! { choice;
                r = b.recv() => r.unwrap(),
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
                r = a.recv() => r.unwrap(),
            };
            assert_eq!(got, n);
        }
        sender.join().unwrap();
    });
}

// T6

#[test]
fn t06_default_is_never_taken_while_one_of_two_is_always_ready() {
    within(LIMIT, || {
        for _ in 0..rounds(2_000) {
            let (a_tx, a) = aqueduct::buffered::<u32>(1);
            let (b_tx, b) = aqueduct::buffered::<u32>(1);
            a_tx.try_send(1).unwrap();
            let (a2, b2) = (a.clone(), b.clone());
            let poller = std::thread::spawn(move || {
                aqueduct::alt_blocking! {
                    _ = a2.recv() => true,
                    _ = b2.recv() => true,
                    default => false,
                }
            });
            // From here on b is ready too; only then may a be emptied.
            b_tx.try_send(1).unwrap();
            let _ = a.try_recv();
            assert!(poller.join().unwrap(), "a poll has seen a before it was filled and b before it was");
        }
    });
}

#[test]
fn t06_an_end_that_comes_before_the_value_goes_counts_as_ready() {
    within(LIMIT, || {
        for _ in 0..rounds(2_000) {
            let (a_tx, a) = aqueduct::buffered::<u32>(1);
            let (b_tx, b) = aqueduct::channel::<u32>();
            a_tx.try_send(1).unwrap();
            let (a2, b2) = (a.clone(), b);
            let poller = std::thread::spawn(move || {
                let mut choice = Alt::fair();
                choice.offer().recv(&b2, |_| ()).recv(&a2, |_| ()).try_select().unwrap().is_some()
            });
            drop(b_tx);
            let _ = a.try_recv();
            assert!(poller.join().unwrap());
        }
    });
}

/// Polls two channels between which a token moves all the time: `take` gives the index of the one it took from.
///
/// A new token is put down before the old one is taken up, and what a poll has taken goes back to where it was. So from
/// the beginning of a poll until it takes something there is a token in one of the two at every instant: a poll that
/// looked at one after the other would miss it now and then.
fn beside_a_moving_token(count: usize, mut take: impl FnMut(&[Receiver<()>; 2]) -> usize) {
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..2).map(|_| aqueduct::buffered::<()>(1)).unzip();
    let rxs: [Receiver<()>; 2] = rxs.try_into().expect("two");
    txs[0].try_send(()).unwrap();
    let (stop, stopped) = aqueduct::channel::<()>();
    let mover = {
        let (txs, rxs) = (txs.clone(), rxs.clone());
        std::thread::spawn(move || {
            for old in (0..2).cycle() {
                let _ = txs[1 - old].try_send(());
                let _ = rxs[old].try_recv();
                if stopped.is_ended() {
                    return;
                }
            }
        })
    };
    for _ in 0..count {
        let _ = txs[take(&rxs)].try_send(());
    }
    drop(stop);
    mover.join().unwrap();
}

#[test]
fn t06_a_token_that_moves_between_two_channels_is_always_somewhere() {
    within(LIMIT, || {
        for mut choice in modes() {
            beside_a_moving_token(rounds(50_000), |[a, b]| {
                aqueduct::alt_blocking! { choice;
                    _ = a.recv() => 0,
                    _ = b.recv() => 1,
                    default => panic!("there was a token at every instant, and the poll saw none"),
                }
            });
        }
    });
}

#[test]
fn t06_in_strict_order_nothing_is_taken_while_one_of_two_above_is_always_ready() {
    within(LIMIT, || {
        let (low, _kept) = aqueduct::unbounded();
        let mut choice = Alt::pri();
        beside_a_moving_token(rounds(50_000), |[a, b]| {
            aqueduct::alt_blocking! { choice;
                _ = a.recv() => 0,
                _ = b.recv() => 1,
                _ = low.send(()) => panic!("a channel was taken out of order"),
            }
        });
        beside_a_moving_token(rounds(50_000), |[a, b]| {
            aqueduct::alt_blocking! { choice;
                _ = a.recv() => 0,
                _ = b.recv() => 1,
                () = std::future::ready(()) => panic!("a future was taken out of order"),
                _ = low.send(()) => panic!("a channel was taken out of order"),
            }
        });
    });
}

#[test]
fn t06_a_waiting_choice_is_seen_by_a_poll_of_all_its_channels() {
    within(LIMIT, || {
        for round in 0..rounds(300) {
            let (a_tx, a) = aqueduct::channel::<usize>();
            let (b_tx, b) = aqueduct::channel::<usize>();
            let mut waiting = pin!(async {
                aqueduct::alt! { s = a_tx.send(round) => s.unwrap(), s = b_tx.send(round) => s.unwrap() }
            });
            assert!(poll(&mut waiting).is_pending());
            // Two polls at once: one of them gets the value, the other sees nothing, nobody sees half.
            let other = {
                let (a, b) = (a.clone(), b.clone());
                std::thread::spawn(move || {
                    aqueduct::alt_blocking! { r = b.recv() => r.ok(), r = a.recv() => r.ok(), default => None }
                })
            };
            let mine = aqueduct::alt_blocking! { r = a.recv() => r.ok(), r = b.recv() => r.ok(), default => None };
            let theirs = other.join().unwrap();
            assert_eq!(mine.or(theirs), Some(round));
            assert!(mine.is_none() || theirs.is_none());
            assert_eq!(poll(&mut waiting), Poll::Ready(()));
        }
    });
}

// T11

#[test]
fn t11_default_comes_only_after_every_guard_has_answered() {
    for mut choice in modes() {
        let (_tx, silent) = aqueduct::channel::<u32>();
        let (full, _rx) = aqueduct::channel::<u32>();
        // A future that is ready at its first poll has answered yes.
        let taken = aqueduct::alt_blocking! { choice;
            _ = silent.recv() => "silent",
            _ = full.send(1) => "full",
            text = async { "future" } => text,
            default => "default",
        };
        assert_eq!(taken, "future");
        let taken = aqueduct::alt_blocking! { choice;
            _ = silent.recv() => "silent",
            _ = at(Instant::now()) => "timer",
            default => "default",
        };
        assert_eq!(taken, "timer");
        let taken = aqueduct::alt_blocking! { choice;
            _ = silent.recv() => "silent",
            _ = full.send(1) => "full",
            _ = after(Duration::from_secs(60)) => "timer",
            () = std::future::pending() => "future",
            default => "default",
        };
        assert_eq!(taken, "default");
    }
}

#[test]
fn t11_an_ended_guard_and_a_finished_process_are_answers_too() {
    for mut choice in modes() {
        let (tx, ended) = aqueduct::channel::<u32>();
        drop(tx);
        let taken = aqueduct::alt_blocking! { choice; r = ended.recv() => r.is_err(), default => false };
        assert!(taken);
        let mut process = aqueduct::thread("quick", || Outcome::Ok(())).spawn();
        while !process.is_finished() {
            std::thread::yield_now();
        }
        let taken = aqueduct::alt_blocking! { choice; r = &mut process => r.is_ok(), default => false };
        assert!(taken);
    }
}

// T21

#[test]
fn t21_mutual_rendezvous_senders_are_solved_by_output_guards() {
    async fn exchange(mine: usize, out: &Sender<usize>, input: &Receiver<usize>) -> Outcome<usize> {
        let mut unsent = Some(mine);
        let mut got = None;
        while unsent.is_some() || got.is_none() {
            aqueduct::alt! {
                r = out.send_from(&mut unsent) => r?,
                r = input.recv(), if got.is_none() => got = Some(r?),
            }
        }
        Ok(got.unwrap())
    }
    within(LIMIT, || {
        let count = rounds(2_000);
        let (a_tx, a_rx) = aqueduct::channel();
        let (b_tx, b_rx) = aqueduct::channel();
        let both = [(0, a_tx, b_rx), (1, b_tx, a_rx)].map(|(me, out, input)| {
            aqueduct::task("peer", async move {
                for n in 0..count {
                    assert_eq!(exchange(2 * n + me, &out, &input).await?, 2 * n + 1 - me);
                }
                Outcome::Ok(())
            })
        });
        let [one, other] = both;
        runtime().block_on(async { par!(one, other).await }).unwrap();
    });
}

#[test]
fn t21_plain_mutual_senders_do_wait_for_each_other() {
    // The other half of the trap: without output guards neither send completes, and cancelling frees both.
    let (a_tx, a_rx) = aqueduct::channel();
    let (b_tx, b_rx) = aqueduct::channel();
    {
        let mut one = pin!(async { (a_tx.send(1).await, b_rx.recv().await) });
        let mut other = pin!(async { (b_tx.send(2).await, a_rx.recv().await) });
        for _ in 0..3 {
            assert!(poll(&mut one).is_pending());
            assert!(poll(&mut other).is_pending());
        }
    }
    assert!(a_rx.try_recv().is_err());
    assert!(b_rx.try_recv().is_err());
}
