//! The split-phase barrier: who is waited for, who is told, and what a failure does.

mod common;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::sync::{Barrier, Member};
use aqueduct::{WaitError, task};

use common::{CountingWaker, rounds, within};

const LIMIT: Duration = Duration::from_secs(30);

fn poll<F: Future>(future: Pin<&mut F>) -> (Poll<F::Output>, Arc<CountingWaker>) {
    let (counter, waker) = CountingWaker::new();
    (future.poll(&mut Context::from_waker(&waker)), counter)
}

fn on_runtime<F>(body: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    within(LIMIT, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body)
    })
}

#[test]
fn a_phase_ends_when_the_last_member_arrives() {
    let barrier = Barrier::new();
    let (mut a, mut b, mut c) = (barrier.enrol(), barrier.enrol(), barrier.enrol());
    let mut first = a.arrive();
    assert!(!first.is_over());
    let (pending, counter) = poll(pin!(&mut first));
    assert!(pending.is_pending());
    b.signal();
    assert_eq!((counter.wakes(), barrier.phase()), (0, 0));
    c.signal();
    assert_eq!((counter.wakes(), barrier.phase()), (1, 1));
    assert!(first.is_over());
    assert_eq!(poll(pin!(first)).0, Poll::Ready(Ok(0)));
}

#[test]
fn to_arrive_twice_is_to_arrive_once() {
    let barrier = Barrier::new();
    let (mut a, mut b) = (barrier.enrol(), barrier.enrol());
    a.signal();
    assert!(!a.arrive().is_over(), "dropping the phase took nothing back, and arriving again adds nothing");
    assert_eq!(barrier.phase(), 0);
    assert!(b.arrive().is_over());
    assert!(!a.arrive().is_over(), "this is the next phase");
    assert_eq!(barrier.phase(), 1);
}

#[test]
fn who_resigns_is_not_waited_for_arrived_or_not() {
    let barrier = Barrier::new();
    let (mut a, mut b, c) = (barrier.enrol(), barrier.enrol(), barrier.enrol());
    let phase = a.arrive();
    b.signal();
    drop(c);
    assert!(phase.is_over(), "the last one that had not arrived has left");
    assert_eq!(barrier.members(), 2);
    a.signal();
    a.resign();
    assert_eq!((barrier.phase(), barrier.members()), (1, 1), "its arrival left with it");
    assert!(b.arrive().is_over());
}

#[test]
fn who_enrols_is_waited_for_at_once() {
    let barrier = Barrier::new();
    let mut a = barrier.enrol();
    let mut b = a.clone();
    let phase = a.arrive();
    assert!(!phase.is_over());
    assert!(b.arrive().is_over());
    assert!(phase.is_over());
    drop((a, b));
    assert_eq!(barrier.members(), 0);
    assert!(barrier.enrol().arrive().is_over(), "who is alone does not wait");
}

#[test]
fn a_phase_is_a_guard_and_keeps_the_place_of_the_others() {
    let barrier = Barrier::new();
    let (mut a, mut b) = (barrier.enrol(), barrier.enrol());
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut phase = a.arrive();
    let mut choice = Box::pin(async {
        alt! {
            ended = &mut phase => Err(ended.unwrap()),
            n = rx.recv() => Ok(n.unwrap()),
        }
    });
    assert!(poll(choice.as_mut()).0.is_pending());
    // The other receiver stands behind the choice, also after the choice was polled for nothing.
    let mut behind = pin!(rx.recv());
    assert!(poll(behind.as_mut()).0.is_pending());
    assert!(poll(choice.as_mut()).0.is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(poll(choice.as_mut()).0, Poll::Ready(Ok(1)));
    drop(choice);

    let mut choice = pin!(async {
        alt! {
            ended = &mut phase => Err(ended.unwrap()),
            n = rx.recv() => Ok(n.unwrap()),
        }
    });
    let (pending, counter) = poll(choice.as_mut());
    assert!(pending.is_pending());
    b.signal();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(choice).0, Poll::Ready(Err(0)));
}

#[test]
fn a_member_that_fails_or_is_cancelled_poisons() {
    let barrier = Barrier::new();
    let (mut a, b, c) = (barrier.enrol(), barrier.enrol(), barrier.enrol());
    on_runtime(async move {
        let fails = task("fails", async move {
            let _b = b;
            Err::<(), _>(Exit::failure("out of paper"))
        });
        let (waits, failed) = tokio::join!(a.sync(), fails.into_future());
        let poisoned = waits.unwrap_err();
        assert!(failed.is_err() && poisoned.to_string().contains("out of paper"), "{poisoned}");
        let mut late = barrier.enrol();
        assert!(late.sync().await.is_err(), "who comes late sees it, too");
        drop(c);
    });

    let barrier = Barrier::new();
    let (mut a, b) = (barrier.enrol(), barrier.enrol());
    on_runtime(async move {
        let cancelled = task("cancelled", async move {
            let _b = b;
            std::future::pending::<()>().await;
        })
        .spawn();
        assert!(cancelled.abort());
        assert!(a.sync().await.unwrap_err().cause().is_cancelled());
        let _ = cancelled.await;
    });
}

