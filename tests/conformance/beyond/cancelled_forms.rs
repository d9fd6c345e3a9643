//! The thin forms, the barrier and the end of a process, their futures dropped at every poll: done again, they go on
//! as if nothing had happened.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aqueduct::sync::Barrier;
use aqueduct::{Process as _, broadcast, calls, oneshot, watch};

/// How often a future is polled at most before it is dropped.
const POLLS: usize = 3;

/// Polls so often, with an act of the peer before the poll of this number, and drops it.
fn poll_and_drop<F: Future>(future: F, polls: usize, mut act: impl FnMut(usize)) -> Option<F::Output> {
    let mut future = pin!(future);
    for poll in 0..polls {
        act(poll);
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    act(polls);
    None
}

/// Every number of polls, and the peer's one act before each of them, or after the last.
fn histories() -> impl Iterator<Item = (usize, usize)> {
    (0..=POLLS).flat_map(|polls| (0..=polls).map(move |act| (polls, act)))
}

#[test]
fn a_oneshot_keeps_its_value() {
    for (polls, when) in histories() {
        let (tx, rx) = oneshot();
        let mut tx = Some(tx);
        let received = poll_and_drop(rx.recv(), polls, |poll| {
            if poll == when {
                tx.take().expect("once").send(7).expect("it is open");
            }
        });
        match received {
            Some(value) => assert_eq!(value, Ok(7)),
            None => assert_eq!(rx.try_recv(), Ok(7), "dropped after {polls} polls, sent before {when}"),
        }
    }
}

#[test]
fn a_call_is_not_made_or_is_abandoned_and_the_next_one_is_answered() {
    for (polls, when) in histories() {
        let (caller, server) = calls::<u32, u32>();
        let mut taken = None;
        let answered = poll_and_drop(caller.call(1), polls, |poll| {
            if poll == when {
                taken = server.try_recv().ok();
            }
        });
        assert!(answered.is_none(), "nobody has answered");
        if let Some(call) = taken {
            assert!(call.is_abandoned());
            assert_eq!(call.reply(2).expect_err("nobody waits").into_inner(), 2);
        }
        assert!(server.try_recv().is_err_and(|error| error.is_empty()), "a request of nobody is left");
        let mut next = pin!(caller.call(3));
        assert!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let call = server.try_recv().expect("it calls");
        assert_eq!(*call.request(), 3);
        call.reply(9).expect("it waits");
        let answer = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(answer, Poll::Ready(Ok(9))));
    }
}

#[test]
fn a_watch_still_knows_what_its_reader_has_not_seen() {
    for (polls, when) in histories() {
        let (tx, rx) = watch(0);
        let changed = poll_and_drop(rx.changed(), polls, |poll| {
            if poll == when {
                tx.send(5).expect("somebody watches");
            }
        });
        if changed.is_none() {
            let mut again = pin!(rx.changed());
            let again = again.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(again, Poll::Ready(Ok(()))), "the change was lost, {polls} polls, sent before {when}");
        }
        assert_eq!(*rx.get(), 5);
    }
}

#[test]
fn a_broadcast_reaches_all_or_none() {
    for (polls, when) in histories() {
        let (tx, slow) = broadcast(1);
        let quick = tx.subscribe();
        tx.try_send(1).expect("there is room");
        assert_eq!(quick.try_recv(), Ok(1));
        // The slow one is full: the next waits for it.
        let sent = poll_and_drop(tx.send(2), polls, |poll| {
            if poll == when {
                assert_eq!(slow.try_recv(), Ok(1));
            }
        });
        let (one, other): (Vec<u32>, Vec<u32>) = (slow.try_iter().collect(), quick.try_iter().collect());
        assert_eq!(one, other, "one has it and the other has not: {polls} polls, room before {when}");
        if sent.is_some() {
            assert_eq!(one, [2]);
        }
        tx.try_send(3).expect("there is room again");
        assert_eq!((slow.try_recv(), quick.try_recv()), (Ok(3), Ok(3)));
    }
}

#[test]
fn a_barrier_counts_an_arrival_once() {
    for (polls, when) in histories() {
        let barrier = Barrier::new();
        let (mut one, mut other) = (barrier.enrol(), barrier.enrol());
        let synced = poll_and_drop(one.sync(), polls, |poll| {
            if poll == when {
                drop(other.arrive());
            }
        });
        if let Some(phase) = synced {
            assert_eq!(phase.expect("nobody fails"), 0);
            assert_eq!(barrier.phase(), 1);
            continue;
        }
        // It has arrived in phase 0, or not yet.
        assert_eq!(barrier.phase(), u64::from(polls > 0), "dropped after {polls} polls, the other before {when}");
        if barrier.phase() == 0 {
            drop(one.arrive());
        }
        assert_eq!(barrier.phase(), 1);
        drop((one.arrive(), other.arrive()));
        assert_eq!(barrier.phase(), 2, "an arrival was counted twice, or not");
    }
}

#[test]
fn who_watches_for_the_end_sees_it_again() {
    for (polls, when) in histories() {
        let (tx, rx) = aqueduct::channel::<()>();
        let ended = poll_and_drop(tx.closed(), polls, |poll| {
            if poll == when {
                rx.poison("the end");
            }
        });
        let now = tx.ended().expect("it has ended");
        assert!(now.is_poisoned() && ended.is_none_or(|ended| ended == now));
        let mut again = pin!(tx.closed());
        assert_eq!(again.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(now));
    }
}

#[tokio::test]
async fn the_result_of_a_process_stays_until_it_is_taken() {
    for polls in 0..=POLLS {
        let value = Arc::new(1);
        let made = Arc::clone(&value);
        let mut handle = aqueduct::task("value", async move {
            tokio::task::yield_now().await;
            Ok(made)
        })
        .spawn();
        let early = poll_and_drop(&mut handle, polls, |_| ());
        assert!(early.is_none(), "it has not run yet");
        assert!(Arc::ptr_eq(&handle.await.expect("it succeeds"), &value));
    }
}
