//! GPU processes: kernels as processes of a network, with and without a GPU.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod codes;
#[allow(unsafe_code, reason = "a driver copies to and from raw memory")]
#[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "only a driver makes devices"))]
mod device;
#[cfg(feature = "cuda")]
#[allow(unsafe_code, reason = "the driver is a C library")]
#[doc(hidden)]
pub mod driver;
mod element;
mod error;
mod expression;
mod kernel;
#[allow(unsafe_code, reason = "memory of one owner, which may be a driver's")]
mod memory;
mod pick;
mod stage;

pub use device::DeviceInfo;
pub use element::{Element, Plain};
pub use error::{DriverError, DriverVersion, GpuError};
pub use expression::{Condition, Expression, F32, F64, Function, I32, I64, U32, U64, index, map, reduce, scan, zip};
pub use kernel::{
    Argument, Arguments, Dimensions, In, InOut, IntoKernel, Kernel, Launch, Len, Out, Scalar, Source, SourceKernel,
    Twin, copy,
};
pub use memory::Pinned;
pub use pick::Gpu;
pub use stage::{Batch, Batches, Call, DeviceBuf, Inputs, ItemStage, Outputs, RunStage, Stage, StageProcess};
