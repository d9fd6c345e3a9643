//! One instant in the future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::driver;
use crate::wait::{Noted, poll_proceed};

/// Ready `duration` after this call.
///
/// A duration too long for the clock, such as `Duration::MAX`, never passes.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use std::time::Duration;
///
/// let (_tx, rx) = aqueduct::channel::<u32>();
/// let answer = aqueduct::alt_blocking! {
///     r = rx.recv() => format!("{r:?}"),
///     _ = after(Duration::from_millis(5)) => "nobody came".to_owned(),
/// };
/// assert_eq!(answer, "nobody came");
/// ```
pub fn after(duration: Duration) -> After {
    After::new(driver::now().checked_add(duration))
}

/// Ready at `instant`; at once if it has passed.
pub fn at(instant: Instant) -> After {
    After::new(Some(tokio::time::Instant::from_std(instant)))
}

/// This instant, by the clock of the timers: tokio's where that is paused, that of the run in `aqueduct::testing`, and
/// the system's anywhere else. For the `_deadline` forms and [`at`], in code that is to be tested in virtual time.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let (_tx, rx) = aqueduct::channel::<u32>();
/// let deadline = aqueduct::now() + Duration::from_millis(5);
/// assert!(rx.recv_deadline_blocking(deadline).is_err());
/// ```
#[must_use]
pub fn now() -> Instant {
    driver::now().into_std()
}

pin_project! {
    /// The timer made by [`after`] and [`at`]: a future of the instant at which it was due.
    ///
    /// # Cancel safety
    /// Dropping it cancels the timer. Once ready it stays ready.
    #[derive(Debug)]
    #[must_use = "a timer does nothing until it is awaited or stands in a choice"]
    pub struct After {
        // `None` never comes.
        deadline: Option<tokio::time::Instant>,
        fired: bool,
        // What a parked thread was asked.
        noted: Option<Noted>,
        // Made only where no parked thread keeps the time.
        #[pin]
        sleep: Option<Sleep>,
    }

    impl PinnedDrop for After {
        fn drop(this: Pin<&mut Self>) {
            if let Some(noted) = this.project().noted.take() {
                noted.forget();
            }
        }
    }
}

impl After {
    pub(super) fn new(deadline: Option<tokio::time::Instant>) -> Self {
        Self { deadline, fired: false, noted: None, sleep: None }
    }

    /// When it is due; `None` if never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.map(tokio::time::Instant::into_std)
    }

    /// Whether it is due; if not, the task is woken when it is. Asking takes nothing, and asks no budget: a choice that
    /// takes its guards in order must not hear "not yet" from a timer that is due.
    pub(crate) fn due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        let Some(deadline) = *this.deadline else { return false };
        if *this.fired {
            return true;
        }
        if deadline <= driver::now() {
            *this.fired = true;
        } else if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
            *this.fired = sleep.poll(cx).is_ready();
        } else if Noted::note(this.noted, cx, asked_again(deadline)) {
            // A parked thread keeps the time.
        } else if let Some(sleep) = driver::sleep(deadline) {
            this.sleep.set(Some(sleep));
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                *this.fired = sleep.poll(cx).is_ready();
            }
        } else {
            // No thread could be started to keep the time: ask again, rather than never.
            cx.waker().wake_by_ref();
        }
        *this.fired
    }
}

/// When a parked thread asks again. Under a paused clock the instant can be past for the thread and still to come for
/// the clock: then it asks every millisecond.
fn asked_again(deadline: tokio::time::Instant) -> Instant {
    let now = Instant::now();
    let deadline = deadline.into_std();
    if deadline > now { deadline } else { now + Duration::from_millis(1) }
}

impl Future for After {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if !self.fired && deadline <= driver::now() {
            // A loop over timers that are due must let others run, too.
            ready!(poll_proceed(cx));
        }
        if self.as_mut().due(cx) { Poll::Ready(deadline.into_std()) } else { Poll::Pending }
    }
}
