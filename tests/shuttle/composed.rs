//! Processes that are composed, and woken from other threads.

use super::*;

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
