//! a·x + y, batch by batch: the smallest network with a GPU process in it.
//!
//! ```text
//! cargo run --release --example gpu_saxpy -- [BATCHES [LENGTH]]
//!
//! source ─x─▶ ┌───────┐
//!             │ saxpy │ ─▶ check
//! source ─y─▶ └───────┘
//! ```
//!
//! `gpu::zip` calls its closure once, and makes of it a kernel for GPUs and a body for the CPU. The kernel's stage is a
//! process like any other: it receives from channels, computes, sends, and ends when its inputs retire. While one batch is
//! computed, the next is copied to the GPU, and the one before from it.
//!
//! Without a GPU the same program computes on the CPU. The environment can say so too: `AQUEDUCT_GPU=cpu`, or an index.
//!
//! Every element is compared with the same formula in plain Rust, to the bit.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::gpu::{self, Gpu, Pinned};
use aqueduct::prelude::*;
use common::{Number, Progress, grouped};

mod common;

const A: f32 = 2.5;

/// Element `index` of a vector: a number from -1 to 1 that looks like chance, and is always the same.
fn element(vector: u64, index: u64) -> f32 {
    let mixed = (vector << 32 | index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
}

/// Sends so many vectors: every second number is x, the ones between are y.
#[process]
async fn source(gpu: Gpu, vectors: Vec<u64>, length: usize, out: Sender<Pinned<f32>>) -> Outcome {
    for vector in vectors {
        // Memory from which a GPU copies by itself. It comes back to its pool when the batch has been copied.
        let mut batch = gpu.pinned(length).await?;
        for (index, x) in (0..).zip(&mut *batch) {
            *x = element(vector, index);
        }
        out.send(batch).await?;
    }
    Ok(())
}

/// Compares each element with what it must be; gives how many there were.
#[process]
async fn check(batches: u64, results: Receiver<Pinned<f32>>) -> Outcome<u64> {
    let mut progress = Progress::new("batches", batches);
    let (mut batch, mut checked) = (0, 0);
    while let Some(result) = results.next().await? {
        for (index, result) in (0..).zip(&*result) {
            let (x, y) = (element(2 * batch, index), element(2 * batch + 1, index));
            if *result != A * x + y {
                let error = format!("batch {batch}, element {index}: {A} * {x} + {y} is not {result}");
                return Err(Exit::failure(error));
            }
        }
        checked += result.len() as u64;
        batch += 1;
        progress.advance();
    }
    Ok(checked)
}

/// Computes so many batches on this device, and checks them; gives how many elements there were.
pub(crate) async fn saxpy(gpu: &Gpu, batches: u64, length: usize) -> Result<u64, ProcessError> {
    let (x, x_in) = aqueduct::channel();
    let (y, y_in) = aqueduct::channel();
    let (sums, sums_in) = aqueduct::channel();
    let kernel = gpu::zip(|x: gpu::F32, y| A * x + y);
    let ((), (), (), checked) = par!(
        source(gpu.clone(), (0..batches).map(|batch| 2 * batch).collect(), length, x),
        source(gpu.clone(), (0..batches).map(|batch| 2 * batch + 1).collect(), length, y),
        kernel.stage().named("saxpy").run(gpu, (x_in, y_in), sums),
        check(batches, sums_in),
    )
    .await?;
    Ok(checked)
}

pub(crate) async fn program(gpu: &Gpu, [batches, length]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let checked = saxpy(gpu, batches, length as usize).await?;
    let seconds = began.elapsed().as_secs_f64();
    if checked != batches * length {
        return Err(format!("{} elements came back, not {}", grouped(checked), grouped(batches * length)).into());
    }
    writeln!(report, "batches   {:>13}", grouped(batches))?;
    writeln!(report, "elements  {:>13}   every one is {A} * x + y, to the bit", grouped(checked))?;
    writeln!(report, "time      {:>10.0} ms   with making and checking them", seconds * 1000.0)?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let batches = Number::new("BATCHES", "how many", 1..=1_000_000, 512);
    let length = Number::new("LENGTH", "elements in a batch", 1..=1 << 28, 1 << 18);
    common::main_on_gpu([batches, length], program).await
}
