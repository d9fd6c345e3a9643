//! The same network on every executor, large groups, and being a good neighbour.

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aqueduct::prelude::*;

use common::{rounds, within};

const LIMIT: Duration = Duration::from_secs(60);
const COUNT: u64 = 200;
/// What the network makes: two streams of squares, merged and added up.
const TOTAL: u64 = 2 * (COUNT - 1) * COUNT * (2 * COUNT - 1) / 6;

#[process]
async fn numbers(out: Sender<u64>) -> Outcome {
    for n in 0..COUNT {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
async fn square(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n * n).await?;
    }
    Ok(())
}

#[process]
async fn merge_sum(left: Receiver<u64>, right: Receiver<u64>) -> Outcome<u64> {
    let mut choice = Alt::fair();
    let mut sum = 0;
    loop {
        alt! { choice;
            Ok(n) = left.recv() => sum += n,
            Ok(n) = right.recv() => sum += n,
            complete => return Ok(sum),
        }
    }
}

#[process]
fn numbers_thread(out: Sender<u64>) -> Outcome {
    for n in 0..COUNT {
        out.send_blocking(n)?;
    }
    Ok(())
}

#[process]
fn square_thread(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    for n in input {
        let n = n?;
        out.send_blocking(n * n)?;
    }
    Ok(())
}

#[process]
fn merge_sum_thread(left: Receiver<u64>, right: Receiver<u64>) -> Outcome<u64> {
    let mut choice = Alt::fair();
    let mut sum = 0;
    loop {
        alt_blocking! { choice;
            Ok(n) = left.recv() => sum += n,
            Ok(n) = right.recv() => sum += n,
            complete => return Ok(sum),
        }
    }
}

/// All of it on tasks, in one task.
async fn network() -> Outcome<u64> {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::buffered(2);
    let (c, c_rx) = aqueduct::channel();
    let (d, d_rx) = aqueduct::unbounded();
    let (.., sum) = par!(numbers(a), square(a_rx, b), numbers(c), square(c_rx, d), merge_sum(b_rx, d_rx)).await?;
    Ok(sum)
}

/// Each process spawned, or a thread.
async fn network_apart() -> Outcome<u64> {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let (c, c_rx) = aqueduct::channel();
    let (d, d_rx) = aqueduct::channel();
    let tasks =
        [numbers(a).spawn(), square_thread(a_rx, b).spawn(), numbers_thread(c).spawn(), square(c_rx, d).spawn()];
    let sum = merge_sum(b_rx, d_rx).spawn().await?;
    for task in tasks {
        task.await?;
    }
    Ok(sum)
}

/// Tasks in this task, with threads among them.
async fn network_mixed() -> Outcome<u64> {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let (c, c_rx) = aqueduct::channel();
    let (d, d_rx) = aqueduct::channel();
    let (.., sum) =
        par!(numbers_thread(a), square(a_rx, b), numbers(c), square_thread(c_rx, d), merge_sum(b_rx, d_rx)).await?;
    Ok(sum)
}

mod everywhere {
    use super::*;

    #[test]
    fn run() {
        assert_eq!(aqueduct::run(network()).unwrap(), TOTAL);
        assert_eq!(aqueduct::run(network_mixed()).unwrap(), TOTAL);
        assert_eq!(aqueduct::run(network_apart()).unwrap(), TOTAL);
    }

    #[test]
    fn run_from_a_thread_process() {
        let sum = aqueduct::thread("runs", || Ok(aqueduct::run(network())?)).spawn().join_blocking().unwrap();
        assert_eq!(sum, TOTAL);
    }

    #[tokio::test]
    async fn tokio_test() {
        assert_eq!(network().await.unwrap(), TOTAL);
        assert_eq!(network_mixed().await.unwrap(), TOTAL);
        assert_eq!(network_apart().await.unwrap(), TOTAL);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tokio_test_with_two_workers() {
        assert_eq!(network().await.unwrap(), TOTAL);
        assert_eq!(network_mixed().await.unwrap(), TOTAL);
        assert_eq!(network_apart().await.unwrap(), TOTAL);
    }

    /// Without a timer and without anything else.
    #[test]
    fn a_users_own_current_thread_runtime() {
        within(LIMIT, || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert_eq!(runtime.block_on(network()).unwrap(), TOTAL);
            assert_eq!(runtime.block_on(network_mixed()).unwrap(), TOTAL);
            assert_eq!(runtime.block_on(network_apart()).unwrap(), TOTAL);
        });
    }

