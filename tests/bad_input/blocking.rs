//! Blocking a thread: refused where it would stall a runtime's worker, allowed everywhere else.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Instant;

use aqueduct::WaitError;
use aqueduct::prelude::*;
use futures::executor::block_on;
use tokio::runtime::{Builder, Runtime};

use super::common::within;
use super::{LATE, LIMIT, SOON, panic_of};

/// One runtime of each flavour.
fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().enable_time().build().unwrap(),
        Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap(),
    ]
}

const REFUSED: WaitError = WaitError::OnRuntimeWorker;

/// Every form is refused here, at once, with the value back, although it would not have had to wait.
fn all_refused() {
    let (tx, rx) = aqueduct::buffered::<u32>(8);
    tx.try_send(1).unwrap();
    let deadline = Instant::now() + LATE;
    let sends = [tx.send_blocking(7), tx.send_timeout_blocking(7, LATE), tx.send_deadline_blocking(7, deadline)];
    for refused in sends {
        assert_eq!(refused.unwrap_err().into_parts(), (7, REFUSED));
    }
    let mut many = VecDeque::from([7, 8]);
    assert_eq!(tx.send_many_blocking(&mut many), Err(REFUSED));
    assert_eq!(many, [7, 8]);

    assert_eq!(rx.recv_blocking(), Err(REFUSED));
    assert_eq!(rx.next_blocking(), Err(REFUSED));
    assert_eq!(rx.recv_timeout_blocking(LATE), Err(REFUSED));
    assert_eq!(rx.recv_deadline_blocking(deadline), Err(REFUSED));
    let mut into = Vec::new();
    assert_eq!(rx.recv_many_blocking(&mut into, 3), Err(REFUSED));
    assert!(into.is_empty());
    assert_eq!(rx.iter().collect::<Vec<_>>(), [Err(REFUSED)]);
    assert_eq!((&rx).into_iter().collect::<Vec<_>>(), [Err(REFUSED)]);
    assert_eq!(rx.clone().into_iter().collect::<Vec<_>>(), [Err(REFUSED)]);

    let mut choice = Alt::fair();
    let offered = choice.offer().recv(&rx, |_| ()).select_blocking();
    assert_eq!(offered, Err(REFUSED));
    let said = panic_of(|| aqueduct::alt_blocking! { choice; r = rx.recv() => r.is_ok() });
    assert!(said.contains("alt_blocking!") && said.contains("stall the runtime's worker"), "{said}");
    // A choice that does not wait does not block.
    let taken = aqueduct::alt_blocking! { choice; r = rx.recv() => r.unwrap(), default => 0 };
    assert_eq!(taken, 1);

    let joined = aqueduct::thread("quick", || Outcome::Ok(())).spawn().join_blocking().unwrap_err();
    let cause = joined.cause().error().unwrap();
    assert_eq!(cause.downcast_ref::<WaitError>(), Some(&REFUSED), "{joined}");

    let nested = aqueduct::run(async { Outcome::Ok(()) }).unwrap_err();
    assert!(nested.cause().is_not_started(), "{nested}");
    assert_eq!((tx.ended(), rx.len()), (None, 0));
}

/// Blocking works here.
fn all_allowed() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let (back_tx, back) = aqueduct::channel::<u32>();
    let echo = std::thread::spawn(move || {
        while let Ok(Some(value)) = rx.next_blocking() {
            std::thread::sleep(SOON);
            back_tx.send_blocking(value + 1).unwrap();
        }
    });
    tx.send_blocking(1).unwrap();
    assert_eq!(back.recv_blocking(), Ok(2));
    tx.send_timeout_blocking(2, LATE).unwrap();
    assert_eq!(back.recv_timeout_blocking(LATE), Ok(3));
    assert_eq!(back.recv_timeout_blocking(SOON), Err(WaitError::Timeout));
    aqueduct::alt_blocking! { s = tx.send(3) => s.unwrap(), _ = after(LATE) => unreachable!() }
    let mut choice = Alt::pri();
    assert_eq!(choice.offer().recv(&back, Result::unwrap).select_blocking(), Ok(Ok(4)));
    aqueduct::thread("quick", || Outcome::Ok(())).spawn().join_blocking().unwrap();
    drop(tx);
    assert_eq!(back.iter().count(), 0);
    echo.join().unwrap();
}

#[process]
async fn refuses() -> Outcome {
    all_refused();
    tokio::task::yield_now().await;
    all_refused();
    Ok(())
}

#[test]
fn refused_in_a_task_of_tokio_and_in_its_main_future() {
    for runtime in runtimes() {
        within(LIMIT, move || {
            runtime.block_on(async {
                all_refused();
                tokio::spawn(async { all_refused() }).await.unwrap();
            });
        });
    }
}

#[test]
fn refused_in_a_task_process_wherever_it_runs() {
    within(LIMIT, || {
        aqueduct::run(refuses()).unwrap();
        aqueduct::run(async { Ok::<_, Exit>(refuses().spawn().await?) }).unwrap();
        aqueduct::run(par!(refuses(), refuses())).unwrap();
        for runtime in runtimes() {
            runtime.block_on(async { refuses().await }).unwrap();
        }
        // Not only on tokio.
        block_on(async { aqueduct::task("elsewhere", async { all_refused() }).await }).unwrap();
        block_on(async { par!(aqueduct::task("elsewhere", async { all_refused() })).await }).unwrap();
    });
}

#[test]
fn refused_under_another_executor_inside_a_task() {
    for runtime in runtimes() {
        within(LIMIT, move || {
            runtime.block_on(async {
                tokio::spawn(async { block_on(async { all_refused() }) }).await.unwrap();
            });
        });
    }
    within(LIMIT, || {
        aqueduct::run(aqueduct::task("outer", async { block_on(async { all_refused() }) })).unwrap();
    });
}

