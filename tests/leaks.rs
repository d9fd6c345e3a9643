//! The third trap: losers that stay behind. A choice that has been made, cancelled or timed out leaves nothing in the
//! channels that it did not take, however often: no memory, no place in a list.
//!
//! Memory is counted by this program's own allocator, so the tests take turns.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::prelude::*;
use common::{rounds, within};

struct Counting;

/// Bytes that have been allocated and not freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes on to the system's allocator as it came; counting touches no memory of its callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static TURN: Mutex<()> = Mutex::new(());

const LIMIT: Duration = Duration::from_secs(60);
const MILLION: usize = 1_000_000;

/// Runs `step` often and fails if the memory in use rises with it.
fn flat(count: usize, mut step: impl FnMut(usize)) {
    // Thread-locals, buffers of the test program and the like come once.
    (0..200).for_each(&mut step);
    let before = LIVE.load(Ordering::Relaxed);
    (0..count).for_each(&mut step);
    let grown = LIVE.load(Ordering::Relaxed) - before;
    // The test program itself allocates beside us; a leak of one word a step is far more than this.
    let allowed = 16 * 1024 + count as isize / 4;
    assert!(grown < allowed, "{grown} bytes more after {count} rounds");
}

fn poll<F: Future + ?Sized>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Nobody stands in the lists of a channel.
fn is_deserted(tx: &Sender<usize>, rx: &Receiver<usize>) -> bool {
    tx.try_send(0).is_err_and(|error| error.is_full()) && rx.try_recv().is_err()
}

#[test]
fn t03_a_million_choices_beside_a_silent_channel_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::buffered::<usize>(1);
    let (silent_tx, silent) = aqueduct::channel::<usize>();
    let mut choice = Alt::pri();
    flat(rounds(MILLION), |n| {
        tx.try_send(n).unwrap();
        let got = aqueduct::alt_blocking! { choice;
            r = silent.recv() => r,
            r = rx.recv() => r,
            s = silent_tx.send(n) => s.map(|()| 0).map_err(|error| error.into_parts().1),
        };
        assert_eq!(got, Ok(n));
    });
    assert!(is_deserted(&silent_tx, &silent));
}

#[test]
fn t03_a_million_choices_that_waited_beside_a_silent_channel_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::channel::<usize>();
    let (silent_tx, silent) = aqueduct::channel::<usize>();
    flat(rounds(MILLION / 2), |n| {
        let mut waiting = pin!(async {
            aqueduct::alt! { r = silent.recv() => r, r = rx.recv() => r, r = silent.recv() => r }
        });
        assert!(poll(&mut waiting).is_pending());
        tx.try_send(n).unwrap();
        assert_eq!(poll(&mut waiting), Poll::Ready(Ok(n)));
    });
    assert!(is_deserted(&silent_tx, &silent));
    assert!(is_deserted(&tx, &rx));
}

#[test]
fn t03_choices_that_were_cancelled_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::channel::<usize>();
    let (silent_tx, silent) = aqueduct::channel::<usize>();
    flat(rounds(MILLION / 10), |n| {
        let mut waiting = Box::pin(async {
            aqueduct::alt! {
                r = silent.recv() => r.is_ok(),
                s = silent_tx.send(n) => s.is_ok(),
                r = rx.recv() => r.is_ok(),
            }
        });
        assert!(poll(&mut waiting.as_mut()).is_pending());
        if n % 2 == 0 {
            // Cancelled after the commit: the value comes back.
            tx.try_send(n).unwrap();
        }
        drop(waiting);
        assert_eq!(rx.try_recv().ok(), (n % 2 == 0).then_some(n));
    });
    assert!(is_deserted(&silent_tx, &silent));
    assert!(is_deserted(&tx, &rx));
}

#[test]
fn t03_choices_put_together_at_run_time_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::channel::<usize>();
    let silents: Vec<_> = (0..20).map(|_| aqueduct::channel::<usize>()).collect();
    let mut choice = Alt::fair();
    flat(rounds(MILLION / 100), |n| {
        let mut offer = choice.offer();
        for (_, silent) in &silents {
            offer = offer.recv(silent, Result::unwrap);
        }
        let mut waiting = pin!(offer.recv(&rx, Result::unwrap).select());
        assert!(poll(&mut waiting).is_pending());
        tx.try_send(n).unwrap();
        assert_eq!(poll(&mut waiting), Poll::Ready(Ok(n)));
    });
    assert!(silents.iter().all(|(tx, rx)| is_deserted(tx, rx)));
}

#[test]
fn t03_threads_that_choose_beside_a_silent_channel_leave_nothing_behind() {
    let _turn = TURN.lock();
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel::<usize>();
        let (silent_tx, silent) = aqueduct::channel::<usize>();
        let beside = silent_tx.clone();
        let peer = std::thread::spawn(move || {
            let mut choice = Alt::fair();
            for n in 0.. {
                let sent = aqueduct::alt_blocking! { choice;
                    s = tx.send(n) => s.is_ok(),
                    s = beside.closed() => unreachable!("{s}"),
                };
                if !sent {
                    return;
                }
            }
        });
        flat(rounds(MILLION / 50), |_| {
            aqueduct::alt_blocking! { r = silent.recv() => unreachable!("{r:?}"), r = rx.recv() => assert!(r.is_ok()) }
        });
        assert!(is_deserted(&silent_tx, &silent));
        drop(rx);
        peer.join().unwrap();
    });
}

#[test]
fn t03_timers_that_lost_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::channel::<usize>();
    let runtimes = [
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap(),
        // Without a timer of its own.
        tokio::runtime::Builder::new_current_thread().build().unwrap(),
    ];
    for runtime in runtimes {
        let _inside = runtime.enter();
        flat(rounds(MILLION / 20), |n| {
            let mut waiting = pin!(async {
                aqueduct::alt! { _ = after(Duration::from_secs(3600)) => unreachable!(), r = rx.recv() => r }
            });
            assert!(poll(&mut waiting).is_pending());
            let mut timed = pin!(rx.recv_timeout(Duration::from_secs(3600)));
            assert!(poll(&mut timed).is_pending());
            tx.try_send(n).unwrap();
            assert_eq!(poll(&mut waiting), Poll::Ready(Ok(n)));
        });
        assert!(is_deserted(&tx, &rx));
    }
}

#[test]
fn t03_those_who_watched_for_the_end_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (tx, rx) = aqueduct::channel::<usize>();
    flat(rounds(MILLION / 10), |_| {
        let mut closed = pin!(tx.closed());
        assert!(poll(&mut closed).is_pending());
    });
    drop(rx);
    assert!(poll(&mut pin!(tx.closed())).is_ready());
}
