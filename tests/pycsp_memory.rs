//! D7 and D10 of PyCSP's deviations (see `tests/pycsp`), those that exhaust something: memory is counted by this
//! program's own allocator, so the tests take turns.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::{WaitError, alt_blocking};
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

/// How many bytes more are in use after `count` steps than after the first few.
fn growth(count: usize, mut step: impl FnMut(usize)) -> isize {
    // Thread-locals, buffers of the test program and the like come once.
    (0..200).for_each(&mut step);
    let before = LIVE.load(Ordering::Relaxed);
    (0..count).for_each(&mut step);
    LIVE.load(Ordering::Relaxed) - before
}

/// Far less than a leak of one word a step, and more than the test program allocates beside us.
fn allowed(count: usize) -> isize {
    16 * 1024 + count as isize / 4
}

fn flat(count: usize, step: impl FnMut(usize)) {
    let grown = growth(count, step);
    assert!(grown < allowed(count), "{grown} bytes more after {count} rounds");
}

/// What the other tests take for granted.
#[test]
fn a_leak_of_a_word_a_step_is_seen() {
    let _turn = TURN.lock();
    const COUNT: usize = 100_000;
    let mut leaked = Vec::with_capacity(2 * COUNT);
    let grown = growth(COUNT, |n| leaked.push(Box::new(n)));
    // The threads that run the tests free memory of their own meanwhile: not what was leaked to the byte.
    assert!(grown > 10 * allowed(COUNT), "{grown} bytes");
}

/// D7. PyCSP: a `TimeoutGuard` takes something that it does not give back: after X of them nothing works any more
/// (runefriborg/pycsp #27).
///
/// Here: a million timers that elapse leave nothing behind.
#[test]
fn d07_a_million_timeouts_that_elapse_leave_nothing_behind() {
    let _turn = TURN.lock();
    within(LIMIT, || {
        let (_tx, rx) = aqueduct::channel::<()>();
        let mut choice = Alt::pri();
        flat(rounds(MILLION), |_| {
            alt_blocking! { choice;
                _ = rx.recv() => unreachable!("nothing is sent"),
                _ = after(Duration::ZERO) => {}
            }
        });
    });
}

/// D7. Nor do timers that have waited, on a task's runtime and on a thread without one.
#[test]
fn d07_timeouts_that_were_waited_for_leave_nothing_behind() {
    let _turn = TURN.lock();
    const SOON: Duration = Duration::from_micros(1);
    within(LIMIT, || {
        let (tx, rx) = aqueduct::channel::<usize>();
        flat(rounds(1_000), |n| {
            assert_eq!(rx.recv_timeout_blocking(SOON), Err(WaitError::Timeout));
            assert!(tx.send_timeout_blocking(n, SOON).unwrap_err().is_timeout());
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _inside = runtime.enter();
        flat(rounds(300), |_| {
            runtime.block_on(async {
                aqueduct::alt! {
                    _ = rx.recv() => unreachable!("nothing is sent"),
                    _ = after(SOON) => {}
                }
            });
        });
    });
}

/// D7. Nor do timers that lose: PyCSP's user had one in each round of a loop that received.
#[test]
fn d07_a_million_timeouts_that_lose_leave_nothing_behind() {
    let _turn = TURN.lock();
    within(LIMIT, || {
        let (tx, rx) = aqueduct::buffered(1);
        let mut choice = Alt::fair();
        flat(rounds(MILLION), |n| {
            tx.try_send(n).unwrap();
            alt_blocking! { choice;
                r = rx.recv() => assert_eq!(r, Ok(n)),
                _ = after(Duration::from_secs(3600)) => unreachable!("an hour"),
            }
        });
    });
}

/// D10. PyCSP, until 0.9.2: an end that travels leaves a reference behind each time.
///
/// Here: a channel is freed with its last end, wherever that is.
#[test]
fn d10_ends_that_travel_leave_nothing_behind() {
    let _turn = TURN.lock();
    let (carry, carried) = aqueduct::buffered(2);
    flat(rounds(MILLION / 10), |n| {
        let (tx, rx) = aqueduct::buffered(1);
        carry.try_send(tx).unwrap();
        let tx: Sender<usize> = carried.try_recv().unwrap();
        tx.try_send(n).unwrap();
        drop(tx);
        assert_eq!(rx.try_recv(), Ok(n));
        assert!(rx.is_ended());
    });
}

/// D10. Nor do ends that nobody receives: in a channel that goes, in a send that is refused or cancelled.
#[test]
fn d10_ends_that_never_arrive_leave_nothing_behind() {
    let _turn = TURN.lock();
    flat(rounds(MILLION / 20), |n| {
        let (tx, rx) = aqueduct::channel::<usize>();
        let (carry, carried) = aqueduct::buffered(1);
        match n % 4 {
            0 => carry.try_send(tx).unwrap(),
            1 => {
                drop(carried);
                assert!(carry.try_send(tx).is_err());
            }
            2 => {
                carry.try_send(tx.clone()).unwrap();
                let mut send = pin!(carry.send(tx));
                assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            _ => {
                carry.try_send(tx).unwrap();
                carried.poison("enough");
            }
        }
        if n % 4 == 1 || n % 4 == 3 {
            assert!(rx.is_ended());
        }
    });
}

/// D10. Nor do channels that are sent over themselves, once they are received.
#[test]
fn d10_an_end_that_travels_through_its_own_channel_goes_with_it() {
    struct End(Sender<Self>);
    let _turn = TURN.lock();
    flat(rounds(MILLION / 20), |_| {
        let (tx, rx) = aqueduct::unbounded();
        tx.try_send(End(tx.clone())).unwrap_or_else(|_| unreachable!("there is room"));
        drop(tx);
        assert!(!rx.is_ended(), "one end lies in the channel");
        let End(tx) = rx.try_recv().unwrap();
        drop(tx);
        assert!(rx.is_ended());
        // And if nobody takes it out, the last receiver discards it.
        let (tx, rx) = aqueduct::unbounded();
        tx.try_send(End(tx.clone())).unwrap_or_else(|_| unreachable!("there is room"));
        drop((tx, rx));
    });
}
