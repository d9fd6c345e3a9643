//! Nothing of the user's runs under a lock: wakers, values, errors and hooks that go back to the very channel that
//! clones, wakes or drops them find it free.
//!
//! A channel's lock is not re-entrant: if one of them ran under it, the test would hang, and `within` says so.
#![cfg(not(any(aqueduct_loom, aqueduct_shuttle)))]

mod common;

use std::error::Error;
use std::fmt;
use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

use aqueduct::{Alt, Channel, Group, Outcome, Receiver, Sender, alt, buffered, channel, par, task};
use common::{CountingWaker, within};

const LIMIT: Duration = Duration::from_secs(5);

/// What happens to a waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Cloned,
    Woken,
    Dropped,
}

/// A waker that calls back into the program whenever something happens to it.
struct Nosy {
    touch: Box<dyn Fn(Event) + Send + Sync>,
    counts: [AtomicUsize; 3],
}

impl Nosy {
    fn new(touch: impl Fn(Event) + Send + Sync + 'static) -> (Arc<Self>, Waker) {
        let nosy = Arc::new(Self { touch: Box::new(touch), counts: Default::default() });
        let data = Arc::into_raw(Arc::clone(&nosy)).cast::<()>();
        // SAFETY: the table's functions take the pointer for what it is, one reference of an `Arc<Nosy>`, which is
        // `Send` and `Sync`.
        (nosy, unsafe { Waker::from_raw(RawWaker::new(data, &NOSY)) })
    }

    /// How often it was cloned, woken and dropped.
    fn counts(&self) -> [usize; 3] {
        [0, 1, 2].map(|event| self.counts[event].load(Ordering::SeqCst))
    }

    fn note(&self, event: Event) {
        self.counts[event as usize].fetch_add(1, Ordering::SeqCst);
        (self.touch)(event);
    }
}

static NOSY: RawWakerVTable = RawWakerVTable::new(
    |data| {
        let nosy = data.cast::<Nosy>();
        // SAFETY: the waker that is cloned holds a reference; the clone gets one of its own.
        let nosy = unsafe {
            Arc::increment_strong_count(nosy);
            &*nosy
        };
        nosy.note(Event::Cloned);
        RawWaker::new(data, &NOSY)
    },
    |data| {
        // SAFETY: the waker's own reference, given up once.
        let nosy = unsafe { Arc::from_raw(data.cast::<Nosy>()) };
        nosy.note(Event::Woken);
    },
    |data| {
        // SAFETY: the waker holds a reference.
        let nosy = unsafe { &*data.cast::<Nosy>() };
        nosy.note(Event::Woken);
    },
    |data| {
        // SAFETY: the waker's own reference, given up once.
        let nosy = unsafe { Arc::from_raw(data.cast::<Nosy>()) };
        nosy.note(Event::Dropped);
    },
);

/// A nosy waker that looks into a channel.
fn looks_into(rx: &Receiver<u32>) -> (Arc<Nosy>, Waker) {
    let rx = rx.clone();
    Nosy::new(move |_| {
        let _ = rx.len();
    })
}

/// A nosy waker that keeps no receiver alive.
fn looks_into_from_behind(tx: &Sender<u32>) -> (Arc<Nosy>, Waker) {
    let tx = tx.clone();
    Nosy::new(move |_| {
        let _ = tx.len();
    })
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

#[test]
fn a_receive_is_woken_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel();
        let (nosy, waker) = looks_into(&rx);
        let mut receive = Box::pin(rx.recv());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        tx.try_send(1).unwrap();
        assert_eq!(nosy.counts(), [1, 1, 0]);
        assert_eq!(poll(receive.as_mut(), &waker), Poll::Ready(Ok(1)));
    });
}

#[test]
fn a_send_is_woken_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = buffered(1);
        tx.try_send(1).unwrap();
        let (nosy, waker) = looks_into(&rx);
        let mut send = Box::pin(tx.send(2));
        assert!(poll(send.as_mut(), &waker).is_pending());
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!(nosy.counts(), [1, 1, 0]);
        assert!(poll(send.as_mut(), &waker).is_ready());
    });
}

