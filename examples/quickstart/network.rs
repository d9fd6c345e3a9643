//! The network: who does what, and who talks to whom.
//!
//! ```text
//!                                 ┌─ count_words ─┐
//! find_files ─files─▶ read_files ─┼─ count_words ─┼─tallies─▶ merge
//!   │  │                 │        └─ count_words ─┘            ▲ │
//!   │  └────problems─────┴───────────problems──────────────────┘ │
//!   └──────────found───────────▶ show_progress ◀─────counted─────┘
//! ```
//!
//! Nothing here is locked or shared, and nothing says when to stop: a process that is done drops its channel ends,
//! its neighbours find their channels *retired*, and so the end travels through the network. Should a process fail,
//! its ends *poison* their channels instead, everybody ends, and [`count`] returns the first cause.

use std::path::PathBuf;

use aqueduct::prelude::*;
use indicatif::ProgressBar;

use super::text::{Chunk, Chunks, Tally};
use super::walk::{Problem, walk};

/// What the network makes.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) tally: Tally,
    pub(crate) problems: Vec<Problem>,
}

/// Counts the words of these files, and of those in these directories; also gives a picture of the network.
pub(crate) fn count(roots: Vec<PathBuf>, workers: usize, bar: ProgressBar) -> Result<(Counted, String), ProcessError> {
    // A buffered channel has room for so many values; then its senders wait. So memory is bounded, however large
    // the files are, and however slow the slowest process is.
    let (files, files_in) = aqueduct::buffered(64);
    let (chunks, chunks_in) = aqueduct::buffered(16);
    let (tallies, tallies_in) = aqueduct::buffered(16);
    // Without a buffer, a send is a meeting: it is done when the receiver has taken the value.
    let (problems, problems_in) = aqueduct::channel();
    let (found, found_in) = aqueduct::buffered(64);
    let (counted, counted_in) = aqueduct::buffered(64);

    // A process is a value. It does nothing yet, but knows its name and its channels: enough for a picture.
    let network = par!(
        find_files(roots, files, found, problems.clone()), // an end that is cloned is one more sender
        read_files(files_in, chunks, problems),
        farm(workers, chunks_in, tallies).named(format!("farm of {workers}")),
        merge(tallies_in, problems_in, counted),
        show_progress(found_in, counted_in, bar),
    );
    let picture = network.shape().to_string();
    let ((), (), (), counted, ()) = aqueduct::run(network)?;
    Ok((counted, picture))
}

/// Finds the files. A plain `fn` is a thread process: it has a thread of its own, and may block it.
#[process]
fn find_files(roots: Vec<PathBuf>, files: Sender<PathBuf>, found: Sender<u64>, problems: Sender<Problem>) -> Outcome {
    for file in roots.into_iter().flat_map(walk) {
        match file {
            Ok((path, bytes)) => {
                found.send_blocking(bytes)?;
                files.send_blocking(path)?;
            }
            Err(problem) => problems.send_blocking(problem)?,
        }
    }
    Ok(())
}

/// Reads one file after the other, in chunks that end where a word ends.
#[process]
fn read_files(files: Receiver<PathBuf>, chunks: Sender<Chunk>, problems: Sender<Problem>) -> Outcome {
    for path in &files {
        let path = path?; // an error here is poison: somebody has failed, and `?` passes it on
        for chunk in Chunks::of_file(&path) {
            match chunk {
                Ok(chunk) => chunks.send_blocking(chunk)?,
                Err(reason) => problems.send_blocking(Problem { path: path.clone(), reason })?,
            }
        }
    }
    Ok(())
}

/// Runs a number of workers. They compete for the chunks: a channel may have any number of receivers.
#[process]
async fn farm(workers: usize, chunks: Receiver<Chunk>, tallies: Sender<Tally>) -> Outcome {
    let mut group = Group::new();
    for _ in 0..workers {
        group.add(count_words(chunks.clone(), tallies.clone()));
    }
    group.join().await?;
    Ok(())
}

/// Counts the words of chunks: one worker of the farm, on a thread of its own.
#[process]
fn count_words(chunks: Receiver<Chunk>, tallies: Sender<Tally>) -> Outcome {
    for chunk in &chunks {
        tallies.send_blocking(Tally::of(chunk?))?;
    }
    Ok(())
}

/// Adds everything up. An `async fn` is a task process: it waits without holding a thread.
///
/// Its choice takes whatever is ready, by turns if both are. An arm whose channel has ended switches itself off; when
/// all have, `complete` is chosen.
#[process]
async fn merge(tallies: Receiver<Tally>, problems: Receiver<Problem>, counted: Sender<u64>) -> Outcome<Counted> {
    let mut sum = Counted::default();
    let mut choice = Alt::fair();
    loop {
        alt! { choice;
            Ok(tally) = tallies.recv() => {
                counted.send(tally.bytes).await?;
                sum.tally.add(tally);
            }
            Ok(problem) = problems.recv() => sum.problems.push(problem),
            complete => return Ok(sum),
        }
    }
}

/// Moves the progress bar. The same choice on a thread: a terminal may block.
#[process]
fn show_progress(found: Receiver<u64>, counted: Receiver<u64>, bar: ProgressBar) -> Outcome {
    loop {
        alt_blocking! {
            Ok(bytes) = found.recv() => bar.inc_length(bytes),
            Ok(bytes) = counted.recv() => bar.inc(bytes),
            complete => break,
        }
    }
    bar.finish_and_clear();
    Ok(())
}
