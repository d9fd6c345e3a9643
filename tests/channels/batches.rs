//! Many values with one call.

use super::*;

#[test]
fn try_send_many_takes_what_there_is_room_for() {
    for capacity in [0, 1, 3, 5, 7] {
        let (tx, rx) = open(capacity);
        let mut values: VecDeque<_> = (0..5).collect();
        let result = tx.try_send_many(&mut values);
        assert_eq!(result, if capacity < 5 { Err(Refused::Full) } else { Ok(()) });
        assert_eq!(values, (capacity.min(5)..5).collect::<VecDeque<_>>());
        let mut got = Vec::new();
        assert_eq!(rx.try_recv_many(&mut got, 100), capacity.min(5));
        assert_eq!(got, (0..capacity.min(5)).collect::<Vec<_>>());
        assert_eq!(rx.try_recv_many(&mut got, 100), 0);
    }
}

#[test]
fn try_send_many_serves_the_receivers_that_wait_first() {
    let (tx, rx) = aqueduct::channel();
    let mut first = pin!(rx.recv());
    let mut second = pin!(rx.recv());
    assert!(poll(first.as_mut()).0.is_pending() && poll(second.as_mut()).0.is_pending());
    let mut values = VecDeque::from([1, 2, 3]);
    assert_eq!(tx.try_send_many(&mut values), Err(Refused::Full));
    assert_eq!(values, [3]);
    assert_eq!((poll(first).0, poll(second).0), (Poll::Ready(Ok(1)), Poll::Ready(Ok(2))));
}

#[test]
fn recv_many_takes_from_the_queue_and_from_the_senders_that_wait() {
    let (tx, rx) = aqueduct::buffered(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let mut waiting: Vec<_> = (2..6).map(|n| Box::pin(tx.send(n))).collect();
    for send in &mut waiting {
        assert!(poll(send.as_mut()).0.is_pending());
    }
    let mut got = Vec::new();
    assert_eq!(futures::executor::block_on(rx.recv_many(&mut got, 3)), Ok(3));
    assert_eq!(got, [0, 1, 2]);
    assert_eq!(rx.len(), 2, "the senders that wait have the room");
    assert_eq!(futures::executor::block_on(rx.recv_many(&mut got, 100)), Ok(3));
    assert_eq!(got, [0, 1, 2, 3, 4, 5], "appended, in order");
    assert_eq!(futures::executor::block_on(rx.recv_many(&mut got, 0)), Ok(0), "no limit, no wait");
}

#[test]
fn a_batch_arrives_whole_and_in_order() {
    for capacity in FLAVOURS {
        for limit in [1, 7, 1000] {
            on_runtime(async move {
                let (tx, rx) = open(capacity);
                let sender = tokio::spawn(async move {
                    let mut values: VecDeque<_> = (0..500).collect();
                    tx.send_many(&mut values).await.unwrap();
                    assert!(values.is_empty());
                });
                let mut got = Vec::new();
                loop {
                    let before = got.len();
                    match rx.recv_many(&mut got, limit).await {
                        Ok(count) => assert!((1..=limit).contains(&count) && got.len() == before + count),
                        Err(ended) => {
                            assert_eq!((ended, got.len()), (Ended::Retired, before), "nothing appended");
                            break;
                        }
                    }
                }
                assert_eq!(got, (0..500).collect::<Vec<_>>());
                sender.await.unwrap();
            });
        }
    }
}

#[test]
fn a_batch_cut_short_keeps_what_was_not_sent() {
    for poisoned in [false, true] {
        on_runtime(async move {
            let (tx, rx) = aqueduct::channel();
            let receiver = tokio::spawn(async move {
                assert_eq!((rx.recv().await, rx.recv().await), (Ok(0), Ok(1)));
                if poisoned {
                    rx.poison("enough");
                }
            });
            let mut values: VecDeque<_> = (0..5).collect();
            let ended = tx.send_many(&mut values).await.unwrap_err();
            assert_eq!(ended.is_poisoned(), poisoned);
            assert_eq!(values, [2, 3, 4]);
            assert_eq!(tx.try_send_many(&mut values), Err(Refused::Ended(ended.clone())));
            assert_eq!(tx.send_many(&mut values).await, Err(ended));
            assert_eq!(values, [2, 3, 4]);
            assert_eq!(tx.send_many(&mut VecDeque::new()).await, Ok(()), "nothing to send");
            receiver.await.unwrap();
        });
    }
}

#[test]
fn a_batch_send_that_is_dropped_keeps_what_was_not_sent() {
    let (tx, rx) = aqueduct::buffered(2);
    let mut values: VecDeque<_> = (0..5).collect();
    {
        let mut send = Box::pin(tx.send_many(&mut values));
        assert!(poll(send.as_mut()).0.is_pending());
        assert_eq!(rx.try_recv(), Ok(0));
    }
    let mut all: Vec<_> = rx.try_iter().collect();
    all.extend(values.iter().copied());
    assert_eq!(all, [1, 2, 3, 4], "each is either delivered or there");
}
