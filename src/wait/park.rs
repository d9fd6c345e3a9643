//! How a thread waits: the one place where threads differ from tasks.
//!
//! A blocking form polls the same future as the asynchronous one, with a waker that unparks the thread. So every
//! rule of the protocol, its models and its tests hold for both.

use std::cell::RefCell;
use std::future::Future;
use std::num::NonZero;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::primitives::{self, AtomicBool, Ordering, Thread};
use crate::context::schedule;

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
    /// How far away a deadline is that yields cannot miss.
    const FAR: Duration = Duration::from_millis(100);

    const fn new() -> Self {
        Self { pauses: 1, yields: 1, waits: 0 }
    }

    /// Looks for a while; true if the bell has rung.
    fn look(&mut self, bell: &Bell, deadline: Option<Instant>) -> bool {
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
        // A yield may cost a time slice of every other thread.
        let in_time = deadline.is_none_or(|deadline| deadline > Instant::now() + Self::FAR);
        if self.yields > 0 && in_time {
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

/// The instants at which something wants to be polled again, and how many timers want it; the latest first. They stay
/// until they pass or their timer is dropped: a future need not poll all its timers each time it is polled.
///
/// A vector, because it keeps its memory from wait to wait.
#[derive(Default)]
struct Deadlines(Vec<(Instant, u32)>);

impl Deadlines {
    fn place(&self, deadline: Instant) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| deadline.cmp(other))
    }

    fn note(&mut self, deadline: Instant) {
        match self.place(deadline) {
            Ok(place) => self.0[place].1 += 1,
            Err(place) => self.0.insert(place, (deadline, 1)),
        }
    }

    fn forget(&mut self, deadline: Instant) {
        if let Ok(place) = self.place(deadline) {
            self.0[place].1 -= 1;
            if self.0[place].1 == 0 {
                self.0.remove(place);
            }
        }
    }

    /// Forgets those that have passed; true if there were any.
    fn pass(&mut self, now: Instant) -> bool {
        let before = self.0.len();
        while self.0.pop_if(|(deadline, _)| *deadline <= now).is_some() {}
        self.0.len() < before
    }

    fn first(&self) -> Option<Instant> {
        self.0.last().map(|(deadline, _)| *deadline)
    }
}

/// The wait that this thread is polling for right now.
struct Polling {
    /// The data pointer of the waker with which the thread polls.
    waker: *const (),
    /// The wait's number among all waits, once a deadline has been noted.
    number: u64,
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
    let mut future = pin!(future);
    if let Some(turns) = schedule::turns() {
        // A testing schedule says when this thread goes on.
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(turns.waker())) {
                return output;
            }
            turns.pass();
        }
    }
    let mut seat = Seat::take();
    let mut number = 0;
    let output = loop {
        let polled = poll_noting_deadlines(future.as_mut(), &seat.waker, &mut number, &mut seat.deadlines);
        if let Poll::Ready(output) = polled {
            break output;
        }
        while !seat.bell.rung.swap(false, Ordering::Acquire) {
            if seat.patience.look(&seat.bell, seat.deadlines.first()) {
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

fn poll_noting_deadlines<F: Future>(
    future: Pin<&mut F>,
    waker: &Waker,
    number: &mut u64,
    deadlines: &mut Deadlines,
) -> Poll<F::Output> {
    struct Leave<'a> {
        outer: Option<Polling>,
        number: &'a mut u64,
        deadlines: &'a mut Deadlines,
    }
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            let own = POLLING.try_with(|polling| polling.replace(self.outer.take()));
            if let Ok(Some(own)) = own {
                *self.number = own.number;
                *self.deadlines = own.deadlines;
            }
        }
    }
    let own = Polling { waker: waker.data(), number: *number, deadlines: std::mem::take(deadlines) };
    let outer = POLLING.try_with(|polling| polling.replace(Some(own))).unwrap_or(None);
    let _leave = Leave { outer, number, deadlines };
    future.poll(&mut Context::from_waker(waker))
}

/// A timer's note with the thread that waits for it.
#[derive(Debug)]
pub(crate) struct Noted {
    wait: u64,
    deadline: Instant,
}

impl Noted {
    /// Asks the thread that polls with this waker to poll again at `deadline`; false if no parked thread does.
    pub(crate) fn note(noted: &mut Option<Self>, cx: &Context<'_>, deadline: Instant) -> bool {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        with_polling(|own| {
            if own.waker != cx.waker().data() {
                return false;
            }
            if own.number == 0 {
                own.number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            }
            if !noted.as_ref().is_some_and(|noted| noted.wait == own.number && noted.deadline == deadline) {
                own.deadlines.note(deadline);
                *noted = Some(Self { wait: own.number, deadline });
            }
            true
        })
        .unwrap_or(false)
    }

    /// The timer has gone. Dropped elsewhere, it costs its thread one look too many.
    pub(crate) fn forget(self) {
        with_polling(|own| {
            if own.number == self.wait {
                own.deadlines.forget(self.deadline);
            }
        });
    }
}

/// Looks at the wait that this thread is polling for, if it is.
fn with_polling<R>(look: impl FnOnce(&mut Polling) -> R) -> Option<R> {
    POLLING.try_with(|polling| polling.borrow_mut().as_mut().map(look)).ok().flatten()
}
