//! The scheduler: a pure state machine. Events and the time go in, instructions come out.
//!
//! It has no sockets, no clock, no payloads, so that production (QUIC) and the simulator (`tests/simulator`) drive the
//! same code. `event.rs` holds its language.

mod event;

pub use event::{Chunking, Event, Failure, Instruction, JobId, JobOptions, Range, RunId, Tags, WorkerId};

use std::time::Duration;

/// What can be tuned.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an automatic chunk should take.
    pub chunk_time: Duration,
    /// How much work, in time, a worker should hold beyond what it runs: it covers the way to the driver and back.
    pub prefetch_time: Duration,
    /// At most so many runs wait at a worker, per slot.
    pub prefetch_most: u32,
    /// At most so many items go into an automatic chunk.
    pub items_most: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            chunk_time: Duration::from_millis(2),
            prefetch_time: Duration::from_millis(2),
            prefetch_most: 256,
            items_most: 65_536,
        }
    }
}
