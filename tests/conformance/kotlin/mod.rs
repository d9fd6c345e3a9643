//! Rows from kotlinx.coroutines: `kotlinx-coroutines-core`, tests of channels and of `select`.

mod closing;
mod leaks;
mod linearizable;
mod select;
mod undelivered;
