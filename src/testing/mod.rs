#![doc = include_str!("guide.md")]

// How it is built, from the bottom: `trace` is what happened, `plan` what a seed decides, `seat` how a thread waits for
// its turn, `scheduler` whose turn it is, `driver` one run, `explore` many. `crate::context::schedule` is where the core
// finds the schedule. Their headers say the rest.

mod driver;
mod explore;
mod failure;
mod plan;
mod scheduler;
mod seat;
mod trace;

pub use explore::{Explore, Report, Run, explore, replay};
pub use failure::{Failure, Reason};
pub use trace::{Participant, Trace};
