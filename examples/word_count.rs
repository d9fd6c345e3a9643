//! Map and reduce: the words of all files of a directory, counted by worker processes.
//!
//! ```text
//! cargo run --release --example word_count -- [DIRECTORY [WORKERS]]
//! ```
//!
//! Without a directory it counts the sources of this library. A task counts one file; tallies are merged where they
//! are, on the workers, neighbours with neighbours, and only what is left at the end comes here. (The paths travel, not the
//! texts: each worker reads the files itself.)
//!
//! A *word* is a run of ASCII letters, in lower case. The result is compared with that of a plain loop.

use std::{
    collections::HashMap,
    env,
    error::Error,
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use common::grouped;
use serde::{Deserialize, Serialize};

mod common;
#[path = "quickstart/walk.rs"]
mod walk;

const USAGE: &str = "\
usage: word_count [DIRECTORY [WORKERS]]

  DIRECTORY  whose files are counted, those in directories below included
             (default: the sources of this library)
  WORKERS    worker processes: 0 to 64 (default: 0, which is AQUEDUCT_WORKERS,
             or one for each core)
";

/// How often each word occurs, and in how much text.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    files: u64,
    bytes: u64,
    words: HashMap<String, u64>,
    /// Files that could not be read, and why: data like any other.
    problems: Vec<String>,
}

#[aqueduct::remote(pure)]
fn count(path: PathBuf) -> Tally {
    let mut tally = Tally::default();
    match fs::read(&path) {
        Ok(text) => {
            tally.files = 1;
            tally.bytes = text.len() as u64;
            for word in text.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
                let word = String::from_utf8_lossy(word).to_ascii_lowercase();
                *tally.words.entry(word).or_default() += 1;
            }
        }
        Err(error) => tally.problems.push(format!("cannot read {path:?}: {error}")),
    }
    tally
}

/// It is associative, and more is not needed: what is merged stands side by side.
#[aqueduct::remote(pure)]
fn merge(mut left: Tally, right: Tally) -> Tally {
    left.files += right.files;
    left.bytes += right.bytes;
    left.problems.extend(right.problems);
    for (word, count) in right.words {
        *left.words.entry(word).or_default() += count;
    }
    left
}

/// The files of a directory, and what cannot be counted.
fn files(directory: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for found in walk::walk(directory.to_owned()) {
        match found {
            Ok((path, _)) if path.to_str().is_none() => problems.push(format!("cannot send the name {path:?}")),
            Ok((path, _)) => files.push(path),
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    // A directory has no order of its own.
    files.sort();
    (files, problems)
}

async fn program(directory: &Path, workers: u64, report: &mut String) -> Result<(), Box<dyn Error>> {
    let (files, mut problems) = files(directory);
    let cluster = common::cluster(workers).await?;
    let began = Instant::now();
    let tally = cluster.map_reduce(count, merge, files.clone()).await?.unwrap_or_default();
    let distributed = began.elapsed().as_secs_f64() * 1000.0;
    let summary = cluster.shutdown().await;

    let began = Instant::now();
    let right = files.into_iter().map(count).fold(Tally::default(), merge);
    let serial = began.elapsed().as_secs_f64() * 1000.0;

    problems.extend_from_slice(&tally.problems);
    for problem in problems {
        common::complain(problem);
    }
    if tally.files == 0 {
        return Err("no file could be counted".into());
    }
    let mut words: Vec<(&String, &u64)> = tally.words.iter().collect();
    words.sort_by_key(|&(word, count)| (std::cmp::Reverse(count), word));
    for (place, (word, count)) in words.iter().take(10).enumerate() {
        writeln!(report, "{:>2}  {:>8}  {word}", place + 1, grouped(**count))?;
    }
    let total = tally.words.values().sum();
    writeln!(report, "\nfiles: {}, bytes: {}", grouped(tally.files), grouped(tally.bytes))?;
    writeln!(report, "words: {}, distinct: {}", grouped(total), grouped(words.len() as u64))?;
    writeln!(report, "on the cluster: {distributed:.1} ms; a plain loop: {serial:.1} ms\n\n{summary}")?;
    if tally != right {
        return Err("the cluster has counted otherwise than a plain loop".into());
    }
    Ok(())
}

enum Command {
    Help,
    Count { directory: PathBuf, workers: u64 },
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        return Ok(Command::Help);
    }
    if let Some(extra) = arguments.get(2) {
        return Err(format!("there is no place for {extra:?}"));
    }
    let mut arguments = arguments.into_iter();
    let directory = arguments.next().map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/src").into(), PathBuf::from);
    let workers = match arguments.next() {
        None => 0,
        Some(text) => (text.to_str().and_then(|text| text.parse().ok()).filter(|workers| *workers <= 64))
            .ok_or_else(|| format!("WORKERS takes a whole number from 0 to 64, not {text:?}"))?,
    };
    Ok(Command::Count { directory, workers })
}

#[aqueduct::main]
async fn main() -> ExitCode {
    match parse(env::args_os().skip(1)) {
        Ok(Command::Help) => common::print(USAGE),
        Ok(Command::Count { directory, workers }) => {
            let mut report = String::new();
            let result = program(&directory, workers, &mut report).await;
            common::finish(result, &report)
        }
        Err(error) => {
            common::complain(format_args!("error: {error}\n\n{}", USAGE.trim_end()));
            ExitCode::from(2)
        }
    }
}
