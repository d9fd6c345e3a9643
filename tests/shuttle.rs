//! Larger networks under random schedules and under schedules with few, well-placed preemptions (PCT).
//!
//! Built only with `--cfg aqueduct_shuttle`; `.ci/shuttle` runs it and tells how to replay a failure. Threads here are
//! the model's, so the networks are made of them and of its futures, and not of thread processes.
#![cfg(aqueduct_shuttle)]

mod common;

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use aqueduct::prelude::*;
use aqueduct::{Ended, WaitError};
use shuttle::future;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;

use common::rounds;

/// Runs a network under many schedules: the same ones each time, unless `AQUEDUCT_SEED` says otherwise.
///
/// A failure prints its schedule; `AQUEDUCT_SCHEDULE` replays one. So each test explores one network.
fn explore(iterations: usize, network: impl Fn() + Send + Sync + Copy + 'static) {
    if let Ok(schedule) = std::env::var("AQUEDUCT_SCHEDULE") {
        shuttle::replay(network, schedule.trim());
        return;
    }
    let seed = std::env::var("AQUEDUCT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x0c5b_1978);
    // Whoever fails says under which seed: all that went before belongs to it.
    struct Says(&'static str, u64);
    impl Drop for Says {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed under {} schedules; again with AQUEDUCT_SEED={}", self.0, self.1);
            }
        }
    }
    let run = |iterations, network| {
        let _says = Says("random", seed);
        let config = shuttle::Config::new();
        shuttle::Runner::new(RandomScheduler::new_from_seed(seed, iterations), config).run(network);
    };
    run(rounds(iterations), network);
    for depth in [2, 4] {
        let _says = Says("PCT", seed);
        let config = shuttle::Config::new();
        let scheduler = PctScheduler::new_from_seed(seed, depth, rounds(iterations / 3));
        shuttle::Runner::new(scheduler, config).run(network);
    }
}

/// Waits for all threads.
fn join<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Polls once, with a waker that wakes nobody.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values
}

/// Three senders, each on its own channel, and two receivers that choose among the three.
fn merge(capacity: usize, fair: bool) {
    const EACH: u32 = 2;
    let mut senders = Vec::new();
    let mut inlets = Vec::new();
    for sender in 0..3 {
        let (tx, rx) = Channel::buffered(capacity).open();
        inlets.push(rx);
        senders.push(thread::spawn(move || {
            for n in 0..EACH {
                tx.send_blocking(10 * sender + n).unwrap();
            }
        }));
    }
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let inlets = inlets.clone();
            thread::spawn(move || {
                let mut choice = if fair { Alt::fair() } else { Alt::arbitrary(7) };
                let mut got: Vec<u32> = Vec::new();
                loop {
                    alt_blocking! { choice;
                        Ok(n) = inlets[0].recv() => got.push(n),
                        Ok(n) = inlets[1].recv() => got.push(n),
                        Ok(n) = inlets[2].recv() => got.push(n),
                        complete => return got,
                    }
                }
            })
        })
        .collect();
    drop(inlets);
    join(senders);
    let mut all = Vec::new();
    for got in join(receivers) {
        for sender in 0..3 {
            let of_one: Vec<_> = got.iter().filter(|&&n| n / 10 == sender).collect();
            assert!(of_one.is_sorted(), "in the order of sending: {got:?}");
        }
        all.extend(got);
    }
    assert_eq!(sorted(all), [0, 1, 10, 11, 20, 21]);
}

#[test]
fn merge_of_three_senders_by_two_receivers_that_choose() {
    explore(9000, || merge(0, true));
}

#[test]
fn merge_of_three_senders_by_two_receivers_that_choose_beside_a_buffer() {
    explore(4200, || merge(1, false));
}

/// Each member passes on its own token and what it gets, in any order of sending and receiving.
fn member(left: &Receiver<usize>, right: &Sender<usize>, own: usize) -> usize {
    const MOVES: usize = 3;
    let (mut sent, mut received, mut last) = (0, 0, own);
    let mut waiting = VecDeque::from([own]);
    let mut choice = Alt::fair();
    while sent < MOVES || received < MOVES {
        let mut slot = waiting.pop_front();
        alt_blocking! { choice;
            token = left.recv(), if received < MOVES => {
                last = token.unwrap();
                waiting.push_back(last);
                received += 1;
            }
            result = right.send_from(&mut slot), if sent < MOVES => {
                result.unwrap();
                sent += 1;
            }
            complete => unreachable!("there is a token, or one is to come"),
        }
        if let Some(token) = slot {
            waiting.push_front(token);
        }
    }
    last
}