#[test]
fn a_waker_that_is_replaced_is_cloned_and_dropped_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel();
        let [(first, first_waker), (second, second_waker)] = [looks_into(&rx), looks_into(&rx)];
        let mut receive = Box::pin(rx.recv());
        assert!(poll(receive.as_mut(), &first_waker).is_pending());
        assert!(poll(receive.as_mut(), &second_waker).is_pending());
        assert!(poll(receive.as_mut(), &second_waker).is_pending());
        assert_eq!(first.counts(), [1, 0, 1]);
        assert_eq!(second.counts(), [1, 0, 0], "the same waker is not cloned again");
        tx.try_send(1).unwrap();
        assert_eq!((first.counts(), second.counts()), ([1, 0, 1], [1, 1, 0]));
    });
}

#[test]
fn a_dropped_operation_drops_its_waker_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel::<u32>();
        let (nosy, waker) = looks_into(&rx);
        let mut receive = Box::pin(rx.recv());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        drop(receive);
        assert_eq!(nosy.counts(), [1, 0, 1]);
        let mut send = Box::pin(tx.send(1));
        assert!(poll(send.as_mut(), &waker).is_pending());
        drop(send);
        assert_eq!(nosy.counts(), [2, 0, 2]);
    });
}

#[test]
fn a_watch_clones_replaces_and_drops_its_waker_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel::<u32>();
        let [(first, first_waker), (second, second_waker)] = [looks_into_from_behind(&tx), looks_into_from_behind(&tx)];
        let mut closed = Box::pin(tx.closed());
        assert!(poll(closed.as_mut(), &first_waker).is_pending());
        assert!(poll(closed.as_mut(), &second_waker).is_pending());
        assert_eq!(first.counts(), [1, 0, 1]);
        let mut dropped = Box::pin(tx.closed());
        assert!(poll(dropped.as_mut(), &first_waker).is_pending());
        drop(dropped);
        assert_eq!(first.counts(), [2, 0, 2]);
        drop(rx);
        assert_eq!(second.counts(), [1, 1, 0]);
        assert!(poll(closed.as_mut(), &second_waker).is_ready());
    });
}

#[test]
fn a_choice_clones_wakes_and_drops_its_waker_outside_the_locks() {
    within(LIMIT, || {
        let ((a_tx, a), (_b_tx, b)) = (channel(), channel());
        let both = || {
            let (a, b) = (a.clone(), b.clone());
            Nosy::new(move |_| {
                let _ = a.len() + b.len();
            })
        };
        let [(first, first_waker), (second, second_waker)] = [both(), both()];
        let mut order = Alt::pri();
        let mut choice = Box::pin(async {
            alt! { order;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            }
        });
        assert!(poll(choice.as_mut(), &first_waker).is_pending());
        assert!(poll(choice.as_mut(), &second_waker).is_pending());
        assert_eq!(first.counts(), [1, 0, 1]);
        a_tx.try_send(1).unwrap();
        assert_eq!(second.counts(), [1, 1, 0]);
        assert_eq!(poll(choice.as_mut(), &second_waker), Poll::Ready(1_u32));
        drop(choice);

        let mut dropped = Box::pin(async {
            alt! { order;
                r = a.recv() => r.unwrap(),
                r = b.recv() => r.unwrap(),
            }
        });
        assert!(poll(dropped.as_mut(), &first_waker).is_pending());
        drop(dropped);
        assert_eq!(first.counts(), [2, 0, 2]);
    });
}

#[test]
fn the_end_of_a_channel_wakes_outside_the_lock() {
    within(LIMIT, || {
        // Retired by the last sender.
        let (tx, rx) = channel::<u32>();
        let (nosy, waker) = looks_into(&rx);
        let mut receive = Box::pin(rx.recv());
        assert!(poll(receive.as_mut(), &waker).is_pending());
        drop(tx);
        assert_eq!(nosy.counts()[1], 1);
        // Retired by the last receiver.
        let (tx, rx) = channel::<u32>();
        let (nosy, waker) = looks_into_from_behind(&tx);
        let mut send = Box::pin(tx.send(1));
        assert!(poll(send.as_mut(), &waker).is_pending());
        drop(rx);
        assert_eq!(nosy.counts()[1], 1);
        // Poisoned.
        let (tx, rx) = channel::<u32>();
        let (nosy, waker) = looks_into(&rx);
        let mut receives = [Box::pin(rx.recv()), Box::pin(rx.recv())];
        for receive in &mut receives {
            assert!(poll(receive.as_mut(), &waker).is_pending());
        }
        tx.poison("out of order");
        assert_eq!(nosy.counts()[1], 2);
    });
}

