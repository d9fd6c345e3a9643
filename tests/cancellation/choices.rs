//! Single histories that deserve a name: what the explorer's actors cannot do in one future.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::{TrySendError, WaitError};
use futures::sink::Sink;
use futures::stream::Stream;

use crate::common::CountingWaker;

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A receive, as a choice.
async fn choose(rx: &Receiver<u32>, quiet: &Receiver<u8>) -> Result<u32, Ended> {
    alt! {
        r = rx.recv() => r,
        _ = quiet.recv() => unreachable!(),
    }
}

#[test]
fn a_choice_that_is_polled_again_keeps_its_place() {
    let (tx, rx) = aqueduct::channel();
    let (_quiet_tx, quiet) = aqueduct::channel();
    let mut first = pin!(choose(&rx, &quiet));
    let mut second = pin!(rx.recv());
    let (_counter, waker) = &CountingWaker::new();
    assert!(poll(first.as_mut(), waker).is_pending());
    assert!(poll(second.as_mut(), waker).is_pending());
    assert!(poll(first.as_mut(), waker).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(poll(first, waker), Poll::Ready(Ok(1)));
    assert!(poll(second, waker).is_pending());
}

/// "A choice's place is the moment at which it began to wait": it may move to another task meanwhile.
#[test]
fn a_choice_that_moves_to_another_waker_keeps_its_place() {
    let (tx, rx) = aqueduct::channel();
    let (_quiet_tx, quiet) = aqueduct::channel();
    let mut first = pin!(choose(&rx, &quiet));
    let mut second = pin!(rx.recv());
    let (before, old) = CountingWaker::new();
    let (after, new) = CountingWaker::new();
    assert!(poll(first.as_mut(), &old).is_pending());
    assert!(poll(second.as_mut(), Waker::noop()).is_pending());
    assert!(poll(first.as_mut(), &new).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((before.wakes(), after.wakes()), (0, 1), "the choice began to wait first");
    assert_eq!(poll(first, &new), Poll::Ready(Ok(1)));
}

#[test]
fn a_choice_that_moves_to_another_waker_is_woken_there() {
    let (tx, rx) = aqueduct::channel();
    let (_quiet_tx, quiet) = aqueduct::channel();
    let mut choice = pin!(choose(&rx, &quiet));
    let (before, old) = CountingWaker::new();
    let (after, new) = CountingWaker::new();
    assert!(poll(choice.as_mut(), &old).is_pending());
    assert!(poll(choice.as_mut(), &new).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((before.wakes(), after.wakes()), (0, 1));
    assert_eq!(poll(choice, &new), Poll::Ready(Ok(1)));
}

/// A choice over several channels, committed on one and then dropped: the value goes back, the others are as before.
#[test]
fn a_dropped_choice_gives_back_what_was_committed_and_leaves_the_other_channels() {
    for mode in [Alt::pri(), Alt::fair(), Alt::arbitrary(1), Alt::arbitrary(2), Alt::arbitrary(3)] {
        for committed in 0..3 {
            let channels: Vec<_> = (0..3).map(|_| aqueduct::channel::<u32>()).collect();
            let mut alt = mode.clone();
            let waker = Waker::noop();
            {
                let mut choice = pin!(async {
                    alt! { alt;
                        r = channels[0].1.recv() => r,
                        r = channels[1].1.recv() => r,
                        r = channels[2].1.recv() => r,
                    }
                });
                assert!(poll(choice.as_mut(), waker).is_pending());
                channels[committed].0.try_send(5).unwrap();
                for (tx, _) in &channels {
                    assert!(tx.try_send(6).unwrap_err().is_full(), "exactly one guard is committed");
                }
            }
            for (index, (tx, rx)) in channels.iter().enumerate() {
                assert_eq!(rx.len(), usize::from(index == committed));
                assert_eq!(rx.try_recv().is_ok(), index == committed);
                assert!(tx.try_send(7).is_err_and(|error: TrySendError<u32>| error.is_full()), "nobody waits");
            }
        }
    }
}

/// Both sides are choices; each may be dropped after the other has committed it.
#[test]
fn opposing_choices_dropped_after_they_have_met() {
    for dropped in 0..2 {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
        let waker = Waker::noop();
        let mut slot = Some(5);
        {
            let mut receiving = Box::pin(choose(&rx, &quiet));
            let mut sending = Box::pin(async {
                alt! {
                    r = tx.send_from(&mut slot) => r,
                    _ = quiet.recv() => unreachable!(),
                }
            });
            if dropped == 0 {
                // The receiver waits; the sender meets it.
                assert!(poll(receiving.as_mut(), waker).is_pending());
                assert_eq!(poll(sending.as_mut(), waker), Poll::Ready(Ok(())));
                drop(receiving);
            } else {
                // The sender waits; the receiver meets it, and the sender is dropped before it knows.
                assert!(poll(sending.as_mut(), waker).is_pending());
                assert_eq!(poll(receiving.as_mut(), waker), Poll::Ready(Ok(5)));
                drop(sending);
            }
        }
        assert_eq!(slot, None, "delivered");
        assert_eq!(rx.try_recv().is_ok(), dropped == 0, "what its receiver did not see is still to be received");
    }
}

/// A sink keeps its value when a flush is dropped, and sends it with the next one.
#[test]
fn a_dropped_flush_keeps_the_value_in_the_sink() {
    let (tx, rx) = aqueduct::channel();
    let mut sink = Box::pin(tx.into_sink());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(sink.as_mut().poll_ready(&mut cx).is_ready());
    sink.as_mut().start_send(1).unwrap();
    assert!(sink.as_mut().poll_flush(&mut cx).is_pending());
    // Nobody goes on with that flush; the value stands in line all the same.
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(sink.as_mut().poll_ready(&mut cx).is_ready());
    sink.as_mut().start_send(2).unwrap();
    drop(sink);
    assert_eq!(rx.try_recv(), Err(aqueduct::TryRecvError::Ended(Ended::Retired)), "never flushed, never sent");
}

/// A stream that is polled, then left alone, then polled again is one wait.
#[test]
fn a_stream_item_that_nobody_awaits_any_more_comes_with_the_next_poll() {
    let (tx, rx) = aqueduct::channel();
    let other = rx.clone();
    let mut stream = Box::pin(rx.into_stream());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(stream.as_mut().poll_next(&mut cx).is_pending());
    tx.try_send(1).unwrap();
    assert!(other.try_recv().is_err(), "the stream has it");
    assert!(tx.try_send(2).unwrap_err().is_full());
    assert_eq!(stream.as_mut().poll_next(&mut cx), Poll::Ready(Some(Ok(1))));
    assert!(stream.as_mut().poll_next(&mut cx).is_pending());
    tx.try_send(3).unwrap();
    drop(stream);
    assert_eq!(other.try_recv(), Ok(3), "dropped, it gives back what it has");
}

#[test]
fn a_dropped_next_of_a_group_loses_no_process() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut group = Group::new();
    group.add(aqueduct::task("receiver", async move { Ok(rx.recv().await?) }));
    for _ in 0..3 {
        let mut next = pin!(group.next());
        assert!(poll(next.as_mut(), Waker::noop()).is_pending());
    }
    tx.try_send(5).unwrap();
    let mut next = pin!(group.next());
    let Poll::Ready(Some(Ok(value))) = poll(next.as_mut(), Waker::noop()) else { panic!("not ready") };
    assert_eq!(value, 5);
}

/// The first failure cancels the siblings: a value that one of them had been handed is not lost, and its end poisons.
#[test]
fn a_sibling_that_is_cancelled_gives_its_value_back_before_its_end_poisons() {
    let (tx, rx) = Channel::rendezvous().open();
    let (fail_tx, fail) = aqueduct::channel::<()>();
    let mut both = pin!(
        try_par!(
            aqueduct::task("fails", async move {
                let _ = fail.recv().await;
                Outcome::<()>::Err(Exit::failure("on purpose"))
            }),
            aqueduct::task("receives", async move {
                rx.recv().await?;
                Ok(())
            }),
        )
        .into_future()
    );
    assert!(poll(both.as_mut(), Waker::noop()).is_pending());
    drop(fail_tx);
    tx.try_send(5).unwrap();
    let Poll::Ready(Err(error)) = poll(both.as_mut(), Waker::noop()) else { panic!("not ready") };
    assert!(error.to_string().ends_with("failed: on purpose"), "{error}");
    assert!(tx.ended().is_some_and(|ended| ended.is_poisoned()));
    assert_eq!(tx.undelivered(), 1);
}

/// `_timeout` forms, dropped before and after they are committed, and at the limit, where delivery wins.
#[test]
fn limited_waits_lose_nothing() {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _clock = clock.enter();
    let pass = || clock.block_on(tokio::time::advance(Duration::from_secs(2)));
    let limit = Duration::from_secs(1);
    let waker = Waker::noop();

    let (tx, rx) = aqueduct::channel::<u32>();
    {
        let mut recv = pin!(rx.recv_timeout(limit));
        assert!(poll(recv.as_mut(), waker).is_pending());
        tx.try_send(1).unwrap();
        pass();
        assert_eq!(poll(recv, waker), Poll::Ready(Ok(1)), "delivery wins");
    }
    {
        let mut recv = pin!(rx.recv_timeout(limit));
        assert!(poll(recv.as_mut(), waker).is_pending());
        tx.try_send(2).unwrap();
        pass();
    }
    assert_eq!(rx.try_recv(), Ok(2), "dropped at the limit, it gives back what it has");
    {
        let mut send = pin!(tx.send_timeout(3, limit));
        assert!(poll(send.as_mut(), waker).is_pending());
        assert_eq!(rx.try_recv(), Ok(3));
        pass();
        assert!(matches!(poll(send, waker), Poll::Ready(Ok(()))), "delivery wins");
    }
    {
        let mut send = pin!(tx.send_timeout(4, limit));
        assert!(poll(send.as_mut(), waker).is_pending());
        pass();
        let Poll::Ready(Err(error)) = poll(send, waker) else { panic!("the time was up") };
        assert_eq!(error.into_parts(), (4, WaitError::Timeout));
    }
    {
        let mut recv = pin!(rx.recv_timeout(Duration::ZERO));
        assert_eq!(poll(recv.as_mut(), waker), Poll::Ready(Err(WaitError::Timeout)));
    }
    assert!(tx.try_send(5).unwrap_err().is_full(), "nobody is left behind in the line");
    assert!(rx.try_recv().is_err());
}

/// The tick of a choice that took another guard, or that was dropped, is not lost.
#[test]
fn a_dropped_choice_takes_no_tick() {
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let _clock = clock.enter();
    let (_tx, rx) = aqueduct::channel::<u32>();
    let mut tick = aqueduct::tick(Duration::from_secs(1));
    let start = tokio::time::Instant::now().into_std();
    {
        let mut choice = pin!(async {
            alt! {
                _ = rx.recv() => unreachable!(),
                instant = tick.next() => instant,
            }
        });
        assert!(poll(choice.as_mut(), Waker::noop()).is_pending());
        clock.block_on(tokio::time::advance(Duration::from_millis(1500)));
    }
    let mut next = pin!(tick.next());
    assert_eq!(poll(next.as_mut(), Waker::noop()), Poll::Ready(start + Duration::from_secs(1)));
}

/// One direction of one channel twice, and both directions: dropped, nothing stays behind.
#[test]
fn a_choice_that_offers_one_channel_several_times_leaves_nothing_behind() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut slot = Some(9);
    for commit in [None, Some(true), Some(false)] {
        {
            let mut alt = Alt::arbitrary(4);
            let mut choice = pin!(async {
                alt! { alt;
                    r = rx.recv() => { r.unwrap(); }
                    r = rx.recv() => { r.unwrap(); }
                    r = tx.send_from(&mut slot) => r.unwrap(),
                }
            });
            assert!(poll(choice.as_mut(), Waker::noop()).is_pending(), "it does not meet itself");
            match commit {
                Some(true) => tx.try_send(1).unwrap(),
                Some(false) => assert_eq!(rx.try_recv(), Ok(9)),
                None => {}
            }
        }
        assert_eq!(slot.take().is_none(), commit == Some(false));
        slot = Some(9);
        assert_eq!(rx.try_recv().is_ok(), commit == Some(true));
        assert!(tx.try_send(2).unwrap_err().is_full());
        assert!(rx.try_recv().is_err());
    }
}
