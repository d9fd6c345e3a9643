//! What several test files share.
#![allow(unreachable_pub, reason = "a test file has no outside")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

/// `base` rounds, scaled by the environment variable `AQUEDUCT_ROUNDS`; at least one.
pub fn rounds(base: usize) -> usize {
    let factor = std::env::var("AQUEDUCT_ROUNDS").ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    ((base as f64 * factor) as usize).max(1)
}

/// A waker that counts how often it is woken.
#[derive(Debug, Default)]
pub struct CountingWaker(AtomicUsize);

impl CountingWaker {
    /// A counter and a waker that feeds it.
    pub fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&counter));
        (counter, waker)
    }

    /// How often it was woken.
    pub fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Fails, rather than hangs, if `body` takes longer than a test may.
pub fn within<R: Send + 'static>(limit: Duration, body: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = done.send(body());
    });
    match result.recv_timeout(limit) {
        Ok(value) => {
            thread.join().expect("the body has ended");
            value
        }
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("hung: not done within {limit:?}"),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("the body has panicked"))
        }
    }
}
