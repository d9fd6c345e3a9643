//! What lies between two rounds: commitments not handed out, panics, and what comes meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::task::{Wake, Waker};

use super::*;

/// A set with one send that has a value.
fn sending() -> (AltSet<bool>, Key<Sender<u32>>, Receiver<u32>) {
    let (tx, rx) = channel::<u32>();
    let mut set = AltSet::pri();
    let key = set.send(tx, |sent| sent.is_ok());
    set.offer(key, 1).unwrap();
    (set, key, rx)
}

#[test]
fn a_held_send_whose_choice_was_dropped_is_handed_out_without_waiting_by_a_look() {
    let (mut set, key, rx) = sending();
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(select.as_mut()).0.is_pending(), "held");
    drop(select);
    assert_eq!(set.try_select(), Ok(Some(true)), "a look does not wait for who holds it");
    set.offer(key, 2).unwrap();
    assert_eq!(set.try_select(), Ok(None));
    drop(held);
    assert_eq!(rx.try_recv(), Err(aqueduct::TryRecvError::Empty), "the next value waits for a round");
    drop(set);
}

#[test]
fn a_held_send_survives_being_disabled_enabled_and_dropped() {
    for enable in [true, false] {
        let (mut set, key, rx) = sending();
        let mut select = Box::pin(set.select());
        assert!(poll(select.as_mut()).0.is_pending());
        let held = rx.try_recv_held().unwrap();
        assert!(poll(select.as_mut()).0.is_pending());
        drop(select);
        assert!(set.set_enabled(key, false));
        if enable {
            assert!(set.set_enabled(key, true));
        }
        assert_eq!(set.try_select(), Ok(Some(true)), "it had been committed before");
        drop(set);
        drop(held);
    }
    let (mut set, _, rx) = sending();
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    let held = rx.try_recv_held().unwrap();
    assert!(poll(select.as_mut()).0.is_pending());
    drop(select);
    drop(set);
    drop(held);
}

#[test]
fn what_was_committed_is_handed_out_although_its_guard_was_disabled() {
    let (tx, rx) = channel::<u32>();
    let mut set = AltSet::pri();
    let key = set.recv_ok(rx, |n| n);
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    tx.try_send(7).unwrap();
    drop(select);
    assert!(set.set_enabled(key, false));
    assert_eq!(set.try_select(), Ok(Some(7)));
    assert_eq!(set.try_select(), Err(Exhausted));
    assert_eq!(tx.undelivered(), 0);

    let (tx, rx) = channel::<u32>();
    let _kept = tx.clone();
    let mut set = AltSet::pri();
    let key = set.send(tx, |sent| sent.is_ok());
    set.offer(key, 1).unwrap();
    let mut select = Box::pin(set.select());
    assert!(poll(select.as_mut()).0.is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    drop(select);
    assert!(set.set_enabled(key, false) && set.set_enabled(key, true));
    let mut receive = pin!(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Ok(Some(true)));
    assert!(poll(receive).0.is_pending(), "nobody is told of an end that is none");
}

struct Angry;

impl Wake for Angry {
    fn wake(self: Arc<Self>) {
        panic!("angry");
    }
}

#[test]
fn a_peer_whose_waker_panics_costs_no_value() {
    let (tx, rx) = channel::<u32>();
    let mut set = AltSet::pri();
    set.recv_ok(rx, |n| n);
    let mut send = Box::pin(tx.send(7));
    let waker = Waker::from(Arc::new(Angry));
    assert!(send.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| set.try_select())).is_err());
    let mut second = Box::pin(tx.send(8));
    assert!(poll(second.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Ok(Some(7)));
    assert_eq!(set.try_select(), Ok(Some(8)));
}

#[test]
fn a_hook_that_panics_leaves_a_send_that_can_be_used_again() {
    let (tx, rx) = Channel::sliding(1).on_undelivered(|n: u32| assert_ne!(n, 1, "no ones")).open();
    let mut set = AltSet::pri();
    let key = set.send(tx, |sent| sent.is_ok());
    set.offer(key, 1).unwrap();
    assert_eq!(set.try_select(), Ok(Some(true)));
    set.offer(key, 2).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| set.try_select())).is_err());
    assert_eq!(rx.try_recv(), Ok(2));
    let mut receive = pin!(rx.recv());
    assert!(poll(receive.as_mut()).0.is_pending());
    assert_eq!(set.try_select(), Err(Exhausted), "it has no value");
    assert!(poll(receive.as_mut()).0.is_pending());
    set.offer(key, 3).unwrap();
    assert_eq!(set.try_select(), Ok(Some(true)));
    assert_eq!(poll(receive).0, Poll::Ready(Ok(3)));
}

#[test]
fn in_textual_order_what_was_ready_first_at_a_higher_guard_is_taken_first() {
    // The peer makes the higher guard ready, then the lower one: the lower is never taken alone.
    let (high_tx, high) = buffered::<u64>(4);
    let (low_tx, low) = buffered::<u64>(4);
    let rounds = rounds(20_000) as u64;
    let done = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&done);
    within(LIMIT, move || {
        let peer = std::thread::spawn(move || {
            for n in 1..=rounds {
                high_tx.try_send(n).unwrap();
                low_tx.try_send(n).unwrap();
                while seen.load(Ordering::Acquire) < n {
                    std::thread::yield_now();
                }
            }
        });
        let mut set = AltSet::pri();
        set.recv_ok(high, |n| ("high", n));
        set.recv_ok(low, |n| ("low", n));
        for n in 1..=rounds {
            // Half of the rounds wait, the others look.
            let mut take = || {
                if n % 2 == 0 {
                    return set.select_blocking().unwrap().unwrap();
                }
                loop {
                    if let Some(event) = set.try_select().unwrap() {
                        return event;
                    }
                    std::thread::yield_now();
                }
            };
            assert_eq!([take(), take()], [("high", n), ("low", n)]);
            done.store(n, Ordering::Release);
        }
        peer.join().unwrap();
    });
}

#[test]
fn a_timer_that_is_due_is_not_passed_over_for_want_of_budget() {
    on_runtime(async {
        let (tx, rx) = buffered::<u32>(5000);
        for n in 0..5000 {
            tx.try_send(n).unwrap();
        }
        for _ in 0..1000 {
            let mut set = AltSet::pri();
            set.at(Instant::now(), || "due");
            set.recv_ok(rx.clone(), |_| "value");
            assert_eq!(set.select().await, Ok("due"));
        }
    });
}

#[test]
fn a_key_of_one_set_names_nothing_in_another() {
    let (_a_tx, a) = channel::<u32>();
    let (_b_tx, b) = channel::<u32>();
    let (mut one, mut two) = (AltSet::pri(), AltSet::pri());
    let (key, other) = (one.recv_ok(a, |n| n), two.recv_ok(b, |n| n));
    assert_ne!(key, other);
    assert!(!two.remove(key) && two.get(key).is_none() && !two.is_empty());
}

#[test]
fn the_end_of_all_guards_taken_with_a_question_mark_is_quiet() {
    on_runtime(async {
        let (tx, rx) = channel::<u32>();
        let (out, received) = buffered(1);
        task("passes on", async move {
            out.send(7).await?;
            let mut set = AltSet::fair();
            set.recv_ok(rx, |n| n);
            drop(tx);
            let n = set.select().await?;
            out.send(n).await?;
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(received.recv().await, Ok(7), "its output was retired, not poisoned");
    });
}
