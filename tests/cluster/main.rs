//! The distributed map as its users meet it: real worker processes of this very binary, killed, stopped, filled and
//! flooded.
//!
//! Each file is one idea. Tasks meet tests at files (`support::Place`), never at a point of time: where a test waits, it
//! waits for something that was done. What a test starts is gone when it ends, which most of them check.

aqueduct::worker_entry!();

#[path = "../common/mod.rs"]
mod common;
mod support;

mod anchors;
mod callers;
mod cancelling;
mod deaths;
mod edges;
mod errors;
mod growth;
mod hostile;
mod mismatch;
mod nested;
mod once;
mod order;
mod poison;
mod pressure;
mod programs;
mod shared;
mod staff;
mod startup;
mod stopped;
mod times;
