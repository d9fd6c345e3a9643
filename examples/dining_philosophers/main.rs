//! The dining philosophers: five of them, five forks, and a footman who keeps them from starving.
//!
//! ```text
//! cargo run --release --example dining_philosophers -- [MEALS [SEATS [SEED]]]
//!
//!           ┌──────────▶ footman ◀──────────┐
//!           │ enter, leave                  │
//!      philosopher 0 ──▶ fork 1 ◀── philosopher 1 ──▶ fork 2 ◀── …
//!           │
//!           └──────────▶ fork 0 ◀── philosopher 4
//! ```
//!
//! A philosopher thinks, gets hungry, takes the fork to the left, then the one to the right, eats, and puts them down.
//! A fork is a process that lets itself be taken by one neighbour at a time. If all five sit down, each can hold the left
//! fork and wait for the right one, for ever. So the [footman](table::footman) seats four at most: he listens to those
//! who want to enter only while a seat is free.
//!
//! Time is simulated: an hour passes when nobody can do anything now. The diary of the evening is checked: everybody has
//! had all the meals, no fork was in two hands, no more were seated than there are seats. Say SEATS is 5, and the
//! program shows you the deadlock.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;

use aqueduct::ProcessError;
use common::{Number, grouped};
use diary::{NAMES, Stuck};

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod diary;
pub(crate) mod table;

fn program([meals, seats, seed]: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let entries = match common::in_simulated_time(table::evening(meals, seats, seed)) {
        Ok(entries) => entries,
        Err(error) => {
            if let Some(Stuck(entries)) = stuck(&*error) {
                write!(report, "{}", diary::timeline(entries))?;
            }
            return Err(error);
        }
    };
    write!(report, "{}", diary::timeline(&entries))?;
    let evening = diary::check(&entries, seats as usize)?;
    writeln!(report, "\n{:<12}{:>9}{:>24}", "", "meals", "longest hunger (hours)")?;
    for (name, guest) in NAMES.iter().zip(evening) {
        writeln!(report, "{name:<12}{:>9}{:>24}", grouped(guest.meals), guest.longest_hunger)?;
        if guest.meals != meals {
            return Err(format!("{name} should have had {meals} meals").into());
        }
    }
    Ok(())
}

/// If the first cause was that they were stuck.
fn stuck<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Stuck> {
    error.downcast_ref::<ProcessError>()?.cause().error()?.downcast_ref()
}

fn main() -> ExitCode {
    let meals = Number::new("MEALS", "how often each philosopher eats", 1..=100_000, 5);
    let seats = Number::new("SEATS", "how many the footman lets sit at a time", 1..=5, 4);
    let seed = Number::new("SEED", "of how long they think and eat", 0..=u64::MAX, 1);
    common::main([meals, seats, seed], program)
}
