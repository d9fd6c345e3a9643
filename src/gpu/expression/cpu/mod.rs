//! Formulas as programs for the CPU: a list of steps, each one tight loop over a block of elements.

mod arithmetic;
mod lanes;
mod program;
mod step;

pub(crate) use lanes::{Feed, feeds};
pub(crate) use program::{Program, Room, fill, room_for, with_rooms};
pub(crate) use step::typed;
