//! A sorting pump: a pipeline of cells, each of which makes one kind of decision, and together they sort.
//!
//! ```text
//! cargo run --release --example sorting_pump -- [VALUES [SEED]]
//!
//!            ┌───────────┐      ┌───────────┐               ┌───────────┐
//! source ──▶ │ cell      │ ───▶ │ cell      │ ───▶  …  ───▶ │ cell      │ ──▶ drain
//!  3 9 1 5   │ keeps 9   │      │ keeps 5   │               │           │
//!            └───────────┘      └───────────┘               └───────────┘
//! ```
//!
//! A cell holds the largest value it has seen and passes every other on. When its input is retired, it passes that one
//! on as well, and ends: so the largest comes last. Behind the first cell the last value is in its place, behind the
//! second the last two. With one cell fewer than values all are, and because the cells work at the same time, it
//! takes as long as the values need to flow by. The result is compared with that of the standard library.

use std::error::Error;
use std::fmt::Write;
use std::mem;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::prelude::*;
use common::{Number, grouped};

mod common;

#[process]
async fn source(values: Vec<u64>, out: Sender<u64>) -> Outcome {
    for value in values {
        out.send(value).await?;
    }
    Ok(())
}

#[process]
async fn cell<T: Ord + Send + 'static>(input: Receiver<T>, out: Sender<T>) -> Outcome {
    let mut largest = input.recv().await?;
    while let Some(mut value) = input.next().await? {
        if value > largest {
            mem::swap(&mut value, &mut largest);
        }
        out.send(value).await?;
    }
    out.send(largest).await?;
    Ok(())
}

#[process]
async fn drain(input: Receiver<u64>) -> Outcome<Vec<u64>> {
    let mut values = Vec::new();
    while let Some(value) = input.next().await? {
        values.push(value);
    }
    Ok(values)
}

#[process]
async fn pump(values: Vec<u64>) -> Outcome<Vec<u64>> {
    let cells = values.len().saturating_sub(1);
    let mut pipeline = Group::new();
    let (out, mut end) = aqueduct::channel();
    pipeline.add(source(values, out));
    for _ in 0..cells {
        let (out, new_end) = aqueduct::channel();
        pipeline.add(cell(mem::replace(&mut end, new_end), out));
    }
    let pipeline = aqueduct::task("pipeline", async move { Ok(pipeline.join().await?) });
    let (_, sorted) = par!(pipeline, drain(end)).await?;
    Ok(sorted)
}

/// The first few.
fn shown(values: &[u64]) -> String {
    let some: Vec<String> = values.iter().take(12).map(u64::to_string).collect();
    some.join(" ") + if values.len() > 12 { " …" } else { "" }
}

fn program(count: u64, seed: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let values: Vec<u64> = (0..count).map(|_| random.u64(..10 * count)).collect();
    let began = Instant::now();
    let sorted = aqueduct::run(pump(values.clone()))?;
    let time = began.elapsed();
    writeln!(report, "in    {}", shown(&values))?;
    writeln!(report, "out   {}", shown(&sorted))?;
    let (cells, sent) = (count - 1, count * count);
    let milliseconds = time.as_secs_f64() * 1000.0;
    writeln!(
        report,
        "{} values through {} cells: {} communications in {milliseconds:.1} ms",
        grouped(count),
        grouped(cells),
        grouped(sent)
    )?;
    let mut right = values;
    right.sort_unstable();
    if sorted != right {
        return Err("these are not the values in order".into());
    }
    Ok(())
}

fn main() -> ExitCode {
    let values = Number::new("VALUES", "how many to sort", 1..=20_000, 500);
    let seed = Number::new("SEED", "of the random values", 0..=u64::MAX, 1);
    common::main([values, seed], |[values, seed], report| program(values, seed, report))
}
