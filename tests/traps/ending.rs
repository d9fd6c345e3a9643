//! How channels end: T13, T14, T15, T16.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::{Refused, TryRecvError, WaitError};

use super::common::{rounds, within};
use super::{LIMIT, modes, poll, runtime};

// T13

/// Five sources send ten messages each and end; five sinks count what they get. Gives the counts, how many sends were
/// accepted, and how many of them were never received.
fn race(capacity: usize, threads: bool, poison: bool) -> (Vec<Result<usize, String>>, usize, u64) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let (tx, rx) = aqueduct::buffered(capacity);
    let accepted = Arc::new(AtomicUsize::new(0));
    let probe = rx.clone();
    let mut sources = Vec::new();
    for source in 0..5 {
        let (tx, accepted) = (tx.clone(), Arc::clone(&accepted));
        sources.push(if threads {
            aqueduct::thread("source", move || {
                for n in 0..10 {
                    tx.send_blocking((source, n))?;
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
                if poison {
                    tx.poison("enough");
                }
                Outcome::Ok(())
            })
            .spawn()
        } else {
            aqueduct::task("source", async move {
                for n in 0..10 {
                    tx.send((source, n)).await?;
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
                if poison {
                    tx.poison("enough");
                }
                Outcome::Ok(())
            })
            .spawn()
        });
    }
    let received = Arc::new(AtomicUsize::new(0));
    let mut sinks = Vec::new();
    for sink in 0..5 {
        let (rx, received) = (rx.clone(), Arc::clone(&received));
        sinks.push(if (sink % 2 == 0) == threads {
            aqueduct::thread("sink", move || {
                let mut count = 0;
                while rx.next_blocking()?.is_some() {
                    received.fetch_add(1, Ordering::Relaxed);
                    count += 1;
                }
                Outcome::Ok(count)
            })
            .spawn()
        } else {
            aqueduct::task("sink", async move {
                let mut count = 0;
                while rx.next().await?.is_some() {
                    received.fetch_add(1, Ordering::Relaxed);
                    count += 1;
                }
                Outcome::Ok(count)
            })
            .spawn()
        });
    }
    drop((tx, rx));
    let counts = sinks.into_iter().map(|sink| sink.join_blocking().map_err(|error| error.to_string())).collect();
    for source in sources {
        let ended = source.join_blocking();
        assert!(poison || ended.is_ok());
    }
    let undelivered = probe.undelivered();
    assert_eq!(
        received.load(Ordering::Relaxed) + usize::try_from(undelivered).unwrap(),
        accepted.load(Ordering::Relaxed),
        "a value is neither received nor counted as undelivered"
    );
    (counts, accepted.load(Ordering::Relaxed), undelivered)
}

#[test]
fn t13_retire_loses_nothing() {
    for round in 0..rounds(40) {
        let (counts, accepted, undelivered) = within(LIMIT, move || race(round % 4, round % 2 == 0, false));
        assert_eq!(counts.into_iter().map(Result::unwrap).sum::<usize>(), 50);
        assert_eq!((accepted, undelivered), (50, 0));
    }
}

#[test]
fn t13_poison_aborts_and_says_so() {
    for round in 0..rounds(40) {
        let (counts, accepted, _) = within(LIMIT, move || race(round % 4, round % 2 == 0, true));
        assert!(accepted <= 50);
        for count in counts {
            let error = count.expect_err("no sink takes truncated data for complete data");
            assert!(error.contains("source#") && error.ends_with("poisoned a channel: enough"), "{error}");
        }
    }
}

// T14

type Secret = Box<dyn FnOnce() -> Sender<u32> + Send>;

/// An end that no argument list shows.
struct Hidden {
    deep: Vec<Option<Secret>>,
}

fn hide(tx: Sender<u32>) -> Hidden {
    Hidden { deep: vec![None, Some(Box::new(move || tx))] }
}

#[process]
async fn holds(hidden: Hidden, fail: bool) -> Outcome {
    tokio::task::yield_now().await;
    if fail {
        return Err(Exit::failure("broken"));
    }
    drop(hidden);
    Ok(())
}

#[test]
fn t14_a_hidden_end_retires_by_ownership() {
    let (tx, rx) = aqueduct::channel();
    aqueduct::run(holds(hide(tx), false)).unwrap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Retired)));
}