    #[test]
    fn a_local_set_and_processes_that_are_not_send() {
        use std::cell::Cell;
        use std::rc::Rc;
        within(LIMIT, || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let local = tokio::task::LocalSet::new();
            let sum = local.block_on(&runtime, async {
                let shared = Rc::new(Cell::new(0));
                let adds = Rc::clone(&shared);
                let (tx, rx) = aqueduct::channel();
                let spawned = tokio::task::spawn_local(async move {
                    par!(
                        numbers(tx),
                        aqueduct::task("local", async move {
                            while let Some(n) = rx.next().await? {
                                adds.set(adds.get() + n);
                                tokio::task::yield_now().await;
                            }
                            Ok(())
                        })
                    )
                    .await
                });
                let other = tokio::task::spawn_local(network());
                spawned.await.unwrap().unwrap();
                assert_eq!(other.await.unwrap().unwrap(), TOTAL);
                assert_eq!(network_apart().await.unwrap(), TOTAL);
                shared.get()
            });
            assert_eq!(sum, COUNT * (COUNT - 1) / 2);
        });
    }

    #[test]
    fn another_executor() {
        within(LIMIT, || {
            assert_eq!(futures::executor::block_on(network()).unwrap(), TOTAL);
            assert_eq!(futures::executor::block_on(network_mixed()).unwrap(), TOTAL);
        });
    }

    #[test]
    fn plain_threads_and_no_runtime() {
        within(LIMIT, || {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let (c, c_rx) = aqueduct::channel();
            let (d, d_rx) = aqueduct::channel();
            let threads = [
                numbers_thread(a).spawn(),
                square_thread(a_rx, b).spawn(),
                numbers_thread(c).spawn(),
                square_thread(c_rx, d).spawn(),
            ];
            assert_eq!(merge_sum_thread(b_rx, d_rx).spawn().join_blocking().unwrap(), TOTAL);
            for thread in threads {
                thread.join_blocking().unwrap();
            }
        });
    }

    #[test]
    fn between_two_runtimes_and_a_thread() {
        within(LIMIT, || {
            let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let two = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let (c, c_rx) = aqueduct::channel();
            let (d, d_rx) = aqueduct::channel();
            let apart = {
                let _inside = two.enter();
                [square(a_rx, b).spawn(), numbers(c).spawn(), numbers_thread(a).spawn(), square(c_rx, d).spawn()]
            };
            assert_eq!(one.block_on(merge_sum(b_rx, d_rx).into_future()).unwrap(), TOTAL);
            for handle in apart {
                handle.join_blocking().unwrap();
            }
        });
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn par_inside_spawned_tasks() {
        let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(aqueduct::task("network", network()).into_future())).collect();
        let mixed: Vec<_> = (0..5).map(|_| aqueduct::task("mixed", network_mixed()).spawn()).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), TOTAL);
        }
        for handle in mixed {
            assert_eq!(handle.await.unwrap(), TOTAL);
        }
    }

    /// A composition that is polled by one executor after another follows the waker it was last given.
    #[test]
    fn a_running_network_moves_from_one_executor_to_another() {
        within(LIMIT, || {
            let (tx, rx) = aqueduct::channel();
            let (out, end) = aqueduct::channel();
            let mut running = Box::pin(par!(square(rx, out)).into_future());
            let feed = async |n| {
                tx.send(n).await.unwrap();
                end.recv().await.unwrap()
            };
            for n in 0..rounds(30) as u64 {
                let both = futures::future::select(running.as_mut(), Box::pin(feed(n)));
                let ended = if n % 2 == 0 {
                    futures::executor::block_on(both)
                } else {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(both)).join().unwrap())
                };
                match ended {
                    futures::future::Either::Left((result, _)) => panic!("the network has ended: {result:?}"),
                    futures::future::Either::Right((squared, _)) => assert_eq!(squared, n * n),
                }
            }
        });
    }
}

