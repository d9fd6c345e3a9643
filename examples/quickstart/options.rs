//! The command line.

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

pub(crate) const HELP: &str = "\
Counts the words of files.

usage: quickstart [--top N] [--workers N] [--] [FILES…]

  FILES        what to count; a directory stands for all the files in it, but
               links to directories in it are not followed
               (default: the sources of this library)
  --top N      print the N most frequent words (default: 20)
  --workers N  count with N threads, 1 to 1024 (default: one for each CPU)
  --help       print this

A word is a run of ASCII letters, in lower case. All other bytes, whatever the
encoding, stand between words. What cannot be read is reported on standard
error and the rest is counted; the exit code is 1 if there is no rest. Of a file
that fails half-way, the chunks before the failure are counted.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Count { roots: Vec<PathBuf>, workers: usize, top: usize },
}

/// Reads the arguments; the error is a sentence without its full stop.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut roots = Vec::new();
    let mut workers = thread::available_parallelism().map_or(1, NonZero::get);
    let mut top = 20;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Command::Help),
            Some("--top") => top = number("--top", arguments.next())?,
            Some("--workers") => {
                workers = number("--workers", arguments.next())?;
                if !(1..=1024).contains(&workers) {
                    return Err(format!("--workers takes a number from 1 to 1024, not {workers}"));
                }
            }
            Some("--") => roots.extend(arguments.by_ref().map(PathBuf::from)),
            _ if argument.as_encoded_bytes().starts_with(b"-") => {
                return Err(format!("there is no option {argument:?} (a file of this name goes after `--`)"));
            }
            _ => roots.push(argument.into()),
        }
    }
    if roots.is_empty() {
        roots = own_sources();
    }
    Ok(Command::Count { roots, workers, top })
}

fn number(option: &str, value: Option<OsString>) -> Result<usize, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number after it"))?;
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("{option} takes a whole number, not {value:?}"))
}

/// The sources of this library where it was built; where they are gone, the same names in the current directory, or
/// all of it.
pub(crate) fn own_sources() -> Vec<PathBuf> {
    let names = ["Cargo.toml", "README.md", "benches", "examples", "macros", "src", "tests"];
    let below = |base: &Path| -> Vec<PathBuf> {
        names.iter().map(|name| base.join(name)).filter(|path| path.exists()).collect()
    };
    [Path::new(env!("CARGO_MANIFEST_DIR")), Path::new(OsStr::new(""))]
        .into_iter()
        .map(below)
        .find(|sources| !sources.is_empty())
        .unwrap_or_else(|| vec![PathBuf::from(".")])
}
