//! CUDA's driver, by way of `cust`: opened when the program runs, on the thread that owns the device.
//!
//! The crate `aqueduct-cuda` (`forward/`) makes a program build without a toolkit and start without a driver; `device`
//! is `Device` on top of it; `nvrtc` compiles CUDA C. `cust` starts the driver and keeps the device's primary context,
//! which other CUDA libraries of the same process share. All else goes through the functions that `cust` declares, for
//! its own types do not suit a stage: its buffers leak silently on a thread without a context, its events cannot be
//! waited for twice, its functions borrow their module, and its callbacks allocate.

mod bell;
mod device;
mod held;
mod load;
pub(crate) mod nvrtc;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use cust::CudaFlags;
use cust::device::{Device as Ordinal, DeviceAttribute};
use cust::error::CudaError;

use crate::gpu::device::{Device, DeviceInfo};
use crate::gpu::error::{DriverError, GpuError};
use crate::gpu::{DriverVersion, codes};

pub use aqueduct_cuda::{AlreadyOpened, install, last_missing, last_raw_code};

/// The oldest driver whose functions and PTX suffice: CUDA 11.0.
const OLDEST: i32 = 11_000;

/// How many GPUs there are: one at least.
///
/// # Errors
/// [`GpuError::NoDriver`] if there is no driver or it sees no GPU; [`GpuError::DriverTooOld`].
pub fn count() -> Result<usize, GpuError> {
    start()?;
    let count = Ordinal::num_devices().map_err(|_| unusable("cuDeviceGetCount"))?;
    if count == 0 { Err(no_driver("the CUDA driver sees none", codes::advice(100))) } else { Ok(count as usize) }
}

/// Opens a GPU on this thread: from now on its context is the thread's own, until the device is dropped, here.
pub(crate) fn open(index: usize) -> Result<Box<dyn Device>, GpuError> {
    let (info, ordinal) = describe(index)?;
    let device = Arc::clone(&info.name);
    match device::CudaDevice::open(info, ordinal) {
        Ok(opened) => Ok(Box::new(opened)),
        // The driver remembers what happened to it, also when nobody here does.
        Err(driver) if driver.is_sticky() => Err(GpuError::DeviceLost { device, driver }),
        Err(driver) => Err(GpuError::Driver(driver)),
    }
}

fn describe(index: usize) -> Result<(DeviceInfo, Ordinal), GpuError> {
    let count = count()?;
    if index >= count {
        let found = match count {
            1 => "the driver has one, GPU 0".to_owned(),
            count => format!("the driver has {count}, GPU 0 to GPU {}", count - 1),
        };
        return Err(GpuError::NoSuchDevice { index, found });
    }
    let label: Arc<str> = format!("GPU {index}").into();
    let failed = |operation| GpuError::Driver(last_error(operation, &label));
    // In range for u32: the driver counts devices with an i32.
    let ordinal = Ordinal::get_device(index as u32).map_err(|_| failed("cuDeviceGet"))?;
    let model = ordinal.name().map_err(|_| failed("cuDeviceGetName"))?;
    let attribute = |attribute| {
        let value = ordinal.get_attribute(attribute).map_err(|_| failed("cuDeviceGetAttribute"))?;
        Ok(u32::try_from(value).unwrap_or(0))
    };
    let info = DeviceInfo {
        index,
        name: format!("GPU {index} ({model})").into(),
        capability: 10 * attribute(DeviceAttribute::ComputeCapabilityMajor)?
            + attribute(DeviceAttribute::ComputeCapabilityMinor)?,
        memory: ordinal.total_memory().map_err(|_| failed("cuDeviceTotalMem_v2"))?,
        multiprocessors: attribute(DeviceAttribute::MultiprocessorCount)?,
        max_threads: attribute(DeviceAttribute::MaxThreadsPerBlock)?,
        max_shared: max_shared(&ordinal).map_err(|()| failed("cuDeviceGetAttribute"))?,
        driver_version: version()?.0,
    };
    Ok((info, ordinal))
}

/// The largest shared memory of a block, static and dynamic together, for a kernel that asks for it: `cust` has no name for it.
fn max_shared(ordinal: &Ordinal) -> Result<u32, ()> {
    use cust::sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN as MOST;
    let mut value = 0;
    // SAFETY: `value` can be written to.
    let code = unsafe { cust::sys::cuDeviceGetAttribute(&raw mut value, MOST, ordinal.as_raw()) };
    if code == cust::sys::CUresult::CUDA_SUCCESS { Ok(u32::try_from(value).unwrap_or(0)) } else { Err(()) }
}

/// Starts the driver; costs next to nothing after the first time.
fn start() -> Result<(), GpuError> {
    if let Some(tried) = aqueduct_cuda::unavailable() {
        return Err(no_driver(
            "there is no CUDA driver",
            &format!(
                " ({tried}); install NVIDIA's driver, or put the folder of its libcuda.so.1 into LD_LIBRARY_PATH, or run on the \
                 CPU with `Gpu::cpu()`"
            ),
        ));
    }
    // Before `cuInit`, which a driver that is too old may refuse with a code that says nothing of that.
    let found = version()?;
    if found.0 < OLDEST {
        return Err(GpuError::DriverTooOld { found, needed: DriverVersion(OLDEST) });
    }
    cust::init(CudaFlags::empty()).map_err(|_: CudaError| unusable("cuInit"))
}

fn version() -> Result<DriverVersion, GpuError> {
    let mut version = 0;
    // SAFETY: `version` can be written to.
    let code = unsafe { cust::sys::cuDriverGetVersion(&raw mut version) };
    if code == cust::sys::CUresult::CUDA_SUCCESS {
        Ok(DriverVersion(version))
    } else {
        Err(unusable("cuDriverGetVersion"))
    }
}

/// The last call on this thread failed, and so no GPU can be used.
fn unusable(operation: &str) -> GpuError {
    if let Some(missing) = last_missing() {
        return no_driver(&format!("the driver has no function `{missing}`"), "; install a newer one");
    }
    let code = last_raw_code();
    no_driver(&format!("{operation} failed with code {code} ({})", codes::name(code)), codes::advice(code))
}

fn no_driver(reason: &str, details: &str) -> GpuError {
    GpuError::NoDriver { reason: reason.to_owned(), details: details.to_owned() }
}

/// What the last call on this thread that failed answered.
fn last_error(operation: &'static str, device: &Arc<str>) -> DriverError {
    DriverError { operation, code: last_raw_code(), device: Arc::clone(device) }
}