/// Large groups, and groups in groups.
mod groups {
    use super::*;

    #[test]
    fn of_ten_thousand() {
        within(LIMIT, || {
            aqueduct::run(async {
                let mut group = Group::new();
                for n in 0..10_000_u64 {
                    group.add(aqueduct::task("one", async move {
                        tokio::task::yield_now().await;
                        Outcome::Ok(n)
                    }));
                }
                assert_eq!(group.len(), 10_000);
                let values = group.join().await?;
                assert_eq!(values, (0..10_000).collect::<Vec<_>>(), "in the order of addition");
                Outcome::Ok(())
            })
            .unwrap();
        });
    }

    /// Wakes go from child to child through leaves of 64 and sets of sets.
    #[test]
    fn a_ring_of_a_thousand_passes_a_token_exactly() {
        const MEMBERS: usize = 1000;
        within(LIMIT, || {
            let laps = rounds(20);
            aqueduct::run(async move {
                let passes = Arc::new(AtomicUsize::new(0));
                let mut group = Group::new();
                let (first, mut rx) = aqueduct::channel::<usize>();
                for _ in 1..MEMBERS {
                    let (tx, next) = aqueduct::channel();
                    let passes = passes.clone();
                    let input = std::mem::replace(&mut rx, next);
                    group.add(aqueduct::task("member", async move {
                        while let Some(token) = input.next().await? {
                            passes.fetch_add(1, Ordering::Relaxed);
                            tx.send(token + 1).await?;
                        }
                        Ok(())
                    }));
                }
                group.add(aqueduct::task("head", async move {
                    let mut token = 0;
                    for lap in 1..=laps {
                        first.send(token + 1).await?;
                        token = rx.recv().await?;
                        assert_eq!(token, lap * MEMBERS);
                    }
                    Ok(())
                }));
                group.join().await?;
                assert_eq!(passes.load(Ordering::Relaxed), laps * (MEMBERS - 1));
                Outcome::Ok(())
            })
            .unwrap();
        });
    }

    type Boxed = Pin<Box<dyn Future<Output = Outcome<u64>> + Send>>;

    fn skynet(first: u64, size: u64) -> Boxed {
        Box::pin(async move {
            if size == 1 {
                return Ok(first);
            }
            let (tx, rx) = aqueduct::channel();
            let mut group = Group::new();
            for n in 0..10 {
                let tx = tx.clone();
                group.add(aqueduct::task("node", async move {
                    let sum = skynet(first + n * size / 10, size / 10).await?;
                    tx.send(sum).await?;
                    Ok(())
                }));
            }
            drop(tx);
            let (_, sum) = par!(
                aqueduct::task("children", async move { Ok(group.join().await?) }),
                aqueduct::task("sum", async move {
                    let mut sum = 0;
                    while let Some(n) = rx.next().await? {
                        sum += n;
                    }
                    Ok(sum)
                })
            )
            .await?;
            Ok(sum)
        })
    }

    #[test]
    fn in_groups_add_up_ten_thousand() {
        within(LIMIT, || assert_eq!(aqueduct::run(skynet(0, 10_000)).unwrap(), 49_995_000));
    }

