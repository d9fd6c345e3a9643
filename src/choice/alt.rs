//! The modes of choice.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Waker};

use super::offer::Offer;
use crate::channel::may_block;
use crate::wait::{Arrange, Chosen, Guards, Select, block_on, poll_proceed};

/// In which order a choice prefers its guards, and, for a fair one, what it remembers.
///
/// Keep one over the rounds of a loop and name it first in `alt!`:
///
/// ```
/// # use aqueduct::prelude::*;
/// # aqueduct::run(async {
/// let (a_tx, a) = aqueduct::buffered(8);
/// let (b_tx, b) = aqueduct::buffered(8);
/// for n in 0..4 {
///     a_tx.send(n).await?;
///     b_tx.send(n).await?;
/// }
/// let mut choice = Alt::fair();
/// let mut taken = String::new();
/// for _ in 0..8 {
///     alt! { choice;
///         _ = a.recv() => taken.push('a'),
///         _ = b.recv() => taken.push('b'),
///     }
/// }
/// assert_eq!(taken, "abababab");
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Alt {
    mode: Mode,
}

#[derive(Clone)]
enum Mode {
    Pri,
    /// The guard to prefer next.
    Fair(usize),
    Arbitrary(fastrand::Rng),
}

impl Alt {
    /// Textual order: a guard is taken only if none above it is ready.
    ///
    /// A buffered send is nearly always ready: above a receive it starves it.
    #[must_use]
    pub fn pri() -> Self {
        Self { mode: Mode::Pri }
    }

    /// Rotation: the guard after the one that was taken last is preferred.
    ///
    /// A guard that stays ready is taken within *n* rounds over *n* guards.
    #[must_use]
    pub fn fair() -> Self {
        Self { mode: Mode::Fair(0) }
    }

    /// A random order, the same one for the same seed.
    #[must_use]
    pub fn arbitrary(seed: u64) -> Self {
        Self { mode: Mode::Arbitrary(fastrand::Rng::with_seed(seed)) }
    }

    /// A random order of this thread's: what a bare `alt!` uses.
    #[must_use]
    pub fn unseeded() -> Self {
        Self { mode: Mode::Arbitrary(fastrand::Rng::with_seed(fastrand::u64(..))) }
    }

    /// A choice whose guards are known at run time only.
    pub fn offer<'a, R>(&'a mut self) -> Offer<'a, R> {
        Offer::new(self)
    }

    /// Itself, whether it is named by value or by reference; behind `alt!`.
    #[doc(hidden)]
    pub fn by_mut(&mut self) -> &mut Self {
        self
    }

    /// Waits for one of the guards; behind `alt!`.
    #[doc(hidden)]
    pub fn select<'a, G: Guards + 'a>(&'a mut self, guards: G) -> impl Future<Output = Chosen> + use<'a, G> {
        Select::new(guards, self, false)
    }

    /// Looks at the guards without waiting; behind `alt!` with `default`.
    #[doc(hidden)]
    pub async fn select_now<G: Guards>(&mut self, guards: G) -> Chosen {
        poll_fn(poll_proceed).await;
        let mut select = pin!(Select::new(guards, self, true));
        poll_fn(|cx| std::task::Poll::Ready(select.as_mut().now(cx))).await
    }

    /// Waits on a thread; behind `alt_blocking!`.
    #[doc(hidden)]
    #[track_caller]
    pub fn select_blocking<G: Guards>(&mut self, guards: G) -> Chosen {
        if let Err(error) = may_block() {
            panic!("alt_blocking!: {error}");
        }
        block_on(Select::new(guards, self, false))
    }

    /// Looks on a thread; behind `alt_blocking!` with `default`. It does not block, so it may be called anywhere.
    #[doc(hidden)]
    pub fn select_now_blocking<G: Guards>(&mut self, guards: G) -> Chosen {
        let select = pin!(Select::new(guards, self, true));
        select.now(&mut Context::from_waker(Waker::noop()))
    }
}

impl Default for Alt {
    fn default() -> Self {
        Self::unseeded()
    }
}

impl fmt::Debug for Alt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.mode {
            Mode::Pri => "Alt::pri()",
            Mode::Fair(_) => "Alt::fair()",
            Mode::Arbitrary(_) => "Alt::arbitrary(_)",
        })
    }
}

impl Arrange for Alt {
    fn arrange(&mut self, guards: &mut [u16]) {
        match &mut self.mode {
            Mode::Pri => {}
            Mode::Fair(next) => {
                let first = guards.partition_point(|&guard| usize::from(guard) < *next);
                guards.rotate_left(first % guards.len().max(1));
            }
            Mode::Arbitrary(random) => random.shuffle(guards),
        }
    }

    fn taken(&mut self, guard: usize, count: usize) {
        if let Mode::Fair(next) = &mut self.mode {
            *next = (guard + 1) % count;
        }
    }

    fn is_strict(&self) -> bool {
        matches!(self.mode, Mode::Pri)
    }
}