#[test]
fn t14_a_hidden_end_poisons_by_ownership() {
    let (tx, rx) = aqueduct::channel();
    let error = aqueduct::run(holds(hide(tx), true)).unwrap_err();
    let ended = rx.ended().unwrap();
    assert!(ended.is_poisoned());
    assert!(std::ptr::eq(ended.cause().unwrap(), error.cause()), "the peers see the very cause of the process");
}

#[test]
fn t14_a_hidden_end_poisons_when_its_process_panics_or_is_cancelled() {
    let (tx, rx) = aqueduct::channel();
    let hidden = hide(tx);
    let panics = aqueduct::thread("panics", move || {
        assert!(hidden.deep.is_empty(), "not empty");
        Outcome::Ok(())
    });
    let error = panics.spawn().join_blocking().unwrap_err();
    assert!(error.cause().is_panic());
    assert!(std::ptr::eq(rx.ended().unwrap().cause().unwrap(), error.cause()));

    let (tx, rx) = aqueduct::channel();
    drop(holds(hide(tx), false));
    assert!(rx.ended().unwrap().cause().unwrap().is_cancelled());
}

#[test]
fn t14_an_end_that_was_only_borrowed_is_not_touched() {
    let (tx, rx) = aqueduct::buffered(1);
    let failing = aqueduct::task("failing", async {
        tx.send(1).await?;
        Outcome::<()>::Err(Exit::failure("broken"))
    });
    futures::executor::block_on(async { failing.await }).unwrap_err();
    assert_eq!(tx.ended(), None);
    assert_eq!(rx.try_recv(), Ok(1));
}

#[test]
fn t14_an_end_received_over_a_channel_belongs_to_its_receiver() {
    let (ends, from) = aqueduct::channel::<Sender<u32>>();
    let (tx, rx) = aqueduct::channel::<u32>();
    let network = par!(
        // Gives the end away, then fails: the end is not its own any more.
        aqueduct::task("giver", async move {
            ends.send(tx).await?;
            Outcome::<()>::Err(Exit::failure("after giving"))
        }),
        aqueduct::task("taker", async move {
            let tx = from.recv().await?;
            tokio::task::yield_now().await;
            tx.send(5).await?;
            Outcome::Ok(())
        }),
        aqueduct::task("user", async move {
            assert_eq!(rx.next().await?, Some(5));
            assert_eq!(rx.next().await?, None);
            Outcome::Ok(())
        }),
    );
    let error = aqueduct::run(network).unwrap_err();
    assert!(error.to_string().contains("giver"), "{error}");
}

#[test]
fn t14_a_received_end_poisons_when_its_receiver_fails() {
    let (ends, from) = aqueduct::channel::<Sender<u32>>();
    let (tx, rx) = aqueduct::channel::<u32>();
    let network = par!(
        aqueduct::task("giver", async move { Ok(ends.send(tx).await?) }),
        aqueduct::task("taker", async move {
            let _tx = from.recv().await?;
            Outcome::<()>::Err(Exit::failure("after taking"))
        }),
        aqueduct::task("user", async move {
            let poisoned = rx.next().await.unwrap_err();
            assert!(poisoned.to_string().contains("after taking"), "{poisoned}");
            Outcome::Ok(())
        }),
    );
    assert!(aqueduct::run(network).unwrap_err().to_string().contains("taker"));
}

