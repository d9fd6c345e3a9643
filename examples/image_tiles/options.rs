//! The command line.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Shows a picture as an old lens would: sharp in the middle, soft at the edges.

usage: image_tiles [--in FILE] [--size N] [--tile N] [--blur N] [--workers N]
                   [--out FILE]

  --in FILE    a PNG picture (default: one that is painted here)
  --size N     how wide that one is, 3 to 16384 (default: 1200)
  --tile N     the side of a tile, 1 to 16384 (default: 64)
  --blur N     how far a point spreads in the corners, 0 to 256 (default: 24)
  --workers N  worker processes, 0 to 64 (default: 0, which is AQUEDUCT_WORKERS,
               or one for each core)
  --out FILE   where the PNG file goes (default: image_tiles.png)
  --help       print this
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Draw(Options),
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) input: Option<PathBuf>,
    pub(crate) size: u32,
    pub(crate) tile: u32,
    pub(crate) blur: u32,
    pub(crate) workers: u64,
    pub(crate) out: PathBuf,
}

/// Reads the arguments; the error is a sentence without its full stop.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut options =
        Options { input: None, size: 1200, tile: 64, blur: 24, workers: 0, out: PathBuf::from("image_tiles.png") };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Command::Help),
            Some("--in") => options.input = Some(file("--in", arguments.next())?),
            Some("--out") => options.out = file("--out", arguments.next())?,
            Some("--size") => options.size = number("--size", arguments.next(), 3..=16_384)?,
            Some("--tile") => options.tile = number("--tile", arguments.next(), 1..=16_384)?,
            Some("--blur") => options.blur = number("--blur", arguments.next(), 0..=256)?,
            Some("--workers") => options.workers = number("--workers", arguments.next(), 0..=64)?.into(),
            _ => return Err(format!("there is no option {argument:?}")),
        }
    }
    Ok(Command::Draw(options))
}

fn file(option: &str, value: Option<OsString>) -> Result<PathBuf, String> {
    value.map(PathBuf::from).ok_or_else(|| format!("{option} needs a file after it"))
}

fn number(option: &str, value: Option<OsString>, range: RangeInclusive<u32>) -> Result<u32, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number after it"))?;
    let (least, most) = (range.start(), range.end());
    let parsed = value.to_str().and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
    parsed.ok_or_else(|| format!("{option} takes a whole number from {least} to {most}, not {value:?}"))
}
