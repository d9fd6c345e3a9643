//! Everybody at once, on two workers and on threads, cancelled at random: the values must still add up.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::{SendWaitError, WaitError};

use crate::common::{rounds, within};
use crate::explore::Random;
use crate::ledger::{Fate, Id, Kept, Ledger, Value};
use crate::world::CAPACITIES;

/// Polls a few times, with pauses in which others may commit it, and then perhaps drops it.
async fn attempt<F: Future>(random: &mut Random, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..1 + random.below(3) {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        for _ in 0..random.below(3) {
            tokio::task::yield_now().await;
        }
    }
    None
}

fn instant(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(50) as u64)
}

/// How a producer fared with one value: it is gone, is still in the slot, or the channel has ended.
type Progress = Option<Result<(), Ended>>;

fn in_time(kept: &mut Kept<Option<Value>>, result: Result<(), SendWaitError<Value>>) -> Progress {
    match result.map_err(SendWaitError::into_parts) {
        Ok(()) => Some(Ok(())),
        Err((value, why)) => {
            kept.0 = Some(value);
            match why {
                WaitError::Timeout => None,
                WaitError::Ended(ended) => Some(Err(ended)),
                other => panic!("{other}"),
            }
        }
    }
}

/// Sends each value, in order, however often it is cancelled; stops when the channel has ended.
async fn produce(tx: Sender<Value>, values: VecDeque<Value>, mut random: Random) {
    let mut values = Kept(values);
    let mut alt = Alt::fair();
    let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
    while !values.0.is_empty() {
        if random.below(5) == 0 {
            match attempt(&mut random, tx.send_many(&mut values.0)).await {
                Some(Err(_)) => return,
                _ => continue,
            }
        }
        let mut kept = Kept(values.0.pop_front());
        loop {
            let progress = match random.below(4) {
                0 => attempt(&mut random, tx.send_from(&mut kept.0)).await,
                1 => {
                    let choice = async {
                        alt! { alt;
                            _ = quiet.recv() => unreachable!(),
                            r = tx.send_from(&mut kept.0) => r,
                        }
                    };
                    attempt(&mut random, choice).await
                }
                2 => {
                    let limit = instant(&mut random);
                    alt! {
                        r = tx.send_from(&mut kept.0) => Some(r),
                        _ = after(limit) => None,
                    }
                }
                _ => {
                    let result = tx.send_timeout(kept.0.take().unwrap(), instant(&mut random)).await;
                    in_time(&mut kept, result)
                }
            };
            match progress {
                Some(Err(_)) => return,
                // Dropped after it was committed: the slot says so.
                _ if kept.0.is_none() => break,
                Some(Ok(())) => panic!("sent, and still in the slot"),
                None => {}
            }
        }
    }
}

/// The same on a thread.
fn produce_blocking(tx: &Sender<Value>, values: VecDeque<Value>, mut random: Random) {
    let mut values = Kept(values);
    while let Some(value) = values.0.pop_front() {
        let mut kept = Kept(Some(value));
        while kept.0.is_some() {
            let limit = instant(&mut random);
            let progress = if random.below(2) == 0 {
                let result = tx.send_timeout_blocking(kept.0.take().unwrap(), limit);
                in_time(&mut kept, result)
            } else {
                alt_blocking! {
                    r = tx.send_from(&mut kept.0) => Some(r),
                    _ = after(limit) => None,
                }
            };
            if let Some(Err(_)) = progress {
                return;
            }
        }
    }
}

/// Receives until the channel has ended, or until it has had enough.
async fn consume(rx: Receiver<Value>, enough: usize, mut random: Random) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut alt = Alt::arbitrary(random.next());
    let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
    while ids.len() < enough {
        let received = match random.below(5) {
            0 => attempt(&mut random, rx.recv()).await,
            1 => {
                let choice = async {
                    alt! { alt;
                        r = rx.recv() => r,
                        _ = quiet.recv() => unreachable!(),
                    }
                };
                attempt(&mut random, choice).await
            }
            2 => {
                let limit = instant(&mut random);
                alt! {
                    r = rx.recv() => Some(r),
                    _ = after(limit) => None,
                }
            }
            3 => match rx.recv_timeout(instant(&mut random)).await {
                Ok(value) => Some(Ok(value)),
                Err(WaitError::Ended(ended)) => Some(Err(ended)),
                Err(_) => None,
            },
            _ => {
                let mut some = Vec::new();
                let received = attempt(&mut random, rx.recv_many(&mut some, 3)).await;
                ids.extend(some.into_iter().map(|value| value.settle(Fate::Received)));
                match received {
                    Some(Err(ended)) => Some(Err(ended)),
                    _ => None,
                }
            }
        };
        match received {
            Some(Ok(value)) => ids.push(value.settle(Fate::Received)),
            Some(Err(_)) => break,
            None => tokio::task::yield_now().await,
        }
    }
    ids
}