#[test]
fn a_ring_of_five_threads_that_choose_between_sending_and_receiving() {
    explore(4800, || {
        const MEMBERS: usize = 5;
        let (ends, mut inlets): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| aqueduct::channel()).unzip();
        // Member n sends into channel n and receives from the one before it.
        inlets.rotate_right(1);
        let threads: Vec<_> = ends
            .into_iter()
            .zip(inlets)
            .enumerate()
            .map(|(own, (right, left))| {
                // The ends are kept until everybody is done.
                thread::spawn(move || (member(&left, &right, own), left, right))
            })
            .collect();
        for (index, (last, ..)) in join(threads).into_iter().enumerate() {
            assert_eq!(last, (index + MEMBERS - 3) % MEMBERS, "three moves, first in first out");
        }
    });
}

/// A source, three workers, and whoever collects; all end by the source's retire.
fn farm(jobs_capacity: usize, results_capacity: usize) {
    const JOBS: u32 = 5;
    let (jobs, job) = Channel::buffered(jobs_capacity).open();
    let (done, results) = Channel::buffered(results_capacity).open();
    let source = thread::spawn(move || {
        for n in 0..JOBS {
            jobs.send_blocking(n).unwrap();
        }
    });
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (job, done) = (job.clone(), done.clone());
            thread::spawn(move || {
                while let Some(n) = job.next_blocking().unwrap() {
                    done.send_blocking(n * n).unwrap();
                }
            })
        })
        .collect();
    drop((job, done));
    let collected: Vec<u32> = results.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(sorted(collected), [0, 1, 4, 9, 16]);
    join(workers);
    source.join().unwrap();
}

#[test]
fn a_farm_of_three_workers_ends_by_retire() {
    explore(9000, || farm(0, 0));
}

#[test]
fn a_farm_of_three_workers_ends_by_retire_with_buffers() {
    explore(4200, || farm(1, 2));
}

/// What one choice between sending to the right and receiving from the left did.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Did {
    Sent,
    Received(usize),
}

async fn choose(index: usize, right: Sender<usize>, left: Receiver<usize>) -> (Did, Sender<usize>, Receiver<usize>) {
    let mut choice = Alt::fair();
    let did = alt! { choice;
        result = right.send(index) => {
            result.unwrap();
            Did::Sent
        }
        result = left.recv() => Did::Received(result.unwrap()),
    };
    (did, right, left)
}

fn choose_blocking(index: usize, right: Sender<usize>, left: Receiver<usize>) -> (Did, Sender<usize>, Receiver<usize>) {
    let mut choice = Alt::pri();
    let did = alt_blocking! { choice;
        result = right.send(index) => {
            result.unwrap();
            Did::Sent
        }
        result = left.recv() => Did::Received(result.unwrap()),
    };
    (did, right, left)
}

/// A cycle of an even number of opposing choices: they pair up, whoever comes first. Some are threads, some futures.
fn cycle(members: usize, is_thread: fn(usize) -> bool) {
    let (ends, mut inlets): (Vec<_>, Vec<_>) = (0..members).map(|_| aqueduct::channel()).unzip();
    inlets.rotate_right(1);
    let mut threads = Vec::new();
    let mut futures = Vec::new();
    for (index, (right, left)) in ends.into_iter().zip(inlets).enumerate() {
        if is_thread(index) {
            threads.push((index, thread::spawn(move || choose_blocking(index, right, left))));
        } else {
            futures.push((index, future::spawn(choose(index, right, left))));
        }
    }
    let mut did = vec![Did::Sent; members];
    // The ends live until everybody has chosen.
    let mut kept = Vec::new();
    for (index, thread) in threads {
        let (own, right, left) = thread.join().unwrap();
        did[index] = own;
        kept.push((right, left));
    }
    for (index, handle) in futures {
        let (own, right, left) = future::block_on(handle).unwrap();
        did[index] = own;
        kept.push((right, left));
    }
    for (index, own) in did.iter().enumerate() {
        let next = did[(index + 1) % members];
        match own {
            Did::Sent => assert_eq!(next, Did::Received(index), "{did:?}"),
            Did::Received(from) => assert_eq!((from + 1) % members, index, "{did:?}"),
        }
    }
    assert_eq!(did.iter().filter(|own| **own == Did::Sent).count(), members / 2, "{did:?}");
}

#[test]
fn two_opposing_choices_make_one_communication_on_threads() {
    explore(18000, || cycle(2, |_| true));
}

