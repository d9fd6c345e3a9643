//! A device that fails for good, in the middle of its work.

use std::panic::AssertUnwindSafe;

use aqueduct::ProcessError;
use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, GpuError};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;
use futures::FutureExt;

use crate::chains::chain;
use crate::failures::cause;
use crate::machine::{Attempt, Result, attempt, batches, left_out, plus};

const ILLEGAL_ADDRESS: i32 = 700;
const LAUNCH_FAILED: i32 = 719;

/// That the device is lost, with this code.
fn is_lost(error: &GpuError, code: i32) {
    match error {
        GpuError::DeviceLost { device, source } => {
            assert_eq!((&**device, source.code), ("GPU 0 (Simulated GPU 0)", code), "{error}");
            let text = error.to_string();
            let known = "GPU 0 (Simulated GPU 0) failed and cannot be used any more in this program: cu";
            assert!(text.starts_with(known) && text.contains("`compute-sanitizer`"), "{text}");
        }
        other => panic!("not that the device is lost: {other}"),
    }
}

fn stage_is_lost(result: std::result::Result<(), ProcessError>, code: i32) {
    is_lost(cause(&result.expect_err("its device is lost")), code);
}

/// An operation on GPU 0 fails when its turn comes, while networks run on it, on another device, and on the CPU.
async fn one_of_three_is_lost(gpu: Gpu, code: i32, happened: impl Fn() -> bool) -> Result {
    let other = Gpu::open(1)?;
    // Stages without work: one that waits for its first batch, and one whose result nobody takes.
    let (idle_tx, idle_rx) = aqueduct::channel::<Vec<f32>>();
    let (idle_out, idle_results) = aqueduct::channel::<Vec<f32>>();
    let idle = gpu::map(|x: F32| -x).stage().run(&gpu, idle_rx, idle_out).spawn();
    let (full_tx, full_rx) = aqueduct::channel::<Vec<f32>>();
    let (full_out, full_results) = aqueduct::channel::<DeviceBuf<f32>>();
    let full = gpu::copy().stage().slots(1).run(&gpu, full_rx, full_out).spawn();
    // It may be lost by then.
    let _ = full_tx.send(vec![1.0]).await;
    let elsewhere = tokio::spawn(async move { chain(&vec![other; 2], batches(6, 16), 2).await });
    let on_cpu = tokio::spawn(async { chain(&vec![Gpu::cpu(); 2], batches(6, 16), 2).await });
    let here = chain(&vec![gpu.clone(); 3], batches(6, 16), 2).await;
    assert_eq!(elsewhere.await??, plus(batches(6, 16), 2.0), "the other device");
    assert_eq!(on_cpu.await??, plus(batches(6, 16), 2.0), "the CPU");
    if !happened() && here.is_ok() {
        // It has not so many such operations in this order.
        drop((idle_tx, idle_results, full_tx, full_results));
        // Either end may come first: both are in order.
        idle.await?;
        full.await?;
        return Ok(());
    }
    match here {
        // What failed was not needed for the results.
        Ok(all) => assert_eq!(all, plus(batches(6, 16), 3.0)),
        Err(error) => is_lost(cause(error.downcast_ref().expect("a process")), code),
    }
    // Whoever comes later hears of it, at the latest when it waits for what it did.
    let call = gpu.call::<_, _, Vec<f32>>(gpu::copy(), vec![1.0f32]);
    is_lost(&call.await.expect_err("the device is lost"), code);
    stage_is_lost(idle.await, code);
    stage_is_lost(full.await, code);
    assert!(idle_results.recv().await.expect_err("poisoned").is_poisoned());
    assert!(idle_tx.send(vec![1.0]).await.expect_err("poisoned").reason().is_poisoned());
    assert!(full_tx.send(vec![1.0]).await.expect_err("poisoned").reason().is_poisoned());
    is_lost(&gpu.pinned::<f32>(1 << 20).await.expect_err("the device is lost"), code);
    is_lost(&Gpu::open(0).expect_err("the device is lost"), code);
    let (_tx, rx) = aqueduct::channel::<Vec<f32>>();
    let (out, _results) = aqueduct::channel::<Vec<f32>>();
    stage_is_lost(gpu::map(|x: F32| x).stage().run(&gpu, rx, out).await, code);
    // Whoever may choose takes the other device, which works.
    let picked = Gpu::least_loaded()?;
    assert_eq!(picked.index(), Some(1), "{picked}");
    assert!(Gpu::all()?.iter().all(|gpu| gpu.index() == Some(1)));
    let back: Vec<f32> = picked.call(gpu::map(|x: F32| x + 1.0), vec![1.0f32]).await?;
    assert_eq!(back, [2.0]);
    Ok(())
}

