//! Formulas as PTX.
//!
//! Every node is one register, written once; constants stand at the top of their kernel. Floats are computed with `.rn`
//! throughout, which no compiler contracts, so that the bits are those of the CPU. The text runs on every GPU since Pascal
//! (compute capability 6.0) and is loaded by every driver since CUDA 9.

mod formula;
mod text;

pub(crate) use text::{Kind, Register, Writer, file};