#[test]
fn two_opposing_choices_make_one_communication_on_futures() {
    explore(18000, || cycle(2, |_| false));
}

#[test]
fn two_opposing_choices_make_one_communication_on_both() {
    explore(18000, || cycle(2, |index| index == 0));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_threads() {
    explore(9000, || cycle(4, |_| true));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_futures() {
    explore(9000, || cycle(4, |_| false));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_both() {
    explore(9000, || cycle(4, |index| index % 2 == 0));
}

/// Both ends of one channel in each of two choices: they meet each other and never themselves.
#[test]
fn choices_that_offer_both_directions_of_one_channel() {
    explore(18000, || {
        let (tx, rx) = aqueduct::channel();
        let threads: Vec<_> = (0..2)
            .map(|index| {
                let (tx, rx) = (tx.clone(), rx.clone());
                thread::spawn(move || choose_blocking(index, tx, rx).0)
            })
            .collect();
        let did = join(threads);
        assert!(did == [Did::Sent, Did::Received(0)] || did == [Did::Received(1), Did::Sent], "{did:?}");
    });
}

/// What is dropped half-way is neither lost nor doubled.
fn cancelled_receives(capacity: usize) {
    let (tx, rx) = Channel::buffered(capacity).open();
    let sender = thread::spawn(move || {
        for n in 0..4 {
            tx.send_blocking(n).unwrap();
        }
    });
    let fickle = {
        let rx = rx.clone();
        thread::spawn(move || {
            let mut got = Vec::new();
            for _ in 0..4 {
                let mut recv = pin!(rx.recv());
                if let Poll::Ready(Ok(n)) = poll_once(recv.as_mut()) {
                    got.push(n);
                    continue;
                }
                // Time for a sender to commit, before the future is dropped.
                thread::yield_now();
            }
            got
        })
    };
    let steady = thread::spawn(move || {
        let mut got = Vec::new();
        while let Some(n) = rx.next_blocking().unwrap() {
            got.push(n);
        }
        (got, rx)
    });
    sender.join().unwrap();
    let mut all: Vec<u32> = fickle.join().unwrap();
    let (got, rx) = steady.join().unwrap();
    all.extend(got);
    // A value that came back after the steady one had seen the end is still there.
    while let Ok(n) = rx.try_recv() {
        all.push(n);
    }
    assert_eq!(sorted(all), [0, 1, 2, 3]);
    assert_eq!(rx.undelivered(), 0);
}

#[test]
fn dropped_receives_lose_nothing() {
    explore(12000, || cancelled_receives(0));
}

#[test]
fn dropped_receives_lose_nothing_of_a_buffer() {
    explore(6000, || cancelled_receives(1));
}

/// The sender stays, so that nothing but the value that came back can wake the one who waits.
#[test]
fn a_value_that_comes_back_reaches_who_waits() {
    explore(18000, || {
        let (tx, rx) = aqueduct::channel();
        let fickle_rx = rx.clone();
        let steady = thread::spawn(move || rx.recv_blocking().unwrap());
        let fickle = thread::spawn(move || {
            let mut recv = pin!(fickle_rx.recv());
            if poll_once(recv.as_mut()).is_ready() {
                return true;
            }
            thread::yield_now();
            false
        });
        let sender = thread::spawn(move || {
            tx.send_blocking(7).unwrap();
            tx
        });
        let tx = sender.join().unwrap();
        if fickle.join().unwrap() {
            tx.send_blocking(7).unwrap();
        }
        assert_eq!(steady.join().unwrap(), 7);
    });
}

#[test]
fn dropped_sends_are_delivered_or_have_their_value_again() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel();
        let receiver = thread::spawn(move || rx.into_iter().collect::<Result<Vec<u32>, _>>().unwrap());
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let tx = tx.clone();
                thread::spawn(move || {
                    let mut kept = Vec::new();
                    for n in 0..2 {
                        let mut slot = Some(10 * sender + n);
                        {
                            let mut send = pin!(tx.send_from(&mut slot));
                            let _ = poll_once(send.as_mut());
                            thread::yield_now();
                        }
                        kept.extend(slot);
                    }
                    kept
                })
            })
            .collect();
        drop(tx);
        let mut all = join(senders).concat();
        all.extend(receiver.join().unwrap());
        assert_eq!(sorted(all), [0, 1, 10, 11]);
    });
}

