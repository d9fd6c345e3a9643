//! What the rows are written in.
//!
//! A row is a function over a [`Flavour`] of channel and the [`Place`] of its parties. It puts its parties into a
//! [`Network`] and runs it. The body of a party is one `async` block, whatever its place: [`Party`] sends and receives,
//! and [`choose!`] chooses, by the blocking forms where the party is a thread, and by the asynchronous ones where it is
//! a task. [`row!`] makes the tests.
#![allow(dead_code, reason = "each file of rows uses a part")]

mod check;
mod flavour;
mod forms;
mod growth;
mod memory;
mod network;
mod party;
mod repeated;
mod rows;
mod runtimes;

#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use check::{Check, Ending};
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use flavour::{Flavour, Lost};
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use forms::{Random, at_most, until_retired};
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use growth::Growth;
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use memory::{alone, assert_flat, bytes_in_use};
pub(crate) use network::Network;
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use party::{Party, Place, choose};
#[allow(unused_imports, reason = "each file of rows uses a part")]
pub(crate) use repeated::{Inputs, Outputs, Style};
#[allow(unused_imports, reason = "the tests that `row!` makes use them")]
pub(crate) use rows::{Row, row, run_at};

use aqueduct::Alt;

/// All modes of choice.
pub(crate) fn modes() -> [Alt; 4] {
    [Alt::pri(), Alt::fair(), Alt::arbitrary(7), Alt::unseeded()]
}
