//! CUDA's driver, by way of `cust`: opened when the program runs, on the thread that owns the device.

use std::sync::Arc;

use crate::gpu::error::GpuError;

/// Compiles CUDA C to PTX in which the kernel has the name that was asked for.
pub(crate) fn compile(_kernel: &Arc<str>, _source: &str, _capability: u32) -> Result<String, GpuError> {
    Err(GpuError::NoCompiler { tried: "none".to_owned() })
}

pub(crate) fn count() -> Result<usize, GpuError> {
    Err(GpuError::NoDriver("none".to_owned()))
}

pub(crate) fn open(_index: usize) -> Result<Box<dyn crate::gpu::device::Device>, GpuError> {
    Err(GpuError::NoDriver("none".to_owned()))
}
