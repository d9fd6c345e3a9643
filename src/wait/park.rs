//! How a thread waits: the one place where threads differ from tasks.
//!
//! A blocking form polls the same future as the asynchronous one, with a waker that unparks the thread. So every
//! rule of the protocol, its models and its tests hold for both.

use std::cell::RefCell;
use std::future::Future;
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use super::primitives::{self, AtomicBool, Ordering, Thread};

/// One thread's bell.
struct Bell {
    thread: Thread,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

/// What a thread keeps between waits, so that a wait allocates nothing.
struct Seat {
    bell: Arc<Bell>,
    waker: Waker,
    deadlines: Deadlines,
    patience: Patience,
}

/// How long a thread looks at its bell before it parks, by what paid off lately.
///
/// Parking and being woken takes microseconds, tens of them if the CPU went to sleep; a peer that runs on another CPU
/// answers within a few pauses, and one that shares this CPU after a yield or two. Each way has a credit: a wait that it
/// shortened adds to it, one that it did not takes from it, and without credit it is tried only now and then. So a hot
/// pair never parks, and a thousand threads in a ring do not burn the CPUs that they wait for. Both ways are bounded:
/// nothing here loops until something happens.
///
/// Measured on 2 CPUs, 2026-11-20, against parking at once: ping-pong of two threads 50.6 → 0.5 µs a round trip, CommsTime
/// of four threads 55 → 4.9 µs a loop; on one CPU 2.7 and 5.8 µs. Pauses without yields are bimodal (64 to 2650 ns in a
/// prototype): both sides fall into parking in lockstep.
struct Patience {
    pauses: u8,
    yields: u8,
    waits: u8,
}

impl Patience {
    const PAUSES: u32 = 64;
    const YIELDS: u32 = 16;
    const CREDIT: u8 = 8;

    const fn new() -> Self {
        Self { pauses: 1, yields: 1, waits: 0 }
    }

    /// Looks for a while; true if the bell has rung.
    fn look(&mut self, bell: &Bell) -> bool {
        if MODEL {
            return false;
        }
        self.waits = self.waits.wrapping_add(1);
        if self.waits.is_multiple_of(64) {
            self.pauses = self.pauses.max(1);
            self.yields = self.yields.max(1);
        }
        let rung = || bell.rung.load(Ordering::Relaxed);
        // On one CPU a pause only keeps the peer from running.
        if self.pauses > 0 && several_cpus() {
            for _ in 0..Self::PAUSES {
                if rung() {
                    self.pauses = (self.pauses + 1).min(Self::CREDIT);
                    return true;
                }
                std::hint::spin_loop();
            }
            self.pauses -= 1;
        }
        if self.yields > 0 {
            for _ in 0..Self::YIELDS {
                if rung() {
                    self.yields = (self.yields + 1).min(Self::CREDIT);
                    return true;
                }
                std::thread::yield_now();
            }
            self.yields -= 1;
        }
        rung()
    }
}

/// True if this program may run on more than one CPU.
fn several_cpus() -> bool {
    static CPUS: OnceLock<usize> = OnceLock::new();
    *CPUS.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get)) > 1
}

/// The instants at which something wants to be polled again. They stay until they pass: a future need not poll all its
/// timers each time it is polled.
#[derive(Default)]
struct Deadlines(Vec<Instant>);

impl Deadlines {
    fn note(&mut self, deadline: Instant) {
        if !self.0.contains(&deadline) {
            self.0.push(deadline);
        }
    }

    /// Forgets those that have passed; true if there were any.
    fn pass(&mut self, now: Instant) -> bool {
        let before = self.0.len();
        self.0.retain(|deadline| *deadline > now);
        self.0.len() < before
    }

    fn first(&self) -> Option<Instant> {
        self.0.iter().min().copied()
    }
}

/// The wait that this thread is polling for right now.
struct Polling {
    /// The data pointer of the waker with which the thread polls.
    waker: *const (),
    deadlines: Deadlines,
}

thread_local! {
    /// A wait inside a wait finds it taken and makes another.
    static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) };
    static POLLING: RefCell<Option<Polling>> = const { RefCell::new(None) };
}

/// A model's threads are not the thread-local's threads.
const MODEL: bool = cfg!(any(aqueduct_loom, aqueduct_shuttle));

impl Seat {
    fn take() -> Self {
        if !MODEL && let Ok(Some(seat)) = SEAT.try_with(|seat| seat.borrow_mut().take()) {
            seat.bell.rung.store(false, Ordering::Relaxed);
            return seat;
        }
        let bell = Arc::new(Bell { thread: primitives::current(), rung: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&bell));
        Self { bell, waker, deadlines: Deadlines::default(), patience: Patience::new() }
    }

    fn put_back(mut self) {
        self.deadlines.0.clear();
        if !MODEL {
            // Dropped on a thread that is going away.
            let _ = SEAT.try_with(|seat| *seat.borrow_mut() = Some(self));
        }
    }
}

/// Blocks the thread until the future is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut seat = Seat::take();
    let mut future = pin!(future);
    let output = loop {
        if let Poll::Ready(output) = poll_noting_deadlines(future.as_mut(), &seat.waker, &mut seat.deadlines) {
            break output;
        }
        while !seat.bell.rung.swap(false, Ordering::Acquire) {
            if seat.patience.look(&seat.bell) {
                continue;
            }
            let Some(first) = seat.deadlines.first() else {
                primitives::park();
                continue;
            };
            let now = Instant::now();
            if seat.deadlines.pass(now) {
                break;
            }
            primitives::park_timeout(first - now);
        }
    };
    seat.put_back();
    output
}

fn poll_noting_deadlines<F: Future>(future: Pin<&mut F>, waker: &Waker, deadlines: &mut Deadlines) -> Poll<F::Output> {
    struct Leave<'a> {
        outer: Option<Polling>,
        deadlines: &'a mut Deadlines,
    }
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            let own = POLLING.try_with(|polling| polling.replace(self.outer.take()));
            if let Ok(Some(own)) = own {
                *self.deadlines = own.deadlines;
            }
        }
    }
    let own = Polling { waker: waker.data(), deadlines: std::mem::take(deadlines) };
    let _leave = Leave { outer: POLLING.try_with(|polling| polling.replace(Some(own))).unwrap_or(None), deadlines };
    future.poll(&mut Context::from_waker(waker))
}

/// Asks the thread that polls with this waker to poll again at `deadline`; false if no parked thread does.
pub(crate) fn note_deadline(cx: &Context<'_>, deadline: Instant) -> bool {
    POLLING
        .try_with(|polling| match &mut *polling.borrow_mut() {
            Some(own) if own.waker == cx.waker().data() => {
                own.deadlines.note(deadline);
                true
            }
            _ => false,
        })
        .unwrap_or(false)
}
