//! Text files as sources and sinks of lines.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::lines::{LineError, Lines};
use crate::prelude::*;
use crate::{TryRecvError, WaitError};

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It could not be opened, or made.
    #[error("cannot open `{}`: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It could not be read on.
    #[error("cannot read line {line} of `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The line that could not be read; the first is 1.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not text.
    #[error("line {line} of `{}` is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line; the first is 1.
        line: u64,
    },
    /// A line is longer than it may be.
    #[error("line {line} of `{}` has more than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line; the first is 1.
        line: u64,
        /// How many bytes a line may have.
        limit: usize,
    },
    /// It could not be written on, for instance because the disk is full.
    #[error("cannot write to `{}`, after {lines} lines: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// How many lines were received before; the last of them may not be in the file.
        lines: u64,
        /// What the system says.
        source: io::Error,
    },
}

/// Emits the lines of a text file, without their ends (`\n` or `\r\n`), and ends with it. The last line needs no end.
///
/// It is a thread process, since files block. A line may be of any length: where you do not know the file, use
/// [`read_lines_within`].
///
/// # Errors
/// [`FileError`], with the file and the number of the line: it cannot be opened or read, or a line is not UTF-8. The
/// lines before have been emitted; the failure poisons the output.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// let error = par!(read_lines("no/such/file", tx), collect(rx)).await.unwrap_err();
/// assert!(error.to_string().contains("cannot open `no/such/file`"));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub fn read_lines(path: impl Into<PathBuf> + Send + 'static, out: Sender<String>) -> Outcome {
    read(path.into(), usize::MAX, &out)
}

/// As [`read_lines`], but a line of more than `limit` bytes, its end not counted, is an error: memory is bounded.
///
/// # Errors
/// As [`read_lines`], and [`FileError::TooLong`].
#[process]
pub fn read_lines_within(limit: usize, path: impl Into<PathBuf> + Send + 'static, out: Sender<String>) -> Outcome {
    read(path.into(), limit, &out)
}

fn read(path: PathBuf, limit: usize, out: &Sender<String>) -> Outcome {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(source) => return Err(FileError::Open { path, source }.into()),
    };
    let mut lines = Lines::new(BufReader::new(file), limit);
    // The next line is read only while there is somebody to have it.
    loop {
        if let Some(ended) = out.ended() {
            return Err(ended.into());
        }
        match lines.next() {
            Ok(Some(line)) => out.send_blocking(line)?,
            Ok(None) => return Ok(()),
            Err(error) => return Err(in_file(path, lines.number, error).into()),
        }
    }
}

fn in_file(path: PathBuf, line: u64, error: LineError) -> FileError {
    match error {
        LineError::Read(source) => FileError::Read { path, line, source },
        LineError::NotUtf8 => FileError::NotUtf8 { path, line },
        LineError::TooLong(limit) => FileError::TooLong { path, line, limit },
    }
}

/// Writes each value as a line into a text file, which it makes anew; gives the number of lines.
///
/// It is a thread process, since files block. The file is flushed whenever no line is waiting, and at the end. A value
/// is written as it is, so one with a `\n` in it makes two lines.
///
/// # Errors
/// [`FileError`]: it cannot be opened or written, for instance because the disk is full. A poisoned input: the lines that
/// had come are in the file, and it is not complete.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let path = std::env::temp_dir().join(format!("aqueduct-example-{}.txt", std::process::id()));
/// let (tx, rx) = aqueduct::channel();
/// let text = ["one", "two"].map(str::to_owned);
/// assert_eq!(par!(generate(text.clone(), tx), write_lines(path.clone(), rx)).await?.1, 2);
/// let (tx, rx) = aqueduct::channel();
/// assert_eq!(par!(read_lines(path.clone(), tx), collect(rx)).await?.1, text);
/// std::fs::remove_file(path)?;
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub fn write_lines(path: impl Into<PathBuf> + Send + 'static, input: Receiver<String>) -> Outcome<u64> {
    write(&path.into(), OpenOptions::new().write(true).create(true).truncate(true), &input)
}

/// As [`write_lines`], but what is in the file already stays, and the lines are added to it.
///
/// # Errors
/// As [`write_lines`].
#[process]
pub fn append_lines(path: impl Into<PathBuf> + Send + 'static, input: Receiver<String>) -> Outcome<u64> {
    write(&path.into(), OpenOptions::new().append(true).create(true), &input)
}

fn write(path: &Path, how: &OpenOptions, input: &Receiver<String>) -> Outcome<u64> {
    let file = how.open(path).map_err(|source| FileError::Open { path: path.to_owned(), source })?;
    let mut file = BufWriter::new(file);
    let mut lines = 0;
    let written = loop {
        let line = match input.try_recv() {
            // Nobody knows when the next one comes: whoever reads the file should see this far.
            Err(TryRecvError::Empty) => match file.flush() {
                Ok(()) => input.recv_blocking(),
                Err(error) => break Err(error),
            },
            received => received.map_err(|error| match error {
                TryRecvError::Ended(ended) => WaitError::Ended(ended),
                TryRecvError::Empty => unreachable!("matched above"),
            }),
        };
        match line {
            Ok(line) => {
                if let Err(error) = file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n")) {
                    break Err(error);
                }
                lines += 1;
            }
            Err(error) => {
                let flushed = file.flush();
                if !error.is_retired() {
                    // The first failure is the one that counts.
                    return Err(error.into());
                }
                break flushed;
            }
        }
    };
    match written {
        Ok(()) => Ok(lines),
        Err(source) => {
            // What is in the buffer cannot be written: trying again as it is dropped would only hide that.
            let _ = file.into_parts();
            Err(FileError::Write { path: path.to_owned(), lines, source }.into())
        }
    }
}