/// Loses the device with the first operation of a kind, the second, and so on, until there are no more.
fn lost_with_each(function: &'static str, code: i32) {
    if left_out("it loses a device") {
        return;
    }
    let mut lost = 0;
    for nth in 1.. {
        let Attempt { result, happened, finished } = attempt(
            Settings::seed(nth).devices(2),
            |machine| machine.fail_later(function, nth, code),
            move |gpu, machine| async move {
                let index = gpu.index();
                let body = one_of_three_is_lost(gpu, code, || machine.all_failed());
                // The operation may have been one of the other device's: then that is lost, which is not asked after here.
                match AssertUnwindSafe(body).catch_unwind().await {
                    Ok(result) => result.map(|()| index),
                    Err(_) if machine.all_failed() && Gpu::open(1).is_err() => Ok(None),
                    Err(payload) => std::panic::resume_unwind(payload),
                }
            },
        );
        if !happened {
            break;
        }
        finished.unwrap_or_else(|problem| panic!("{function}, operation {nth}: {problem}"));
        let index = result.unwrap_or_else(|problem| panic!("{function}, operation {nth}: {problem}"));
        lost += usize::from(index == Some(0));
    }
    assert!(lost > 0, "{function} was never lost on GPU 0");
    println!("{function}: GPU 0 was lost with {lost} operations in turn");
}

#[test]
fn a_kernel_that_fails_loses_its_device_alone() {
    lost_with_each("cuLaunchKernel", ILLEGAL_ADDRESS);
    lost_with_each("cuLaunchKernel", LAUNCH_FAILED);
}

#[test]
fn a_copy_that_fails_loses_its_device_alone() {
    lost_with_each("cuMemcpyHtoDAsync_v2", ILLEGAL_ADDRESS);
    lost_with_each("cuMemcpyDtoHAsync_v2", LAUNCH_FAILED);
}

#[test]
fn a_mark_that_fails_loses_its_device_alone() {
    lost_with_each("cuEventRecord", LAUNCH_FAILED);
    lost_with_each("cuStreamWaitEvent", ILLEGAL_ADDRESS);
}

/// A kernel that writes outside its memory, which the simulated device itself finds.
#[test]
fn a_kernel_that_writes_outside_its_memory_loses_its_device() {
    const OUTSIDE: &str = ".version 6.0\n.target sm_60\n.address_size 64\n\
        .visible .entry outside(.param .u64 x, .param .u32 n) {\n\
        .reg .b64 %rd<3>;\n.reg .b32 %r<2>;\n\
        ld.param.u64 %rd1, [x];\nmov.u32 %r1, 7;\nst.global.u32 [%rd1+1073741824], %r1;\nret;\n}";
    if left_out("it loses a device") {
        return;
    }
    let Attempt { result, finished, .. } = attempt(
        Settings::seed(3),
        |_| {},
        |gpu, machine| async move {
            let kernel = gpu::Kernel::ptx(OUTSIDE, "outside").args((gpu::InOut::<u32>(), gpu::Len));
            let call = gpu.call::<_, _, Vec<u32>>(&kernel, vec![0u32; 8]);
            is_lost(&call.await.expect_err("it writes outside"), ILLEGAL_ADDRESS);
            let violations = machine.take_violations();
            assert!(violations.iter().any(|problem| problem.contains("the kernel `outside` failed")), "{violations:?}");
            // There is no other device.
            is_lost(&Gpu::least_loaded().expect_err("the only device is lost"), ILLEGAL_ADDRESS);
            if std::env::var_os("AQUEDUCT_GPU").is_none() {
                let picked = Gpu::pick();
                assert!(picked.is_cpu(), "{picked}");
                let why = picked.reason();
                assert!(why.starts_with("GPU 0 (Simulated GPU 0) failed and cannot be used any more"), "{why}");
            }
            Ok(())
        },
    );
    finished.expect("nothing is left behind");
    result.expect("the device is lost in order");
}

/// Also when nobody has kept anything of the device: CUDA answers nothing more in this program.
#[test]
fn a_lost_device_stays_lost_when_everybody_has_let_go_of_it() {
    if left_out("it loses a device") {
        return;
    }
    let Attempt { result, finished, .. } = attempt(
        Settings::seed(1),
        |machine| machine.fail_later("cuLaunchKernel", 1, ILLEGAL_ADDRESS),
        |gpu, _| async move {
            let call = gpu.call::<_, _, Vec<f32>>(gpu::map(|x: F32| x), vec![1.0f32]);
            is_lost(&call.await.expect_err("the kernel fails"), ILLEGAL_ADDRESS);
            drop(gpu);
            let told = Gpu::open(0).expect_err("the device is lost");
            assert!(matches!(told, GpuError::DeviceLost { .. }), "{told:?}");
            Ok(())
        },
    );
    finished.expect("nothing is left behind");
    result.expect("it stays lost");
}
