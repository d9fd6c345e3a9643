//! GPU processes: kernels as processes of a network, with and without a GPU.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod codes;
#[allow(unsafe_code, reason = "a driver copies to and from raw memory")]
#[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "only a driver makes devices"))]
mod device;
#[cfg(feature = "cuda")]
#[allow(unsafe_code, reason = "the driver is a C library")]
mod driver;
mod element;
mod error;
mod expression;
mod kernel;

pub use element::{Element, Plain};
pub use error::{DriverError, GpuError};
pub use expression::{Condition, Expression, F32, F64, Function, I32, I64, U32, U64, index, map, reduce, scan, zip};
pub use kernel::Kernel;
