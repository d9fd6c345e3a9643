//! Rows from kotlinx.coroutines: `kotlinx-coroutines-core`, tests of channels and of `select`.

mod closing;
mod linearizable;
mod select;
mod undelivered;
