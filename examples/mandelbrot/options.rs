//! The command line.

use std::env;
use std::ffi::OsString;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::thread;

use super::fractal::Picture;

pub(crate) const USAGE: &str =
    "usage: mandelbrot [--size N] [--workers N] [--iterations N] [--out FILE] (`--help` tells more)";

pub(crate) const HELP: &str = "\
Draws the Mandelbrot set by a farm of threads.

usage: mandelbrot [--size N] [--workers N] [--iterations N] [--out FILE]

  --size N        pixels from left to right, 3 to 16384 (default: 1024)
  --workers N     threads that compute, 1 to 1024 (default: one for each CPU)
  --iterations N  after so many a point counts as inside, 1 to 1000000
                  (default: 256)
  --out FILE      the PNG file to write (default: mandelbrot.png beside this
                  program)
  --help          print this
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Draw(Options),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) picture: Picture,
    pub(crate) workers: usize,
    pub(crate) out: PathBuf,
}

/// Reads the arguments; the error is a sentence without its full stop.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut width = 1024;
    let mut workers = thread::available_parallelism().map_or(1, |cpus| NonZero::get(cpus) as u32);
    let mut iterations = 256;
    let mut out = None;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Command::Help),
            Some("--size") => width = number("--size", arguments.next(), 3..=16384)?,
            Some("--workers") => workers = number("--workers", arguments.next(), 1..=1024)?,
            Some("--iterations") => iterations = number("--iterations", arguments.next(), 1..=1_000_000)?,
            Some("--out") => out = Some(arguments.next().ok_or("--out needs a file after it")?.into()),
            _ => return Err(format!("there is no option {argument:?}")),
        }
    }
    let picture = Picture { width, height: width * 2 / 3, iterations };
    Ok(Command::Draw(Options { picture, workers: workers as usize, out: out.unwrap_or_else(beside_the_program) }))
}

fn number(option: &str, value: Option<OsString>, range: RangeInclusive<u32>) -> Result<u32, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number after it"))?;
    match value.to_str().and_then(|text| text.parse().ok()) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("{option} takes a whole number from {} to {}, not {value:?}", range.start(), range.end())),
    }
}

/// That is in the target folder, after `cargo run`.
fn beside_the_program() -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name("mandelbrot.png")
}
