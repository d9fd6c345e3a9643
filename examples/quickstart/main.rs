//! Counts the words of files: a first program, and a useful one.
//!
//! ```text
//! cargo run --release --example quickstart -- [--top N] [--workers N] [FILES…]
//! ```
//!
//! Read [`network`] first: five processes that share nothing and talk over channels, on tasks and on threads.
//! The other modules are ordinary Rust that knows nothing of processes: [`walk`] finds files, [`text`] cuts them
//! into chunks and counts, [`options`] reads the command line, [`report`] makes the text that is printed.
//!
//! A *word* is a run of ASCII letters, as long as it can be, in lower case. Files are read as bytes: whatever is not
//! an ASCII letter, valid UTF-8 or not, stands between words. The result is that of
//! `tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | sort | uniq -c`.

#[path = "../common/mod.rs"]
pub(crate) mod common;
pub(crate) mod network;
pub(crate) mod options;
pub(crate) mod report;
pub(crate) mod text;
pub(crate) mod walk;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use common::{complain, print};
use options::Command;

fn main() -> ExitCode {
    match options::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => print(options::HELP),
        Ok(Command::Count { roots, workers, top }) => {
            let began = Instant::now();
            match network::count(roots, workers, report::bar()) {
                Ok((counted, shape)) => {
                    for problem in &counted.problems {
                        complain(problem);
                    }
                    if counted.tally.files == 0 {
                        complain("error: no file could be counted");
                        return ExitCode::FAILURE;
                    }
                    print(&report::text(counted.tally, top, began.elapsed(), &shape))
                }
                Err(error) => {
                    complain(format_args!("error: {error}"));
                    ExitCode::FAILURE
                }
            }
        }
        Err(message) => {
            complain(format_args!("error: {message}; `--help` tells more"));
            ExitCode::from(2)
        }
    }
}
