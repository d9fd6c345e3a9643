//! Choices that live on: what they take, in which order, and what they keep.

mod common;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use aqueduct::{Exhausted, Key, WaitError, buffered, channel, task};

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

type Channels = (AltSet<(usize, u32)>, Vec<Sender<u32>>, Vec<Key<Receiver<u32>>>);

/// A set that receives from `n` channels; its results are `(channel, value)`.
fn receiving(order: Alt, n: usize, capacity: usize) -> Channels {
    let mut set = AltSet::new(order);
    let (mut senders, mut keys) = (Vec::new(), Vec::new());
    for index in 0..n {
        let (tx, rx) = buffered(capacity);
        keys.push(set.recv_ok(rx, move |value| (index, value)));
        senders.push(tx);
    }
    (set, senders, keys)
}

#[test]
fn it_waits_and_is_woken_by_whatever_comes_round_after_round() {
    for capacity in [0, 2] {
        for n in [1, 2, 63, 64, 65, 200] {
            let (mut set, senders, _) = receiving(Alt::fair(), n, capacity);
            for round in 0..3 * n {
                let index = round * 7 % n;
                let mut select = pin!(set.select());
                let (pending, counter) = poll(select.as_mut());
                assert!(pending.is_pending());
                assert!(poll(select.as_mut()).0.is_pending(), "polled for nothing");
                let (pending, last) = poll(select.as_mut());
                assert!(pending.is_pending());
                senders[index].try_send(round as u32).unwrap();
                assert_eq!((counter.wakes(), last.wakes()), (0, 1), "the last waker is woken");
                assert_eq!(poll(select).0, Poll::Ready(Ok((index, round as u32))));
            }
        }
    }
}

#[test]
fn what_comes_between_two_rounds_is_found_by_the_next() {
    let (mut set, senders, _) = receiving(Alt::pri(), 70, 1);
    assert_eq!(set.try_select(), Ok(None));
    for index in [69, 3, 64] {
        senders[index].try_send(1).unwrap();
    }
    for index in [3, 64, 69] {
        assert_eq!(set.try_select(), Ok(Some((index, 1))));
    }
    assert_eq!(set.try_select(), Ok(None));
}

#[test]
fn a_sender_that_waits_is_met_in_the_next_round() {
    let (mut set, senders, _) = receiving(Alt::fair(), 3, 0);
    assert_eq!(set.try_select(), Ok(None), "now it stands in every queue");
    let mut send = pin!(senders[1].send(5));
    assert!(poll(send.as_mut()).0.is_pending(), "nobody chooses now");
    assert_eq!(set.try_select(), Ok(Some((1, 5))));
    assert!(poll(send).0.is_ready());
}