fn consume_blocking(rx: &Receiver<Value>, enough: usize, mut random: Random) -> Vec<Id> {
    let mut ids = Vec::new();
    while ids.len() < enough {
        match rx.recv_timeout_blocking(instant(&mut random)) {
            Ok(value) => ids.push(value.settle(Fate::Received)),
            Err(WaitError::Timeout) => {}
            Err(_) => break,
        }
    }
    ids
}

/// How many values each of the three producers sends.
const VALUES: usize = 100;

/// One network: gives each consumer's values in order, and what became of all.
fn network(seed: u64, capacity: usize, consumers: usize, enough: Option<usize>) -> (Vec<Vec<Id>>, Vec<Fate>) {
    let ledger = Arc::new(Ledger::default());
    let (tx, rx) = Channel::buffered(capacity)
        .on_undelivered(|value: Value| {
            value.settle(Fate::Undelivered);
        })
        .open();
    // Where the consumers leave first, somebody who sees how much was left behind.
    let watch = enough.is_some().then(|| tx.clone());
    let enough = enough.unwrap_or(usize::MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let random = |who: u64| Random(seed.wrapping_mul(1000).wrapping_add(who));
    let mut producers = Vec::new();
    for who in 0..2 {
        let values = (0..VALUES).map(|_| ledger.value()).collect();
        producers.push(runtime.spawn(produce(tx.clone(), values, random(who))));
    }
    let values = (0..VALUES).map(|_| ledger.value()).collect();
    let blocking_random = random(2);
    let producer = std::thread::spawn(move || produce_blocking(&tx, values, blocking_random));
    let mut tasks = Vec::new();
    for who in 1..consumers {
        tasks.push(runtime.spawn(consume(rx.clone(), enough, random(10 + who as u64))));
    }
    let last_random = random(10);
    let mut received: Vec<Vec<Id>> = if seed.is_multiple_of(2) {
        vec![std::thread::spawn(move || consume_blocking(&rx, enough, last_random)).join().unwrap()]
    } else {
        vec![runtime.block_on(runtime.spawn(consume(rx, enough, last_random))).unwrap()]
    };
    received.extend(tasks.into_iter().map(|task| runtime.block_on(task).unwrap()));
    producers.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    producer.join().unwrap();
    let fates = ledger.fates();
    let undelivered = fates.iter().filter(|fate| **fate == Fate::Undelivered).count() as u64;
    assert_eq!(watch.map_or(0, |watch| watch.undelivered()), undelivered, "the counter agrees with the hook");
    (received, fates)
}

/// Plays networks with different seeds, and says which one went wrong.
fn play(networks: usize, check: impl Fn(u64, usize) + Send + 'static) {
    within(Duration::from_secs(120), move || {
        for seed in 0..networks as u64 {
            for capacity in CAPACITIES {
                let check = std::panic::AssertUnwindSafe(|| check(seed, capacity));
                if let Err(panic) = std::panic::catch_unwind(check) {
                    eprintln!("with seed {seed} and capacity {capacity}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
    });
}

#[test]
fn one_cancelled_consumer_receives_everything_in_order() {
    play(rounds(60), |seed, capacity| {
        let (received, fates) = network(seed, capacity, 1, None);
        assert!(fates.iter().all(|fate| *fate == Fate::Received), "{fates:?}");
        for producer in 0..3 {
            let of_one = received[0].iter().filter(|id| usize::from(**id) / VALUES == producer);
            assert!(of_one.is_sorted(), "each producer's values in order: {received:?}");
        }
    });
}

#[test]
fn cancelled_consumers_share_everything() {
    play(rounds(60), |seed, capacity| {
        let (received, fates) = network(seed, capacity, 3, None);
        assert!(fates.iter().all(|fate| *fate == Fate::Received), "{fates:?}");
        assert_eq!(received.iter().map(Vec::len).sum::<usize>(), 3 * VALUES);
    });
}

#[test]
fn what_nobody_receives_is_kept_or_undelivered() {
    play(rounds(60), |seed, capacity| {
        let (received, fates) = network(seed, capacity, 2, Some(40));
        assert!(fates.iter().all(|fate| *fate != Fate::Dropped && *fate != Fate::Refused), "{fates:?}");
        let count = fates.iter().filter(|fate| **fate == Fate::Received).count();
        assert_eq!(received.iter().map(Vec::len).sum::<usize>(), count);
    });
}
