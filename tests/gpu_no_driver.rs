//! On a machine without a driver everything starts, and asking for a GPU says what was tried; with one, it is counted.

use aqueduct::gpu::{GpuError, driver};

#[test]
fn a_machine_without_a_driver_says_what_was_tried_and_what_to_do() {
    match driver::count() {
        Ok(count) => assert!(count > 0, "a driver without GPUs is an error"),
        Err(GpuError::NoDriver { reason, details }) if reason == "there is no CUDA driver" => {
            for part in ["libcuda.so.1: ", "/usr/local/nvidia/lib64", "install NVIDIA's driver", "Gpu::cpu()"] {
                assert!(!cfg!(target_os = "linux") || details.contains(part), "{part} is not in: {details}");
            }
            // And `cust` itself, in the same program, is answered as by a driver without devices.
            let error = cust::init(cust::CudaFlags::empty()).expect_err("there is no driver");
            assert!(error.to_string().contains("no CUDA driver"), "{error}");
            assert_eq!(driver::last_raw_code(), 100);
        }
        // A driver of another kernel, or without its devices: whatever it is, it has a reason and a remedy.
        Err(error) => assert!(error.to_string().contains("no GPU can be used: "), "{error}"),
    }
}

#[test]
fn whoever_comes_after_the_first_use_cannot_stand_in_for_the_driver() {
    let _ = driver::count();
    // SAFETY: it never answers.
    let refused = unsafe { driver::install(|_| None) }.expect_err("the driver was looked for already");
    assert!(refused.to_string().contains("before the first use"), "{refused}");
}
