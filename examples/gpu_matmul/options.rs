//! The command line.

use std::ffi::OsString;
use std::ops::RangeInclusive;

pub(crate) const HELP: &str = "\
Multiplies matrices, tile by tile in the shared memory of a GPU.

usage: gpu_matmul [--size N] [--products N] [--cuda-c]

  --size N      rows and columns of each matrix, 1 to 16384 (default: 512)
  --products N  how many pairs of matrices, 1 to 100000 (default: 8)
  --cuda-c      takes the kernel from its source in CUDA C, which NVIDIA's
                compiler (NVRTC) compiles now; else from its PTX
  --help        print this
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Multiply(Options),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) size: u32,
    pub(crate) products: u64,
    pub(crate) cuda_c: bool,
}

/// Reads the arguments; the error is a sentence without its full stop.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut options = Options { size: 512, products: 8, cuda_c: false };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Command::Help),
            Some("--size") => options.size = number("--size", arguments.next(), 1..=16_384)?,
            Some("--products") => options.products = number("--products", arguments.next(), 1..=100_000)?.into(),
            Some("--cuda-c") => options.cuda_c = true,
            _ => return Err(format!("there is no option {argument:?}")),
        }
    }
    Ok(Command::Multiply(options))
}

fn number(option: &str, value: Option<OsString>, range: RangeInclusive<u32>) -> Result<u32, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number after it"))?;
    let (least, most) = (range.start(), range.end());
    let parsed = value.to_str().and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
    parsed.ok_or_else(|| format!("{option} takes a whole number from {least} to {most}, not {value:?}"))
}
