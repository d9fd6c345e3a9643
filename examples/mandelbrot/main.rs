//! The Mandelbrot set, by a farm of threads, as a PNG file.
//!
//! ```text
//! cargo run --release --example mandelbrot -- [--size N] [--workers N] [--iterations N] [--out FILE]
//! ```
//!
//! Read [`network`] first: who computes, and how the rows come into order again. The other modules are ordinary Rust:
//! [`fractal`] computes one row, [`options`] reads the command line.
//!
//! The picture is compared, pixel by pixel, with one that is computed in a plain loop.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Instant;

use image::{ImageFormat, RgbImage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use options::{Command, Options};

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod fractal;
pub(crate) mod network;
pub(crate) mod options;

/// A bar on standard error; if that is no terminal, the network prints lines instead.
fn bar(rows: u32) -> Option<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rows").ok()?;
    let bar = ProgressBar::with_draw_target(Some(u64::from(rows)), ProgressDrawTarget::stderr()).with_style(style);
    io::stderr().is_terminal().then_some(bar)
}

fn draw(Options { picture, workers, out }: Options) -> Result<String, Box<dyn Error>> {
    let began = Instant::now();
    let (pixels, shape) = network::draw(picture, workers, bar(picture.height))?;
    let parallel = began.elapsed();

    let began = Instant::now();
    let right: Vec<u8> = (0..picture.height).flat_map(|y| picture.row(y)).collect();
    let sequential = began.elapsed();
    if pixels != right {
        return Err("the farm's picture is not that of a plain loop".into());
    }

    let image = RgbImage::from_raw(picture.width, picture.height, pixels).ok_or("the picture has too few pixels")?;
    image
        .save_with_format(&out, ImageFormat::Png)
        .map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    let mut report = String::new();
    writeln!(report, "{} x {} pixels in {}", picture.width, picture.height, out.display())?;
    writeln!(report, "workers: {workers}, {:.0} ms", parallel.as_secs_f64() * 1000.0)?;
    writeln!(report, "a plain loop: {:.0} ms, the same pixels", sequential.as_secs_f64() * 1000.0)?;
    write!(report, "\nThe network that drew, as a Mermaid flowchart:\n\n{shape}")?;
    Ok(report)
}

fn main() -> ExitCode {
    match options::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => common::print(options::HELP),
        Ok(Command::Draw(options)) => match draw(options) {
            Ok(report) => common::print(&report),
            Err(error) => {
                common::complain(format_args!("error: {error}"));
                ExitCode::FAILURE
            }
        },
        Err(message) => {
            common::complain(format_args!("error: {message}\n\n{}", options::USAGE));
            ExitCode::from(2)
        }
    }
}