#[test]
fn pri_takes_the_first_fair_takes_turns_and_a_seed_repeats_itself() {
    let take = |order: Alt, total: usize| {
        let (mut set, senders, _) = receiving(order, 3, 100);
        for tx in &senders {
            for value in 0..100 {
                tx.try_send(value).unwrap();
            }
        }
        (0..total).map(|_| set.try_select().unwrap().unwrap().0).collect::<Vec<_>>()
    };
    assert_eq!(take(Alt::pri(), 100), [0; 100]);
    assert_eq!(take(Alt::fair(), 9), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    assert_eq!(take(Alt::arbitrary(7), 60), take(Alt::arbitrary(7), 60));
    let mut counts = [0; 3];
    for index in take(Alt::arbitrary(8), 150) {
        counts[index] += 1;
    }
    assert!(counts.iter().all(|&count| count > 25), "{counts:?}");
}

#[test]
fn fair_has_no_catching_up() {
    // A alone thirty times, then both: they take turns.
    let (mut set, senders, _) = receiving(Alt::fair(), 2, 100);
    for value in 0..60 {
        senders[0].try_send(value).unwrap();
    }
    for _ in 0..30 {
        assert_eq!(set.try_select().unwrap().unwrap().0, 0);
    }
    for value in 0..30 {
        senders[1].try_send(value).unwrap();
    }
    let turns: Vec<_> = (0..10).map(|_| set.try_select().unwrap().unwrap().0).collect();
    assert_eq!(turns, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
}

#[test]
fn an_ended_channel_is_given_once_and_then_it_is_gone() {
    let mut set = AltSet::pri();
    let (tx, rx) = channel::<u32>();
    let (other_tx, other) = channel::<u32>();
    let key = set.recv(rx, |result| result.map_err(|ended| ended.to_string()));
    set.recv(other, |result| result.map_err(|ended| ended.to_string()));
    drop(tx);
    other_tx.poison("broken");
    assert!(set.try_select().unwrap().unwrap().unwrap_err().contains("retired"));
    assert!(set.get(key).is_none() && !set.remove(key) && !set.set_enabled(key, true));
    assert!(set.try_select().unwrap().unwrap().unwrap_err().contains("broken"));
    assert_eq!(set.try_select(), Err(Exhausted));
    assert!(set.is_empty());
    assert_eq!(set.select_blocking(), Ok(Err(Exhausted)));
}

#[test]
fn a_poison_that_a_values_only_guard_lets_go_by_marks_the_process() {
    on_runtime(async {
        let (tx, rx) = channel::<u32>();
        tx.poison("broken");
        let error = task("looks at values", async move {
            let mut set = AltSet::fair();
            set.recv_ok(rx, |n| n);
            while set.select().await.is_ok() {}
            Ok(())
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    });
}

#[test]
fn a_send_takes_part_while_it_has_a_value() {
    let (tx, rx) = channel();
    let mut set = AltSet::pri();
    let key = set.send(tx, |sent| sent.map_err(aqueduct::SendError::into_inner));
    assert_eq!(set.try_select(), Err(Exhausted));
    set.offer(key, 1).unwrap();
    assert_eq!(set.offer(key, 2), Err(2), "it has one");
    assert_eq!(set.try_select(), Ok(None));
    assert_eq!(set.take_back(key), Some(1));
    assert_eq!((set.take_back(key), set.try_select()), (None, Err(Exhausted)));
    set.offer(key, 3).unwrap();
    assert_eq!(set.try_select(), Ok(None));
    assert_eq!(rx.try_recv(), Err(aqueduct::TryRecvError::Empty), "a choice that does not wait cannot be claimed");
    let mut receive = Box::pin(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Ok(Some(Ok(()))));
    assert_eq!(poll(receive.as_mut()).0, Poll::Ready(Ok(3)));
    drop(receive);
    set.offer(key, 4).unwrap();
    {
        let mut select = pin!(set.select());
        assert!(poll(select.as_mut()).0.is_pending());
        assert_eq!(rx.try_recv(), Ok(4));
        assert_eq!(poll(select).0, Poll::Ready(Ok(Ok(()))));
    }
    set.offer(key, 5).unwrap();
    drop(rx);
    assert_eq!(set.try_select(), Ok(Some(Err(5))), "the value comes back with the end");
    assert_eq!(set.offer(key, 6), Err(6));
}

#[test]
fn a_choice_that_is_dropped_keeps_what_was_committed_for_the_next() {
    let (mut set, senders, keys) = receiving(Alt::fair(), 3, 0);
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    senders[2].try_send(9).unwrap();
    drop(select);
    let mut send = pin!(senders[0].send(1));
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Ok(Some((2, 9))));
    assert_eq!(set.try_select(), Ok(Some((0, 1))));

    // Removed before it was handed out: it goes back into the channel.
    let other = set.get(keys[2]).unwrap().clone();
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    senders[2].try_send(10).unwrap();
    drop(select);
    assert!(set.remove(keys[2]));
    assert_eq!(set.try_select(), Ok(None));
    assert_eq!(other.try_recv(), Ok(10));
}

#[test]
fn a_leaked_choice_does_no_harm() {
    let (mut set, senders, _) = receiving(Alt::fair(), 3, 0);
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    senders[1].try_send(1).unwrap();
    std::mem::forget(select);
    assert_eq!(set.try_select(), Ok(Some((1, 1))));
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    std::mem::forget(select);
    let (tx, rx) = buffered(1);
    tx.try_send(2).unwrap();
    set.recv_ok(rx, |value| (3, value));
    assert_eq!(set.try_select(), Ok(Some((3, 2))));
}

#[test]
fn guards_come_and_go_between_rounds() {
    let (mut set, mut senders, mut keys) = receiving(Alt::fair(), 10, 1);
    assert_eq!(set.try_select(), Ok(None));
    assert!(set.remove(keys[4]) && !set.remove(keys[4]));
    assert!(senders[4].is_ended(), "its end has left");
    let (tx, rx) = buffered(1);
    keys[4] = set.recv_ok(rx, |value| (100, value));
    senders[4] = tx;
    senders[4].try_send(1).unwrap();
    assert_eq!(set.try_select(), Ok(Some((100, 1))));
    // Growing while it stands in its queues.
    for index in 10..300 {
        let (tx, rx) = buffered(1);
        keys.push(set.recv_ok(rx, move |value| (index, value)));
        senders.push(tx);
        assert_eq!(set.try_select(), Ok(None));
    }
    assert_eq!(set.len(), 300);
    for index in [299, 0, 150] {
        senders[index].try_send(2).unwrap();
        assert_eq!(set.try_select(), Ok(Some((index, 2))));
    }
}

#[test]
fn a_disabled_guard_takes_no_part_and_leaves_its_queue() {
    let (mut set, senders, keys) = receiving(Alt::pri(), 2, 0);
    assert_eq!(set.try_select(), Ok(None));
    let other = set.get(keys[0]).unwrap().clone();
    assert!(set.set_enabled(keys[0], false));
    let mut behind = pin!(other.recv());
    assert!(poll(behind.as_mut()).0.is_pending());
    senders[0].try_send(1).unwrap();
    assert_eq!(poll(behind).0, Poll::Ready(Ok(1)));
    let mut send = pin!(senders[0].send(2));
    assert!(poll(send.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Ok(None));
    assert!(set.set_enabled(keys[0], true));
    assert_eq!(set.try_select(), Ok(Some((0, 2))));
    assert!(set.set_enabled(keys[0], false) && set.set_enabled(keys[1], false));
    assert_eq!(set.try_select(), Err(Exhausted), "nobody takes part");
}

#[test]
fn the_place_in_a_queue_is_kept_from_round_to_round() {
    let (shared_tx, shared) = channel::<u32>();
    let (tx, rx) = buffered::<u32>(8);
    let mut set = AltSet::fair();
    set.recv_ok(shared.clone(), |n| n);
    set.recv_ok(rx, |n| n);
    assert_eq!(set.try_select(), Ok(None));
    let mut behind = pin!(shared.recv());
    assert!(poll(behind.as_mut()).0.is_pending());
    // Rounds over the other guard do not cost the place before the plain receive.
    for n in 0..5 {
        tx.try_send(n).unwrap();
        assert_eq!(set.try_select(), Ok(Some(n)));
    }
    let mut select = pin!(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    shared_tx.try_send(77).unwrap();
    assert_eq!(poll(select).0, Poll::Ready(Ok(77)));
    assert!(poll(behind).0.is_pending());
}

#[test]
fn both_directions_of_one_channel_never_meet_themselves() {
    for capacity in [0, 1] {
        let (tx, rx) = buffered::<u32>(capacity);
        let other = (tx.clone(), rx.clone());
        let mut set = AltSet::fair();
        let send = set.send(tx, |sent| format!("sent {}", sent.is_ok()));
        set.recv_ok(rx, |n| format!("received {n}"));
        set.offer(send, 1).unwrap();
        if capacity == 0 {
            assert_eq!(set.try_select(), Ok(None));
            let mut select = pin!(set.select());
            assert!(poll(select.as_mut()).0.is_pending());
            other.0.try_send(5).unwrap();
            assert_eq!(poll(select).0, Poll::Ready(Ok("received 5".to_owned())));
            assert_eq!(other.1.try_recv(), Err(aqueduct::TryRecvError::Empty));
        } else {
            // Over a buffer it may: these are two communications, one after the other.
            assert_eq!(set.try_select().unwrap().unwrap(), "sent true");
            assert_eq!(set.try_select().unwrap().unwrap(), "received 1");
            assert_eq!(set.try_select(), Ok(None));
            set.offer(send, 2).unwrap();
            assert_eq!(set.try_select().unwrap().unwrap(), "sent true");
            set.offer(send, 3).unwrap();
            assert_eq!(set.try_select().unwrap().unwrap(), "received 2", "the buffer is full, the send stands in line");
            assert_eq!(set.try_select().unwrap().unwrap(), "sent true", "taking from it has made room");
        }
    }
}

#[test]
fn one_channel_twice_is_legal() {
    let (tx, rx) = channel();
    let mut set = AltSet::pri();
    set.recv_ok(rx.clone(), |n: u32| ('a', n));
    set.recv_ok(rx, |n: u32| ('b', n));
    let mut select = pin!(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    tx.try_send(1).unwrap();
    assert!(tx.try_send(2).unwrap_err().is_full(), "one choice takes one value");
    assert!(matches!(poll(select).0, Poll::Ready(Ok((_, 1)))));
}

#[test]
fn timers_clocks_handles_and_other_futures_are_guards() {
    on_runtime(async {
        let mut set = AltSet::fair();
        let (tx, rx) = channel::<&str>();
        set.recv_ok(rx, |text| text.to_owned());
        set.after(Duration::from_millis(20), || "after".to_owned());
        set.at(Instant::now() + Duration::from_millis(40), || "at".to_owned());
        let clock = set.tick(aqueduct::tick(Duration::from_millis(9)), |_| "tick".to_owned());
        set.future(task("child", async { Ok(5) }).spawn(), |result| format!("{result:?}"));
        let mut seen = Vec::new();
        while set.len() > 2 {
            seen.push(set.select().await.unwrap());
        }
        assert_eq!(seen.iter().filter(|event| *event == "tick").count().min(2), 2, "{seen:?}");
        for event in ["after", "at", "Ok(5)"] {
            assert_eq!(seen.iter().filter(|seen| *seen == event).count(), 1, "{seen:?}");
        }
        assert_eq!(set.get(clock).unwrap().period(), Duration::from_millis(9));
        assert!(set.remove(clock));
        let sender = task("sender", async move { Ok(tx.send("hello").await?) }).spawn();
        assert_eq!(set.select().await.unwrap(), "hello");
        sender.await.unwrap();
        assert_eq!(set.select().await, Err(Exhausted));
    });
}

#[test]
fn with_a_future_beside_them_the_others_keep_their_places() {
    let (tx, rx) = channel::<u32>();
    let mut set = AltSet::fair();
    set.recv_ok(rx.clone(), |n| n);
    set.future(std::future::pending::<()>(), |()| 0);
    let mut select = pin!(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    let mut behind = pin!(rx.recv());
    assert!(poll(behind.as_mut()).0.is_pending());
    assert!(poll(select.as_mut()).0.is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(poll(select).0, Poll::Ready(Ok(1)));
}

#[test]
fn an_extended_rendezvous_holds_a_set_that_sends() {
    let (tx, rx) = channel::<u32>();
    let mut set = AltSet::fair();
    let key = set.send(tx, |sent| sent.is_ok());
    set.offer(key, 1).unwrap();
    let mut select = pin!(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(select.as_mut()).0.is_pending());
    drop(held);
    assert_eq!(poll(select).0, Poll::Ready(Ok(true)));
}

#[test]
fn a_handler_that_panics_leaves_the_set_whole() {
    let (tx, rx) = buffered(4);
    let (out, results) = buffered(4);
    let mut set = AltSet::pri();
    set.recv_ok(rx, |n: u32| assert_ne!(n, 1, "no ones"));
    let send = set.send(out, |sent| panic!("sent: {}", sent.is_ok()));
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let caught = |set: &mut AltSet<()>| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| set.try_select())).map_err(drop)
    };
    assert_eq!(caught(&mut set), Err(()));
    assert_eq!(caught(&mut set), Ok(Ok(Some(()))));
    set.offer(send, 5).unwrap();
    assert_eq!(caught(&mut set), Err(()));
    assert_eq!(results.try_recv(), Ok(5));
    assert_eq!(caught(&mut set), Ok(Ok(None)), "the send has no value now");
}

#[test]
fn dropping_the_set_leaves_every_queue_and_gives_back_what_it_held() {
    let (mut set, senders, keys) = receiving(Alt::fair(), 3, 0);
    let others: Vec<_> = keys.iter().map(|key| set.get(*key).unwrap().clone()).collect();
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    senders[1].try_send(1).unwrap();
    drop(select);
    drop(set);
    assert_eq!(others[1].try_recv(), Ok(1));
    assert!(senders[0].try_send(2).unwrap_err().is_full(), "nobody waits there any more");
}

#[test]
fn in_a_task_it_does_not_block() {
    on_runtime(async {
        let (mut set, ..) = receiving(Alt::fair(), 1, 0);
        assert_eq!(set.select_blocking(), Err(WaitError::OnRuntimeWorker));
    });
}

#[test]
fn many_producers_on_tasks_and_threads_lose_and_double_nothing() {
    for order in [Alt::fair(), Alt::pri(), Alt::arbitrary(3)] {
        for capacity in [0, 1, 8] {
            let each = rounds(400);
            let order = order.clone();
            let counts = on_runtime(async move {
                const PRODUCERS: usize = 12;
                let (mut set, senders, _) = receiving(order, PRODUCERS, capacity);
                let mut handles = Vec::new();
                for (index, tx) in senders.into_iter().enumerate() {
                    handles.push(if index % 3 == 0 {
                        aqueduct::thread("producer", move || {
                            (0..each).try_for_each(|n| tx.send_blocking(n as u32)).map_err(Exit::from)
                        })
                        .spawn()
                    } else {
                        task("producer", async move {
                            for n in 0..each {
                                tx.send(n as u32).await?;
                            }
                            Ok(())
                        })
                        .spawn()
                    });
                }
                let mut counts = [0; PRODUCERS];
                while let Ok((index, value)) = set.select().await {
                    assert_eq!(counts[index], value as usize, "in order");
                    counts[index] += 1;
                }
                for handle in handles {
                    handle.await.unwrap();
                }
                counts
            });
            assert_eq!(counts, [each; 12], "capacity {capacity}");
        }
    }
}

#[test]
fn two_sets_that_send_and_receive_meet_each_other() {
    // Each offers a value and receives one, over and over, on two threads; nothing is lost.
    let each = rounds(3000);
    let sums = within(LIMIT, move || {
        let (a_tx, a_rx) = channel::<usize>();
        let (b_tx, b_rx) = channel::<usize>();
        let received = Arc::new(AtomicUsize::new(0));
        let party = |tx: Sender<usize>, rx: Receiver<usize>| {
            let received = Arc::clone(&received);
            std::thread::spawn(move || {
                let mut set = AltSet::fair();
                let send = set.send(tx, |sent| sent.map(|()| None));
                set.recv(rx, |value| Ok(value.ok()));
                let (mut sent, mut got, mut sum) = (0, 0, 0);
                set.offer(send, 0).unwrap();
                while sent < each || got < each {
                    match set.select_blocking().unwrap().unwrap() {
                        Ok(None) => {
                            sent += 1;
                            if sent < each {
                                set.offer(send, sent).unwrap();
                            }
                        }
                        Ok(Some(value)) => {
                            assert_eq!(value, got);
                            got += 1;
                            sum += value;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
                received.fetch_add(got, Ordering::Relaxed);
                sum
            })
        };
        let parties = [party(a_tx, b_rx), party(b_tx, a_rx)];
        let sums = parties.map(|party| party.join().unwrap());
        assert_eq!(received.load(Ordering::Relaxed), 2 * each);
        sums
    });
    assert_eq!(sums, [each * (each - 1) / 2; 2]);
}
