//! Calls of the driver that fail: whichever it is, whoever made it ends in order, and others go on.

use std::error::Error;

use aqueduct::ProcessError;
use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, GpuError, Pinned};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::kernels::saxpy;
use crate::machine::{Attempt, Result, attempt, attempt_bare, batches, left_out, source};

const COUNT: usize = 4;
const LENGTH: usize = 32;

/// What no driver answers for one reason alone, and what leaves the device as it is.
const UNKNOWN: i32 = 999;

/// Two stages, of vectors and of memory on a device, on one device or on two: between them they use every function that stages
/// use.
async fn line(first: Gpu, second: Gpu) -> std::result::Result<Vec<Pinned<f32>>, ProcessError> {
    let (x, x_rx) = aqueduct::channel();
    let (y, y_rx) = aqueduct::channel();
    let (there, there_rx) = aqueduct::channel::<DeviceBuf<f32>>();
    let (out, results) = aqueduct::channel::<Pinned<f32>>();
    let also_results = results.clone();
    let network = par!(
        source(batches(COUNT, LENGTH), x),
        source(batches(COUNT, LENGTH), y),
        saxpy(2.0).stage().slots(2).run(&first, (x_rx, y_rx), there),
        gpu::map(|x: F32| x + 1.0).stage().slots(2).run(&second, there_rx, out),
        collect(results),
    );
    match network.await {
        Ok((.., all)) => Ok(all),
        Err(error) => {
            // Nobody takes a part of the results for all of them.
            let told = also_results.recv().await.expect_err("a result after the failure");
            assert!(told.is_poisoned(), "{told}");
            Err(error)
        }
    }
}

fn is_right(all: &[Pinned<f32>]) -> bool {
    let expected = batches(COUNT, LENGTH).into_iter().map(|batch| batch.into_iter().map(|x| 3.0 * x + 1.0));
    all.len() == COUNT && all.iter().zip(expected).all(|(batch, expected)| batch.iter().copied().eq(expected))
}

/// The typed error that a process failed with.
pub(crate) fn cause(error: &ProcessError) -> &GpuError {
    let found = error.source().and_then(|error| error.downcast_ref::<GpuError>());
    found.unwrap_or_else(|| panic!("it has no error of a GPU as its source: {error}"))
}

/// Two lines at once while one call fails: gives how many of them failed. Whichever does says which call it was, the other is
/// right, and the device serves a third.
async fn two_lines(function: &'static str, devices: usize) -> Result<usize> {
    let gpus = Gpu::all()?;
    let (one, two) = (gpus[0].clone(), gpus[devices - 1].clone());
    let beside = tokio::spawn(line(two.clone(), one.clone()));
    let ended = [line(one.clone(), two.clone()).await, beside.await?];
    let mut failed = 0;
    for result in ended {
        match result {
            Ok(all) => assert!(is_right(&all), "{all:?}"),
            Err(error) => {
                failed += 1;
                let told = match cause(&error) {
                    GpuError::Driver(told) => told,
                    GpuError::Load { driver, .. } => driver,
                    other => panic!("{other}"),
                };
                assert_eq!((told.operation, told.code), (function, UNKNOWN), "{told}");
                assert!(told.to_string().contains("(CUDA_ERROR_UNKNOWN): the driver says no more"), "{told}");
            }
        }
    }
    assert!(is_right(&line(one, two).await?));
    Ok(failed)
}

/// Fails the first call, the second, and so on, until there are no more; gives how many lines failed with each.
fn each_call_of(function: &'static str, devices: usize) -> Vec<usize> {
    let mut failed = Vec::new();
    for nth in 1.. {
        let Attempt { result, happened, finished } = attempt(
            Settings::seed(nth).devices(devices),
            |machine| machine.fail(function, nth, UNKNOWN),
            move |_, machine| async move {
                let failed = two_lines(function, devices).await?;
                // The third line may have met it: then that has failed, and the error is this one.
                Ok((failed, machine.all_failed()))
            },
        );
        if !happened {
            break;
        }
        finished.unwrap_or_else(|problem| panic!("{function}, call {nth}: {problem}"));
        match result {
            Ok((lines, _)) => {
                assert!(lines <= 1, "{function}, call {nth}: {lines} lines failed of one call");
                failed.push(lines);
            }
            // The third line.
            Err(problem) if problem.contains(&format!("{function} on GPU")) => failed.push(1),
            Err(problem) => panic!("{function}, call {nth}: {problem}"),
        }
        assert!(nth < 1000, "{function} is called for ever");
    }
    assert!(!failed.is_empty(), "{function} is never called");
    println!("{function}: {} calls failed in turn, and with them {} lines", failed.len(), failed.iter().sum::<usize>());
    failed
}

