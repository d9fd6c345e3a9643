//! What other systems of this kind promise, row by row, for every flavour of channel and every kind of party.
//!
//! `tests/README.md` lists the rows, where each comes from, and which test it is. A row is one function, written
//! once; `row!` makes a test of it for each flavour, and each test goes through the places of its parties: threads,
//! tasks on two runtimes, siblings in one task, and mixed pairs. A failure names the row, the flavour and the places.

#[path = "../common/mod.rs"]
mod common;

mod harness;

mod beyond;
mod crossbeam;
mod csp;
mod go;
mod kotlin;
