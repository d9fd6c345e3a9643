//! What a message costs, in things that can be counted: wake-ups, polls, allocations; and that leaving a line costs
//! the same however long it is.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use aqueduct::prelude::*;
use common::CountingWaker;

/// The system's allocator, with a count for each thread.
struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

fn count() {
    // A thread that is going away is not counted.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it is; the count allocates nothing and cannot fail.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: by the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: by the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: by the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread has allocated so far.
fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// The fewest allocations of several batches: what a message costs, without what happens once.
fn cheapest(mut batch: impl FnMut()) -> usize {
    let measure = |_| {
        let before = allocations();
        batch();
        allocations() - before
    };
    (0..5).map(measure).min().unwrap_or(0)
}

#[test]
fn the_counter_counts() {
    assert_eq!(cheapest(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_waiting_receiver_is_woken_once_and_polled_once_more() {
    let (tx, rx) = aqueduct::channel();
    for n in 0..1000 {
        let (receiver, waker) = CountingWaker::new();
        let (sender, sender_waker) = CountingWaker::new();
        let mut recv = pin!(rx.recv());
        assert!(poll(recv.as_mut(), &waker).is_pending());
        let mut send = pin!(tx.send(n));
        assert!(matches!(poll(send.as_mut(), &sender_waker), Poll::Ready(Ok(()))), "the sender does not wait");
        assert_eq!((receiver.wakes(), sender.wakes()), (1, 0));
        assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Ok(n)));
        assert_eq!((receiver.wakes(), sender.wakes()), (1, 0));
    }
}

#[test]
fn a_waiting_sender_is_woken_once_and_polled_once_more() {
    let (tx, rx) = aqueduct::channel();
    for n in 0..1000 {
        let (receiver, waker) = CountingWaker::new();
        let (sender, sender_waker) = CountingWaker::new();
        let mut send = pin!(tx.send(n));
        assert!(poll(send.as_mut(), &sender_waker).is_pending());
        let mut recv = pin!(rx.recv());
        assert_eq!(poll(recv.as_mut(), &waker), Poll::Ready(Ok(n)), "the receiver does not wait");
        assert_eq!((receiver.wakes(), sender.wakes()), (0, 1));
        assert!(matches!(poll(send.as_mut(), &sender_waker), Poll::Ready(Ok(()))));
        assert_eq!((receiver.wakes(), sender.wakes()), (0, 1));
    }
}

#[test]
fn opposing_choices_cost_one_wake_up() {
    let (tx, rx) = aqueduct::channel();
    let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
    let (receiver, waker) = CountingWaker::new();
    let (sender, sender_waker) = CountingWaker::new();
    for n in 0..1000 {
        let mut receiving = pin!(async {
            alt! { r = rx.recv() => r.unwrap(), _ = quiet.recv() => unreachable!() }
        });
        let mut sending = pin!(async {
            alt! { _ = quiet.recv() => unreachable!(), r = tx.send(n) => r.unwrap() }
        });
        assert!(poll(receiving.as_mut(), &waker).is_pending());
        assert!(poll(sending.as_mut(), &sender_waker).is_ready());
        assert_eq!((receiver.wakes(), sender.wakes()), (n + 1, 0));
        assert_eq!(poll(receiving.as_mut(), &waker), Poll::Ready(n));
    }
    assert_eq!((receiver.wakes(), sender.wakes()), (1000, 0));
}

/// A poll that nobody asked for, with the same waker: the waker is not cloned, and there is still one wake-up.
#[test]
fn polling_again_changes_nothing() {
    let (tx, rx) = aqueduct::channel();
    let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
    let (counter, waker) = CountingWaker::new();
    let references = |counter: &Arc<CountingWaker>| Arc::strong_count(counter);
    let mut recv = pin!(rx.recv());
    let mut choice = pin!(async {
        alt! { r = rx.recv() => r, _ = quiet.recv() => unreachable!() }
    });
    let before = references(&counter);
    assert!(poll(recv.as_mut(), &waker).is_pending());
    assert!(poll(choice.as_mut(), &waker).is_pending());
    let waiting = references(&counter);
    assert_eq!(waiting, before + 2, "one waker for each wait");
    assert_eq!(
        cheapest(|| {
            for _ in 0..100 {
                assert!(poll(recv.as_mut(), &waker).is_pending());
                assert!(poll(choice.as_mut(), &waker).is_pending());
            }
        }),
        0
    );
    assert_eq!(references(&counter), waiting);
    tx.try_send(1).unwrap();
    assert_eq!((counter.wakes(), references(&counter)), (1, before + 1));
    assert!(poll(choice.as_mut(), &waker).is_pending());
    assert_eq!(poll(recv, &waker), Poll::Ready(Ok(1)));
    tx.try_send(2).unwrap();
    assert_eq!(poll(choice, &waker), Poll::Ready(Ok(2)));
    assert_eq!((counter.wakes(), references(&counter)), (2, before));
}

#[test]
fn waiting_polled_by_hand_allocates_nothing() {
    let (_counter, waker) = CountingWaker::new();
    let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
    for capacity in [0, 1, 8] {
        let (tx, rx) = aqueduct::buffered(capacity);
        let mut slot = None;
        let mut alt = Alt::fair();
        let spent = cheapest(|| {
            for n in 0..100 {
                // The receiver waits, in each of its forms.
                let mut recv = pin!(rx.recv());
                assert!(poll(recv.as_mut(), &waker).is_pending());
                assert!(poll(pin!(tx.send(n)), &waker).is_ready());
                assert!(poll(recv, &waker).is_ready());
                let mut next = pin!(rx.next());
                assert!(poll(next.as_mut(), &waker).is_pending());
                tx.try_send(n).unwrap();
                assert!(poll(next, &waker).is_ready());
                let mut choice = pin!(async {
                    alt! { alt; r = rx.recv() => r.unwrap(), _ = quiet.recv() => unreachable!() }
                });
                assert!(poll(choice.as_mut(), &waker).is_pending());
                slot = Some(n);
                assert!(poll(pin!(tx.send_from(&mut slot)), &waker).is_ready());
                assert!(poll(choice, &waker).is_ready());
                // The sender waits, and one that waits goes.
                while tx.try_send(n).is_ok() {}
                let mut send = pin!(tx.send(n));
                assert!(poll(send.as_mut(), &waker).is_pending());
                let mut bare = pin!(async {
                    alt! { r = tx.send(n) => r.unwrap(), _ = quiet.recv() => unreachable!() }
                });
                assert!(poll(bare.as_mut(), &waker).is_pending());
                assert!(
                    poll(
                        pin!(async {
                            alt! { _ = tx.send(n) => {}, default => {} }
                        }),
                        &waker
                    )
                    .is_ready()
                );
                {
                    let mut gone = pin!(tx.send(n));
                    assert!(poll(gone.as_mut(), &waker).is_pending());
                }
                let received = rx.try_iter().count();
                assert_eq!(received, capacity + 2);
                assert!(poll(send, &waker).is_ready() && poll(bare, &waker).is_ready());
            }
        });
        assert_eq!(spent, 0, "capacity {capacity}");
    }
}

/// Two tasks of one runtime, which wake each other; measured from inside.
#[test]
fn messages_between_tasks_allocate_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for capacity in [0, 1, 8] {
        let (tx, rx) = aqueduct::buffered(capacity);
        let (quit_tx, quit) = aqueduct::channel::<u8>();
        let spent = runtime.block_on(async move {
            let sender = tokio::spawn(async move {
                let mut slot = None;
                for n in 0..3000_u32 {
                    slot = Some(n);
                    tx.send_from(&mut slot).await.unwrap();
                    tx.send(n).await.unwrap();
                    alt! { r = tx.send(n) => r.unwrap(), _ = quit.recv() => unreachable!() }
                }
                slot.is_none()
            });
            let mut alt = Alt::pri();
            let mut spent = usize::MAX;
            for _ in 0..6 {
                let before = allocations();
                for _ in 0..500 {
                    rx.recv().await.unwrap();
                    rx.next().await.unwrap();
                    alt! { alt; r = rx.recv() => r.map(drop).unwrap() }
                }
                spent = spent.min(allocations() - before);
            }
            assert!(sender.await.unwrap());
            drop(quit_tx);
            spent
        });
        assert_eq!(spent, 0, "capacity {capacity}");
    }
}

/// Counts how often a future is polled.
async fn counting_polls<F: Future>(future: F) -> (usize, F::Output) {
    let mut future = pin!(future);
    let mut polls = 0;
    let output = std::future::poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx)
    })
    .await;
    (polls, output)
}

