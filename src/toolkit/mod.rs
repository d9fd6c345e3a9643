//! Plug-and-play processes: the parts from which many networks are made.
//!
//! Each is a process like your own: lazy, with a name and ports, to be awaited, composed or spawned. What is configured
//! comes first, then the inputs, then the outputs.
//!
//! ```text
//!              ┌────────┐   ┌───────┐   ┌──────┐
//!          ┌──▶│ prefix │──▶│ delta │──▶│ take │──▶ numbers
//!          │   └────────┘   └───┬───┘   └──────┘
//!          │  ┌───────────┐     │
//!          └──│ successor │◀────┘
//!             └───────────┘
//! ```
//!
//! ```
//! use aqueduct::prelude::*;
//! use aqueduct::toolkit::*;
//!
//! # aqueduct::run(async {
//! let (a, a_rx) = aqueduct::channel();
//! let (b, b_rx) = aqueduct::channel();
//! let (c, c_rx) = aqueduct::channel();
//! let (d, d_rx) = aqueduct::channel();
//! let (numbers, numbers_rx) = aqueduct::channel();
//! let network = par!(
//!     prefix(0_u64, c_rx, a),
//!     delta(a_rx, vec![b, d]),
//!     successor(b_rx, c),
//!     take(5, d_rx, numbers),
//!     collect(numbers_rx),
//! );
//! let (.., numbers) = network.await?;
//! assert_eq!(numbers, [0, 1, 2, 3, 4]);
//! # Outcome::Ok(()) }).unwrap();
//! ```
//!
//! | process | what it does |
//! |---|---|
//! | [`identity`] | passes every value on |
//! | [`prefix`], [`tail`], [`take`] | one value before; all but the first; the first few |
//! | [`successor`], [`plus`], [`pairs`] | `n + 1`; the sums of two inputs; the sums of neighbours |
//! | [`map`], [`try_map`], [`filter`], [`zip_with`] | `f` of each value; that may fail; some of them; `f` of two inputs |
//! | [`delta`], [`par_delta`], [`publish`] | every value to every output: in order; at once; to those still there |
//! | [`merge`], [`pri_merge`] | several inputs into one output: fairly; by priority |
//! | [`distribute`], [`round_robin`] | each value to one output: any that is ready; in turn |
//! | [`farm`], [`ordered_farm`], [`thread_farm`], [`ordered_thread_farm`] | several workers: tasks or threads, in any order or in the input's |
//! | [`pipeline`] | stages one after the other |
//! | [`ticker`], [`regulate`], [`sample`] | an instant a period; the latest value a period; each value once at most |
//! | [`generate`] | what an iterator gives |
//! | [`collect`], [`collect_first`], [`fold`], [`count`], [`discard`] | everything into one value, or into nothing |
//! | [`read_lines`], [`read_lines_within`], [`write_lines`], [`append_lines`] | text files |
//! | [`run_command`], [`command_filter`], [`command_source`], [`command_sink`] | programs of the system |
//!
//! # How they end
//!
//! When its inputs are retired, a process passes on what it has, and ends. When its output is retired, it ends too, and
//! at once: it watches its output while it waits for a value, so a value that nobody wants stays in its input, where
//! another receiver finds it. What a process has taken and not yet handed on when that happens is dropped: one value at
//! most, unless its page says otherwise.
//!
//! A poison, from whatever side, ends the process with that cause and goes on through all its channels. Poison of the
//! input is seen when the process next looks there.
//!
//! Cancelled, a process poisons its channels, as every process does. What it had in its hand goes with it; so the data
//! is not complete, and nobody takes it to be.

mod arithmetic;
mod delta;
mod distribute;
mod ends;
mod farm;
mod files;
mod lines;
mod map;
mod merge;
mod pace;
mod pipeline;
mod relay;
mod subprocess;
pub(crate) mod watch;
mod zip;

pub use arithmetic::{NoSuccessor, Successor, pairs, plus, successor};
pub use delta::{delta, par_delta, publish};
pub use distribute::{distribute, round_robin};
pub use ends::{collect, collect_first, count, discard, fold, generate};
pub use farm::{FarmError, farm, ordered_farm, ordered_thread_farm, thread_farm};
pub use files::{FileError, append_lines, read_lines, read_lines_within, write_lines};
pub use lines::Portion;
pub use map::{filter, map, try_map};
pub use merge::{merge, pri_merge};
pub use pace::{regulate, sample, ticker};
pub use pipeline::{Pipeline, Stages, pipeline};
pub use relay::{identity, prefix, tail, take};
pub use subprocess::{CommandError, Program, command_filter, command_sink, command_source, run_command};
pub use zip::zip_with;
