//! Santa Claus: nine reindeer, ten elves, and a choice in order of priority.
//!
//! ```text
//! cargo run --release --example santa_claus -- [YEARS [SEED]]
//!
//! reindeer ─┐
//!  (9)   ⋮  ├──▶ stable ── nine at a time ──▶ ┌───────┐
//! reindeer ─┘                                 │ Santa │
//! elf ──────┐                                 └───────┘
//!  (10)  ⋮  ├──▶ porch ─── three at a time ──────▲
//! elf ──────┘
//! ```
//!
//! John Trono's problem (1994): Santa sleeps until all nine reindeer are back from their holidays, to deliver toys with
//! him, or three of the ten elves come for advice. If both are at the door, the reindeer go first: toys cannot wait.
//! Santa does not gather the groups himself; that is the work of the stable and the porch.
//!
//! A visitor sends itself to the door: a channel on which Santa calls it. He calls each one in, and later sends each
//! one off, by an *extended rendezvous*: his send is done when the visitor has done what it was told.
//!
//! Time is simulated, so the years take no time, and are the same for the same seed. What has happened is then checked,
//! event by event: see [`trace::check`].

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;

use common::Number;
use trace::Kind;

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod trace;
pub(crate) mod workshop;

fn program([years, seed]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let trace = common::in_simulated_time(workshop::workshop(years, seed))?;
    let visits = trace::check(&trace)?;
    write!(report, "{}", trace::timeline(&visits))?;
    let deliveries = visits.iter().filter(|visit| visit.kind == Kind::Reindeer).count();
    let contested = visits.iter().filter(|visit| visit.contested).count();
    writeln!(
        report,
        "\n{deliveries} deliveries, {} consultations; the reindeer went before elves who waited, too: {contested}",
        visits.len() - deliveries
    )?;
    if deliveries as u64 != years {
        return Err(format!("the toys should have been delivered {years} times").into());
    }
    Ok(())
}

fn main() -> ExitCode {
    let years = Number::new("YEARS", "how often the toys are delivered", 1..=10_000, 3);
    let seed = Number::new("SEED", "of how long everybody is away", 0..=u64::MAX, 1);
    common::main([years, seed], program)
}
