//! A chain of kernels whose batches stay on the device: only the two ends copy.
//!
//! ```text
//! cargo run --release --example gpu_pipeline -- [BATCHES [LENGTH]]
//!
//! source ─Vec─▶ to device ─M─▶ gain ─M─▶ clip ─M─▶ power ─M─▶ gate ─M─▶ to host ─Vec─▶ check
//! ```
//!
//! What a channel carries says where a batch lies. A stage that sends `DeviceBuf<f32>` leaves its result on the device, and one
//! that receives it takes it from there: what moves is who owns it. `gpu::copy()` is the kernel that computes nothing: its
//! stages are the way there and back.
//!
//! Here the type `M` is a parameter of the network. With `DeviceBuf<f32>`, batches stay on the device. With `Vec<f32>` the very
//! same chain brings them home after each stage, and the program tells what that costs. Who copies is read from the picture of
//! the network, that is, from the types of its channels.
//!
//! Every element is compared with the same formulas in plain Rust, to the bit, both ways.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::Shape;
use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, Kernel};
use aqueduct::prelude::*;
use aqueduct::toolkit::pipeline;
use common::{Number, Progress, grouped};

mod common;

type Stage = Kernel<(f32,), (f32,)>;

/// The kernels between the two ends, with their names.
fn kernels() -> [(&'static str, Stage); 4] {
    [
        ("gain", gpu::map(|x: F32| x * 1.75 - 0.125)),
        ("clip", gpu::map(|x: F32| x / (x.abs() + 1.0))),
        ("power", gpu::map(|x: F32| x * x)),
        ("gate", gpu::map(|x: F32| x.lt(0.01).select(0.0, x.sqrt()))),
    ]
}

/// The same in plain Rust.
fn in_plain_rust(x: f32) -> f32 {
    let x = x * 1.75 - 0.125;
    let x = x / (x.abs() + 1.0);
    let x = x * x;
    if x < 0.01 { 0.0 } else { x.sqrt() }
}

/// Element `index` of a batch: a number from -1 to 1 that looks like chance, and is always the same.
fn element(batch: u64, index: u64) -> f32 {
    let mixed = (batch << 32 | index).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
}

#[process]
async fn source(batches: u64, length: u64, out: Sender<Vec<f32>>) -> Outcome {
    for batch in 0..batches {
        out.send((0..length).map(|index| element(batch, index)).collect()).await?;
    }
    Ok(())
}

/// Compares each element with what it must be; gives how many there were.
#[process]
async fn check(batches: u64, results: Receiver<Vec<f32>>) -> Outcome<u64> {
    let mut progress = Progress::new("batches", batches);
    let (mut batch, mut checked) = (0, 0);
    while let Some(result) = results.next().await? {
        for (index, found) in (0..).zip(&result) {
            let right = in_plain_rust(element(batch, index));
            if *found != right {
                return Err(Exit::failure(format!("batch {batch}, element {index}: {found} is not {right}")));
            }
        }
        checked += result.len() as u64;
        batch += 1;
        progress.advance();
    }
    Ok(checked)
}

/// What a run of the network gives.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) checked: u64,
    pub(crate) time: Duration,
    pub(crate) shape: Shape,
}

/// Runs the chain on this device; what its stages hand on to each other is an `M`.
pub(crate) async fn chain<M: gpu::Batch<Element = f32>>(
    gpu: &Gpu,
    batches: u64,
    length: u64,
) -> Result<Ran, ProcessError> {
    let stage = |name, kernel: Stage| (kernel.stage().named(name), gpu.clone());
    let (numbers, numbers_in) = aqueduct::channel();
    let (results, results_in) = aqueduct::channel();
    let (there, gpu_there) = stage("to device", gpu::copy());
    let mut line = pipeline(numbers_in).through(move |input, out: Sender<M>| there.run(&gpu_there, input, out));
    for (name, kernel) in kernels() {
        let (stage, gpu) = stage(name, kernel);
        line = line.through(move |input, out: Sender<M>| stage.run(&gpu, input, out));
    }
    let (back, gpu_back) = stage("to host", gpu::copy());
    let line = line.through(move |input, out: Sender<Vec<f32>>| back.run(&gpu_back, input, out)).into(results);

    let network = par!(source(batches, length, numbers), line, check(batches, results_in));
    let shape = network.shape();
    let began = Instant::now();
    let ((), (), checked) = network.await?;
    Ok(Ran { checked, time: began.elapsed(), shape })
}

/// A line for each stage of the network: what it takes and gives, and so copies where the device is a GPU.
pub(crate) fn who_copies(shape: &Shape) -> Vec<[String; 4]> {
    let on_device = |batch: &str| batch.starts_with("DeviceBuf");
    let stages = shape.processes().iter().filter_map(|process| {
        let [input, output] = process.ports() else { return None };
        let (takes, gives) = (carried(&input.to_string())?, carried(&output.to_string())?);
        let copies = match (on_device(&takes), on_device(&gives)) {
            (false, true) => "host to device",
            (true, false) => "device to host",
            (true, true) => "nothing",
            (false, false) => "there and back",
        };
        Some([process.name().to_owned(), takes, gives, copies.to_owned()])
    });
    stages.collect()
}

/// The type in `input: Receiver<Vec<f32>>`.
fn carried(port: &str) -> Option<String> {
    let (_, carried) = port.split_once('<')?;
    Some(carried.strip_suffix('>')?.to_owned())
}

pub(crate) async fn program(gpu: &Gpu, [batches, length]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let on_device = chain::<DeviceBuf<f32>>(gpu, batches, length).await?;
    let to_and_fro = chain::<Vec<f32>>(gpu, batches, length).await?;

    writeln!(report, "{:<11} {:<16} {:<16} on a GPU it copies", "stage", "takes", "gives")?;
    for [stage, takes, gives, copies] in who_copies(&on_device.shape) {
        writeln!(report, "{stage:<11} {takes:<16} {gives:<16} {copies}")?;
    }
    let elements = batches * length;
    writeln!(report, "\n{} batches of {} elements", grouped(batches), grouped(length))?;
    for (way, ran) in [("that stay on the device", &on_device), ("brought home by each stage", &to_and_fro)] {
        writeln!(report, "{way:<27} {:>8.1} ms", ran.time.as_secs_f64() * 1000.0)?;
        if ran.checked != elements {
            return Err(format!("{} elements came back, not {}", grouped(ran.checked), grouped(elements)).into());
        }
    }
    writeln!(report, "every element is that of plain Rust, to the bit, both ways")?;
    write!(report, "\nThe network, as a Mermaid flowchart:\n\n{}", on_device.shape)?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let batches = Number::new("BATCHES", "how many", 1..=1_000_000, 128);
    let length = Number::new("LENGTH", "elements in a batch", 1..=1 << 26, 1 << 16);
    common::main_on_gpu([batches, length], program).await
}
