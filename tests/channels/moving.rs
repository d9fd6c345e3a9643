//! Sending and receiving, in every form.

use super::*;

#[test]
fn the_constructors_are_the_flavours() {
    assert_eq!(aqueduct::channel::<u8>().0.capacity(), Some(0));
    assert_eq!(aqueduct::buffered::<u8>(7).0.capacity(), Some(7));
    assert_eq!(aqueduct::unbounded::<u8>().1.capacity(), None);
    assert_eq!(Channel::<u8>::rendezvous().open().0.capacity(), Some(0));
    assert_eq!(Channel::<u8>::unbounded().open().0.capacity(), None);
    assert_eq!(aqueduct::buffered::<u8>(usize::MAX).0.capacity(), None);
    assert_eq!(aqueduct::buffered::<u8>(usize::MAX - 1).0.capacity(), Some(usize::MAX - 1), "nothing is reserved");
}

#[test]
fn try_send_fills_the_room_and_gives_the_value_back() {
    for capacity in FLAVOURS {
        let (tx, rx) = open(capacity);
        assert_eq!((tx.len(), rx.len(), tx.is_empty(), rx.is_empty()), (0, 0, true, true));
        let room = capacity.min(1200);
        for n in 0..room {
            assert_eq!((tx.is_full(), rx.is_full()), (false, false), "capacity {capacity}, {n} inside");
            tx.try_send(n).unwrap();
            assert_eq!((tx.len(), rx.len(), rx.is_empty()), (n + 1, n + 1, false));
        }
        if capacity == usize::MAX {
            assert!(!tx.is_full());
        } else {
            assert!(tx.is_full() && rx.is_full());
            let error = tx.try_send(9999).unwrap_err();
            assert!(error.is_full());
            assert_eq!(error.reason(), &Refused::Full);
            assert_eq!(error.into_inner(), 9999);
        }
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), (0..room).collect::<Vec<_>>());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(tx.undelivered(), 0);
    }
}

#[test]
fn a_rendezvous_send_waits_for_its_receiver() {
    let (tx, rx) = aqueduct::channel();
    let mut send = pin!(tx.send(5));
    let (polled, wakes) = poll(send.as_mut());
    assert!(polled.is_pending());
    assert_eq!((rx.len(), rx.is_empty(), rx.is_full()), (0, true, true), "a waiting value is with its sender");
    assert_eq!(rx.try_recv(), Ok(5));
    assert_eq!(wakes.wakes(), 1);
    assert!(poll(send).0.is_ready());
}

#[test]
fn try_send_meets_a_receiver_that_waits() {
    for capacity in FLAVOURS {
        let (tx, rx) = open(capacity);
        let mut recv = pin!(rx.recv());
        let (polled, wakes) = poll(recv.as_mut());
        assert!(polled.is_pending());
        tx.try_send(5).unwrap();
        assert_eq!(wakes.wakes(), 1);
        assert_eq!(tx.len(), 0, "handed over, not queued");
        assert_eq!(poll(recv).0, Poll::Ready(Ok(5)));
    }
}

#[test]
fn room_goes_to_the_senders_that_wait_in_their_order() {
    let (tx, rx) = aqueduct::buffered(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let mut third = pin!(tx.send(2));
    let mut fourth = pin!(tx.send(3));
    let (polled, wakes) = poll(third.as_mut());
    assert!(polled.is_pending());
    assert!(poll(fourth.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!(wakes.wakes(), 1);
    assert!(tx.try_send(9).unwrap_err().is_full(), "nobody barges in");
    assert!(poll(fourth.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(poll(third).0.is_ready() && poll(fourth).0.is_ready());
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn the_blocking_and_limited_forms_move_values() {
    for capacity in FLAVOURS {
        within(LIMIT, move || {
            let (tx, rx) = open(capacity);
            let soon = Duration::from_secs(20);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    tx.send_blocking(1).unwrap();
                    tx.send_timeout_blocking(2, soon).unwrap();
                    tx.send_deadline_blocking(3, Instant::now() + soon).unwrap();
                    tx.send_many_blocking(&mut VecDeque::from([4, 5])).unwrap();
                    futures::executor::block_on(async {
                        tx.send_timeout(6, soon).await.unwrap();
                        tx.send_deadline(7, Instant::now() + soon).await.unwrap();
                        tx.send_from(&mut Some(8)).await.unwrap();
                        tx.send_from(&mut None).await.unwrap();
                        tx.send(9).await.unwrap();
                    });
                });
                assert_eq!(rx.recv_blocking(), Ok(1));
                assert_eq!(rx.recv_timeout_blocking(soon), Ok(2));
                assert_eq!(rx.recv_deadline_blocking(Instant::now() + soon), Ok(3));
                let mut many = Vec::new();
                while many.len() < 2 {
                    let left = 2 - many.len();
                    rx.recv_many_blocking(&mut many, left).unwrap();
                }
                assert_eq!(many, [4, 5]);
                assert_eq!(rx.next_blocking(), Ok(Some(6)));
                futures::executor::block_on(async {
                    assert_eq!(rx.recv_timeout(soon).await, Ok(7));
                    assert_eq!(rx.recv_deadline(Instant::now() + soon).await, Ok(8));
                    assert_eq!(rx.next().await, Ok(Some(9)));
                });
            });
        });
    }
}

#[test]
fn a_time_that_is_up_gives_the_value_back() {
    let brief = Duration::from_millis(1);
    let (tx, rx) = aqueduct::channel();
    let error = tx.send_timeout_blocking(5, brief).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.into_inner(), 5);
    let error = tx.send_deadline_blocking(6, Instant::now()).unwrap_err();
    assert_eq!(error.into_parts(), (6, WaitError::Timeout));
    assert_eq!(rx.recv_timeout_blocking(brief), Err(WaitError::Timeout));
    assert_eq!(rx.recv_deadline_blocking(Instant::now()), Err(WaitError::Timeout));
    on_runtime(async move {
        assert_eq!(tx.send_timeout(7, brief).await.unwrap_err().into_inner(), 7);
        assert_eq!(tx.send_deadline(8, Instant::now()).await.unwrap_err().into_inner(), 8);
        assert_eq!(rx.recv_timeout(brief).await, Err(WaitError::Timeout));
        assert_eq!(rx.recv_deadline(Instant::now()).await, Err(WaitError::Timeout));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "nothing of it was sent");
    });
}

