//! PTX, understood from NVIDIA's "PTX ISA" alone: read, checked as `ptxas` would, and run, one thread after another.
//!
//! [`read`] turns a text into kernels whose instructions are decoded to [`Op`](op::Op)s over numbered slots: registers and
//! constants lie in one array of words, and one PTX instruction becomes one or a few operations (a guard is a jump over
//! its instruction, `.ftz` and `.sat` are operations of their own). [`launch`] runs a grid of them. What is not
//! understood is refused with the line, never skipped.

mod arithmetic;
mod convert;
mod decode;
mod float;
mod grid;
mod memory_access;
mod op;
mod operand;
mod read;
mod text;
mod thread;
mod types;
mod warp;

#[cfg(test)]
mod tests;

pub(crate) use grid::{Launch, Memory, launch};
pub(crate) use op::Kernel;
pub(crate) use read::read;
#[cfg(test)]
use text::Refusal;
