//! How a channel ends, who is told, and what is counted.

use super::*;

#[test]
fn the_last_sender_retires_and_receivers_drain() {
    for capacity in [1, 3, usize::MAX] {
        let (tx, rx) = open(capacity);
        let other = tx.clone();
        tx.try_send(1).unwrap();
        drop(tx);
        assert_eq!(rx.ended(), None, "one sender is left");
        other.retire();
        assert_eq!(rx.ended(), None, "not drained");
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!(rx.ended(), Some(Ended::Retired));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Retired)));
        assert_eq!(rx.next_blocking(), Ok(None));
        assert_eq!(rx.undelivered(), 0);
    }
}

#[test]
fn the_last_receiver_retires_and_senders_have_their_values_back() {
    for capacity in FLAVOURS {
        let (tx, rx) = open(capacity);
        let other = rx.clone();
        let inside = capacity.min(2);
        for n in 0..inside {
            tx.try_send(n).unwrap();
        }
        drop(rx);
        assert_eq!(tx.ended(), None, "one receiver is left");
        let full = inside == capacity;
        let mut waiting = Box::pin(tx.send(77));
        assert_eq!(poll(waiting.as_mut()).0.is_pending(), full);
        let expected = inside + usize::from(!full);
        other.retire();
        assert_eq!(tx.ended(), Some(Ended::Retired));
        if full {
            let (Poll::Ready(Err(error)), _) = poll(waiting.as_mut()) else { panic!("it was waiting") };
            assert_eq!(error.into_parts(), (77, Ended::Retired));
        }
        drop(waiting);
        assert_eq!(tx.undelivered(), expected as u64, "what was buffered; the waiting one has its value back");
        assert_eq!(tx.len(), 0);
        assert_eq!(tx.send_blocking(5).unwrap_err().into_inner(), 5);
        assert_eq!(tx.try_send(6).unwrap_err().into_parts(), (6, Refused::Ended(Ended::Retired)));
        assert_eq!(tx.undelivered(), expected as u64, "what was never sent is not counted");
    }
}

#[test]
fn poison_overtakes_what_is_in_the_channel() {
    for capacity in FLAVOURS {
        for by_sender in [false, true] {
            let (tx, rx) = open(capacity);
            let inside = capacity.min(2);
            for n in 0..inside {
                tx.try_send(n).unwrap();
            }
            if by_sender {
                tx.poison("spilt")
            } else {
                rx.poison("spilt")
            }
            let ended = rx.ended().unwrap();
            assert!(ended.is_poisoned());
            assert_eq!(tx.ended().as_ref(), Some(&ended), "the same cause on both sides");
            assert_eq!(rx.try_recv(), Err(TryRecvError::Ended(ended.clone())));
            assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(ended.clone())));
            assert_eq!(tx.try_send(9).unwrap_err().into_parts(), (9, Refused::Ended(ended.clone())));
            assert_eq!(tx.send_blocking(9).unwrap_err().into_parts(), (9, WaitError::Ended(ended)));
            assert_eq!((rx.undelivered(), rx.len()), (inside as u64, 0));
        }
    }
}

#[test]
fn poison_wakes_everybody_who_waits_with_one_cause() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let mut recv = pin!(rx.recv());
    let mut next = pin!(rx.next());
    let mut closed = pin!(tx.closed());
    let waits = [poll(recv.as_mut()).1, poll(next.as_mut()).1, poll(closed.as_mut()).1];
    tx.poison("first");
    tx.poison("second");
    rx.poison("third");
    assert!(waits.iter().all(|wakes| wakes.wakes() == 1));
    let Poll::Ready(Err(Ended::Poisoned(poisoned))) = poll(recv).0 else { panic!("poisoned") };
    assert_eq!(poisoned.cause().error().unwrap().to_string(), "first", "the first poison wins");
    assert_eq!(poll(next).0, Poll::Ready(Err(poisoned.clone())));
    assert_eq!(poll(closed).0, Poll::Ready(Ended::Poisoned(poisoned)));

    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(0).unwrap();
    let mut send = pin!(tx.send(1));
    let mut slot = Some(2);
    {
        let mut send_from = pin!(tx.send_from(&mut slot));
        assert!(poll(send.as_mut()).0.is_pending() && poll(send_from.as_mut()).0.is_pending());
        rx.poison("spilt");
        assert!(matches!(poll(send_from).0, Poll::Ready(Err(Ended::Poisoned(_)))));
    }
    assert_eq!(slot, Some(2));
    let (Poll::Ready(Err(error)), _) = poll(send) else { panic!("poisoned") };
    assert_eq!(error.into_inner(), 1);
    assert_eq!(tx.undelivered(), 1, "only the one that had been sent");
}

#[test]
fn poison_overrides_a_retire_that_is_not_drained() {
    let (tx, rx) = aqueduct::buffered(3);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    drop(tx);
    assert_eq!(rx.try_recv(), Ok(1));
    rx.poison("spilt");
    assert!(rx.recv_blocking().unwrap_err().cause().is_some());
    assert_eq!(rx.undelivered(), 1);
}

#[test]
fn poison_after_a_drained_retire_does_nothing() {
    let (tx, rx) = aqueduct::buffered(3);
    tx.try_send(1).unwrap();
    drop(tx);
    assert_eq!(rx.try_recv(), Ok(1));
    rx.poison("too late");
    assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));

    let (tx, rx) = aqueduct::channel::<u32>();
    drop(rx);
    tx.poison("nobody there");
    assert_eq!(tx.ended(), Some(Ended::Retired));
}