#[test]
fn a_value_that_comes_back_wakes_the_next_receiver_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel();
        let (nosy, waker) = looks_into(&rx);
        let mut first = Box::pin(rx.recv());
        let mut second = Box::pin(rx.recv());
        assert!(poll(first.as_mut(), Waker::noop()).is_pending());
        assert!(poll(second.as_mut(), &waker).is_pending());
        tx.try_send(1).unwrap();
        drop(first);
        assert_eq!(nosy.counts()[1], 1);
        assert_eq!(poll(second.as_mut(), &waker), Poll::Ready(Ok(1)));
    });
}

/// Looks into its channel when it is dropped.
struct Value {
    end: Option<Sender<Self>>,
    drops: Arc<AtomicUsize>,
}

impl Value {
    fn new(end: &Sender<Self>, drops: &Arc<AtomicUsize>) -> Self {
        Self { end: Some(end.clone()), drops: Arc::clone(drops) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if let Some(end) = &self.end {
            let _ = end.len();
        }
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

#[test]
fn undelivered_values_are_dropped_outside_the_lock() {
    within(LIMIT, || {
        let drops = Arc::new(AtomicUsize::new(0));
        // Overtaken by a poison.
        let (tx, rx) = buffered(2);
        tx.try_send(Value::new(&tx, &drops)).unwrap();
        rx.poison("out of order");
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        // Left behind by the last receiver.
        let (tx, rx) = buffered(2);
        tx.try_send(Value::new(&tx, &drops)).unwrap();
        drop(rx);
        assert_eq!(drops.load(Ordering::SeqCst), 2);
        // Handed over, and come back after the end.
        let (tx, rx) = channel();
        let mut receive = Box::pin(rx.recv());
        assert!(poll(receive.as_mut(), Waker::noop()).is_pending());
        tx.try_send(Value::new(&tx, &drops)).unwrap();
        rx.poison("out of order");
        drop(receive);
        assert_eq!((drops.load(Ordering::SeqCst), tx.undelivered()), (3, 1));
        // Never sent.
        let (tx, _rx) = channel();
        let mut send = Box::pin(tx.send(Value::new(&tx, &drops)));
        assert!(poll(send.as_mut(), Waker::noop()).is_pending());
        drop(send);
        assert_eq!(drops.load(Ordering::SeqCst), 4);
    });
}

#[test]
fn the_hook_runs_outside_the_lock() {
    within(LIMIT, || {
        let end = Arc::new(Mutex::new(None::<Sender<u32>>));
        let inside = Arc::clone(&end);
        let seen = Arc::new(AtomicUsize::new(0));
        let calls = Arc::clone(&seen);
        let (tx, rx) = Channel::buffered(2)
            .on_undelivered(move |_| {
                let end = inside.lock().unwrap();
                calls.fetch_add(1 + end.as_ref().map_or(0, Sender::len), Ordering::SeqCst);
            })
            .open();
        *end.lock().unwrap() = Some(tx.clone());
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        drop(rx);
        assert_eq!(seen.load(Ordering::SeqCst), 2);
        *end.lock().unwrap() = None;
    });
}

/// An error that looks into the channel when it is dropped.
struct Nasty(Receiver<u32>, Arc<AtomicUsize>);

impl Drop for Nasty {
    fn drop(&mut self) {
        let _ = self.0.len();
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

impl fmt::Display for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nasty")
    }
}

impl fmt::Debug for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nasty")
    }
}

impl Error for Nasty {}

#[test]
fn the_error_of_a_poison_that_came_too_late_is_dropped_outside_the_lock() {
    within(LIMIT, || {
        let (tx, rx) = channel::<u32>();
        let drops = Arc::new(AtomicUsize::new(0));
        tx.poison("first");
        tx.poison(Nasty(rx.clone(), Arc::clone(&drops)));
        assert_eq!(drops.load(Ordering::SeqCst), 1);
        assert!(rx.ended().unwrap().to_string().contains("first"));
    });
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    within(LIMIT, || {
        let (tx, rx) = channel::<u32>();
        let (counter, counting) = CountingWaker::new();
        let wakers = [Waker::from(Arc::new(Panics)), counting.clone(), Waker::from(Arc::new(Panics)), counting];
        let mut receives = wakers.map(|waker| {
            let mut receive = Box::pin(rx.recv());
            assert!(poll(receive.as_mut(), &waker).is_pending());
            receive
        });
        let outcome = catch_unwind(AssertUnwindSafe(|| tx.poison("out of order")));
        assert!(outcome.is_err(), "the panic surfaces where the channel was ended");
        assert_eq!(counter.wakes(), 2);
        for receive in &mut receives {
            assert!(poll(receive.as_mut(), Waker::noop()).is_ready(), "and the channel is free");
        }
    });
}

/// A child that leaves its waker where others find it.
async fn exposed(place: Arc<Mutex<Option<Waker>>>) -> Outcome {
    std::future::poll_fn(|cx| {
        *place.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    })
    .await;
    Ok(())
}

/// The parent's wakers wake a child when `event` happens to them: the composition's own lock must be free then.
fn a_parents_waker_wakes_a_child(event: Event) {
    within(LIMIT, move || {
        let place = Arc::new(Mutex::new(None::<Waker>));
        let wakes_the_child = || {
            let place = Arc::clone(&place);
            Nosy::new(move |now| {
                let child = if now == event { place.lock().unwrap().clone() } else { None };
                if let Some(child) = child {
                    child.wake();
                }
            })
        };
        let [(first, first_waker), (second, second_waker)] = [wakes_the_child(), wakes_the_child()];
        let children = par!(task("one", exposed(Arc::clone(&place))), task("other", std::future::pending::<Outcome>()));
        let mut composition = Box::pin(children.into_future());
        // Until the children have wakers of the composition's own, they have its parent's.
        for _ in 0..7 {
            assert!(poll(composition.as_mut(), Waker::noop()).is_pending());
        }
        assert!(poll(composition.as_mut(), &first_waker).is_pending());
        assert!(poll(composition.as_mut(), &second_waker).is_pending());
        assert!(first.counts()[0] > 0 && first.counts()[2] > 0, "cloned and dropped: {:?}", first.counts());
        // Polled, so that nobody is marked as ready and the next wake-up reaches the parent.
        assert!(poll(composition.as_mut(), &second_waker).is_pending());
        let woken = second.counts()[1];
        let child = place.lock().unwrap().clone().unwrap();
        child.wake_by_ref();
        assert_eq!(second.counts()[1], woken + 1);
        drop(composition);
        *place.lock().unwrap() = None;
    });
}

#[test]
fn a_composition_clones_its_waker_outside_its_lock() {
    a_parents_waker_wakes_a_child(Event::Cloned);
}

#[test]
fn a_composition_wakes_its_waker_outside_its_lock() {
    a_parents_waker_wakes_a_child(Event::Woken);
}

#[test]
fn a_composition_drops_its_waker_outside_its_lock() {
    a_parents_waker_wakes_a_child(Event::Dropped);
}

/// More turns than a composition gives its children in one poll.
const TURNS: u32 = 10_001;

async fn echo(rx: Receiver<u32>, tx: Sender<u32>, first: bool) -> Outcome<u32> {
    if first {
        tx.send(0).await?;
    }
    loop {
        let turn = rx.recv().await?;
        if turn == TURNS {
            return Ok(turn);
        }
        tx.send(turn + 1).await?;
    }
}

#[test]
fn a_composition_that_yields_forgets_no_child_that_was_woken_inside() {
    within(LIMIT, || {
        let ((a_tx, a), (b_tx, b)) = (channel(), channel());
        let both = par!(
            task("one", echo(a, b_tx, true)),
            task("other", async move {
                // The other one ends quietly once the first has left.
                let _ = echo(b, a_tx, false).await;
            })
        );
        let (last, ()) = futures::executor::block_on(both.into_future()).unwrap();
        assert_eq!(last, TURNS);
    });
}

#[test]
fn a_group_that_yields_forgets_no_member_that_was_woken_inside() {
    within(LIMIT, || {
        let ((a_tx, a), (b_tx, b)) = (channel(), channel());
        let mut group = Group::new();
        group.add(task("one", async move { echo(a, b_tx, true).await.map(|_| ()) }));
        group.add(task("other", async move {
            let _ = echo(b, a_tx, false).await;
        }));
        futures::executor::block_on(group.join()).unwrap();
    });
}
