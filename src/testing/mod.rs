#![doc = include_str!("guide.md")]

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