#[test]
fn the_first_poison_wins_and_what_was_over_stays_over() {
    let barrier = Barrier::new();
    let (mut a, mut b) = (barrier.enrol(), barrier.enrol());
    let phase = a.arrive();
    b.signal();
    barrier.poison("first");
    barrier.poison("second");
    assert_eq!(poll(pin!(phase)).0, Poll::Ready(Ok(0)));
    let Poll::Ready(Err(poisoned)) = poll(pin!(b.arrive())).0 else { panic!("poisoned") };
    assert!(poisoned.to_string().contains("first"));
}

#[test]
fn a_thread_waits_by_blocking_and_never_on_a_worker() {
    let barrier = Barrier::new();
    let (mut a, mut b) = (barrier.enrol(), barrier.enrol());
    let thread = std::thread::spawn(move || (0..100).map(|_| b.sync_blocking().unwrap()).sum::<u64>());
    on_runtime(async move {
        assert_eq!(a.sync_blocking(), Err(WaitError::OnRuntimeWorker));
        for phase in 0..100 {
            assert_eq!(a.sync().await, Ok(phase));
        }
    });
    assert_eq!(within(LIMIT, move || thread.join().unwrap()), 4950);
}

/// Everybody sees everybody's work of the phases before, and nobody is ahead by more than one.
#[process]
async fn worker(mut member: Member, done: Arc<Vec<AtomicUsize>>, me: usize, phases: usize) -> Outcome {
    for phase in 0..phases {
        done[me].store(phase + 1, Ordering::Relaxed);
        assert_eq!(member.sync().await?, phase as u64);
        for other in done.iter() {
            let other = other.load(Ordering::Relaxed);
            assert!(other == phase + 1 || other == phase + 2, "in phase {phase} somebody is at {other}");
        }
    }
    Ok(())
}

#[test]
fn nobody_goes_ahead_under_load() {
    let phases = rounds(2000);
    on_runtime(async move {
        let barrier = Barrier::new();
        let done: Arc<Vec<_>> = Arc::new((0..6).map(|_| AtomicUsize::new(0)).collect());
        let members: Vec<_> = done.iter().map(|_| barrier.enrol()).collect();
        let handles: Vec<_> = members
            .into_iter()
            .enumerate()
            .map(|(me, member)| worker(member, Arc::clone(&done), me, phases).spawn())
            .collect();
        for handle in handles {
            handle.await.unwrap();
        }
        assert_eq!(barrier.phase(), phases as u64);
    });
}

#[test]
fn who_is_alone_still_lets_others_run() {
    within(LIMIT, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let flag = Arc::new(AtomicUsize::new(0));
            let other = Arc::clone(&flag);
            tokio::spawn(async move { other.store(1, Ordering::Relaxed) });
            let mut member = Barrier::new().enrol();
            while flag.load(Ordering::Relaxed) == 0 {
                member.sync().await.unwrap();
            }
        });
    });
}

#[test]
fn a_sync_that_was_dropped_is_told_of_its_phase_by_the_next() {
    let barrier = Barrier::new();
    let (mut one, mut other) = (barrier.enrol(), barrier.enrol());
    let mut sync = Box::pin(one.sync());
    assert!(poll(sync.as_mut()).0.is_pending());
    drop(sync);
    other.signal();
    assert_eq!(barrier.phase(), 1);
    assert_eq!(poll(pin!(one.sync())).0, Poll::Ready(Ok(0)), "not: arrived in phase 1, and waiting");
    assert!(poll(pin!(one.sync())).0.is_pending());
    // Who only arrives, arrives in each phase.
    for phase in 1..4 {
        assert_eq!(barrier.phase(), phase);
        other.signal();
        one.signal();
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    struct Angry;
    impl std::task::Wake for Angry {
        fn wake(self: Arc<Self>) {
            panic!("angry");
        }
    }
    let barrier = Barrier::new();
    let (mut a, mut b, mut c) = (barrier.enrol(), barrier.enrol(), barrier.enrol());
    let angry = std::task::Waker::from(Arc::new(Angry));
    let mut first = a.arrive();
    assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&angry)).is_pending());
    let mut second = b.arrive();
    let (pending, counter) = poll(Pin::new(&mut second));
    assert!(pending.is_pending());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| c.signal())).is_err());
    assert_eq!(counter.wakes(), 1);
}
