//! Instants at a steady distance.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::after::After;
use super::driver;

/// A clock that ticks every `period`, the first time one period from now.
///
/// Ticks stay on the grid. If the reader is late, one tick waits for it, and the others that it missed are skipped. A
/// period of zero ticks whenever it is asked.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// # async fn example() {
/// let start = Instant::now();
/// let mut clock = aqueduct::tick(Duration::from_millis(10));
/// clock.next().await;
/// clock.next().await;
/// assert!(start.elapsed() >= Duration::from_millis(20));
/// # }
/// # aqueduct::run(async { example().await; Ok::<(), aqueduct::Exit>(()) }).unwrap();
/// ```
#[must_use]
pub fn tick(period: Duration) -> Tick {
    Tick { due: driver::now().checked_add(period), period }
}

/// The clock made by [`tick`].
#[derive(Debug, Clone)]
pub struct Tick {
    due: Option<tokio::time::Instant>,
    period: Duration,
}

impl Tick {
    /// The next tick: a future of the instant at which it was due, and a guard of a choice.
    ///
    /// # Cancel safety
    /// A tick counts as taken when the future is ready. Dropping it before takes nothing.
    #[allow(clippy::should_implement_trait, reason = "a clock has no end and is awaited")]
    pub fn next(&mut self) -> NextTick<'_> {
        NextTick { timer: After::new(self.due), tick: self }
    }

    /// The distance between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Moves on: to the next grid point, or, if that has passed already, to the first one after now.
    fn advance(&mut self) {
        let now = driver::now();
        let Some(due) = self.due else { return };
        self.due = match due.checked_add(self.period) {
            Some(next) if next <= now && !self.period.is_zero() => {
                let beyond = (now - due).as_nanos() % self.period.as_nanos();
                // Less than a period, so it fits.
                let beyond = Duration::new((beyond / 1_000_000_000) as u64, (beyond % 1_000_000_000) as u32);
                now.checked_add(self.period - beyond)
            }
            next => next,
        };
    }
}

pin_project! {
    /// The future of [`Tick::next`].
    #[derive(Debug)]
    #[must_use = "a timer does nothing until it is awaited or stands in a choice"]
    pub struct NextTick<'a> {
        tick: &'a mut Tick,
        #[pin]
        timer: After,
    }
}

impl Future for NextTick<'_> {
    type Output = Instant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = self.project();
        let instant = ready!(this.timer.poll(cx));
        this.tick.advance();
        Poll::Ready(instant)
    }
}

impl NextTick<'_> {
    /// Whether it is due, without taking the tick.
    pub(crate) fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.project().timer.due(cx)
    }
}

pin_project! {
    /// A clock and the timer of its next tick, for a choice that lives on.
    pub(crate) struct OwnedTick {
        clock: Tick,
        #[pin]
        timer: After,
    }
}

impl OwnedTick {
    pub(crate) fn new(clock: Tick) -> Self {
        Self { timer: After::new(clock.due), clock }
    }

    pub(crate) fn clock(&self) -> &Tick {
        &self.clock
    }

    /// Whether it is due, without taking the tick.
    pub(crate) fn is_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.project().timer.due(cx)
    }

    /// Takes the tick that was due; the next one can come.
    pub(crate) fn take(self: Pin<&mut Self>) -> Option<Instant> {
        let mut this = self.project();
        let due = this.timer.deadline();
        this.clock.advance();
        this.timer.set(After::new(this.clock.due));
        due
    }
}
