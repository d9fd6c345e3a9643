//! Time: `after`, `at` and `tick` as futures and as guards, the limits of waiting forms, and tokio's paused clock.

mod common;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aqueduct::WaitError;
use aqueduct::prelude::*;
use common::{rounds, within};
use tokio::time::advance;

const LIMIT: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// tokio's clock, which may be paused.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn poll<F: Future + ?Sized>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

mod paused {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn timers_follow_the_clock() {
        let (real, start) = (Instant::now(), now());
        assert_eq!(after(HOUR).await, start + HOUR);
        assert_eq!(now(), start + HOUR);
        assert_eq!(at(start + 3 * HOUR).await, start + 3 * HOUR);
        assert_eq!(now(), start + 3 * HOUR);
        let mut clock = tick(HOUR);
        for n in 4..8 {
            assert_eq!(clock.next().await, start + n * HOUR);
            assert_eq!(now(), start + n * HOUR);
        }
        assert!(real.elapsed() < LIMIT, "hours have passed by the paused clock only");
    }

    #[tokio::test(start_paused = true)]
    async fn limits_follow_the_clock() {
        let start = now();
        let (tx, rx) = aqueduct::channel::<u32>();
        assert_eq!(rx.recv_timeout(HOUR).await, Err(WaitError::Timeout));
        assert_eq!(now(), start + HOUR);
        assert_eq!(rx.recv_deadline(start + 2 * HOUR).await, Err(WaitError::Timeout));
        assert_eq!(now(), start + 2 * HOUR);
        let error = tx.send_timeout(5, HOUR).await.unwrap_err();
        assert!(error.is_timeout());
        assert_eq!(error.into_inner(), 5);
        assert_eq!(now(), start + 3 * HOUR);
        assert!(tx.send_deadline(5, start + 4 * HOUR).await.unwrap_err().is_timeout());
        assert_eq!(now(), start + 4 * HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn guards_follow_the_clock() {
        let start = now();
        let (_tx, rx) = aqueduct::channel::<u32>();
        for mut choice in [Alt::pri(), Alt::fair(), Alt::unseeded()] {
            let start = now();
            let due = aqueduct::alt! { choice;
                r = rx.recv() => unreachable!("{r:?}"),
                _ = after(2 * HOUR) => unreachable!("the later of two"),
                due = after(HOUR) => due,
            };
            assert_eq!((due, now()), (start + HOUR, start + HOUR));
            let mut clock = tick(HOUR);
            let due = aqueduct::alt! { choice; r = rx.recv() => unreachable!("{r:?}"), due = clock.next() => due };
            assert_eq!(due, start + 2 * HOUR);
            let due = choice.offer().recv(&rx, |_| None).at(start + 3 * HOUR, || Some(3)).select().await;
            assert_eq!((due, now()), (Ok(Some(3)), start + 3 * HOUR));
            let due = choice.offer().recv(&rx, |_| None).tick(&mut clock, Some).select().await;
            assert_eq!(due, Ok(Some(start + 3 * HOUR)));
            assert!(choice.offer().after(HOUR, || ()).select().await.is_ok());
        }
        assert_eq!(now(), start + 12 * HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_counts_from_the_call() {
        let (tx, rx) = aqueduct::channel::<u32>();
        let start = now();
        let late = (rx.recv_timeout(ms(10)), tx.send_timeout(1, ms(10)), after(ms(10)));
        advance(ms(20)).await;
        assert_eq!(late.0.await, Err(WaitError::Timeout));
        assert!(late.1.await.is_err());
        assert_eq!(late.2.await, start + ms(10));
        assert_eq!(now(), start + ms(20), "nobody has waited");
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_delivery_wins() {
        let (tx, rx) = aqueduct::channel::<u32>();
        // Committed before the limit, looked at long after.
        let mut receive = pin!(rx.recv_timeout(ms(10)));
        assert!(poll(&mut receive).is_pending());
        tx.try_send(1).unwrap();
        advance(ms(20)).await;
        assert_eq!(poll(&mut receive), Poll::Ready(Ok(1)));
        // Committed after the limit, before it was noticed.
        let mut receive = pin!(rx.recv_timeout(ms(10)));
        assert!(poll(&mut receive).is_pending());
        advance(ms(20)).await;
        tx.try_send(2).unwrap();
        assert_eq!(poll(&mut receive), Poll::Ready(Ok(2)));
        // The same for a send.
        let mut send = pin!(tx.send_timeout(3, ms(10)));
        assert!(poll(&mut send).is_pending());
        advance(ms(20)).await;
        assert_eq!(rx.try_recv(), Ok(3));
        assert!(matches!(poll(&mut send), Poll::Ready(Ok(()))));
        // A peer that is there already is met, however late it is.
        let mut waiting = pin!(tx.send(4));
        assert!(poll(&mut waiting).is_pending());
        assert_eq!(rx.recv_timeout(Duration::ZERO).await, Ok(4));
        let mut waiting = pin!(rx.recv());
        assert!(poll(&mut waiting).is_pending());
        assert!(tx.send_deadline(5, now() - ms(10)).await.is_ok());
        assert_eq!(poll(&mut waiting), Poll::Ready(Ok(5)));
        // Noticed: it is withdrawn, and nobody meets it any more.
        let mut receive = pin!(rx.recv_timeout(ms(10)));
        assert!(poll(&mut receive).is_pending());
        advance(ms(20)).await;
        assert_eq!(poll(&mut receive), Poll::Ready(Err(WaitError::Timeout)));
        assert!(tx.try_send(6).unwrap_err().is_full());
    }

    #[tokio::test(start_paused = true)]
    async fn a_choice_that_was_committed_before_its_timeout_is_not_timed_out() {
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut choice = Alt::pri();
        let mut waiting = pin!(async {
            aqueduct::alt! { choice; _ = after(ms(10)) => None, r = rx.recv() => r.ok() }
        });
        assert!(poll(&mut waiting).is_pending());
        tx.try_send(1).unwrap();
        advance(ms(20)).await;
        assert_eq!(poll(&mut waiting), Poll::Ready(Some(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_stay_on_the_grid() {
        let start = now();
        let mut clock = tick(ms(10));
        assert_eq!(clock.period(), ms(10));
        for n in 1..=5 {
            assert_eq!(clock.next().await, start + n * ms(10));
            // Less than a period late at each.
            advance(ms(u64::from(n))).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn missed_ticks_are_skipped_except_one() {
        let start = now();
        let mut clock = tick(ms(10));
        assert_eq!(clock.next().await, start + ms(10));
        // 20, 30 and 40 are missed.
        advance(ms(35)).await;
        let mut at_once = 0;
        let next = loop {
            let due = clock.next().await;
            assert_eq!((due - start).as_nanos() % ms(10).as_nanos(), 0, "off the grid");
            if now() > start + ms(45) {
                break due;
            }
            at_once += 1;
        };
        assert_eq!(next, start + ms(50));
        assert_eq!(at_once, 1, "ticks that were ready at once, of three that were missed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_very_late_goes_on_with_the_grid() {
        let start = now();
        let mut clock = tick(ms(10));
        advance(1_000 * HOUR + ms(3)).await;
        let mut read = 0;
        while now() == start + 1_000 * HOUR + ms(3) {
            clock.next().await;
            read += 1;
        }
        assert!(read <= 3, "{read} ticks were read after one long sleep");
        assert_eq!(now(), start + 1_000 * HOUR + ms(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_a_losing_guard_saw_is_not_consumed() {
        let (tx, rx) = aqueduct::unbounded();
        let start = now();
        let mut clock = tick(ms(10));
        let mut choice = Alt::pri();
        advance(ms(10)).await;
        for n in 0..3 {
            tx.try_send(n).unwrap();
            aqueduct::alt! { choice; r = rx.recv() => assert_eq!(r, Ok(n)), _ = clock.next() => unreachable!() }
            tx.try_send(n).unwrap();
            let got = choice.offer().recv(&rx, |r| r.is_ok()).tick(&mut clock, |_| false).select().await;
            assert_eq!(got, Ok(true));
        }
        assert_eq!(clock.next().await, start + ms(10), "it is still there");
        {
            // Due while the choice waits, and looked at only when a peer has committed another guard.
            let mut waiting = pin!(async {
                aqueduct::alt! { choice; r = rx.recv() => r.is_ok(), _ = clock.next() => false }
            });
            assert!(poll(&mut waiting).is_pending());
            tx.try_send(9).unwrap();
            advance(ms(10)).await;
            assert_eq!(poll(&mut waiting), Poll::Ready(true));
        }
        assert_eq!(clock.next().await, start + ms(20));
        {
            // Dropped while it waits.
            let mut dropped = pin!(clock.next());
            assert!(poll(&mut dropped).is_pending());
        }
        assert_eq!(clock.next().await, start + ms(30));
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_may_stand_in_many_choices() {
        let start = now();
        let (tx, rx) = aqueduct::unbounded();
        let mut deadline = pin!(after(ms(35)));
        let mut clock = tick(ms(10));
        let mut ticks = 0;
        loop {
            tx.try_send(ticks).unwrap();
            let mut choice = Alt::pri();
            let over = aqueduct::alt! { choice;
                due = deadline.as_mut() => { assert_eq!(due, start + ms(35)); true }
                _ = clock.next() => { ticks += 1; false }
                r = rx.recv() => {
                    r.unwrap();
                    after(ms(5)).await;
                    false
                }
            };
            if over {
                break;
            }
        }
        assert_eq!((ticks, now()), (3, start + ms(35)));
        // Once ready it stays ready.
        assert_eq!(deadline.as_mut().await, start + ms(35));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_blocks_beside_the_clock_times_out_once_the_clock_has_passed_its_limit() {
        // tokio does not advance its paused clock by itself while a blocking closure runs: somebody must.
        let (tx, rx) = aqueduct::channel::<u32>();
        let release = tx.clone();
        let mut timed = tokio::task::spawn_blocking(move || {
            let received = rx.recv_timeout_blocking(ms(2));
            let sent = tx.send_deadline_blocking(1, now() + ms(2)).map_err(|error| error.is_timeout());
            let chosen = aqueduct::alt_blocking! { r = rx.recv() => r.is_ok(), _ = after(ms(2)) => true };
            (received, sent, chosen)
        });
        let real = Instant::now();
        while !timed.is_finished() {
            advance(ms(1)).await;
            std::thread::sleep(ms(1));
            if real.elapsed() > Duration::from_secs(5) {
                release.poison("it hangs");
            }
        }
        assert_eq!((&mut timed).await.unwrap(), (Err(WaitError::Timeout), Err(true), true));
    }
}

mod real {
    use super::*;

    /// How long it took; at least `least`.
    fn took<R>(least: Duration, body: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = body();
        assert!(start.elapsed() >= least, "too early: {:?} of {least:?}", start.elapsed());
        result
    }

    const SHORT: Duration = Duration::from_millis(3);

    #[test]
    fn every_waiting_form_of_a_thread_has_a_limit() {
        within(LIMIT, || {
            let (tx, rx) = aqueduct::channel::<u32>();
            let soon = || Instant::now() + SHORT;
            assert_eq!(took(SHORT, || rx.recv_timeout_blocking(SHORT)), Err(WaitError::Timeout));
            assert_eq!(took(SHORT, || rx.recv_deadline_blocking(soon())), Err(WaitError::Timeout));
            assert!(took(SHORT, || tx.send_timeout_blocking(1, SHORT)).unwrap_err().is_timeout());
            assert_eq!(took(SHORT, || tx.send_deadline_blocking(7, soon())).unwrap_err().into_inner(), 7);
            let mut choice = Alt::fair();
            let by_alt = took(SHORT, || aqueduct::alt_blocking! { choice; _ = rx.recv() => 0, _ = after(SHORT) => 1 });
            assert_eq!(by_alt, 1);
            let by_at = took(SHORT, || aqueduct::alt_blocking! { choice; _ = tx.send(1) => 0, _ = at(soon()) => 1 });
            assert_eq!(by_at, 1);
            let mut clock = tick(SHORT);
            let by_tick = took(SHORT, || aqueduct::alt_blocking! { choice; _ = rx.recv() => 0, _ = clock.next() => 1 });
            assert_eq!(by_tick, 1);
            let offered = took(SHORT, || choice.offer().recv(&rx, |_| 0).after(SHORT, || 1).select_blocking());
            assert_eq!(offered, Ok(Ok(1)));
            assert!(tx.try_send(1).unwrap_err().is_full(), "nobody is left behind");
            assert!(rx.try_recv().is_err(), "nobody is left behind");
        });
    }

    async fn every_form_of_a_task() {
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut start = Instant::now();
        let mut took = || {
            let elapsed = std::mem::replace(&mut start, Instant::now()).elapsed();
            assert!(elapsed >= SHORT, "too early: {elapsed:?}");
        };
        after(SHORT).await;
        took();
        at(Instant::now() + SHORT).await;
        took();
        tick(SHORT).next().await;
        took();
        assert_eq!(rx.recv_timeout(SHORT).await, Err(WaitError::Timeout));
        took();
        assert_eq!(rx.recv_deadline(Instant::now() + SHORT).await, Err(WaitError::Timeout));
        took();
        assert!(tx.send_timeout(1, SHORT).await.unwrap_err().is_timeout());
        took();
        assert!(tx.send_deadline(1, Instant::now() + SHORT).await.unwrap_err().is_timeout());
        took();
        aqueduct::alt! { r = rx.recv() => unreachable!("{r:?}"), _ = after(SHORT) => {} }
        took();
        let mut choice = Alt::pri();
        choice.offer().recv(&rx, |_| unreachable!()).after(SHORT, || ()).select().await.unwrap();
        took();
        assert!(tx.try_send(1).unwrap_err().is_full(), "nobody is left behind");
    }

    #[tokio::test]
    async fn every_waiting_form_of_a_task_has_a_limit() {
        every_form_of_a_task().await;
    }

    #[test]
    fn many_tasks_keep_their_limits_at_once() {
        within(LIMIT, || {
            aqueduct::run(async {
                let all: Vec<_> = (0..50).map(|_| aqueduct::task("timed", every_form_of_a_task()).spawn()).collect();
                let mut group = Group::new();
                (0..50).for_each(|_| group.add(aqueduct::task("timed", every_form_of_a_task())));
                group.join().await?;
                for one in all {
                    one.await?;
                }
                Outcome::Ok(())
            })
            .unwrap();
        });
    }

    #[test]
    fn at_the_limit_nothing_is_lost_between_threads() {
        // Whoever hands over near the limit either has its value back, or the other side has it.
        within(LIMIT, || {
            let (tx, rx) = aqueduct::channel::<usize>();
            let receiver = std::thread::spawn(move || {
                let mut got = Vec::new();
                loop {
                    match rx.recv_timeout_blocking(Duration::from_micros(50)) {
                        Ok(value) => got.push(value),
                        Err(WaitError::Timeout) => {}
                        Err(_) => return got,
                    }
                }
            });
            let mut sent = Vec::new();
            for n in 0..rounds(3_000) {
                let result = match n % 3 {
                    0 => tx.try_send(n).map_err(|error| error.into_inner()),
                    1 => tx.send_timeout_blocking(n, Duration::from_micros(20)).map_err(|error| error.into_inner()),
                    _ => {
                        let mut slot = Some(n);
                        aqueduct::alt_blocking! {
                            s = tx.send_from(&mut slot) => s.unwrap(),
                            _ = after(Duration::from_micros(20)) => {}
                        }
                        slot.map_or(Ok(()), Err)
                    }
                };
                match result {
                    Ok(()) => sent.push(n),
                    Err(value) => assert_eq!(value, n),
                }
            }
            drop(tx);
            assert_eq!(receiver.join().unwrap(), sent);
        });
    }

    #[test]
    fn a_timeout_that_comes_first_wins_under_load() {
        // Other channels are always ready; in strict order the timer above them is taken as soon as it is due.
        within(LIMIT, || {
            let (tx, rx) = aqueduct::unbounded();
            let (sink, _kept) = aqueduct::unbounded();
            let mut choice = Alt::pri();
            let deadline = Instant::now() + ms(10);
            tx.try_send(0).unwrap();
            let mut served = 0_usize;
            loop {
                let over = aqueduct::alt_blocking! { choice;
                    _ = at(deadline) => true,
                    r = rx.recv() => { tx.try_send(r.unwrap()).unwrap(); false }
                    s = sink.send(()) => { s.unwrap(); false }
                };
                if over {
                    break;
                }
                served += 1;
                assert!(Instant::now() < deadline + Duration::from_secs(10), "the timer is not taken");
            }
            assert!(served > 0);
            assert!(Instant::now() >= deadline);
            // Below them it is not, as strict order says.
            for _ in 0..100 {
                aqueduct::alt_blocking! { choice;
                    r = rx.recv() => tx.try_send(r.unwrap()).unwrap(),
                    _ = at(deadline) => unreachable!("taken out of order"),
                }
            }
        });
    }

    #[test]
    fn a_timeout_wins_under_load_in_tasks_in_every_mode() {
        within(LIMIT, || {
            let runtimes = [
                tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap(),
                tokio::runtime::Builder::new_current_thread().build().unwrap(),
            ];
            for runtime in runtimes {
                for mut choice in [Alt::pri(), Alt::fair(), Alt::unseeded()] {
                    runtime.block_on(async {
                        let (tx, rx) = aqueduct::unbounded();
                        tx.try_send(0).unwrap();
                        let start = Instant::now();
                        let mut deadline = pin!(after(ms(5)));
                        loop {
                            let over = aqueduct::alt! { choice;
                                _ = deadline.as_mut() => true,
                                r = rx.recv() => { tx.send(r.unwrap()).await.unwrap(); false }
                            };
                            if over {
                                break;
                            }
                        }
                        assert!(start.elapsed() >= ms(5));
                    });
                }
            }
        });
    }

    #[test]
    fn timers_that_are_due_let_other_tasks_run() {
        let ran = within(LIMIT, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut other = tokio::spawn(async {});
                let mut clock = tick(Duration::ZERO);
                for _ in 0..100_000 {
                    clock.next().await;
                    after(Duration::ZERO).await;
                    if other.is_finished() {
                        (&mut other).await.unwrap();
                        return true;
                    }
                }
                false
            })
        });
        assert!(ran, "200 000 timers in a row without a yield: the other task never ran");
    }
    #[test]
    fn a_due_timer_is_taken_at_every_choice_and_others_run() {
        let others_ran = within(LIMIT, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let ran = std::rc::Rc::new(std::cell::Cell::new(0));
                let counts = std::rc::Rc::clone(&ran);
                let local = tokio::task::LocalSet::new();
                local.spawn_local(async move {
                    loop {
                        counts.set(counts.get() + 1);
                        tokio::task::yield_now().await;
                    }
                });
                let past = Instant::now();
                let (_tx, rx) = aqueduct::unbounded::<u32>();
                (0..4).for_each(|n| _tx.try_send(n).unwrap());
                local
                    .run_until(async {
                        let mut choice = Alt::pri();
                        for _ in 0..100_000 {
                            alt! { choice;
                                _ = at(past) => {}
                                _ = rx.recv() => panic!("the timer above is due"),
                            }
                            alt! { choice;
                                _ = at(past) => {}
                                default => panic!("the timer is due"),
                            }
                        }
                    })
                    .await;
                ran.get()
            })
        });
        assert!(others_ran > 10, "200 000 choices, and the other task ran {others_ran} times");
    }

    #[test]
    fn a_thread_forgets_the_limits_that_have_gone() {
        // One long wait of a thread, in which limits of an hour come and go: their number must not make it slow.
        let (slow, fast) = within(LIMIT, || {
            let (tx, rx) = aqueduct::channel::<u32>();
            let (back_tx, back) = aqueduct::channel::<u32>();
            let echo = std::thread::spawn(move || {
                while let Ok(n) = rx.recv_blocking() {
                    back_tx.send_blocking(n).unwrap();
                }
            });
            let hour = Duration::from_secs(3600);
            let rounds = async {
                let mut times = Vec::new();
                for _ in 0..20 {
                    let start = Instant::now();
                    for n in 0..200 {
                        tx.send(n).await.unwrap();
                        assert_eq!(back.recv_timeout(hour).await, Ok(n));
                    }
                    times.push(start.elapsed());
                }
                times
            };
            let times = aqueduct::alt_blocking! { times = rounds => times };
            drop(tx);
            echo.join().unwrap();
            (*times[10..].iter().min().unwrap(), *times[..10].iter().min().unwrap())
        });
        assert!(slow < fast * 20 + Duration::from_millis(50), "{fast:?} at first, {slow:?} later");
    }
}
