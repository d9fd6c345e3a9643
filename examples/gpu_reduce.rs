//! A batch becomes one number: sum, minimum, maximum, and the dot product of two vectors.
//!
//! ```text
//! cargo run --release --example gpu_reduce -- [LENGTH]
//! ```
//!
//! `gpu::reduce` takes the number that changes nothing, how two numbers are joined, and what is computed of each element
//! first. `Gpu::call` runs a kernel on one batch, apart from any network: it is under way at once, and a future of the result.
//! Here four are under way at the same time.
//!
//! A sum of floats depends on the order. A kernel's is fixed, and the same on a GPU and on the CPU: halves are added, and their
//! halves. So few roundings come upon each other, and it is much nearer to the truth than a sum from left to right, which the
//! table shows beside it. What is true is computed in a plain loop with twice the digits.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::gpu::{self, F32, Gpu, GpuError};
use common::{Number, grouped};

mod common;

/// What the kernels find.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) sum: f32,
    pub(crate) minimum: f32,
    pub(crate) maximum: f32,
    pub(crate) dot: f32,
}

/// Reduces two vectors of the same length on this device.
pub(crate) async fn reduce(gpu: &Gpu, x: &[f32], y: &[f32]) -> Result<Found, GpuError> {
    let sum = gpu::reduce(0.0, |a, b| a + b, |x: F32| x);
    let minimum = gpu::reduce(f32::INFINITY, |a, b| a.min(b), |x: F32| x);
    let maximum = gpu::reduce(f32::NEG_INFINITY, |a, b| a.max(b), |x: F32| x);
    let dot = gpu::reduce(0.0, |a, b| a + b, |x: F32, y: F32| x * y);

    let sum = gpu.call(sum, x.to_vec());
    let minimum = gpu.call(minimum, x.to_vec());
    let maximum = gpu.call(maximum, x.to_vec());
    let dot = gpu.call(dot, (x.to_vec(), y.to_vec()));
    Ok(Found { sum: one(sum.await?), minimum: one(minimum.await?), maximum: one(maximum.await?), dot: one(dot.await?) })
}

/// The one element of a reduction's result.
fn one(batch: Vec<f32>) -> f32 {
    batch[0]
}

/// Numbers from -1 to 3 that look like chance, and are always the same.
pub(crate) fn vector(seed: u64, length: usize) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| 4.0 * random.f32() - 1.0).collect()
}

/// A line of the table: what was found, and what is true.
#[derive(Debug)]
struct Line {
    name: &'static str,
    found: f32,
    truth: f64,
    /// From left to right, with as many digits as the kernel has.
    plain: f32,
    /// How far the kernel may be off.
    tolerance: f64,
}

/// Computes the same in plain loops.
fn lines(x: &[f32], y: &[f32], found: Found) -> [Line; 4] {
    let products = || x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y));
    let numbers = || x.iter().map(|x| f64::from(*x));
    // Each addition on an element's way through the tree, and its product, may round by half a unit in the last place.
    let roundings = f64::from(x.len().next_power_of_two().max(2048).ilog2() + 1);
    let tolerance = |sizes: f64| roundings * f64::from(f32::EPSILON) / 2.0 * sizes;
    let minimum = x.iter().copied().fold(f32::INFINITY, f32::min);
    let maximum = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    [
        Line {
            name: "sum",
            found: found.sum,
            truth: numbers().sum(),
            plain: x.iter().sum(),
            tolerance: tolerance(numbers().map(f64::abs).sum()),
        },
        Line { name: "minimum", found: found.minimum, truth: minimum.into(), plain: minimum, tolerance: 0.0 },
        Line { name: "maximum", found: found.maximum, truth: maximum.into(), plain: maximum, tolerance: 0.0 },
        Line {
            name: "dot product",
            found: found.dot,
            truth: products().sum(),
            plain: x.iter().zip(y).map(|(x, y)| x * y).sum(),
            tolerance: tolerance(products().map(f64::abs).sum()),
        },
    ]
}

pub(crate) async fn program(gpu: &Gpu, [length]: [u64; 1], report: &mut String) -> Result<(), Box<dyn Error>> {
    let (x, y) = (vector(1, length as usize), vector(2, length as usize));
    let began = Instant::now();
    let found = reduce(gpu, &x, &y).await?;
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;

    writeln!(report, "{:<12} {:>16} {:>16} {:>14} {:>14}", "", "found", "true", "off by", "plain f32 loop")?;
    let lines = lines(&x, &y, found);
    for Line { name, found, truth, plain, .. } in &lines {
        let (off, plain_off) = ((f64::from(*found) - truth).abs(), (f64::from(*plain) - truth).abs());
        writeln!(report, "{name:<12} {found:>16.5} {truth:>16.5} {off:>14.5} {plain_off:>14.5}")?;
    }
    writeln!(report, "\n{} elements, four reductions: {milliseconds:.1} ms", grouped(length))?;
    for Line { name, found, truth, tolerance, .. } in lines {
        let off = (f64::from(found) - truth).abs();
        if off.is_nan() || off > tolerance {
            return Err(format!("the {name} is off by {off:e}, and may be by {tolerance:e}").into());
        }
    }
    writeln!(report, "all are as exact as they must be")?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let length = Number::new("LENGTH", "elements in a vector", 1..=1 << 28, 1 << 23);
    common::main_on_gpu([length], program).await
}
