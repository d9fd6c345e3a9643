//! Loading a text, with what the driver's compiler says of it.

use std::ffi::{CString, c_void};
use std::sync::Arc;

use cust::sys::{CUjit_option, CUmodule, cuModuleLoadDataEx};

use super::last_error;
use crate::gpu::device::{DeviceInfo, LoadError, Module};
use crate::gpu::error::DriverError;

/// More than a person reads; the driver cuts the rest off.
const LOG_BYTES: usize = 16 * 1024;

const INVALID_PTX: i32 = 218;
const UNSUPPORTED_PTX_VERSION: i32 = 222;

/// Compiles and loads a text into the context of this thread.
pub(super) fn load(ptx: &str, info: &DeviceInfo) -> Result<Module, LoadError> {
    const OPERATION: &str = "cuModuleLoadDataEx";
    let text = CString::new(ptx).map_err(|error| LoadError {
        error: DriverError { operation: OPERATION, code: INVALID_PTX, device: Arc::clone(&info.name) },
        log: format!("the text has a zero byte at {}, and the driver would read no further", error.nul_position()),
    })?;
    let mut log = vec![0_u8; LOG_BYTES];
    let mut options = [CUjit_option::CU_JIT_ERROR_LOG_BUFFER, CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    // The driver takes a number in the place of the pointer.
    let mut values: [*mut c_void; 2] = [log.as_mut_ptr().cast(), std::ptr::without_provenance_mut(log.len())];
    let mut module: CUmodule = std::ptr::null_mut();
    // SAFETY: the text ends with a zero; both lists have as many entries as is said; `log` has the length that is said,
    // and outlives the call.
    let code = unsafe {
        cuModuleLoadDataEx(
            &raw mut module,
            text.as_ptr().cast(),
            options.len() as u32,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    if code == cust::sys::CUresult::CUDA_SUCCESS {
        return Ok(Module(module.addr()));
    }
    let error = last_error(OPERATION, &info.name);
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    let mut log = String::from_utf8_lossy(&log[..end]).trim_end().to_owned();
    if error.code == UNSUPPORTED_PTX_VERSION
        && let Some(version) = version_of(ptx)
    {
        let (major, minor) = (info.driver_version / 1000, info.driver_version % 1000 / 10);
        if !log.is_empty() {
            log.push('\n');
        }
        log.push_str(&format!("the text says `.version {version}`; the driver is of CUDA {major}.{minor}"));
    }
    Err(LoadError { error, log })
}

/// What the text says after `.version`.
fn version_of(ptx: &str) -> Option<&str> {
    ptx.lines().find_map(|line| line.trim_start().strip_prefix(".version")?.split_whitespace().next())
}
