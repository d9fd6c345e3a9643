//! Farms: the same as a sequential map, whatever the workers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

use crate::common::rounds;
use crate::{cause, on_runtime, sorted};

const COUNT: u64 = 200;

/// What is computed: something that shows if a value is lost, doubled or changed.
fn hash(n: u64) -> u64 {
    let mixed = n.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 31)
}

/// A delay that differs from value to value and from round to round: some microseconds, now and then a millisecond.
fn delay(n: u64, round: u64) -> Duration {
    let random = hash(n ^ (round << 32));
    Duration::from_micros(if random.is_multiple_of(50) { 1000 } else { random % 50 })
}

#[test]
fn in_order_it_is_a_sequential_map_whatever_the_delays() {
    let expected: Vec<u64> = (0..COUNT).map(hash).collect();
    for round in 0..rounds(5) as u64 {
        for workers in [1, 2, 3, 16] {
            let (tasks, threads) = on_runtime(async move {
                let (a, a_rx) = aqueduct::channel();
                let (b, b_rx) = aqueduct::channel();
                let slow = move |n| async move {
                    after(delay(n, round)).await;
                    Ok(hash(n))
                };
                let tasks = par!(generate(0..COUNT, a), ordered_farm(workers, slow, a_rx, b), collect(b_rx));
                let (a, a_rx) = aqueduct::channel();
                let (b, b_rx) = aqueduct::channel();
                let slow = move |n| {
                    std::thread::sleep(delay(n, round));
                    Ok(hash(n))
                };
                let threads = par!(generate(0..COUNT, a), ordered_thread_farm(workers, slow, a_rx, b), collect(b_rx));
                (tasks.await.unwrap().2, threads.await.unwrap().2)
            });
            assert_eq!(tasks, expected, "tasks, {workers} workers");
            assert_eq!(threads, expected, "threads, {workers} workers");
        }
    }
}

#[test]
fn without_order_it_is_a_permutation_of_a_sequential_map() {
    let expected = sorted((0..COUNT).map(hash).collect());
    for round in 0..rounds(5) as u64 {
        let (tasks, threads) = on_runtime(async move {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let slow = move |n| async move {
                after(delay(n, round)).await;
                Ok(hash(n))
            };
            let tasks = par!(generate(0..COUNT, a), farm(4, slow, a_rx, b), collect(b_rx));
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let slow = move |n| {
                std::thread::sleep(delay(n, round));
                Ok(hash(n))
            };
            let threads = par!(generate(0..COUNT, a), thread_farm(4, slow, a_rx, b), collect(b_rx));
            (tasks.await.unwrap().2, threads.await.unwrap().2)
        });
        assert_eq!(sorted(tasks), expected);
        assert_eq!(sorted(threads), expected);
    }
}

#[test]
fn all_workers_work_at_once() {
    // Each worker waits until all four have a value.
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let barrier = Arc::new(tokio::sync::Barrier::new(4));
        let meet = move |n: u32| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                Ok(n)
            }
        };
        assert_eq!(par!(generate(0..8, a), ordered_farm(4, meet, a_rx, b), count(b_rx)).await.unwrap().2, 8);

        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let barrier = std::sync::Barrier::new(4);
        let meet = move |n: u32| {
            barrier.wait();
            Ok(n)
        };
        assert_eq!(par!(generate(0..8, a), thread_farm(4, meet, a_rx, b), count(b_rx)).await.unwrap().2, 8);
    });
}

#[test]
fn however_slow_one_value_is_the_memory_is_bounded() {
    on_runtime(async {
        const WORKERS: usize = 3;
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (go, gate) = aqueduct::channel::<()>();
        let stuck = move |n: u32| {
            let gate = gate.clone();
            async move {
                if n == 0 {
                    let _ = gate.recv().await;
                }
                Ok(n)
            }
        };
        let farming = ordered_farm(WORKERS, stuck, a_rx, b).spawn();
        let collecting = collect(b_rx).spawn();
        // It takes as many values as may be under way, and not one more.
        for n in 0..2 * WORKERS as u32 {
            a.send(n).await.unwrap();
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
            assert!(a.try_send(99).unwrap_err().is_full());
        }
        drop((go, a));
        assert_eq!(collecting.await.unwrap(), (0..2 * WORKERS as u32).collect::<Vec<_>>());
        farming.await.unwrap();
    });
}

