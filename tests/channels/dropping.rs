//! The policies that drop: who goes, who is told, and that such a send never waits.

use super::*;

/// Collects what a channel could not deliver.
fn hooked(channel: Channel<u32>) -> (Sender<u32>, Receiver<u32>, Arc<Mutex<Vec<u32>>>) {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&lost);
    let (tx, rx) = channel.on_undelivered(move |n| hook.lock().unwrap().push(n)).open();
    (tx, rx, lost)
}

#[test]
fn sliding_keeps_the_last_and_dropping_keeps_the_first() {
    for capacity in 1..5_u32 {
        let size = capacity as usize;
        let (tx, rx, lost) = hooked(Channel::sliding(size));
        let (first_tx, first_rx, first_lost) = hooked(Channel::dropping(size));
        for n in 0..10 {
            tx.try_send(n).unwrap();
            first_tx.try_send(n).unwrap();
            assert!(!tx.is_full() && !first_tx.is_full());
        }
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), (10 - capacity..10).collect::<Vec<_>>());
        assert_eq!(*lost.lock().unwrap(), (0..10 - capacity).collect::<Vec<_>>());
        assert_eq!(first_rx.try_iter().collect::<Vec<_>>(), (0..capacity).collect::<Vec<_>>());
        assert_eq!(*first_lost.lock().unwrap(), (capacity..10).collect::<Vec<_>>());
        assert_eq!((tx.undelivered(), first_rx.undelivered()), (u64::from(10 - capacity), u64::from(10 - capacity)));
        assert_eq!((tx.capacity(), first_rx.capacity()), (Some(size), Some(size)));
        assert_eq!((tx.overflow(), first_rx.overflow()), (Overflow::DropOldest, Overflow::DropNewest));
    }
}

#[test]
fn every_form_of_send_drops_alike_and_waits_never() {
    let forms: [fn(&Sender<u32>, u32); 8] = [
        |tx, n| tx.try_send(n).unwrap(),
        |tx, n| tx.send_blocking(n).unwrap(),
        |tx, n| tx.send_timeout_blocking(n, Duration::ZERO).unwrap(),
        |tx, n| tx.try_send_many(&mut [n].into()).unwrap(),
        |tx, n| tx.send_many_blocking(&mut [n].into()).unwrap(),
        |tx, n| {
            let mut slot = Some(n);
            tx.send_from_blocking(&mut slot).unwrap();
            assert_eq!(slot, None, "what was given up is not what was to be sent");
        },
        |tx, n| assert!(matches!(poll(pin!(tx.send(n))).0, Poll::Ready(Ok(())))),
        |tx, n| alt_blocking! { r = tx.send(n) => r.unwrap() },
    ];
    for (index, send) in forms.into_iter().enumerate() {
        let (tx, rx, lost) = hooked(Channel::latest());
        for n in 0..3 {
            send(&tx, n);
        }
        assert_eq!((rx.try_recv(), rx.undelivered()), (Ok(2), 2), "form {index}");
        assert_eq!(*lost.lock().unwrap(), [0, 1], "form {index}");
        let (tx, rx, lost) = hooked(Channel::dropping(1));
        for n in 0..3 {
            send(&tx, n);
        }
        assert_eq!((rx.try_recv(), rx.undelivered()), (Ok(0), 2), "form {index}");
        assert_eq!(*lost.lock().unwrap(), [1, 2], "form {index}");
    }
}

#[test]
fn a_batch_through_a_sliding_channel_leaves_its_tail() {
    let (tx, rx, lost) = hooked(Channel::sliding(3));
    tx.try_send_many(&mut (0..10).collect()).unwrap();
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(*lost.lock().unwrap(), (0..7).collect::<Vec<_>>());
}

#[test]
fn without_room_at_all_a_value_reaches_who_waits_or_is_dropped() {
    for channel in [Channel::sliding, Channel::dropping] {
        let (tx, rx, lost) = hooked(channel(0));
        tx.try_send(1).unwrap();
        assert_eq!(*lost.lock().unwrap(), [1]);
        let mut receive = pin!(rx.recv());
        assert!(poll(receive.as_mut()).0.is_pending());
        tx.try_send(2).unwrap();
        assert_eq!(poll(receive).0, Poll::Ready(Ok(2)));
        assert_eq!(tx.undelivered(), 1);
    }
}

#[test]
fn a_waiting_receiver_is_served_before_anything_is_dropped() {
    let (tx, rx, lost) = hooked(Channel::latest());
    let mut receive = pin!(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    assert_eq!(poll(receive).0, Poll::Ready(Ok(1)));
    assert_eq!(rx.try_recv(), Ok(2));
    assert!(lost.lock().unwrap().is_empty());
}

#[test]
fn what_a_cancelled_receiver_gives_back_is_the_oldest_and_goes_first() {
    let (tx, rx, lost) = hooked(Channel::latest());
    let mut receive = Box::pin(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    drop(receive);
    assert_eq!(*lost.lock().unwrap(), [1], "the channel held a later value already");
    assert_eq!((rx.len(), rx.try_recv()), (1, Ok(2)));

    let mut receive = Box::pin(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    tx.try_send(3).unwrap();
    drop(receive);
    assert_eq!(rx.len(), 1, "nothing is newer: it stays");
    tx.try_send(4).unwrap();
    assert_eq!(*lost.lock().unwrap(), [1, 3]);
    assert_eq!((rx.len(), rx.try_recv()), (1, Ok(4)));
}

#[test]
fn a_hook_that_panics_in_a_send_leaves_the_channel_whole() {
    let (tx, rx) = Channel::latest().on_undelivered(|n: u32| assert_ne!(n, 1, "no ones")).open();
    tx.try_send(1).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tx.try_send(2)));
    assert!(panicked.is_err(), "the hook's panic surfaces in the send that made the value go");
    assert_eq!((rx.try_recv(), rx.undelivered()), (Ok(2), 1));
    tx.try_send(3).unwrap();
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn a_fast_producer_and_a_slow_consumer_account_for_every_value() {
    for channel in [Channel::sliding, Channel::dropping] {
        let (tx, rx, lost) = hooked(channel(4));
        let total = rounds(20_000) as u32;
        let received = within(LIMIT, move || {
            let producer = std::thread::spawn(move || (0..total).for_each(|n| tx.send_blocking(n).unwrap()));
            let received = rx.iter().collect::<Result<Vec<_>, _>>().unwrap();
            producer.join().unwrap();
            received
        });
        assert!(received.is_sorted());
        let mut all = received;
        all.extend(lost.lock().unwrap().iter());
        all.sort_unstable();
        assert_eq!(all, (0..total).collect::<Vec<_>>());
    }
}
