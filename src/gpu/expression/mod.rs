//! Expressions: one tree that is a kernel for the GPU and a body for the CPU.
//!
//! A closure of the user runs once, with [`Expression`](value::Expression)s for numbers, and leaves a
//! [`Formula`](tree::Formula). Of that one formula are made
//!
//! * the PTX ([`ptx`]), one instruction or a few for each node, and
//! * the program for the CPU ([`cpu`]), one loop over a block of elements for each node.
//!
//! Both have the same arithmetic, to the bit, and both go through a batch in the same order where order matters: see
//! [`reduce`] and [`scan`]. A tree that is interpreted block by block rather than compiled costs little against memory, needs
//! no compiler in the program, and cannot disagree with the PTX on what was written.

mod cpu;
mod function;
mod map;
mod operators;
mod plan;
mod ptx;
mod reduce;
mod scan;
mod show;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod value;

pub use function::Function;
pub use map::{map, zip};
pub use reduce::reduce;
pub use scan::scan;
pub use value::{Condition, Expression, F32, F64, I32, I64, U32, U64, index};
