//! The sieve of Eratosthenes: a pipeline that grows while it runs.
//!
//! ```text
//! cargo run --release --example sieve -- [LIMIT]
//!
//!                    ┌ added when 2 arrived
//!                    │             ┌ added when 3 arrived
//! numbers ─2,3,4…─▶ filter 2 ─3,5,7…─▶ filter 3 ─5,7,11…─▶ … ─▶ sieve
//! ```
//!
//! What comes out at the end of the pipeline is a prime. For each, the sieve adds one more process to the end, which
//! lets nothing pass that the prime divides.
//!
//! Nobody is told when to stop: when `numbers` is through, its channel is retired, the filter behind it ends, and so
//! the end travels down the pipeline, behind the last number. The result is compared with a sieve over an array.

use std::error::Error;
use std::fmt::Write;
use std::mem;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

#[process]
async fn numbers(limit: u64, out: Sender<u64>) -> Outcome {
    for n in 2..=limit {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
async fn filter(prime: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
    while let Some(n) = input.next().await? {
        if !n.is_multiple_of(prime) {
            out.send(n).await?;
        }
    }
    Ok(())
}

#[process]
async fn sieve(limit: u64) -> Outcome<Vec<u64>> {
    let mut primes = Vec::new();
    let mut pipeline = Group::new();
    let (out, mut end) = aqueduct::channel();
    pipeline.add(numbers(limit, out));
    let mut choice = Alt::pri();
    loop {
        // The pipeline runs while it is awaited; the sieve meets it at its other guard.
        alt! { choice;
            Ok(prime) = end.recv() => {
                primes.push(prime);
                let (out, new_end) = aqueduct::channel();
                pipeline.add(filter(prime, mem::replace(&mut end, new_end), out));
            }
            Some(ended) = pipeline.next() => ended?,
            complete => return Ok(primes),
        }
    }
}

/// The same, without processes.
fn primes_of_an_array(limit: u64) -> Vec<u64> {
    let mut primes: Vec<u64> = Vec::new();
    let mut divided = vec![false; limit as usize + 1];
    for n in 2..=limit {
        if !divided[n as usize] {
            primes.push(n);
            (n * n..=limit).step_by(n as usize).for_each(|multiple| divided[multiple as usize] = true);
        }
    }
    primes
}

fn program(limit: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let primes = aqueduct::run(sieve(limit))?;
    let time = began.elapsed();

    write!(report, "the pipeline has become  numbers")?;
    for prime in primes.iter().take(6) {
        write!(report, " ─▶ {prime}")?;
    }
    if primes.len() > 6 {
        write!(report, " ─▶ … ─▶ {}", primes[primes.len() - 1])?;
    }
    let (count, limit_text) = (grouped(primes.len() as u64), grouped(limit));
    writeln!(report, "\n{count} primes up to {limit_text}, each a process, in {:.1} ms", time.as_secs_f64() * 1000.0)?;

    if primes != primes_of_an_array(limit) {
        return Err("these are not the primes".into());
    }
    Ok(())
}

fn main() -> ExitCode {
    let limit = Number::new("LIMIT", "find the primes up to here", 2..=100_000, 5_000);
    common::main([limit], |[limit], report| program(limit, report))
}