#[test]
fn t14_an_end_that_lies_in_a_channel_goes_with_the_channel() {
    // Nobody holds it but the queue; the queue dies with its failing receiver.
    let (ends, from) = aqueduct::buffered::<Sender<u32>>(1);
    let (tx, rx) = aqueduct::channel::<u32>();
    ends.try_send(tx).unwrap();
    let failing = aqueduct::thread("failing", move || {
        let _from = from;
        Outcome::<()>::Err(Exit::failure("with a full queue"))
    });
    failing.spawn().join_blocking().unwrap_err();
    assert_eq!(ends.undelivered(), 1);
    assert!(rx.ended().unwrap().is_poisoned());
}

// T15

#[test]
fn t15_ending_twice_does_nothing() {
    let (tx, rx) = aqueduct::buffered::<u32>(2);
    tx.try_send(1).unwrap();
    let (tx2, rx2) = (tx.clone(), rx.clone());
    tx.retire();
    assert_eq!(tx2.ended(), None, "another end is left");
    tx2.poison("first");
    tx2.poison("second");
    rx.poison("third");
    assert_eq!(tx2.undelivered(), 1);
    assert!(rx2.recv_blocking().unwrap_err().to_string().ends_with("poisoned a channel: first"));
    for ended in [tx2.ended(), rx.ended()] {
        assert!(ended.unwrap().to_string().ends_with("poisoned a channel: first"));
    }
    rx.retire();
    rx2.retire();
    tx2.poison("fourth");
    tx2.retire();
}

#[test]
fn t15_either_side_may_end_and_the_other_gets_an_error_not_a_panic() {
    let (tx, rx) = aqueduct::channel::<u32>();
    rx.retire();
    assert_eq!(tx.try_send(1).unwrap_err().into_parts(), (1, Refused::Ended(Ended::Retired)));
    assert_eq!(tx.send_blocking(2).unwrap_err().into_parts(), (2, WaitError::Ended(Ended::Retired)));
    tx.poison("too late");
    assert_eq!(tx.ended(), Some(Ended::Retired), "what is retired and drained stays retired");

    let (tx, rx) = aqueduct::channel::<u32>();
    tx.retire();
    rx.poison("too late");
    assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));

    let (tx, rx) = aqueduct::buffered::<u32>(1);
    tx.try_send(1).unwrap();
    tx.retire();
    rx.poison("not yet drained");
    assert!(rx.recv_blocking().unwrap_err().cause().is_some(), "a poison overrides a retire that is not drained");
    assert_eq!(rx.undelivered(), 1);
}

#[test]
fn t15_everybody_ends_at_once_and_everybody_sees_the_same_cause() {
    within(LIMIT, || {
        for round in 0..rounds(300) {
            let (tx, rx) = aqueduct::buffered::<usize>(round % 3);
            let _ = tx.try_send(1);
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    std::thread::spawn(move || {
                        if n % 2 == 0 {
                            tx.poison(n.to_string())
                        } else {
                            rx.poison(n.to_string())
                        }
                        let seen = (tx.ended(), rx.ended(), rx.recv_blocking());
                        if n < 2 {
                            tx.retire();
                        }
                        seen
                    })
                })
                .collect();
            drop(tx);
            let first = rx.recv_blocking();
            let ended = rx.ended();
            for thread in threads {
                let (sender, receiver, received) = thread.join().unwrap();
                let ended = ended.clone().or(receiver.clone());
                assert_eq!((&sender, &receiver), (&ended, &ended));
                assert_eq!(Some(received), ended.clone().map(|ended| Err(WaitError::Ended(ended))));
                assert!(first == Ok(1) || Some(first.clone()) == ended.map(|ended| Err(WaitError::Ended(ended))));
            }
        }
    });
}

// T16

