//! How a thread waits: the one place where threads differ from tasks.
//!
//! A blocking form polls the same future as the asynchronous one, with a waker that unparks the thread. So every
//! rule of the protocol, its models and its tests hold for both.

use std::cell::{Cell, RefCell};
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

/// The wait that this thread is polling for right now.
#[derive(Clone, Copy)]
struct Polling {
    /// The data pointer of the waker with which the thread polls.
    waker: *const (),
    /// The earliest instant at which something wants to be polled again.
    deadline: Option<Instant>,
}

thread_local! {
    /// Kept between waits, so that a wait allocates nothing. A wait inside a wait finds it taken and makes another.
    static BELL: RefCell<Option<(Arc<Bell>, Waker)>> = const { RefCell::new(None) };
    static POLLING: Cell<Option<Polling>> = const { Cell::new(None) };
}

fn take_bell() -> (Arc<Bell>, Waker) {
    // A model's threads are not the thread-local's threads.
    if !cfg!(any(aqueduct_loom, aqueduct_shuttle))
        && let Ok(Some(bell)) = BELL.try_with(|bell| bell.borrow_mut().take())
    {
        bell.0.rung.store(false, Ordering::Relaxed);
        return bell;
    }
    let bell = Arc::new(Bell { thread: primitives::current(), rung: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&bell));
    (bell, waker)
}

fn put_bell_back(bell: (Arc<Bell>, Waker)) {
    if !cfg!(any(aqueduct_loom, aqueduct_shuttle)) {
        // Dropped on a thread that is going away.
        let _ = BELL.try_with(|kept| *kept.borrow_mut() = Some(bell));
    }
}

/// Blocks the thread until the future is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let (bell, waker) = take_bell();
    let mut future = pin!(future);
    let mut cx = Context::from_waker(&waker);
    let output = loop {
        let (polled, deadline) = poll_noting_deadlines(future.as_mut(), &mut cx);
        if let Poll::Ready(output) = polled {
            break output;
        }
        while !bell.rung.swap(false, Ordering::Acquire) {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => primitives::park(),
                Some(left) if left.is_zero() => break,
                Some(left) => primitives::park_timeout(left),
            }
        }
    };
    put_bell_back((bell, waker));
    output
}

fn poll_noting_deadlines<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> (Poll<F::Output>, Option<Instant>) {
    struct Restore(Option<Polling>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = POLLING.try_with(|polling| polling.set(self.0));
        }
    }
    let own = Polling { waker: cx.waker().data(), deadline: None };
    let _restore = Restore(POLLING.try_with(|polling| polling.replace(Some(own))).unwrap_or(None));
    let polled = future.poll(cx);
    let deadline = POLLING.try_with(Cell::get).ok().flatten().and_then(|polling| polling.deadline);
    (polled, deadline)
}

/// Asks the thread that polls with this waker to poll again at `deadline`; false if no parked thread does.
pub(crate) fn note_deadline(cx: &Context<'_>, deadline: Instant) -> bool {
    POLLING
        .try_with(|polling| match polling.get() {
            Some(mut own) if own.waker == cx.waker().data() => {
                own.deadline = Some(own.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
                polling.set(Some(own));
                true
            }
            _ => false,
        })
        .unwrap_or(false)
}
