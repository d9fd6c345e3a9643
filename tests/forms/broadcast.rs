//! One value for everybody.

use super::*;
use aqueduct::{Refused, broadcast};

#[test]
fn every_receiver_gets_every_value_in_order_whatever_the_policy_that_waits() {
    for capacity in [0, 1, 3, usize::MAX] {
        let (tx, rx) = broadcast(capacity);
        let total = rounds(500);
        let seen = on_runtime(async move {
            let mut readers = Vec::new();
            for receiver in [tx.subscribe(), tx.subscribe(), rx] {
                readers.push(
                    task("reader", async move {
                        let mut seen = Vec::new();
                        while let Some(n) = receiver.next().await? {
                            seen.push(n);
                        }
                        Ok(seen)
                    })
                    .spawn(),
                );
            }
            for n in 0..total {
                tx.send(n).await.unwrap();
            }
            drop(tx);
            let mut seen = Vec::new();
            for reader in readers {
                seen.push(reader.await.unwrap());
            }
            seen
        });
        assert_eq!(seen, vec![(0..total).collect::<Vec<_>>(); 3], "capacity {capacity}");
    }
}

#[test]
fn several_senders_are_seen_in_one_order_by_all() {
    let (tx, rx) = broadcast(2);
    let total = rounds(300);
    let seen = on_runtime(async move {
        let readers: Vec<_> = [tx.subscribe(), rx]
            .into_iter()
            .map(|receiver| {
                aqueduct::thread("reader", move || Ok(receiver.iter().collect::<Result<Vec<_>, _>>()?)).spawn()
            })
            .collect();
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let tx = tx.clone();
                task("sender", async move {
                    for n in 0..total {
                        tx.send((sender, n)).await?;
                    }
                    Ok(())
                })
                .spawn()
            })
            .collect();
        drop(tx);
        for sender in senders {
            sender.await.unwrap();
        }
        let mut seen = Vec::new();
        for reader in readers {
            seen.push(reader.await.unwrap());
        }
        seen
    });
    assert_eq!(seen[0].len(), 3 * total);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_send_waits_for_the_slowest_and_no_longer_for_one_that_leaves() {
    let (tx, fast) = broadcast(1);
    let slow = tx.subscribe();
    tx.try_send(1).unwrap();
    assert_eq!(fast.try_recv(), Ok(1));
    assert!(matches!(tx.try_send(2).unwrap_err().into_parts(), (2, Refused::Full)));
    let mut send = pin!(tx.send(2));
    assert!(poll(send.as_mut()).is_pending());
    assert_eq!(fast.try_recv(), Ok(2), "the others have it already");
    assert_eq!(tx.receivers(), 2);
    drop(slow);
    assert!(matches!(poll(send), Poll::Ready(Ok(()))));
    assert_eq!(tx.receivers(), 1);
}

#[test]
fn a_send_that_is_dropped_is_all_or_nothing() {
    for capacity in [0, 1] {
        let (tx, first) = broadcast(capacity);
        let second = tx.subscribe();
        let (a, b) = (first.clone(), second.clone());
        // Fill the queues, if there are any.
        for n in 0..capacity {
            tx.try_send(n).unwrap();
        }
        let mut send = Box::pin(tx.send(7));
        assert!(poll(send.as_mut()).is_pending());
        drop(send);
        for receiver in [&a, &b] {
            assert_eq!(receiver.len(), capacity, "nobody had taken it: nobody gets it");
        }
        let mut send = Box::pin(tx.send(8));
        assert!(poll(send.as_mut()).is_pending());
        for _ in 0..=capacity {
            a.try_recv().unwrap();
        }
        drop(send);
        let got: Vec<_> = b.try_iter().collect();
        assert_eq!(got.last(), Some(&8), "one had taken it: everybody gets it, in order");
        assert_eq!(got.len(), capacity + 1);
        assert!(a.try_recv().is_err());
    }
}

#[test]
fn at_the_limit_it_is_all_or_nothing_too() {
    let (tx, first) = broadcast(1);
    let second = tx.subscribe();
    tx.try_send(1).unwrap();
    let error = tx.send_timeout_blocking(2, Duration::from_millis(2)).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.into_inner(), 2);
    assert_eq!(first.try_recv(), Ok(1));
    tx.send_deadline_blocking(3, Instant::now() + Duration::from_millis(2)).unwrap();
    assert_eq!(first.try_recv(), Ok(3));
    assert_eq!(second.try_iter().collect::<Vec<_>>(), [1, 3]);
    let waiting = tx.clone();
    on_runtime(async move {
        waiting.send(4).await.unwrap();
        assert!(waiting.send_timeout(5, Duration::from_millis(2)).await.unwrap_err().is_timeout());
        assert!(waiting.send_deadline(5, Instant::now()).await.unwrap_err().is_timeout());
        assert!(matches!(waiting.send_blocking(5).unwrap_err().reason(), WaitError::OnRuntimeWorker));
    });
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(4), Ok(4)));
}

#[test]
fn with_a_sliding_policy_a_slow_receiver_misses_some_and_holds_up_nobody() {
    let (tx, slow) = Channel::sliding(2).named("news").broadcast();
    let quick = tx.subscribe();
    let mut seen = Vec::new();
    for n in 0..10 {
        tx.try_send(n).unwrap();
        seen.extend(quick.try_iter());
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(slow.try_iter().collect::<Vec<_>>(), [8, 9]);
    assert_eq!((slow.undelivered(), slow.name()), (8, Some("news")));
}

#[test]
fn without_receivers_the_value_comes_back_until_one_comes() {
    let (tx, rx) = broadcast(1);
    drop(rx);
    let error = tx.send_blocking("lonely").unwrap_err();
    assert_eq!(error.into_parts(), ("lonely", WaitError::Ended(Ended::Retired)));
    let late = tx.subscribe();
    tx.try_send("late").unwrap();
    assert_eq!(late.try_recv(), Ok("late"));
}

#[test]
fn a_failure_on_either_side_reaches_everybody() {
    let (tx, first) = broadcast::<u32>(1);
    let second = tx.subscribe();
    let other = tx.clone();
    on_runtime(failing(tx)).unwrap_err();
    for receiver in [&first, &second] {
        assert!(receiver.try_recv().unwrap_err().to_string().contains("out of paper"));
    }
    assert!(other.try_send(1).unwrap_err().to_string().contains("out of paper"));

    let (tx, first) = broadcast::<u32>(1);
    let second = tx.subscribe();
    first.poison("unreadable");
    let error = tx.send_blocking(1).unwrap_err();
    assert!(error.to_string().contains("unreadable"), "{error}");
    assert!(second.try_recv().unwrap_err().to_string().contains("unreadable"));

    let (tx, first) = broadcast::<u32>(1);
    tx.poison("broken");
    assert!(first.try_recv().unwrap_err().to_string().contains("broken"));
}

#[test]
fn the_hook_hears_of_what_each_receiver_missed() {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&lost);
    let (tx, first) = Channel::dropping(1).on_undelivered(move |n| hook.lock().unwrap().push(n)).broadcast();
    let second = tx.subscribe();
    for n in 0..3 {
        tx.try_send(n).unwrap();
    }
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(0), Ok(0)));
    assert_eq!(*lost.lock().unwrap(), [1, 1, 2, 2]);
}
