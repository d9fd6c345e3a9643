//! Extended rendezvous: what the receiver does with a value is done before its sender goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn the_sender_goes_on_when_the_guard_is_dropped() {
    let (tx, rx) = channel();
    let mut send = pin!(tx.send(1));
    let (first, counter) = poll(send.as_mut());
    assert!(first.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert_eq!(*held, 1);
    // It may be woken, but is not done.
    let (again, counter_again) = poll(send.as_mut());
    assert!(again.is_pending());
    let before = (counter.wakes(), counter_again.wakes());
    drop(held);
    assert_eq!(counter_again.wakes(), before.1 + 1, "letting go wakes the sender");
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))));
}

#[test]
fn a_sender_that_has_not_looked_meanwhile_was_never_held() {
    let (tx, rx) = channel();
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv_held().unwrap().into_inner(), 1);
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))));
}

#[test]
fn a_sender_that_meets_a_waiting_receiver_is_held_too() {
    let (tx, rx) = channel();
    let mut receive = pin!(rx.recv_held());
    assert!(poll(receive.as_mut()).0.is_pending());
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut()).0.is_pending(), "handed over, and held");
    let Poll::Ready(Ok(mut held)) = poll(receive).0 else { panic!("the value has come") };
    *held += 1;
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(held.into_inner(), 2);
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))));
}

#[test]
fn reading_and_writing_alternate_a_hundred_times() {
    // As JCSP's test of its extended rendezvous: the log is exactly read, written, read, written.
    let log = Arc::new(Mutex::new(Vec::new()));
    let (reader, writer) = (Arc::clone(&log), Arc::clone(&log));
    on_runtime(async move {
        let (tx, rx) = channel();
        let write = aqueduct::task("write", async move {
            for n in 0..100 {
                tx.send(n).await?;
                writer.lock().unwrap().push(("written", n));
            }
            Ok(())
        })
        .spawn();
        let read = aqueduct::thread("read", move || {
            for _ in 0..100 {
                let held = rx.recv_held_blocking()?;
                std::thread::yield_now();
                reader.lock().unwrap().push(("read", *held));
            }
            Ok(())
        })
        .spawn();
        write.await.unwrap();
        read.await.unwrap();
    });
    let expected: Vec<_> = (0..100).flat_map(|n| [("read", n), ("written", n)]).collect();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn a_held_send_that_is_cancelled_has_delivered() {
    let (tx, rx) = channel();
    let mut slot = Some(7);
    {
        let mut send = pin!(tx.send_from(&mut slot));
        assert!(poll(send.as_mut()).0.is_pending());
        let held = rx.try_recv_held().unwrap();
        assert!(poll(send.as_mut()).0.is_pending());
        drop(held);
        // Dropped here without another look.
    }
    assert_eq!(slot, None);
    let mut send = Box::pin(tx.send(8));
    assert!(poll(send.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(send.as_mut()).0.is_pending());
    drop(send);
    assert_eq!(held.into_inner(), 8);
    assert_eq!(rx.undelivered(), 0);
}

#[test]
fn a_held_receive_that_is_cancelled_gives_the_value_back_and_lets_go() {
    let (tx, rx) = channel();
    let mut receive = Box::pin(rx.recv_held());
    assert!(poll(receive.as_mut()).0.is_pending());
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut()).0.is_pending());
    drop(receive);
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))));
    assert_eq!((rx.len(), rx.try_recv()), (1, Ok(1)));
}

#[test]
fn at_the_limit_delivery_wins_over_being_held() {
    let (tx, rx) = channel();
    let sender = std::thread::spawn(move || tx.send_timeout_blocking(1, Duration::from_millis(20)).map_err(drop));
    let held = within(LIMIT, move || {
        let held = rx.recv_held_blocking().unwrap();
        assert_eq!(sender.join().unwrap(), Ok(()), "its time was up while it was held, and it has delivered");
        held.into_inner()
    });
    assert_eq!(held, 1);
}

