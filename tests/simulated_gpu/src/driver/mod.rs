//! The driver: its functions, and the state of the simulated machine behind them.
//!
//! One lock guards everything, so that a seed decides what happens. A stream is a queue of [`Work`](queue::Work); nothing
//! of it is done but by [`World::step`], which takes one head, and who steps, and when, is told in `progress`.

pub(crate) mod check;
pub(crate) mod codes;
mod context;
mod device_memory;
mod events;
pub mod functions;
mod host;
mod launch;
mod modules;
mod pinned;
pub(crate) mod progress;
mod queue;
mod streams;
pub(crate) mod world;

#[cfg(test)]
mod tests;