#[test]
fn t16_an_ended_guard_is_ready_in_its_place() {
    for first in [true, false] {
        for poison in [true, false] {
            let (ended_tx, ended) = aqueduct::channel::<u32>();
            if poison {
                ended_tx.poison("bad");
            }
            drop(ended_tx);
            let (tx, ready) = aqueduct::buffered(1);
            tx.try_send(7).unwrap();
            let mut choice = Alt::pri();
            let taken = if first {
                aqueduct::alt_blocking! { choice; r = ended.recv() => r, r = ready.recv() => r }
            } else {
                aqueduct::alt_blocking! { choice; r = ready.recv() => r, r = ended.recv() => r }
            };
            match (first, poison) {
                (true, true) => assert!(taken.unwrap_err().is_poisoned()),
                (true, false) => assert!(taken.unwrap_err().is_retired()),
                (false, _) => assert_eq!(taken, Ok(7)),
            }
            assert_eq!(ready.len(), usize::from(first), "nothing else was touched");
        }
    }
}

#[test]
fn t16_an_ended_send_guard_is_ready_in_its_place_and_gives_its_value_back() {
    let (ended, ended_rx) = aqueduct::channel::<u32>();
    drop(ended_rx);
    let (tx, rx) = aqueduct::buffered(1);
    let mut choice = Alt::pri();
    let taken = aqueduct::alt_blocking! { choice;
        r = ended.send(1) => r.map_err(|error| error.into_parts()),
        r = tx.send(2) => r.map_err(|error| error.into_parts()),
    };
    assert_eq!(taken, Err((1, Ended::Retired)));
    let taken = aqueduct::alt_blocking! { choice;
        r = tx.send(2) => r.map_err(|error| error.into_parts()),
        r = ended.send(1) => r.map_err(|error| error.into_parts()),
    };
    assert_eq!(taken, Ok(()));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn t16_the_end_of_a_channel_wakes_a_waiting_choice_and_is_reported_for_that_guard() {
    for mut choice in modes() {
        let (a_tx, a) = aqueduct::channel::<u32>();
        let (_b_tx, b) = aqueduct::channel::<u32>();
        let mut waiting = pin!(async {
            aqueduct::alt! { choice;
                r = b.recv() => ("b", r),
                r = a.recv() => ("a", r),
            }
        });
        assert!(poll(&mut waiting).is_pending());
        a_tx.poison("bad");
        let Poll::Ready((guard, result)) = poll(&mut waiting) else { panic!("it sleeps on") };
        assert_eq!(guard, "a");
        assert!(result.unwrap_err().is_poisoned());
        assert_eq!(b.ended(), None);
    }
}

#[test]
fn t16_an_arm_that_takes_values_only_switches_off_and_the_choice_goes_on() {
    for mut choice in modes() {
        let (a_tx, a) = aqueduct::channel::<u32>();
        let (b_tx, b) = aqueduct::channel::<u32>();
        let mut waiting = pin!(async {
            aqueduct::alt! { choice;
                Ok(n) = a.recv() => Some(n),
                Ok(n) = b.recv() => Some(n),
                complete => None,
            }
        });
        assert!(poll(&mut waiting).is_pending());
        drop(a_tx);
        assert!(poll(&mut waiting).is_pending(), "the other guard is still there");
        b_tx.try_send(3).unwrap();
        assert_eq!(poll(&mut waiting), Poll::Ready(Some(3)));
        drop(b_tx);
        let over =
            aqueduct::alt_blocking! { Ok(n) = a.recv() => Some(n), Ok(n) = b.recv() => Some(n), complete => None };
        assert_eq!(over, None);
    }
}

#[test]
fn t16_a_fair_choice_serves_the_ready_guard_beside_an_ended_one() {
    let (ended_tx, ended) = aqueduct::channel::<u32>();
    drop(ended_tx);
    let (tx, rx) = aqueduct::unbounded();
    let mut choice = Alt::fair();
    let mut taken = String::new();
    for n in 0..10 {
        tx.try_send(n).unwrap();
        aqueduct::alt_blocking! { choice;
            r = ended.recv() => { assert!(r.is_err()); taken.push('e') }
            _ = rx.recv() => taken.push('r'),
            _ = after(Duration::ZERO) => taken.push('t'),
        }
    }
    assert_eq!(taken, "ertertert".to_owned() + "e");
}
