//! `aqueduct::testing`: the same seed makes the same run, whatever takes part; other seeds make others; what is wrong is
//! found, told, and seen again.
#![cfg(not(any(aqueduct_loom, aqueduct_shuttle)))]

#[path = "../common/mod.rs"]
mod common;

mod determinism;
mod endings;
mod failures;
mod orders;
mod virtual_time;