#[test]
fn at_the_limit_delivery_wins() {
    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(1).unwrap();
    assert_eq!(rx.recv_timeout_blocking(Duration::ZERO), Ok(1));
    tx.send_deadline_blocking(2, Instant::now() - Duration::from_secs(1)).unwrap();
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn blocking_forms_in_a_task_are_errors_with_the_value() {
    on_runtime(async {
        tokio::spawn(async {
            let (tx, rx) = aqueduct::channel();
            let error = tx.send_blocking(5).unwrap_err();
            assert_eq!(error.into_parts(), (5, WaitError::OnRuntimeWorker));
            assert_eq!(rx.recv_blocking(), Err(WaitError::OnRuntimeWorker));
            let mut items = rx.iter();
            assert_eq!(items.next(), Some(Err(WaitError::OnRuntimeWorker)));
            assert_eq!(items.next(), None, "and that is the last");
            let mut values = VecDeque::from([1]);
            assert_eq!(tx.send_many_blocking(&mut values), Err(WaitError::OnRuntimeWorker));
            assert_eq!(values, [1]);
        })
        .await
        .unwrap();
    });
}

#[test]
fn iterators_end_with_the_channel() {
    for capacity in [3, usize::MAX] {
        let (tx, rx) = open(capacity);
        tx.send_many_blocking(&mut VecDeque::from([1, 2, 3])).unwrap();
        assert_eq!(rx.iter().take(1).collect::<Result<Vec<_>, _>>(), Ok(vec![1]));
        drop(tx);
        assert_eq!((&rx).into_iter().next(), Some(Ok(2)));
        let mut rest = rx.into_iter();
        assert_eq!((rest.next(), rest.next(), rest.next()), (Some(Ok(3)), None, None));

        let (tx, rx) = open(capacity);
        tx.send_blocking(1).unwrap();
        tx.poison("spilt");
        let items: Vec<_> = rx.iter().collect();
        assert!(matches!(&items[..], [Err(WaitError::Ended(Ended::Poisoned(_)))]), "{items:?}");
        assert_eq!(rx.try_iter().count(), 0);
    }
}

#[test]
fn a_receiver_is_a_stream() {
    for capacity in FLAVOURS {
        on_runtime(async move {
            let (tx, rx) = open(capacity);
            let sender = tokio::spawn(async move {
                for n in 0..100 {
                    tx.send(n).await.unwrap();
                }
            });
            let stream = rx.into_stream();
            assert_eq!(stream.get_ref().capacity(), (capacity != usize::MAX).then_some(capacity));
            let all: Vec<_> = stream.map(Result::unwrap).collect().await;
            assert_eq!(all, (0..100).collect::<Vec<_>>());
            sender.await.unwrap();
        });
    }
}

#[test]
fn a_stream_gives_the_poison_last_and_is_fused() {
    use futures::stream::FusedStream as _;
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut stream = pin!(rx.into_stream());
        assert!(!stream.is_terminated());
        tx.poison("spilt");
        assert!(stream.next().await.unwrap().is_err());
        assert!(stream.is_terminated());
        assert!(stream.next().await.is_none());
    });
}