/// Every kind of farm over this fallible function.
fn every_farm(
    workers: usize,
    f: fn(u32) -> Outcome<u32>,
    check: impl Fn(Result<(), ProcessError>, aqueduct::Ended, aqueduct::Ended) + Send + Sync + 'static,
) {
    on_runtime(async move {
        for kind in 0..4 {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let farming = match kind {
                0 => farm(workers, move |n| async move { f(n) }, a_rx, b).spawn(),
                1 => ordered_farm(workers, move |n| async move { f(n) }, a_rx, b).spawn(),
                2 => thread_farm(workers, f, a_rx, b).spawn(),
                _ => ordered_thread_farm(workers, f, a_rx, b).spawn(),
            };
            let feeding = aqueduct::task("feeding", async move {
                for n in 0.. {
                    if let Err(error) = a.send(n).await {
                        return Ok(error.into_parts().1);
                    }
                }
                unreachable!("the farm ends")
            })
            .spawn();
            let out = loop {
                if let Err(ended) = b_rx.recv().await {
                    break ended;
                }
            };
            check(farming.await, feeding.await.unwrap(), out);
        }
    });
}

#[test]
fn a_failing_worker_poisons_both_sides_and_is_the_cause() {
    every_farm(
        3,
        |n| if n == 20 { Err(Exit::failure("out of paper")) } else { Ok(n) },
        |result, input, out| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("farm worker") && error.contains("out of paper"), "{error}");
            assert!(cause::<()>(Err(input)).contains("out of paper"));
            assert!(cause::<()>(Err(out)).contains("out of paper"));
        },
    );
}

#[test]
fn a_worker_that_panics_does_too() {
    every_farm(
        2,
        |n| if n == 10 { panic!("no such page") } else { Ok(n) },
        |result, input, out| {
            assert!(result.unwrap_err().to_string().contains("panicked: no such page"));
            assert!(input.is_poisoned() && out.is_poisoned());
        },
    );
}

#[test]
fn a_function_that_ends_quietly_is_a_failure_since_a_result_is_missing() {
    every_farm(
        2,
        |n| {
            let (tx, rx) = aqueduct::channel::<u32>();
            drop(tx);
            if n == 10 { Ok(rx.try_recv()?) } else { Ok(n) }
        },
        |result, input, out| {
            let error = result.unwrap_err();
            assert!(error.cause().error().is_some_and(|error| error.is::<FarmError>()), "{error}");
            assert!(input.is_poisoned() && out.is_poisoned());
        },
    );
}

#[test]
fn a_farm_without_workers_says_so() {
    every_farm(0, Ok, |result, input, out| {
        assert!(result.unwrap_err().to_string().contains("at least one worker"));
        assert!(input.is_poisoned() && out.is_poisoned());
    });
}

#[test]
fn a_cancelled_farm_of_threads_leaves_no_thread_behind() {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
    for in_order in [false, true] {
        on_runtime(async move {
            let (a, a_rx) = aqueduct::channel::<u32>();
            let (b, b_rx) = aqueduct::channel();
            // The function is dropped when the last thread has ended.
            let alive = Arc::new(AtomicUsize::new(1));
            let held = Alive(Arc::clone(&alive));
            let f = move |n| {
                let _held = &held;
                Ok(n)
            };
            let farming =
                if in_order { ordered_thread_farm(4, f, a_rx, b).spawn() } else { thread_farm(4, f, a_rx, b).spawn() };
            a.send(1).await.unwrap();
            assert_eq!(b_rx.recv().await, Ok(1));
            farming.abort();
            assert!(farming.await.unwrap_err().cause().is_cancelled());
            assert!(a.closed().await.is_poisoned());
            while alive.load(SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
}