#[test]
fn a_choice_that_sends_is_complete_when_it_is_let_go() {
    let (tx, rx) = channel();
    let (_other_tx, other) = channel::<u32>();
    let mut chosen = pin!(async {
        alt! {
            r = tx.send(1) => r.unwrap(),
            _ = other.recv() => unreachable!("nobody sends"),
        }
    });
    assert!(poll(chosen.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(chosen.as_mut()).0.is_pending());
    drop(held);
    assert!(poll(chosen).0.is_ready());

    // The receiver waits first; and it chooses, too.
    let receiver = rx.clone();
    let mut receive = pin!(async {
        alt! {
            held = receiver.recv_held() => held.unwrap(),
            _ = other.recv() => unreachable!("nobody sends"),
        }
    });
    assert!(poll(receive.as_mut()).0.is_pending());
    let mut chosen = pin!(async {
        alt! { r = tx.send(2) => r.unwrap() }
    });
    assert!(poll(chosen.as_mut()).0.is_pending());
    let Poll::Ready(held) = poll(receive).0 else { panic!("the value has come") };
    assert!(poll(chosen.as_mut()).0.is_pending());
    assert_eq!(held.into_inner(), 2);
    assert!(poll(chosen).0.is_ready());
}

#[test]
fn an_offer_may_hold_its_sender() {
    let (tx, rx) = channel();
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut()).0.is_pending());
    let mut choice = Alt::pri();
    let held = choice.offer().recv_held(&rx, |held| held.unwrap()).try_select().unwrap().unwrap();
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(held.into_inner(), 1);
    assert!(poll(send).0.is_ready());
}

#[test]
fn several_senders_are_held_at_once_and_each_is_let_go_by_its_own_guard() {
    let (tx, rx) = channel();
    let mut first = pin!(tx.send(1));
    let mut second = pin!(tx.send(2));
    assert!(poll(first.as_mut()).0.is_pending() && poll(second.as_mut()).0.is_pending());
    let (one, two) = (rx.try_recv_held().unwrap(), rx.try_recv_held().unwrap());
    assert_eq!((*one, *two), (1, 2));
    assert!(poll(first.as_mut()).0.is_pending() && poll(second.as_mut()).0.is_pending());
    drop(two);
    assert!(poll(first.as_mut()).0.is_pending());
    assert!(poll(second).0.is_ready());
    drop(one);
    assert!(poll(first).0.is_ready());
}

#[test]
fn a_batch_is_held_value_by_value() {
    let (tx, rx) = channel();
    let mut values: VecDeque<_> = [1, 2].into();
    let mut send = pin!(tx.send_many(&mut values));
    let mut receive = Box::pin(rx.recv_held());
    assert!(poll(receive.as_mut()).0.is_pending());
    assert!(poll(send.as_mut()).0.is_pending());
    let Poll::Ready(Ok(held)) = poll(receive.as_mut()).0 else { panic!("the value has come") };
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "the second waits until the first is let go");
    drop(held);
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert!(poll(send).0.is_ready());
}

#[test]
fn the_end_of_the_channel_changes_nothing_for_who_is_held() {
    let (tx, rx) = channel();
    let mut send = pin!(tx.send(1));
    assert!(poll(send.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(send.as_mut()).0.is_pending());
    tx.poison("over");
    assert!(poll(send.as_mut()).0.is_pending());
    drop(held);
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))), "a committed hand-over beats the poison");
    assert!(rx.try_recv_held().unwrap_err().to_string().contains("over"));
}

#[test]
fn where_a_buffer_is_between_nobody_is_held() {
    let (tx, rx) = buffered(1);
    tx.try_send(1).unwrap();
    let mut send = pin!(tx.send(2));
    assert!(poll(send.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(matches!(poll(send).0, Poll::Ready(Ok(()))), "it has its place in the buffer");
    assert_eq!(held.into_inner(), 1);
    assert_eq!(within(LIMIT, move || rx.recv_held_timeout_blocking(LIMIT).map(Held::into_inner)), Ok(2));
}

#[test]
fn the_limits_of_a_held_receive() {
    let (_tx, rx) = channel::<u32>();
    assert!(rx.recv_held_timeout_blocking(Duration::from_millis(2)).unwrap_err().is_timeout());
    assert!(rx.recv_held_deadline_blocking(Instant::now()).unwrap_err().is_timeout());
    on_runtime(async move {
        assert!(rx.recv_held_timeout(Duration::from_millis(2)).await.unwrap_err().is_timeout());
        assert!(rx.recv_held_deadline(Instant::now()).await.unwrap_err().is_timeout());
    });
}

#[test]
fn the_value_is_dropped_before_its_sender_is_let_go() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let (tx, rx) = channel();
    let sender = std::thread::spawn(move || {
        tx.send_blocking(Dropped(gone)).map_err(drop).unwrap();
        seen.load(Ordering::SeqCst)
    });
    drop(rx.recv_held_blocking().unwrap());
    assert!(within(LIMIT, move || sender.join().unwrap()));
}