#[test]
fn dropped_choices_lose_nothing() {
    explore(9000, || {
        let (a_tx, a) = aqueduct::channel();
        let (b_tx, b) = aqueduct::channel();
        let (c_tx, c) = aqueduct::channel();
        let senders = [(a_tx, 0), (b_tx, 10)].map(|(tx, first)| {
            thread::spawn(move || {
                for n in 0..2 {
                    tx.send_blocking(first + n).unwrap();
                }
            })
        });
        let taker = thread::spawn(move || c.into_iter().collect::<Result<Vec<u32>, _>>().unwrap());
        let (fickle_a, fickle_b) = (a.clone(), b.clone());
        let fickle = thread::spawn(move || {
            let (mut got, mut unsent) = (Vec::new(), Vec::new());
            for n in 20..23 {
                let mut slot = Some(n);
                {
                    let mut choice = Alt::fair();
                    let mut one = pin!(async {
                        alt! { choice;
                            r = fickle_a.recv() => r.ok(),
                            r = fickle_b.recv() => r.ok(),
                            _ = c_tx.send_from(&mut slot) => None,
                        }
                    });
                    match poll_once(one.as_mut()) {
                        Poll::Ready(value) => got.extend(value),
                        Poll::Pending => thread::yield_now(),
                    }
                }
                unsent.extend(slot);
            }
            (got, unsent)
        });
        let steady = thread::spawn(move || {
            let mut got = Vec::new();
            let mut choice = Alt::fair();
            loop {
                alt_blocking! { choice;
                    Ok(n) = a.recv() => got.push(n),
                    Ok(n) = b.recv() => got.push(n),
                    complete => return (got, a, b),
                }
            }
        });
        join(senders);
        let (mut all, unsent) = fickle.join().unwrap();
        let (got, a, b) = steady.join().unwrap();
        all.extend(got);
        all.extend(a.try_iter().chain(b.try_iter()));
        all.extend(unsent);
        all.extend(taker.join().unwrap());
        assert_eq!(sorted(all), [0, 1, 10, 11, 20, 21, 22]);
    });
}

/// Every value is received, or its sender has it back, or it is undelivered and handed over: once.
fn poison_against_traffic(capacity: usize) {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let hook = lost.clone();
    let (tx, rx) = Channel::buffered(capacity).on_undelivered(move |n: u32| hook.lock().unwrap().push(n)).open();
    let senders: Vec<_> = (0..2)
        .map(|sender| {
            let tx = tx.clone();
            thread::spawn(move || {
                let mut back = Vec::new();
                let mut ended = None;
                for n in 0..2 {
                    if let Err(error) = tx.send_blocking(10 * sender + n) {
                        let (value, reason) = error.into_parts();
                        back.push(value);
                        ended = Some(reason);
                    }
                }
                (back, ended)
            })
        })
        .collect();
    let poisoner = thread::spawn(move || {
        tx.poison("first or second");
        tx
    });
    let receiver = thread::spawn(move || {
        let mut got = Vec::new();
        loop {
            match rx.recv_blocking() {
                Ok(n) => got.push(n),
                Err(ended) => return (got, ended, rx),
            }
        }
    });
    let mut all = Vec::new();
    let mut endings = Vec::new();
    for (back, ended) in join(senders) {
        all.extend(back);
        endings.extend(ended);
    }
    let (got, ended, rx) = receiver.join().unwrap();
    let tx = poisoner.join().unwrap();
    all.extend(got);
    let lost = lost.lock().unwrap();
    assert_eq!(tx.undelivered(), lost.len() as u64);
    assert_eq!(rx.len(), 0);
    all.extend(lost.iter());
    assert_eq!(sorted(all), [0, 1, 10, 11]);
    assert!(ended.cause().is_some(), "the receiver never sees a retire: {ended:?}");
    assert!(endings.iter().all(|other| *other == ended), "one cause for all");
}

#[test]
fn poison_races_with_traffic() {
    explore(12000, || poison_against_traffic(0));
}

#[test]
fn poison_races_with_traffic_through_a_buffer() {
    explore(6000, || poison_against_traffic(1));
}

#[test]
fn of_two_poisons_everybody_sees_the_same() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel::<u32>();
        let poisoners =
            [(tx.clone(), "one"), (tx.clone(), "other")].map(|(tx, text)| thread::spawn(move || tx.poison(text)));
        let waiting = [
            thread::spawn({
                let rx = rx.clone();
                move || rx.recv_blocking().unwrap_err()
            }),
            thread::spawn(move || WaitError::from(future::block_on(tx.closed()))),
            thread::spawn(move || {
                let mut choice = Alt::pri();
                alt_blocking! { choice; r = rx.recv() => WaitError::from(r.unwrap_err()) }
            }),
        ];
        let seen: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        join(poisoners);
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        assert!(seen[0].cause().is_some());
    });
}