    #[test]
    fn grow_while_they_run() {
        within(LIMIT, || {
            aqueduct::run(async {
                // Every child that ends is followed by two more, until there were enough.
                let mut group = Group::new();
                let mut added = 0_u64;
                let mut sum = 0;
                let mut add = |group: &mut Group<'_, u64>| {
                    if added < 10_000 {
                        let n = added;
                        added += 1;
                        group.add(aqueduct::task("child", async move {
                            if n.is_multiple_of(3) {
                                tokio::task::yield_now().await;
                            }
                            Outcome::Ok(n)
                        }));
                    }
                };
                add(&mut group);
                while let Some(result) = group.next().await {
                    sum += result?;
                    add(&mut group);
                    add(&mut group);
                }
                assert_eq!(sum, 49_995_000);
                Outcome::Ok(())
            })
            .unwrap();
        });
    }

    /// While children wait, the group grows past the room of one set, and of one set of sets.
    #[test]
    fn that_grow_forget_nobody_who_waits() {
        within(LIMIT, || {
            aqueduct::run(async {
                let mut group = Group::new();
                let mut gates = Vec::new();
                for n in 0..5000_usize {
                    let (gate, wait) = aqueduct::buffered(1);
                    gates.push(gate);
                    group.add(aqueduct::task("waits", async move { Ok(n + wait.recv().await?) }));
                    if [0, 1, 62, 63, 64, 65, 4094, 4095, 4096, 4097].contains(&n) {
                        // Everybody so far is polled, and waits.
                        let mut next = std::pin::pin!(group.next());
                        let waits =
                            std::future::poll_fn(|cx| std::task::Poll::Ready(next.as_mut().poll(cx).is_pending()));
                        assert!(waits.await);
                    }
                }
                for gate in gates.iter().rev() {
                    gate.send(1).await?;
                }
                let values = group.join().await?;
                assert_eq!(values, (1..=5000).collect::<Vec<_>>());
                Outcome::Ok(())
            })
            .unwrap();
        });
    }

    #[test]
    fn are_woken_from_other_threads() {
        const MEMBERS: usize = 5000;
        within(LIMIT, || {
            let each = rounds(4);
            let mut group = Group::new();
            let mut gates = Vec::new();
            for _ in 0..MEMBERS {
                let (gate, wait) = aqueduct::channel::<usize>();
                gates.push(gate);
                group.add(aqueduct::task("member", async move {
                    let mut sum = 0;
                    while let Some(n) = wait.next().await? {
                        sum += n;
                    }
                    Ok(sum)
                }));
            }
            let gates = Arc::new(gates);
            let threads: Vec<_> = [7, 4999, 1]
                .map(|stride| {
                    let gates = Arc::clone(&gates);
                    std::thread::spawn(move || {
                        for round in 0..each {
                            for member in 0..MEMBERS {
                                gates[(member * stride + round) % MEMBERS].send_blocking(1).unwrap();
                            }
                        }
                    })
                })
                .into();
            drop(gates);
            let sums = aqueduct::run(group.join()).unwrap();
            assert!(sums.iter().all(|&sum| sum == 3 * each), "each member had each of its values");
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}

/// A task that always finds its channels ready lets others run.
mod neighbours {
    use super::*;

    /// How many operations a busy network did, and whether it is to stop.
    #[derive(Default)]
    struct Busy {
        operations: AtomicUsize,
        stop: AtomicBool,
    }

    /// Far more than any bound below: the busy network gives up, so that a failing test ends.
    const HOPELESS: usize = 6_000_000;

    impl Busy {
        fn goes_on(&self) -> bool {
            let done = self.operations.fetch_add(2, Ordering::Relaxed);
            !self.stop.load(Ordering::Relaxed) && done < HOPELESS
        }
    }

    /// Talks to itself, without ever having to wait.
    async fn talks_to_itself(busy: Arc<Busy>) -> Outcome {
        let (tx, rx) = aqueduct::buffered(1);
        while busy.goes_on() {
            tx.send(1).await?;
            rx.recv().await?;
        }
        Ok(())
    }

    fn chatter(busy: &Arc<Busy>) -> impl Process<Value = (), IntoFuture: Send> + use<> {
        aqueduct::task("chatter", talks_to_itself(busy.clone()))
    }

    /// Two that talk to each other.
    fn pair(busy: &Arc<Busy>) -> impl Process<Value = ((), ()), IntoFuture: Send> + use<> {
        let (tx, rx) = aqueduct::channel();
        let busy = busy.clone();
        par!(
            aqueduct::task("ping", async move {
                while busy.goes_on() {
                    tx.send(1).await?;
                }
                Ok(())
            }),
            aqueduct::task("pong", async move {
                while rx.next().await?.is_some() {}
                Ok(())
            })
        )
    }

    /// The most operations of the busy network between two turns of a neighbour on the same thread.
    fn longest_turn<F>(network: impl FnOnce(Arc<Busy>) -> F) -> usize
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let busy = Arc::new(Busy::default());
        let seen = busy.clone();
        let network = network(busy);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let neighbour = tokio::spawn(async move {
                let (mut longest, mut before) = (0, 0);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                    let now = seen.operations.load(Ordering::Relaxed);
                    longest = longest.max(now - before);
                    before = now;
                }
                seen.stop.store(true, Ordering::Relaxed);
                longest
            });
            tokio::spawn(network).await.unwrap();
            neighbour.await.unwrap()
        })
    }

    /// tokio's budget of 128, asked for at every 32nd operation. The neighbour's own yield may cost it a second turn.
    const OF_ONE_TASK: usize = 2 * 129 * 32;
    /// What a composition may do before it yields: its budget of polls, each of no more than 32 operations once the
    /// runtime's budget is spent.
    const OF_A_COMPOSITION: usize = 4096 * 32 + OF_ONE_TASK + 4096;

    #[test]
    fn one_busy_task_yields() {
        let longest = longest_turn(|busy| async move { talks_to_itself(busy).await.unwrap() });
        assert!((1..=OF_ONE_TASK).contains(&longest), "{longest}");
    }

    #[test]
    fn a_busy_choice_yields() {
        let longest = longest_turn(|busy| async move {
            let (tx, rx) = aqueduct::buffered(1);
            let mut choice = Alt::pri();
            while busy.goes_on() {
                alt! { choice;
                    Ok(_) = rx.recv() => {}
                    r = tx.send(1) => r.unwrap(),
                }
            }
        });
        // Each choice is one operation and counts as two.
        assert!((1..=2 * OF_ONE_TASK).contains(&longest), "{longest}");
    }

    #[test]
    fn a_busy_composition_yields() {
        let longest = longest_turn(|busy| async move {
            par!(chatter(&busy), chatter(&busy), pair(&busy)).await.unwrap();
        });
        assert!((1..=OF_A_COMPOSITION).contains(&longest), "{longest}");
        let longest = longest_turn(|busy| async move {
            pair(&busy).await.unwrap();
        });
        assert!((1..=OF_A_COMPOSITION).contains(&longest), "{longest}");
    }

    #[test]
    fn a_busy_group_yields() {
        let longest = longest_turn(|busy| async move {
            let mut group = Group::new();
            for _ in 0..100 {
                group.add(chatter(&busy));
            }
            group.join().await.unwrap();
        });
        assert!((1..=OF_A_COMPOSITION).contains(&longest), "{longest}");
    }

    /// A composition that has used up its turn ends the turn of the one around it.
    #[test]
    fn busy_compositions_in_compositions_yield_as_soon() {
        let longest = longest_turn(|busy| async move {
            par!(par!(pair(&busy))).await.unwrap();
        });
        assert!((1..=OF_A_COMPOSITION).contains(&longest), "{longest}");
    }

    #[test]
    fn busy_groups_in_groups_yield_as_soon() {
        let longest = longest_turn(|busy| async move {
            let mut outer = Group::new();
            for _ in 0..2 {
                let mut inner = Group::new();
                inner.add(pair(&busy));
                outer.add(aqueduct::task("inner", async move { Ok(inner.join().await?) }));
            }
            outer.join().await.unwrap();
        });
        assert!((1..=OF_A_COMPOSITION).contains(&longest), "{longest}");
    }

    #[test]
    fn a_timer_beside_a_busy_network_is_not_starved() {
        within(LIMIT, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let busy = Arc::new(Busy::default());
                let stop = busy.clone();
                let timer = tokio::spawn(async move {
                    let mut worst = Duration::ZERO;
                    for _ in 0..10 {
                        let asked = Instant::now();
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        worst = worst.max(asked.elapsed());
                    }
                    stop.stop.store(true, Ordering::Relaxed);
                    worst
                });
                par!(pair(&busy), chatter(&busy)).await.unwrap();
                let worst = timer.await.unwrap();
                assert!(worst < Duration::from_secs(1), "{worst:?}");
                assert!(busy.operations.load(Ordering::Relaxed) < HOPELESS, "it was stopped by the timer's task");
            });
        });
    }
}