/// Each wake-up finds its result, so two tasks together are polled once for each message; and a little at the ends.
#[test]
fn a_rendezvous_between_tasks_costs_one_poll() {
    const MESSAGES: usize = 1000;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (tx, rx) = aqueduct::channel();
    let polls = runtime.block_on(async move {
        let sending = tokio::spawn(counting_polls(async move {
            for n in 0..MESSAGES {
                tx.send(n).await.unwrap();
            }
        }));
        let receiving = tokio::spawn(counting_polls(async move {
            let mut count = 0;
            while rx.next().await.unwrap().is_some() {
                count += 1;
            }
            count
        }));
        let (polls, ()) = sending.await.unwrap();
        let (more, count) = receiving.await.unwrap();
        assert_eq!(count, MESSAGES);
        polls + more
    });
    assert!((MESSAGES..=MESSAGES + 3).contains(&polls), "{polls} polls for {MESSAGES} messages");
}

/// Both threads count for themselves. What happens once to a thread (its bell, a crowded lock's first visit) is not
/// what a message costs.
#[test]
fn messages_between_threads_allocate_nothing() {
    const BATCH: u32 = 300;
    let body = || {
        for capacity in [0, 1, 8] {
            let (tx, rx) = aqueduct::buffered(capacity);
            let (_quiet_tx, quiet) = aqueduct::channel::<u8>();
            let sender = std::thread::spawn(move || {
                cheapest(|| {
                    for n in 0..BATCH {
                        tx.send_blocking(n).unwrap();
                        tx.send_timeout_blocking(n, Duration::from_secs(60)).unwrap();
                        alt_blocking! { r = tx.send(n) => r.unwrap() }
                    }
                })
            });
            let spent = cheapest(|| {
                for n in 0..BATCH {
                    assert_eq!(rx.recv_blocking(), Ok(n));
                    assert_eq!(rx.recv_timeout_blocking(Duration::from_secs(60)), Ok(n));
                    let chosen = alt_blocking! {
                        r = rx.recv() => r,
                        _ = quiet.recv() => unreachable!(),
                        _ = after(Duration::from_secs(60)) => unreachable!(),
                    };
                    assert_eq!(chosen, Ok(n));
                }
            });
            assert_eq!((spent, sender.join().unwrap()), (0, 0), "capacity {capacity}");
        }
    };
    common::within(Duration::from_secs(60), body);
}