#[test]
fn a_dropped_stream_gives_back_what_it_held() {
    let (tx, rx) = aqueduct::channel();
    let other = rx.clone();
    let mut stream = Box::pin(rx.into_stream());
    let (_, waker) = CountingWaker::new();
    assert!(stream.as_mut().poll_next(&mut Context::from_waker(&waker)).is_pending());
    tx.try_send(5).unwrap();
    drop(stream);
    assert_eq!(other.try_recv(), Ok(5));
}

#[test]
fn a_sender_is_a_sink() {
    for capacity in FLAVOURS {
        on_runtime(async move {
            let (tx, rx) = open(capacity);
            let feed = tokio::spawn(async move {
                let mut sink = pin!(tx.into_sink());
                sink.send_all(&mut futures::stream::iter((0..100).map(Ok))).await.unwrap();
                sink.close().await.unwrap();
                assert_eq!(sink.get_ref().ended(), None, "closing flushes; dropping leaves");
            });
            for n in 0..100 {
                assert_eq!(rx.recv().await, Ok(n));
            }
            feed.await.unwrap();
            assert_eq!(rx.recv().await, Err(Ended::Retired));
        });
    }
}

#[test]
fn a_sink_of_an_ended_channel_gives_the_value_back() {
    let (tx, rx) = aqueduct::channel();
    let mut sink = pin!(tx.into_sink());
    let (_, waker) = CountingWaker::new();
    let mut cx = Context::from_waker(&waker);
    assert!(sink.as_mut().poll_ready(&mut cx).is_ready());
    sink.as_mut().start_send(1).unwrap();
    assert!(sink.as_mut().poll_flush(&mut cx).is_pending());
    assert!(sink.as_mut().poll_ready(&mut cx).is_pending(), "one value at a time");
    drop(rx);
    let Poll::Ready(Err(error)) = sink.as_mut().poll_flush(&mut cx) else { panic!("the channel has ended") };
    assert_eq!(error.into_parts(), (1, Ended::Retired));
    assert_eq!(futures::executor::block_on(sink.send(2)).unwrap_err().into_inner(), 2);
}

#[test]
fn streams_and_sinks_join_up() {
    on_runtime(async {
        let (tx, rx) = aqueduct::buffered(4);
        let (out, results) = aqueduct::channel();
        let stage = tokio::spawn(async move {
            let squares = rx.into_stream().map(|n: Result<u64, _>| Ok(n.unwrap() * 2));
            squares.forward(out.into_sink()).await
        });
        let feed = tokio::spawn(async move {
            for n in 0..50 {
                tx.send(n).await.unwrap();
            }
        });
        let mut sum = 0;
        while let Some(n) = results.next().await.unwrap() {
            sum += n;
        }
        assert_eq!(sum, 2450);
        feed.await.unwrap();
        stage.await.unwrap().unwrap();
    });
}

#[test]
fn same_channel_names_and_directions() {
    let (tx, rx) = Channel::<u8>::rendezvous().named("words").open();
    let (other_tx, other_rx) = aqueduct::channel::<String>();
    assert!(tx.same_channel(&rx) && rx.same_channel(&tx.clone()) && tx.same_channel(&tx));
    assert!(!tx.same_channel(&other_tx) && !rx.same_channel(&other_rx));
    assert_eq!((tx.name(), rx.name(), other_tx.name()), (Some("words"), Some("words"), None));
    assert_eq!((tx.direction(), rx.direction()), (Direction::Sender, Direction::Receiver));
    assert!(format!("{tx:?} {rx:?}").contains("words"));
}

#[test]
fn ends_travel_over_channels() {
    for capacity in FLAVOURS {
        on_runtime(async move {
            let (requests, server) = open::<(u32, Sender<u32>)>(capacity);
            let serving = tokio::spawn(async move {
                while let Some((n, reply)) = server.next().await.unwrap() {
                    reply.send(n * n).await.unwrap();
                }
            });
            for n in 0..20 {
                let (reply, answer) = open(capacity);
                requests.send((n, reply)).await.unwrap();
                assert_eq!(answer.recv().await, Ok(n * n));
                assert_eq!(answer.recv().await, Err(Ended::Retired));
            }
            drop(requests);
            serving.await.unwrap();
        });
    }
}

/// A value with an end in it that is never received retires that end.
#[test]
fn an_undelivered_end_retires() {
    let (carrier, carried) = aqueduct::unbounded();
    let (tx, rx) = aqueduct::channel::<u32>();
    carrier.try_send(tx).unwrap();
    drop(carried);
    assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));
    assert_eq!(carrier.undelivered(), 1);
}

#[test]
fn a_channel_may_carry_its_own_end() {
    let (tx, rx) = aqueduct::unbounded::<Box<dyn std::any::Any + Send>>();
    tx.try_send(Box::new(rx.clone())).unwrap();
    let own = rx.try_recv().unwrap().downcast::<Receiver<Box<dyn std::any::Any + Send>>>().unwrap();
    assert!(own.same_channel(&rx));
}
