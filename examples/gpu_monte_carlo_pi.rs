//! π by throwing darts on the device: random numbers by counting, written as an expression, and reduced where they are made.
//!
//! ```text
//! cargo run --release --example gpu_monte_carlo_pi -- [BATCHES [LENGTH]]
//!
//! batches ─numbers─▶ darts ─hits─▶ counts
//! ```
//!
//! A generator with a state hands out its numbers one after the other, and so cannot serve a million threads. One that only
//! *counts* can: number i is a function of i. Philox (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
//! 3", 2011) stirs a counter of 128 bits ten times; here the counter is the batch, the place in it, and the throw.
//!
//! The function [`philox`] is written once, and used twice: with expressions, of which it makes the kernel; and with plain
//! numbers, of which it makes ordinary Rust. The second throws the darts of some batches again, and must hit as often: whole
//! numbers are the same everywhere. That they are Philox's, a test makes sure with the known answers of its authors.

use std::error::Error;
use std::f64::consts::PI;
use std::fmt::Write;
use std::ops::{Add, BitAnd, BitXor, Mul, Shr};
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::gpu::{self, Gpu, Kernel};
use aqueduct::prelude::*;
use common::{Number, Progress, grouped};

mod common;

/// Each element of a batch throws so often; each throw is two darts.
const THROWS: u64 = 4;

/// What a random number needs: a whole number of 64 bits, or an expression of one.
pub(crate) trait Word:
    Copy
    + From<u64>
    + Add<Output = Self>
    + Mul<Output = Self>
    + Mul<u64, Output = Self>
    + BitAnd<u64, Output = Self>
    + BitXor<Output = Self>
    + BitXor<u64, Output = Self>
    + Shr<u64, Output = Self>
{
}

impl Word for u64 {}
impl Word for gpu::U64 {}

/// Four random numbers of 32 bits for a counter of four: Philox4x32-10.
pub(crate) fn philox<W: Word>(counter: [W; 4], key: [u32; 2]) -> [W; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut key_0, mut key_1] = key;
    for _ in 0..10 {
        let (first, second) = (a * 0xD251_1F53, c * 0xCD9E_8D57);
        (a, b) = ((second >> 32) ^ b ^ u64::from(key_0), second & LOW);
        (c, d) = ((first >> 32) ^ d ^ u64::from(key_1), first & LOW);
        key_0 = key_0.wrapping_add(0x9E37_79B9);
        key_1 = key_1.wrapping_add(0xBB67_AE85);
    }
    [a, b, c, d]
}

/// The squares of the distances of two darts from the corner, in a square whose side is 2³¹. Whole numbers, to the last.
fn throw<W: Word>(batch: W, place: W, throw: u64) -> [W; 2] {
    let [x, y, u, v] = philox([place, W::from(throw), batch, W::from(0)], [0, 0]);
    [far(x, y), far(u, v)]
}

fn far<W: Word>(x: W, y: W) -> W {
    let (x, y) = (x >> 1, y >> 1);
    x * x + y * y
}

/// How many darts of a batch hit the quarter of a circle. Every element of the batch is the batch's number.
pub(crate) fn darts() -> Kernel<(u32,), (u64,)> {
    gpu::reduce(
        0,
        |a, b| a + b,
        |batch: gpu::U32| {
            let hits = (0..THROWS).flat_map(|number| throw(batch.to_u64(), gpu::index(), number));
            hits.map(|far| far.lt(1 << 62).select(1, 0)).fold(gpu::U64::from(0), |a, b| a + b)
        },
    )
}

/// The same in plain Rust.
pub(crate) fn darts_again(batch: u64, length: u64) -> u64 {
    let all = (0..length).flat_map(|place| (0..THROWS).flat_map(move |number| throw(batch, place, number)));
    all.filter(|far| *far < 1 << 62).count() as u64
}

#[process]
async fn numbers(batches: u32, length: usize, out: Sender<Vec<u32>>) -> Outcome {
    for batch in 0..batches {
        out.send(vec![batch; length]).await?;
    }
    Ok(())
}

/// The hits of each batch, in order.
#[process]
async fn counts(batches: u32, hits: Receiver<Vec<u64>>) -> Outcome<Vec<u64>> {
    let mut progress = Progress::new("batches", batches.into());
    let mut counts = Vec::new();
    while let Some(hits) = hits.next().await? {
        counts.extend(hits);
        progress.advance();
    }
    Ok(counts)
}

/// Throws the darts of so many batches on this device; gives the hits of each.
pub(crate) async fn throw_all(gpu: &Gpu, batches: u32, length: usize) -> Result<Vec<u64>, ProcessError> {
    let (batch, batch_in) = aqueduct::channel();
    let (hits, hits_in) = aqueduct::channel();
    let ((), (), counts) = par!(
        numbers(batches, length, batch),
        darts().stage().named("darts").run(gpu, batch_in, hits),
        counts(batches, hits_in),
    )
    .await?;
    Ok(counts)
}

pub(crate) async fn program(gpu: &Gpu, [batches, length]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let counts = throw_all(gpu, batches as u32, length as usize).await?;
    let seconds = began.elapsed().as_secs_f64();

    let darts = batches * length * THROWS * 2;
    let pi = 4.0 * counts.iter().sum::<u64>() as f64 / darts as f64;
    // Five standard deviations of so many darts.
    let tolerance = 5.0 * (PI * (4.0 - PI) / darts as f64).sqrt();
    writeln!(report, "{} darts in {seconds:.2} s", grouped(darts))?;
    writeln!(report, "pi is about {pi:.6} (give or take {tolerance:.6})")?;
    if counts.len() as u64 != batches {
        return Err(format!("{} batches came back, not {batches}", counts.len()).into());
    }
    // Sixteen batches, or all.
    let again: Vec<u64> = (0..batches).step_by(batches.div_ceil(16) as usize).collect();
    for batch in &again {
        let (hits, right) = (counts[*batch as usize], darts_again(*batch, length));
        if hits != right {
            return Err(format!("batch {batch} has {hits} hits, and in plain Rust {right}").into());
        }
    }
    writeln!(report, "thrown again in plain Rust, {} batches hit exactly as often", again.len())?;
    if (pi - PI).abs() > tolerance {
        return Err(format!("that is too far from {PI:.6}").into());
    }
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let batches = Number::new("BATCHES", "how many", 1..=1_000_000, 64);
    let length = Number::new("LENGTH", "elements in a batch, each of eight darts", 1..=1 << 26, 1 << 16);
    common::main_on_gpu([batches, length], program).await
}
