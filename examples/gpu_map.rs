//! Tiles of a picture by worker processes, each of which computes on the GPU that it has, or else on the CPU.
//!
//! ```text
//! cargo run --release --example gpu_map -- [SIZE [WORKERS]]
//! ```
//!
//! A remote function is a plain function, and may use a GPU as any other. What it needs for that, the device and the kernel, it
//! opens once in each worker: [`Studio`] is the worker's state. Where this machine has GPUs, its workers have the tag `gpu`,
//! and the map says that it needs it: workers without one, on other machines, get none of its tasks.
//!
//! Each tile comes with the name of the device that drew it, and why it was that one; the program counts them by worker.
//!
//! The picture shows how far each point is from the border between the two nearest of some stars. It is compared, pixel by
//! pixel, with that of a plain loop.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::Cluster;
use aqueduct::cluster::{ClusterError, Worker, task, worker_state};
use aqueduct::gpu::{self, Gpu, GpuError, Kernel};
use common::{Number, grouped};

mod common;

/// The side of a tile.
const SIDE: u32 = 64;

/// How many stars there are.
const STARS: usize = 24;

/// What a worker keeps from task to task.
struct Studio {
    gpu: Gpu,
    kernel: Kernel<(u32, u32), (u32,)>,
}

impl Studio {
    fn open() -> Self {
        Self { gpu: device(), kernel: kernel() }
    }
}

/// The device of this worker. Each picks for itself, and does not know of the others: of several GPUs, it takes its own by its
/// number, unless the environment decides.
fn device() -> Gpu {
    match (task::current(), Gpu::count()) {
        (Some(task), count) if count > 1 && std::env::var_os("AQUEDUCT_GPU").is_none() => {
            Gpu::open(task.place().worker as usize % count).unwrap_or_else(|_| Gpu::pick())
        }
        _ => Gpu::pick(),
    }
}

/// The stars' columns and rows, in a square whose side is 4096.
pub(crate) fn stars() -> [(u32, u32); STARS] {
    let mut random = fastrand::Rng::with_seed(7);
    std::array::from_fn(|_| (random.u32(..4096), random.u32(..4096)))
}

/// Of points in the square, by their columns and rows, how bright they are: from 0 at a border to 255.
pub(crate) fn kernel() -> Kernel<(u32, u32), (u32,)> {
    gpu::map(|x: gpu::U32, y: gpu::U32| {
        let (mut nearest, mut second) = (gpu::U32::from(u32::MAX), gpu::U32::from(u32::MAX));
        for (column, row) in stars() {
            let (dx, dy) = (x - column, y - row);
            let square = dx * dx + dy * dy;
            second = second.min(nearest.max(square));
            nearest = nearest.min(square);
        }
        ((second.to_f32().sqrt() - nearest.to_f32().sqrt()) * 0.5).min(255.0).to_u32()
    })
}

/// The same for one point, by sorting.
pub(crate) fn brightness(x: u32, y: u32) -> u8 {
    let mut squares = stars().map(|(column, row)| x.abs_diff(column).pow(2) + y.abs_diff(row).pow(2));
    squares.sort_unstable();
    ((f32::sqrt(squares[1] as f32) - f32::sqrt(squares[0] as f32)) * 0.5).min(255.0) as u8
}

/// The columns and rows in the square of a tile's points, row by row. The picture has `size` points each way.
fn points(size: u32, (left, top): (u32, u32)) -> (Vec<u32>, Vec<u32>) {
    let all = (top..size.min(top + SIDE)).flat_map(|y| (left..size.min(left + SIDE)).map(move |x| (x, y)));
    all.map(|(x, y)| (x * 4096 / size, y * 4096 / size)).unzip()
}

