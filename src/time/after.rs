//! One instant in the future.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::driver;
use crate::wait::{note_deadline, poll_proceed};

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
    After::new(tokio::time::Instant::now().checked_add(duration))
}

/// Ready at `instant`; at once if it has passed.
pub fn at(instant: Instant) -> After {
    After::new(Some(tokio::time::Instant::from_std(instant)))
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
        // Made only where no parked thread keeps the time.
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl After {
    pub(super) fn new(deadline: Option<tokio::time::Instant>) -> Self {
        Self { deadline, fired: false, sleep: None }
    }

    /// When it is due; `None` if never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.map(tokio::time::Instant::into_std)
    }
}

/// When a parked thread asks again. Under a paused clock the instant can be past for the thread and still to come for
/// the clock: then it asks every millisecond.
fn due(deadline: tokio::time::Instant) -> Instant {
    deadline.into_std().max(Instant::now() + Duration::from_millis(1).min(deadline - tokio::time::Instant::now()))
}

impl Future for After {
    type Output = Instant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let mut this = self.project();
        let Some(deadline) = *this.deadline else { return Poll::Pending };
        if !*this.fired {
            if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                *this.fired = sleep.poll(cx).is_ready();
            } else if deadline <= tokio::time::Instant::now() {
                // A loop over timers that are due must let others run, too.
                ready!(poll_proceed(cx));
                *this.fired = true;
            } else if note_deadline(cx, due(deadline)) {
                return Poll::Pending;
            } else if let Some(sleep) = driver::sleep(deadline) {
                this.sleep.set(Some(sleep));
                if let Some(sleep) = this.sleep.as_mut().as_pin_mut() {
                    *this.fired = sleep.poll(cx).is_ready();
                }
            } else {
                // No thread could be started to keep the time: ask again, rather than never.
                cx.waker().wake_by_ref();
            }
        }
        if *this.fired { Poll::Ready(deadline.into_std()) } else { Poll::Pending }
    }
}
