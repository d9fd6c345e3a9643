//! Timers: `after`, `at` and `tick`, as futures and as guards of a choice.
//!
//! A timer works everywhere. In a tokio runtime it is tokio's, paused clocks included. On a thread that waits in one
//! of our blocking forms it is the deadline of the thread's park. Anywhere else (another executor, or a tokio runtime
//! built without a timer) one thread of this library drives it, started at first use.

mod after;
mod driver;
mod tick;

pub use after::{After, after, at, now};
pub(crate) use tick::OwnedTick;
pub use tick::{NextTick, Tick, tick};
