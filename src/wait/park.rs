//! How a thread waits: the one place where threads differ from tasks.
//!
//! A blocking form polls the same future as the asynchronous one, with a waker that unparks the thread. So every
//! rule of the protocol, its models and its tests hold for both.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
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
        Self { bell, waker, deadlines: Deadlines::default() }
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
