//! Rows from Go: what its channels and its `select` promise.

mod channels;
mod power_series;
mod races;
mod select;
mod sieve;
mod waiters;