/// A retire by the last end of either side, against those who join through weak references and those who wait.
#[test]
fn retire_races_with_joining_and_waiting() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel::<u32>();
        let weak = tx.downgrade();
        let watched = tx.clone();
        let joins = thread::spawn(move || match weak.upgrade() {
            Some(tx) => tx.send_blocking(7).is_ok(),
            None => false,
        });
        let closes = thread::spawn(move || drop(tx));
        let receives = thread::spawn(move || {
            let mut got = 0;
            while let Some(n) = rx.next_blocking().unwrap() {
                got += n;
            }
            got
        });
        drop(watched);
        let joined = joins.join().unwrap();
        closes.join().unwrap();
        assert_eq!(receives.join().unwrap(), if joined { 7 } else { 0 });

        let (tx, rx) = aqueduct::channel::<u32>();
        let other = tx.clone();
        let watches = future::spawn(async move { tx.closed().await });
        let sends = thread::spawn(move || other.send_blocking(1).is_ok());
        let leaves = thread::spawn(move || rx.try_recv().is_ok());
        assert_eq!(future::block_on(watches).unwrap(), Ended::Retired);
        assert_eq!(sends.join().unwrap(), leaves.join().unwrap());
    });
}

/// Children of one `par!` that other threads feed and drain, long enough for the ready set to be made.
#[test]
fn par_is_woken_from_other_threads() {
    explore(4200, || {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let feeders = [(a, 0), (b, 100)].map(|(tx, first)| {
            thread::spawn(move || {
                for n in 0..5 {
                    tx.send_blocking(first + n).unwrap();
                }
            })
        });
        let drain = thread::spawn(move || c_rx.into_iter().collect::<Result<Vec<u32>, _>>().unwrap());
        let out = c.clone();
        let relays = par!(
            aqueduct::task("one", async move {
                while let Some(n) = a_rx.next().await? {
                    out.send(n).await?;
                }
                Ok(())
            }),
            aqueduct::task("other", async move {
                while let Some(n) = b_rx.next().await? {
                    c.send(n).await?;
                }
                Ok(())
            })
        );
        future::block_on(relays.into_future()).unwrap();
        join(feeders);
        assert_eq!(sorted(drain.join().unwrap()), [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]);
    });
}

/// A group of more than one leaf, so that a wake climbs.
#[test]
fn a_group_is_woken_from_other_threads() {
    explore(360, || {
        const MEMBERS: usize = 66;
        let mut group = Group::new();
        let mut gates = Vec::new();
        for n in 0..MEMBERS {
            let (gate, wait) = aqueduct::channel();
            gates.push(gate);
            group.add(aqueduct::task("member", async move { Ok(n + wait.recv().await?) }));
        }
        let others = gates.split_off(MEMBERS / 2);
        let feeders = [gates, others].map(|gates| {
            thread::spawn(move || {
                for gate in gates {
                    gate.send_blocking(1_usize).unwrap();
                }
            })
        });
        let values = future::block_on(group.join()).unwrap();
        assert_eq!(values, (1..=MEMBERS).collect::<Vec<_>>());
        join(feeders);
    });
}

/// A process that fails while others wait, on the model's threads: the mark is the process's own.
#[test]
fn a_failing_process_poisons_its_own_ends_only() {
    explore(9000, || {
        let (bad, bad_rx) = aqueduct::channel::<u32>();
        let (good, good_rx) = aqueduct::channel::<u32>();
        let fails = thread::spawn(move || {
            future::block_on(
                aqueduct::task("fails", async move {
                    bad.send(1).await?;
                    Err::<(), _>(Exit::failure("torn"))
                })
                .into_future(),
            )
            .unwrap_err()
        });
        let works = thread::spawn(move || {
            future::block_on(aqueduct::task("works", async move { Ok(good.send(2).await?) }).into_future()).unwrap();
        });
        let ends = [bad_rx, good_rx].map(|rx| {
            thread::spawn(move || {
                let first = rx.recv_blocking().unwrap();
                (first, rx.recv_blocking().unwrap_err())
            })
        });
        let [bad_end, good_end] = ends.map(|thread| thread.join().unwrap());
        let error = fails.join().unwrap();
        works.join().unwrap();
        assert_eq!(bad_end.0, 1);
        assert!(std::ptr::eq(bad_end.1.cause().unwrap(), error.cause()));
        assert_eq!(good_end, (2, WaitError::Ended(Ended::Retired)));
    });
}