/// Draws a tile on this device.
pub(crate) async fn draw_on(
    gpu: &Gpu,
    kernel: &Kernel<(u32, u32), (u32,)>,
    size: u32,
    corner: (u32, u32),
) -> Result<Vec<u8>, GpuError> {
    let bright: Vec<u32> = gpu.call(kernel, points(size, corner)).await?;
    Ok(bright.into_iter().map(|bright| bright as u8).collect())
}

/// A tile, and who drew it on what.
type Drawn = ((u32, u32), Vec<u8>, u32, String);

/// Draws a tile on the device of this worker.
#[aqueduct::remote(pure)]
async fn draw(size: u32, corner: (u32, u32)) -> Result<Drawn, String> {
    let studio = worker_state(Studio::open);
    let pixels = draw_on(&studio.gpu, &studio.kernel, size, corner).await.map_err(|error| error.to_string())?;
    let worker = task::current().map_or(0, |task| task.place().worker);
    Ok((corner, pixels, worker, studio.gpu.to_string()))
}

/// So many workers, with the tag `gpu` where there is one; 0 are as many as there are GPUs, or else as the environment says.
async fn cluster(workers: u64, gpus: usize) -> Result<Cluster, ClusterError> {
    match (workers as usize, gpus) {
        (_, 0) => common::cluster(workers).await,
        (workers, gpus) => {
            let count = if workers == 0 { gpus } else { workers };
            let builder = (0..count).fold(Cluster::builder(), |all, _| all.worker(Worker::new().tag("gpu")));
            builder.start().await
        }
    }
}

/// Two points in each sign, one above the other.
fn characters(picture: &[u8], size: usize) -> String {
    const COLUMNS: usize = 64;
    const DENSER: [char; 8] = ['@', '#', '*', '+', '-', ':', '.', ' '];
    let mut text = String::new();
    for line in 0..COLUMNS / 2 {
        let row = &picture[line * 2 * size / COLUMNS * size..][..size];
        let signs = (0..COLUMNS).map(|column| DENSER[usize::from(row[column * size / COLUMNS]) / 32]);
        text.extend(signs.chain(['\n']));
    }
    text
}

async fn program([size, workers]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let gpus = Gpu::count();
    let cluster = cluster(workers, gpus).await?;
    let began = Instant::now();
    let width = size as usize;
    let corners = (0..size as u32).step_by(SIDE as usize);
    let corners = corners.clone().flat_map(|top| corners.clone().map(move |left| (left, top)));
    let tiles: Vec<_> = corners.map(|corner| (size as u32, corner)).collect();
    let all = tiles.len();
    let mut map = cluster.map(draw, tiles).unordered().progress("tiles");
    if gpus > 0 {
        map = map.needs("gpu");
    }

    let mut picture = vec![0; width * width];
    let mut by_worker: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    while let Some(drawn) = map.next().await {
        let ((left, top), pixels, worker, device) = drawn??;
        let columns = width.min(left as usize + SIDE as usize) - left as usize;
        for (row, pixels) in (top as usize..).zip(pixels.chunks_exact(columns)) {
            picture[row * width + left as usize..][..columns].copy_from_slice(pixels);
        }
        by_worker.entry(worker).or_insert((0, device)).0 += 1;
    }
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    let summary = cluster.shutdown().await;

    writeln!(report, "{}", characters(&picture, width))?;
    for (worker, (tiles, device)) in by_worker {
        writeln!(report, "worker {worker}, {tiles:>4} of {all} tiles: {device}")?;
    }
    let scale = |at: usize| (at as u64 * 4096 / size) as u32;
    let right = (0..width * width).map(|place| brightness(scale(place % width), scale(place / width)));
    if !right.eq(picture) {
        return Err("the tiles do not make the picture of a plain loop".into());
    }
    writeln!(report, "{} pixels in {milliseconds:.0} ms, those of a plain loop\n\n{summary}", grouped(size * size))?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let size = Number::new("SIZE", "pixels each way", 1..=16_384, 1024);
    common::main_async([size, common::workers()], program).await
}
