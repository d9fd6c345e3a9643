//! A driver that is too old is told with both versions, before anything else of it is used; the CPU serves.

use std::ffi::c_void;

use aqueduct::gpu::{self, F32, Gpu, GpuError, driver};

/// CUDA 10.2.
const VERSION: i32 = 10_020;

/// As in `cuda.h`.
///
/// # Safety
/// `version` can be written to.
unsafe extern "C" fn version(version: *mut i32) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { version.write(VERSION) };
    0
}

/// Whatever else would be asked, so old a driver may not have.
fn answer(name: &str) -> Option<*const c_void> {
    (name == "cuDriverGetVersion").then_some(version as *const c_void)
}

#[test]
fn a_driver_that_is_too_old_is_told_and_the_cpu_serves() {
    // SAFETY: the one function that it has is as the driver's.
    unsafe { driver::install(answer) }.expect("nobody has used a GPU yet");
    let error = Gpu::open(0).expect_err("it is too old");
    assert!(matches!(error, GpuError::DriverTooOld { .. }), "{error:?}");
    let known = "the driver of this machine is of CUDA 10.2, and 11.0 at least is needed: install a newer one";
    assert_eq!(error.to_string(), known);
    assert_eq!(Gpu::all().expect_err("it is too old").to_string(), known);
    assert_eq!(Gpu::count(), 0);
    // The environment may have decided for the CPU.
    let gpu = Gpu::pick();
    assert!(gpu.is_cpu(), "{gpu}");
    if std::env::var_os("AQUEDUCT_GPU").is_none() {
        assert_eq!(gpu.reason(), known);
    }
    let ended = aqueduct::run(async move {
        let back: Vec<f32> = gpu.call(gpu::map(|x: F32| x * 2.0), vec![1.0f32, 2.0]).await?;
        assert_eq!(back, [2.0, 4.0]);
        aqueduct::Outcome::Ok(())
    });
    ended.expect("the CPU serves");
}
