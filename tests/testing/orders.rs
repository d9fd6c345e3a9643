//! What the schedules reach: every order of small networks, both sides of a race.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex};

use aqueduct::prelude::*;
use aqueduct::testing::Explore;

/// The different values that a network makes, and how often.
fn outcomes<T: Ord + Clone + Debug, F: Future<Output = Outcome<T>>>(network: impl Fn() -> F) -> BTreeMap<T, usize> {
    let mut seen = BTreeMap::new();
    for seed in 0..300 {
        let run = Explore::new().replay(seed, &network).unwrap();
        *seen.entry(run.into_value()).or_default() += 1;
    }
    seen
}

async fn drain(rx: Receiver<u32>) -> Outcome<Vec<u32>> {
    let mut order = Vec::new();
    while let Some(n) = rx.next().await? {
        order.push(n);
    }
    Ok(order)
}

#[process]
async fn one(n: u32, out: Sender<u32>) -> Outcome {
    Ok(out.send(n).await?)
}

#[process]
fn one_on_a_thread(n: u32, out: Sender<u32>) -> Outcome {
    Ok(out.send_blocking(n)?)
}

#[test]
fn spawned_senders_arrive_in_every_order() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::channel();
        let senders = [1, 2, 3].map(|n| one(n, tx.clone()).spawn());
        drop(tx);
        let order = drain(rx).await?;
        for sender in senders {
            sender.await?;
        }
        Ok(order)
    });
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert!(seen.values().all(|&times| times >= 10), "{seen:?}");
}

#[test]
fn senders_on_threads_arrive_in_every_order() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::channel();
        let senders = [1, 2, 3].map(|n| one_on_a_thread(n, tx.clone()).spawn());
        drop(tx);
        let order = drain(rx).await?;
        for sender in senders {
            sender.await?;
        }
        Ok(order)
    });
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert!(seen.values().all(|&times| times >= 10), "{seen:?}");
}

#[test]
fn the_children_of_one_task_arrive_in_every_order() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::channel();
        let (a, b, c) = (one(1, tx.clone()), one(2, tx.clone()), one(3, tx));
        let (.., order) = par!(a, b, c, aqueduct::task("drain", drain(rx))).await?;
        Ok(order)
    });
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn the_members_of_a_group_arrive_in_every_order() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::unbounded();
        let mut group = Group::new();
        for n in 1..=3 {
            group.add(one(n, tx.clone()));
        }
        drop(tx);
        group.join().await?;
        drain(rx).await
    });
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn code_before_the_first_operation_runs_in_every_order_too() {
    let seen = outcomes(|| async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let visit = |n| {
            let order = Arc::clone(&order);
            aqueduct::task("visit", async move { order.lock().unwrap().push(n) })
        };
        par!(visit(1), visit(2), visit(3)).await?;
        let order = order.lock().unwrap().clone();
        Ok(order)
    });
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn a_bare_choice_takes_either_guard_by_the_seed() {
    let seen = outcomes(|| async {
        let (a_tx, a) = aqueduct::buffered(1);
        let (b_tx, b) = aqueduct::buffered(1);
        a_tx.send(()).await?;
        b_tx.send(()).await?;
        Ok(alt! {
            _ = a.recv() => 'a',
            _ = b.recv() => 'b',
        })
    });
    assert_eq!(seen.len(), 2, "{seen:?}");
    let seen = outcomes(|| async {
        let (a_tx, a) = aqueduct::buffered(1);
        let (b_tx, b) = aqueduct::buffered(1);
        a_tx.send(()).await?;
        b_tx.send(()).await?;
        let chosen = aqueduct::thread("chooser", move || {
            Ok(alt_blocking! {
                _ = a.recv() => 'a',
                _ = b.recv() => 'b',
            })
        });
        Ok(chosen.await?)
    });
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn a_race_is_won_by_either_side() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::channel();
        let racers = [one(1, tx.clone()).spawn(), one_on_a_thread(2, tx).spawn()];
        let winner = rx.recv().await?;
        drop(rx);
        for racer in racers {
            // The loser meets a retired channel, and ends quietly.
            racer.await?;
        }
        Ok(winner)
    });
    assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from([1, 2]), "{seen:?}");
}

#[test]
fn an_aborted_process_is_stopped_early_or_late() {
    let seen = outcomes(|| async {
        let (tx, rx) = aqueduct::unbounded();
        let counter = aqueduct::task("counter", async move {
            for n in 0..4 {
                tx.send(n).await?;
            }
            Ok(())
        })
        .spawn();
        rx.recv().await?;
        counter.abort();
        let mut more = 0;
        while rx.recv().await.is_ok() {
            more += 1;
        }
        let _ = counter.await;
        Ok(more)
    });
    // A poison overtakes what it finds in the channel.
    assert!(seen.len() >= 3, "{seen:?}");
}

/// On real workers a process that is aborted in the middle of a poll goes on to its next await.
#[test]
fn an_aborted_process_may_finish_what_it_is_doing() {
    let seen = outcomes(|| async {
        let done = Arc::new(Mutex::new(Vec::new()));
        let (begun, begun_rx) = aqueduct::unbounded();
        let (more, _more_rx) = aqueduct::unbounded();
        let log = Arc::clone(&done);
        let worker = aqueduct::task("worker", async move {
            begun.send(()).await?;
            more.send(()).await?;
            log.lock().unwrap().push("worked on");
            std::future::pending::<()>().await;
            Ok(())
        })
        .spawn();
        begun_rx.recv().await?;
        if !done.lock().unwrap().is_empty() {
            return Ok("already there");
        }
        worker.abort();
        let _ = worker.await;
        let worked_on = !done.lock().unwrap().is_empty();
        Ok(if worked_on { "worked on" } else { "stopped at once" })
    });
    assert_eq!(seen.len(), 3, "{seen:?}");
}