#[test]
fn a_retire_after_a_poison_does_nothing() {
    let (tx, rx) = aqueduct::channel::<u32>();
    tx.poison("spilt");
    tx.retire();
    assert!(rx.ended().unwrap().is_poisoned());
    let (tx, rx) = aqueduct::channel::<u32>();
    rx.poison("spilt");
    rx.retire();
    assert!(tx.ended().unwrap().is_poisoned());
}

#[test]
fn joining_an_ended_channel_changes_nothing() {
    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(1).unwrap();
    drop(tx);
    let late = rx.clone();
    drop(rx);
    assert_eq!(late.try_recv(), Ok(1), "it drains with the others");
    assert_eq!(late.clone().try_recv(), Err(TryRecvError::Ended(Ended::Retired)));

    let (tx, rx) = aqueduct::channel();
    drop(rx);
    let late = tx.clone();
    drop(tx);
    assert_eq!(late.try_send(1).unwrap_err().reason(), &Refused::Ended(Ended::Retired));

    let (tx, rx) = aqueduct::channel::<u32>();
    tx.poison("spilt");
    assert_eq!(tx.clone().ended(), rx.clone().ended());
    assert!(rx.clone().ended().unwrap().is_poisoned());
}

#[test]
fn weak_ends_do_not_keep_a_channel_open() {
    let (tx, rx) = aqueduct::buffered(1);
    let (weak_tx, weak_rx) = (tx.downgrade(), rx.downgrade());
    let joined = weak_tx.clone().upgrade().unwrap();
    assert!(joined.same_channel(&tx));
    drop(tx);
    joined.try_send(1).unwrap();
    assert_eq!(weak_rx.upgrade().unwrap().try_recv(), Ok(1));
    drop(joined);
    assert!(weak_tx.upgrade().is_none(), "the last sender is gone for good");
    assert_eq!(rx.ended(), Some(Ended::Retired));
    assert!(weak_rx.upgrade().is_some(), "a receiver is left");
    drop(rx);
    assert!(weak_rx.upgrade().is_none());
}

#[test]
fn closed_wakes_on_every_end() {
    for how in ["retire", "poison by the receiver", "poison by a sender"] {
        let (tx, rx) = aqueduct::channel::<u32>();
        let other = tx.clone();
        let mut closed = pin!(tx.closed());
        let (polled, wakes) = poll(closed.as_mut());
        assert!(polled.is_pending());
        match how {
            "retire" => drop(rx),
            "poison by the receiver" => rx.poison("spilt"),
            _ => other.poison("spilt"),
        }
        assert_eq!(wakes.wakes(), 1, "{how}");
        let Poll::Ready(ended) = poll(closed).0 else { panic!("{how}") };
        assert_eq!(Some(&ended), tx.ended().as_ref());
        assert_eq!(ended.is_retired(), how == "retire");
        assert!(poll(pin!(tx.closed())).0.is_ready(), "at once, from then on");
    }
}

#[test]
fn closed_does_not_wake_for_traffic() {
    let (tx, rx) = aqueduct::buffered(1);
    let mut closed = pin!(tx.closed());
    let (_, wakes) = poll(closed.as_mut());
    for n in 0..100 {
        tx.try_send(n).unwrap();
        rx.try_recv().unwrap();
    }
    assert_eq!(wakes.wakes(), 0);
    assert!(poll(closed).0.is_pending());
}

#[test]
fn the_hook_has_every_undelivered_value_once_in_order() {
    for by_poison in [false, true] {
        let lost = Arc::new(Mutex::new(Vec::new()));
        let hook = lost.clone();
        let (tx, rx) = Channel::unbounded().on_undelivered(move |n: u32| hook.lock().unwrap().push(n)).open();
        for n in 0..5 {
            tx.try_send(n).unwrap();
        }
        assert_eq!(rx.try_recv(), Ok(0));
        if by_poison {
            rx.poison("spilt")
        } else {
            drop(rx)
        }
        assert_eq!(*lost.lock().unwrap(), [1, 2, 3, 4]);
        assert_eq!(tx.undelivered(), 4);
        assert!(tx.try_send(9).is_err());
        drop(tx);
        assert_eq!(lost.lock().unwrap().len(), 4);
    }
}

#[test]
fn a_hook_may_use_the_channel_and_a_panicking_one_still_sees_all() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = seen.clone();
    let slot: Arc<Mutex<Option<Sender<u32>>>> = Arc::default();
    let own = slot.clone();
    let (tx, rx) = Channel::unbounded()
        .on_undelivered(move |n: u32| {
            let sender = own.lock().unwrap().clone();
            if let Some(sender) = sender {
                assert!(sender.try_send(n).is_err(), "no lock is held, and the channel has ended");
            }
            hook.lock().unwrap().push(n);
            assert_ne!(n, 1, "the hook panics");
        })
        .open();
    *slot.lock().unwrap() = Some(tx.clone());
    for n in 0..4 {
        tx.try_send(n).unwrap();
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rx.poison("spilt")));
    assert!(panicked.is_err(), "it surfaces where the channel ends");
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3]);
    *slot.lock().unwrap() = None;
}

#[test]
fn values_left_when_all_ends_go_are_dropped() {
    let value = Arc::new(());
    let (tx, rx) = aqueduct::unbounded();
    for _ in 0..3 {
        tx.try_send(value.clone()).unwrap();
    }
    drop(tx);
    drop(rx);
    assert_eq!(Arc::strong_count(&value), 1);
}
