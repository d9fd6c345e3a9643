//! Power series as networks of processes: each coefficient is computed when somebody asks for it.
//!
//! ```text
//! cargo run --release --example power_series -- [TERMS]
//!
//!           ┌───────────────────── split ◀── integral ◀─┐          z  =  1 + ∫ z·u'  =  e^u
//!   z ◀─────┤                                           │
//!           └──▶ product ───────────────────────────────┘          (an arrow carries coefficients;
//!                   ▲                                               requests go the other way)
//!   u ── derivative ┘
//! ```
//!
//! After Doug McIlroy, "Squinting at power series" (1990). A sum, a product, a derivative, an integral, one series put
//! into another: each is a [process](series) of a few lines, and a formula is a network of them. A product needs more and
//! more processes as it goes on, and starts them itself. A loop is no trouble, because nobody computes before being
//! asked: a differential equation is solved by connecting it.
//!
//! The coefficients are exact fractions. Should one no longer fit into 128 bits, the process that finds out fails, the
//! poison travels to whoever reads the series, and the program says which process it was, and why.

use std::error::Error;
use std::fmt::Write;
use std::iter::{once, repeat};
use std::process::ExitCode;

use aqueduct::prelude::*;
use common::{Number, grouped};
use rational::{Rational, TooLarge};
use series::{Series, derivative, numbers, product, solution, substitution};

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod rational;
pub(crate) mod series;

/// e^x is its own derivative, and begins with 1.
fn exponential() -> Series {
    solution(Rational::ONE, |z| z)
}

/// x/(1 - x) = x + x² + x³ + …
fn u() -> Series {
    numbers(once(0).chain(repeat(1)))
}

/// e^u, because (e^u)' = e^u·u'.
fn exponential_of_u() -> Series {
    solution(Rational::ONE, |z| product(z, derivative(u())))
}

/// The first coefficients of a series, and how many processes it took.
async fn first(terms: u64, series: fn() -> Series) -> Outcome<(Vec<Rational>, u64)> {
    let before = processes_so_far();
    let series = series();
    let mut coefficients = Vec::new();
    for _ in 0..terms {
        coefficients.push(series.call(()).await?);
    }
    Ok((coefficients, processes_so_far() - before - 1))
}

/// Processes are numbered as they are made.
fn processes_so_far() -> u64 {
    aqueduct::task("one more", async { Outcome::Ok(()) }).spawn().identity().number()
}

/// The coefficients of e^x: 1/n!.
fn inverse_factorials(terms: u64) -> Result<Vec<Rational>, TooLarge> {
    let mut coefficients = vec![Rational::ONE];
    for n in 1..terms as i64 {
        coefficients.push(coefficients[coefficients.len() - 1].over(n)?);
    }
    Ok(coefficients)
}

/// The coefficients of e^u by a recurrence: n·c(n) = (2n - 1)·c(n - 1) - (n - 2)·c(n - 2).
fn by_recurrence(terms: u64) -> Result<Vec<Rational>, TooLarge> {
    let (mut c, mut before) = (Rational::ONE, Rational::ZERO);
    let mut coefficients = vec![c];
    for n in 1..terms as i64 {
        let next = c.times(Rational::whole(2 * n - 1))?.plus(before.times(Rational::whole(2 - n))?)?.over(n)?;
        (before, c) = (c, next);
        coefficients.push(c);
    }
    Ok(coefficients)
}

fn program(terms: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    type Way = (&'static str, fn() -> Series, fn(u64) -> Result<Vec<Rational>, TooLarge>);
    let ways: [Way; 3] = [
        ("e^x", exponential, inverse_factorials),
        ("e^u with u = x/(1 - x), by its derivative", exponential_of_u, by_recurrence),
        ("the same, by putting u into e^x", || substitution(exponential(), u()), by_recurrence),
    ];
    for (name, series, right) in ways {
        let (coefficients, processes) = aqueduct::run(first(terms, series))?;
        let shown: Vec<String> = coefficients.iter().map(Rational::to_string).collect();
        writeln!(report, "{name} ({} processes):\n    {}\n", grouped(processes), shown.join(", "))?;
        if coefficients != right(terms)? {
            return Err(format!("{name}: these are not the coefficients").into());
        }
    }
    report.pop();
    Ok(())
}

fn main() -> ExitCode {
    let terms = Number::new("TERMS", "how many coefficients", 1..=40, 10);
    common::main([terms], |[terms], report| program(terms, report))
}
