//! The Mandelbrot set on a GPU: the picture of the farm in `examples/mandelbrot`, pixel by pixel, as a PNG file.
//!
//! ```text
//! cargo run --release --example gpu_mandelbrot -- [SIZE [ITERATIONS]]
//! ```
//!
//! Read [`network`] first. Here the kernel is written by hand, because it loops: in CUDA C (`mandelbrot.cu`), compiled to PTX
//! (`mandelbrot.ptx`), which is all that a GPU's driver needs. Its arguments are declared, with what each is, and compared with
//! the PTX before the first batch. Its twin in Rust runs where there is no GPU.
//!
//! One message is the number of a strip's first row; it becomes two batches, one for each output of the kernel, and each goes
//! to a channel of its own. The launch has two dimensions: a thread for each point of a strip.
//!
//! The picture is compared, pixel by pixel, with that of the farm's rows in a plain loop.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Instant;

use aqueduct::gpu::Gpu;
use common::Number;
use fractal::Picture;
use image::{ImageFormat, RgbImage};

#[path = "../common/mod.rs"]
mod common;
#[path = "../mandelbrot/fractal.rs"]
pub(crate) mod fractal;
pub(crate) mod network;

/// The picture in characters, the brighter the denser: for those who have nothing else to look with.
fn characters(image: &RgbImage) -> String {
    const COLUMNS: u32 = 72;
    const LINES: u32 = 24;
    const DENSER: [char; 8] = [' ', '.', ':', '-', '=', '+', '*', '#'];
    let (width, height) = image.dimensions();
    let mut text = String::new();
    for line in 0..LINES {
        for column in 0..COLUMNS {
            let pixel = image.get_pixel(column * width / COLUMNS, line * height / LINES);
            let bright: usize = pixel.0.iter().map(|part| usize::from(*part)).sum();
            text.push(DENSER[bright * DENSER.len() / (3 * 255 + 1)]);
        }
        text.push('\n');
    }
    text
}

async fn program(gpu: &Gpu, [size, iterations]: [u64; 2], report: &mut String) -> Result<(), Box<dyn Error>> {
    let width = size as u32;
    let picture = Picture { width, height: width * 2 / 3, iterations: iterations as u32 };
    let began = Instant::now();
    let pixels = network::draw(gpu, picture).await?;
    let here = began.elapsed();

    let began = Instant::now();
    let right: Vec<u8> = (0..picture.height).flat_map(|y| picture.row(y)).collect();
    let plain = began.elapsed();
    if pixels != right {
        return Err("the kernel's picture is not that of a plain loop".into());
    }

    let image = RgbImage::from_raw(width, picture.height, pixels).ok_or("the picture has too few pixels")?;
    // That is in the target folder, after `cargo run`.
    let out = env::current_exe()?.with_file_name("gpu_mandelbrot.png");
    image
        .save_with_format(&out, ImageFormat::Png)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    writeln!(report, "{}", characters(&image))?;
    writeln!(report, "{} x {} pixels in {}", width, picture.height, out.display())?;
    writeln!(report, "the kernel: {:.0} ms", here.as_secs_f64() * 1000.0)?;
    writeln!(report, "a plain loop: {:.0} ms, the same pixels", plain.as_secs_f64() * 1000.0)?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let size = Number::new("SIZE", "pixels from left to right", 3..=16_384, 1024);
    let iterations = Number::new("ITERATIONS", "after so many a point counts as inside", 1..=1_000_000, 256);
    common::main_on_gpu([size, iterations], program).await
}
