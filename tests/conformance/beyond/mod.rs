//! Rows that nobody has: a future dropped at every poll, replay by a seed, and what PyCSP's deviations should have been.

mod cancelled;
mod cancelled_forms;
mod endings;
mod fairness;
mod replay;