/// Into a random order.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (seed >> 33) as usize % (last + 1));
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The shortest of a few measurements of dropping `count` waits in random order, of leaving a line of that length
/// from its middle.
fn leaving<'a>(count: usize, wait: impl Fn() -> Waiting<'a>) -> (Duration, Duration) {
    let (_counter, waker) = CountingWaker::new();
    let mut all = Duration::MAX;
    let mut middle = Duration::MAX;
    for round in 0..3 {
        let mut waits: Vec<_> = (0..count).map(|_| wait()).collect();
        for wait in &mut waits {
            assert!(poll(wait.as_mut(), &waker).is_pending());
        }
        for _ in 0..20 {
            let wait = waits.swap_remove(waits.len() / 2);
            let start = Instant::now();
            drop(wait);
            middle = middle.min(start.elapsed());
        }
        shuffle(&mut waits, round);
        let start = Instant::now();
        drop(waits);
        all = all.min(start.elapsed());
    }
    (all, middle)
}

/// Time grows with the number and with little else: a line that had to be searched would take a thousand times more.
#[test]
fn leaving_a_line_does_not_depend_on_its_length() {
    const FEW: usize = 100;
    const MANY: usize = 100_000;
    let (tx, rx) = aqueduct::channel::<u32>();
    let (other_tx, other) = aqueduct::channel::<u32>();
    let check = |what: &str, few: (Duration, Duration), many: (Duration, Duration)| {
        // A clock's tick, at least, so that a fast machine does not divide by nothing.
        let tick = Duration::from_nanos(100);
        let allowed = 10.0 * (MANY as f64 * (MANY as f64).ln()) / (FEW as f64 * (FEW as f64).ln());
        let ratio = many.0.as_secs_f64() / few.0.max(tick * FEW as u32 / 4).as_secs_f64();
        assert!(ratio < allowed, "{what}: {few:?} for {FEW}, {many:?} for {MANY}: {ratio} and not {allowed}");
        let ratio = many.1.as_secs_f64() / few.1.max(tick).as_secs_f64();
        assert!(ratio < 50.0, "{what}: one of {FEW} leaves in {:?}, one of {MANY} in {:?}", few.1, many.1);
    };
    let recv = || Box::pin(async { drop(rx.recv().await) }) as Waiting<'_>;
    check("receivers", leaving(FEW, recv), leaving(MANY, recv));
    let send = || Box::pin(async { drop(tx.send(1).await) }) as Waiting<'_>;
    check("senders", leaving(FEW, send), leaving(MANY, send));
    let choose = || {
        Box::pin(async {
            alt! { _ = rx.recv() => {}, _ = other_tx.send(1) => {} }
        }) as Waiting<'_>
    };
    check("choices", leaving(FEW, choose), leaving(MANY, choose));
    drop(other);
}