/// Whoever needs the call fails with it.
fn each_fails_one(function: &'static str, devices: usize) {
    if left_out("it makes calls fail") {
        return;
    }
    let failed = each_call_of(function, devices);
    assert!(failed.iter().all(|lines| *lines == 1), "{function}: not every failure was told: {failed:?}");
}

/// The call is needed only to be quicker, or is asked again: nobody need fail with it.
fn each_fails_one_at_most(function: &'static str, devices: usize) {
    if left_out("it makes calls fail") {
        return;
    }
    each_call_of(function, devices);
}

#[test]
fn memory_of_the_device_that_is_refused_fails_one() {
    each_fails_one("cuMemAlloc_v2", 1);
}

#[test]
fn pinned_memory_that_is_refused_fails_one() {
    each_fails_one("cuMemHostAlloc", 1);
}

#[test]
fn a_copy_to_the_device_that_fails_fails_one() {
    each_fails_one("cuMemcpyHtoDAsync_v2", 1);
}

#[test]
fn a_copy_to_the_host_that_fails_fails_one() {
    each_fails_one("cuMemcpyDtoHAsync_v2", 1);
}

#[test]
fn a_copy_between_devices_that_fails_fails_one() {
    each_fails_one("cuMemcpyPeerAsync", 2);
}

#[test]
fn a_launch_that_fails_fails_one() {
    each_fails_one("cuLaunchKernel", 1);
}

#[test]
fn a_wait_that_fails_fails_one() {
    each_fails_one("cuStreamWaitEvent", 1);
    each_fails_one("cuStreamWaitEvent", 2);
}

#[test]
fn a_module_that_is_refused_fails_one() {
    each_fails_one("cuModuleLoadDataEx", 1);
}

#[test]
fn a_kernel_that_is_not_found_fails_one() {
    each_fails_one("cuModuleGetFunction", 1);
}

#[test]
fn a_queue_that_is_refused_fails_one() {
    each_fails_one("cuStreamCreate", 1);
}

#[test]
fn a_mark_that_is_refused_fails_one() {
    each_fails_one("cuEventCreate", 1);
}

/// The mark that a stage puts behind its work when it ends is needed by nobody but itself.
#[test]
fn a_mark_that_is_not_recorded_fails_one_at_most() {
    each_fails_one_at_most("cuEventRecord", 1);
    each_fails_one_at_most("cuEventRecord", 2);
}

/// Also if the second mark, which a stage that has failed puts behind what it had queued, is refused too: its memory is not
/// given to others before the device has done with it.
#[test]
fn memory_is_kept_until_its_work_is_done_though_no_mark_can_be_put_behind_it() {
    if left_out("it makes calls fail") {
        return;
    }
    for nth in 1..=36 {
        let Attempt { result, finished, .. } = attempt(
            Settings::seed(nth),
            |machine| {
                machine.fail("cuEventRecord", nth, UNKNOWN);
                machine.fail("cuEventRecord", nth + 1, UNKNOWN);
            },
            |gpu, _| async move {
                let _ = line(gpu.clone(), gpu.clone()).await;
                // Its memory serves others at once.
                for _ in 0..3 {
                    match line(gpu.clone(), gpu.clone()).await {
                        Ok(all) => assert!(is_right(&all), "{all:?}"),
                        Err(error) => assert!(matches!(cause(&error), GpuError::Driver(_)), "{error}"),
                    }
                }
                Ok(())
            },
        );
        result.unwrap_or_else(|problem| panic!("records {nth} and {}: {problem}", nth + 1));
        finished.unwrap_or_else(|problem| panic!("records {nth} and {}: {problem}", nth + 1));
    }
}

