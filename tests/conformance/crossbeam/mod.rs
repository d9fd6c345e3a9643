//! Rows from crossbeam-channel: what its channels and its `select!` promise.

mod drops;
mod fairness;
mod matching;
mod select;
mod stress;
mod timers;