#[test]
fn refused_in_a_drop_while_a_task_is_polled() {
    struct Blocks(Receiver<u32>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            assert_eq!(self.0.recv_blocking(), Err(REFUSED));
        }
    }
    within(LIMIT, || {
        let (_tx, rx) = aqueduct::channel();
        aqueduct::run(aqueduct::task("drops", async move { drop(Blocks(rx)) })).unwrap();
    });
}

#[test]
fn allowed_on_plain_threads_also_under_an_entered_handle() {
    for runtime in runtimes() {
        within(LIMIT, move || {
            all_allowed();
            let _inside = runtime.enter();
            all_allowed();
        });
    }
}

#[test]
fn allowed_where_tokio_allows_it() {
    for runtime in runtimes() {
        within(LIMIT, move || {
            runtime.block_on(async {
                tokio::task::spawn_blocking(all_allowed).await.unwrap();
                tokio::spawn(async { tokio::task::spawn_blocking(all_allowed).await.unwrap() }).await.unwrap();
            });
        });
    }
    within(LIMIT, || {
        let [_, runtime] = runtimes();
        runtime.block_on(async {
            tokio::task::block_in_place(all_allowed);
            tokio::spawn(async { tokio::task::block_in_place(all_allowed) }).await.unwrap();
        });
    });
}

#[test]
fn refused_again_after_blocking_in_place() {
    within(LIMIT, || {
        let [_, runtime] = runtimes();
        runtime.block_on(async {
            tokio::spawn(async {
                all_refused();
                tokio::task::block_in_place(all_allowed);
                all_refused();
            })
            .await
            .unwrap();
        });
    });
}

#[test]
fn allowed_where_tokio_allows_it_inside_a_process() {
    within(LIMIT, || {
        aqueduct::run(aqueduct::task("outer", async {
            tokio::task::spawn_blocking(all_allowed).await?;
            Outcome::Ok(())
        }))
        .unwrap();
    });
}

#[test]
fn allowed_in_place_inside_a_process() {
    within(LIMIT, || {
        let spawned = aqueduct::run(async {
            Ok::<_, Exit>(aqueduct::task("outer", async { tokio::task::block_in_place(all_allowed) }).spawn().await?)
        });
        spawned.unwrap();
    });
}

#[test]
fn allowed_in_a_thread_process_also_within_a_network() {
    within(LIMIT, || {
        aqueduct::thread("alone", all_allowed).spawn().join_blocking().unwrap();
        aqueduct::run(par!(aqueduct::thread("one", all_allowed), refuses(), aqueduct::thread("other", all_allowed)))
            .unwrap();
    });
}

/// How many operations tokio allows this task before it must yield; asking changes nothing.
fn budget(cx: &mut Context<'_>) -> usize {
    let mut units = Vec::new();
    while let Poll::Ready(unit) = tokio::task::coop::poll_proceed(cx) {
        units.push(unit);
        assert!(units.len() < 10_000, "no budget at all");
    }
    let count = units.len();
    // Each restores what it found: the first must be the last.
    while units.pop().is_some() {}
    count
}

#[test]
fn the_check_does_not_touch_the_budget_of_the_task() {
    for runtime in runtimes() {
        runtime.block_on(async {
            tokio::spawn(poll_fn(|cx| {
                let (_tx, rx) = aqueduct::channel::<u32>();
                let whole = budget(cx);
                assert!(whole > 2, "{whole}");
                // At every level of the budget, down to nothing.
                for left in (0..=whole).rev() {
                    assert_eq!(budget(cx), left);
                    assert_eq!(rx.recv_blocking(), Err(REFUSED));
                    assert_eq!(budget(cx), left, "after the check");
                    if let Poll::Ready(unit) = tokio::task::coop::poll_proceed(cx) {
                        unit.made_progress();
                    }
                }
                Poll::Ready(())
            }))
            .await
            .unwrap();
        });
    }
}

#[test]
fn run_is_refused_inside_a_task_and_allowed_beside_one() {
    let nothing = || aqueduct::run(async { Outcome::Ok(5) });
    within(LIMIT, move || {
        for runtime in runtimes() {
            runtime.block_on(async {
                assert!(nothing().unwrap_err().to_string().contains("inside a task"));
                assert_eq!(tokio::task::spawn_blocking(nothing).await.unwrap().unwrap(), 5);
            });
            let _inside = runtime.enter();
            assert_eq!(nothing().unwrap(), 5);
        }
        let inner = aqueduct::thread("inner", move || Outcome::Ok(nothing()?)).spawn();
        assert_eq!(inner.join_blocking().unwrap(), 5);
        let refused = block_on(async { aqueduct::task("outer", async move { Outcome::Ok(nothing()?) }).await });
        assert!(refused.unwrap_err().to_string().contains("inside a task"));
    });
}

#[test]
fn a_refused_choice_can_be_made_again_elsewhere() {
    let [runtime, _] = runtimes();
    let (tx, rx) = aqueduct::buffered::<u32>(1);
    tx.try_send(1).unwrap();
    let mut choice = Alt::fair();
    runtime.block_on(async {
        let refused = catch_unwind(AssertUnwindSafe(|| aqueduct::alt_blocking! { choice; r = rx.recv() => r.is_ok() }));
        assert!(refused.is_err());
    });
    assert_eq!(aqueduct::alt_blocking! { choice; r = rx.recv() => r }, Ok(1));
    assert_eq!(tx.ended(), None);
}