#[test]
fn a_mark_that_cannot_be_asked_after_fails_one_at_most() {
    each_fails_one_at_most("cuEventQuery", 1);
}

#[test]
fn a_bell_that_cannot_be_hung_fails_nobody() {
    if left_out("it makes calls fail") {
        return;
    }
    // Whether a bell is hung at all depends on how fast the others are: a wait is long where nothing is done by itself.
    let mut met = 0;
    for nth in (1..40).map(|n| 4 * n) {
        let Attempt { result, happened, finished } = attempt(
            Settings::seed(nth),
            |machine| machine.fail("cuLaunchHostFunc", 1, UNKNOWN),
            |_, _| two_lines("cuLaunchHostFunc", 1),
        );
        finished.expect("nothing is left behind");
        assert_eq!(result, Ok(0));
        met += usize::from(happened);
    }
    println!("cuLaunchHostFunc: failed in {met} of 39 runs");
}

#[test]
fn a_device_that_does_not_open_says_which_call_failed() {
    if left_out("it makes calls fail") {
        return;
    }
    // Those that tell of a device before it is opened have words of their own.
    for function in ["cuInit", "cuDriverGetVersion", "cuDeviceGetCount"] {
        let Attempt { result, happened, finished } = attempt_bare(
            Settings::seed(1),
            |machine| machine.fail(function, 1, UNKNOWN),
            |_| async {
                let told = Gpu::open(0).expect_err("it fails");
                assert!(matches!(&told, GpuError::NoDriver { .. }), "{told:?}");
                // The next one may succeed.
                Gpu::open(0)?;
                Ok(told.to_string())
            },
        );
        finished.expect("nothing is left behind");
        let told = result.expect("the second opens it");
        assert!(happened, "{function}");
        let known = format!(
            "no GPU can be used: {function} failed with code 999 (CUDA_ERROR_UNKNOWN): the driver says no more; its \
             messages are in the kernel's log (`dmesg`, lines with NVRM or Xid)"
        );
        assert_eq!(told, known);
    }
    for (function, nth) in [
        ("cuDeviceGet", 1),
        ("cuDeviceGetName", 1),
        ("cuDeviceGetAttribute", 1),
        ("cuDeviceGetAttribute", 5),
        ("cuDeviceTotalMem_v2", 1),
        ("cuDevicePrimaryCtxRetain", 1),
        // `cust` does it first, and does not look what becomes of it.
        ("cuCtxSetCurrent", 2),
    ] {
        let Attempt { result, happened, finished } = attempt_bare(
            Settings::seed(1),
            |machine| machine.fail(function, nth, UNKNOWN),
            |_| async {
                let told = Gpu::open(0).expect_err("it fails");
                let back: Vec<f32> = Gpu::open(0)?.call(gpu::copy(), vec![1.0f32]).await?;
                assert_eq!(back, [1.0]);
                Ok(told)
            },
        );
        assert!(happened, "{function}");
        finished.unwrap_or_else(|problem| panic!("{function}: {problem}"));
        match result.unwrap_or_else(|problem| panic!("{function}: {problem}")) {
            GpuError::Driver(told) => assert_eq!((told.operation, told.code), (function, UNKNOWN)),
            other => panic!("{function}: {other}"),
        }
    }
}

/// A code that this library has no name for keeps its number.
#[test]
fn an_unknown_code_keeps_its_number() {
    if left_out("it makes calls fail") {
        return;
    }
    let Attempt { result, finished, .. } = attempt(
        Settings::seed(1),
        |machine| machine.fail("cuLaunchKernel", 1, 987),
        |gpu, _| async move {
            let call = gpu.call::<_, _, Vec<f32>>(gpu::map(|x: F32| x), vec![1.0f32]);
            Ok(call.await.expect_err("it fails").to_string())
        },
    );
    finished.expect("nothing is left behind");
    assert_eq!(
        result.as_deref(),
        Ok(
            "cuLaunchKernel on GPU 0 (Simulated GPU 0) failed with code 987 (a code that this library does not know); a \
            newer CUDA than 13.0 may say what it means"
        )
    );
}
