//! What bad input gets: a typed error that says what was wrong and what to do, and a network that ends in order.

use aqueduct::gpu::{
    self, Batch, Batches, DeviceBuf, F32, Gpu, GpuError, In, InOut, IntoKernel, Kernel, Launch, Len, Out, Scalar,
};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::{Settings, Simulator};
use std::sync::Arc;

use crate::failures::cause;
use crate::kernels::{SAXPY, saxpy};
use crate::machine::{Attempt, Result, attempt_bare, is_real, left_out, run, simulate};

/// What a call with a bad kernel, or of a bad batch, is told; the device serves a good one after it.
async fn told<K, I, O>(gpu: &Gpu, kernel: K, inputs: impl Batches<I>) -> Result<GpuError>
where
    K: IntoKernel<Inputs = I, Outputs = O>,
    Vec<f32>: Batches<O>,
{
    let error = gpu.call::<_, _, Vec<f32>>(kernel, inputs).await.expect_err("it is bad");
    let good: Vec<f32> = gpu.call(saxpy(1.0), (vec![1.0; 5], vec![2.0; 5])).await?;
    assert_eq!(good, [3.0; 5]);
    Ok(error)
}

/// What a stage is told that gets one batch of floats: its channels are poisoned, and one beside it goes on.
async fn stage_told<M: Batch<Element = f32>>(
    gpu: &Gpu,
    kernel: impl IntoKernel<Inputs = (f32,), Outputs = (f32,)>,
    batch: M,
) -> Result<String> {
    let (beside_tx, beside_rx) = aqueduct::channel();
    let (beside_out, beside_results) = aqueduct::channel::<Vec<f32>>();
    let beside = gpu::map(|x: F32| x + 1.0).stage().run(gpu, beside_rx, beside_out).spawn();
    let (tx, rx) = aqueduct::channel::<M>();
    let (out, results) = aqueduct::channel::<Vec<f32>>();
    let stage = kernel.into_kernel().stage().named("bad").run(gpu, rx, out).spawn();
    // A stage that fails at its start takes none.
    let _ = tx.send(batch).await;
    let error = stage.await.expect_err("it is bad");
    assert!(results.recv().await.expect_err("poisoned").is_poisoned());
    assert!(tx.closed().await.is_poisoned());
    assert!(error.to_string().starts_with("process bad#"), "{error}");
    beside_tx.send(vec![1.0]).await?;
    assert_eq!(beside_results.recv().await?, [2.0]);
    drop(beside_tx);
    beside.await?;
    Ok(cause(&error).to_string())
}

/// A kernel of one batch that does nothing.
fn idle(entry: &str, text: &str) -> gpu::SourceKernel<(InOut<f32>, Len)> {
    Kernel::ptx(text, entry).args((InOut::<f32>(), Len))
}

const IDLE: &str = ".version 6.0\n.target sm_60\n.address_size 64\n\
    .visible .entry idle(.param .u64 x, .param .u32 n) { ret; }\n\
    .visible .entry other(.param .u64 x) { ret; }";

#[test]
fn an_unknown_kernel_is_told_with_those_there_are() {
    run(Settings::seed(1), |gpu| async move {
        let error = stage_told(&gpu, idle("idel", IDLE), vec![1.0f32]).await?;
        assert_eq!(error, "there is no kernel `idel` in the source; it has `idle`, `other`");
        let error = told(&gpu, idle("idel", ".version 6.0"), vec![1.0]).await?;
        assert_eq!(error.to_string(), "there is no kernel `idel` in the source; it has none");
        Ok(())
    });
}

#[test]
fn a_text_that_does_not_load_is_told_with_what_the_driver_says_of_it() {
    simulate(Settings::seed(2), |gpu, machine| async move {
        let wrong = IDLE.replace("{ ret; }\n", "{\n  .reg .b32 %r<2>;\n  add.u32 %r1, %r1;\n  ret;\n}\n");
        let error = stage_told(&gpu, idle("idle", &wrong), vec![1.0f32]).await?;
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(
            lines[0],
            "the driver does not load the PTX of the kernel `idle`: cuModuleLoadDataEx on GPU 0 (Simulated GPU 0) failed \
             with code 218 (CUDA_ERROR_INVALID_PTX): the PTX is wrong, or asks for a newer GPU than this one (its `.target`)"
        );
        assert!(lines.len() > 1 && error.contains("line 6") && error.contains("ptxas fatal"), "{error}");
        // A stage and one after it with the same text are told the same; nothing of it is kept.
        assert_eq!(stage_told(&gpu, idle("idle", &wrong), vec![1.0f32]).await?, error);
        assert_eq!(machine.live().modules, 1, "that of the good kernel");
        Ok(())
    });
}

#[test]
fn a_text_that_is_too_new_is_told_with_both_versions() {
    simulate(Settings::seed(3), |gpu, _| async move {
        let error = told(&gpu, idle("idle", &IDLE.replace("6.0", "99.9")), vec![1.0]).await?;
        assert!(matches!(error, GpuError::Load { .. }), "{error:?}");
        let text = error.to_string();
        let known = "the driver does not load the PTX of the kernel `idle`: cuModuleLoadDataEx on GPU 0 (Simulated GPU 0) \
            failed with code 222 (CUDA_ERROR_UNSUPPORTED_PTX_VERSION): the PTX is of a newer version (its `.version`) than \
            this driver takes; make it with a toolkit or an NVRTC no newer than the driver, or install a newer driver\n";
        assert!(text.starts_with(known), "{text}");
        assert!(text.ends_with("the text says `.version 99.9`; the driver is of CUDA 13.0"), "{text}");
        Ok(())
    });
}

#[test]
fn a_text_with_a_zero_byte_is_told_where() {
    run(Settings::seed(4), |gpu| async move {
        let error = told(&gpu, idle("idle", &format!("{IDLE}\0")), vec![1.0]).await?.to_string();
        let at = IDLE.len();
        assert!(
            error.ends_with(&format!("\nthe text has a zero byte at {at}, and the driver would read no further")),
            "{error}"
        );
        Ok(())
    });
}

#[test]
fn arguments_that_are_not_the_kernels_own_are_told() {
    run(Settings::seed(5), |gpu| async move {
        let of_saxpy =
            |problem: &str| format!("the arguments declared for the kernel `saxpy` are not its own: {problem}");
        let few = Kernel::ptx(SAXPY, "saxpy").args((In::<f32>(), InOut::<f32>(), Len));
        let error = told(&gpu, few, (vec![1.0], vec![1.0])).await?;
        assert_eq!(error.to_string(), of_saxpy("3 are declared, and the kernel has 4 parameters"));
        let many = Kernel::ptx(SAXPY, "saxpy").args((Scalar(1.0f32), In::<f32>(), InOut::<f32>(), Len, Len));
        let error = told(&gpu, many, (vec![1.0], vec![1.0])).await?;
        assert_eq!(error.to_string(), of_saxpy("5 are declared, and the kernel has 4 parameters"));
        let integer = Kernel::ptx(SAXPY, "saxpy").args((Scalar(1u32), In::<f32>(), InOut::<f32>(), Len));
        let error = told(&gpu, integer, (vec![1.0], vec![1.0])).await?;
        let known = of_saxpy("parameter 0 of the kernel is a `.f32` of 4 bytes, not an integer of 4 bytes");
        assert_eq!(error.to_string(), known);
        let swapped = Kernel::ptx(SAXPY, "saxpy").args((In::<f32>(), Scalar(1.0f32), InOut::<f32>(), Len));
        let error = told(&gpu, swapped, (vec![1.0], vec![1.0])).await?;
        let known = of_saxpy("parameter 0 of the kernel is a `.f32` of 4 bytes, not a pointer of 8 bytes");
        assert_eq!(error.to_string(), known);
        let last = Kernel::ptx(SAXPY, "saxpy").args((Scalar(1.0f32), In::<f32>(), InOut::<f32>(), Scalar(1u64)));
        let error = told(&gpu, last, (vec![1.0], vec![1.0])).await?;
        let known = of_saxpy("parameter 3 of the kernel is a `.u32` of 4 bytes, not an integer of 8 bytes");
        assert_eq!(error.to_string(), known);
        Ok(())
    });
}

#[test]
fn batches_of_other_lengths_are_told() {
    run(Settings::seed(6), |gpu| async move {
        let error = told(&gpu, saxpy(1.0), (vec![1.0; 3], vec![1.0; 2])).await?;
        assert_eq!(error.to_string(), "parameter 2 of the kernel `saxpy` got a batch of 2 elements where 3 are needed");
        let fixed = Kernel::ptx(IDLE, "other").args((InOut::<f32>().of(8),));
        let error = stage_told(&gpu, fixed, vec![1.0f32; 9]).await?;
        assert_eq!(error, "parameter 0 of the kernel `other` got a batch of 9 elements where 8 are needed");
        Ok(())
    });
}

#[test]
fn an_empty_batch_is_told() {
    run(Settings::seed(7), |gpu| async move {
        let empty = |kernel: &str| format!("the kernel `{kernel}` got an empty batch: send none instead");
        assert_eq!(stage_told(&gpu, gpu::map(|x: F32| x), Vec::<f32>::new()).await?, empty("map"));
        assert_eq!(stage_told(&gpu, gpu::copy(), gpu.pinned::<f32>(0).await?).await?, empty("copy"));
        assert_eq!(told(&gpu, idle("idle", IDLE), vec![]).await?.to_string(), empty("idle"));
        let sum = gpu::reduce(0.0f32, |a, b| a + b, |x: F32| x);
        assert_eq!(told(&gpu, sum, vec![]).await?.to_string(), empty("reduce"));
        assert_eq!(told(&gpu, gpu::scan(0.0f32, |a, b| a + b), vec![]).await?.to_string(), empty("scan"));
        Ok(())
    });
}

#[test]
fn a_batch_that_its_blocks_do_not_divide_is_told() {
    run(Settings::seed(8), |gpu| async move {
        let exact = idle("idle", IDLE).launch(Launch::exact(64));
        let error = stage_told(&gpu, &exact, vec![1.0f32; 100]).await?;
        assert_eq!(
            error,
            "a batch of 100 elements does not divide by the 64 threads of a block of the kernel `idle`: pad the batch, or \
             launch with `Launch::cover` and let the kernel check its index against `Len`"
        );
        let back: Vec<f32> = gpu.call(&exact, vec![1.0; 128]).await?;
        assert_eq!(back, [1.0; 128]);
        Ok(())
    });
}

#[test]
fn a_launch_that_no_device_can_do_is_told() {
    run(Settings::seed(9), |gpu| async move {
        let cannot = |problem: &str| format!("the kernel `idle` cannot be launched like this: {problem}");
        let with = |launch| idle("idle", IDLE).launch(launch);
        let error = stage_told(&gpu, with(Launch::cover(2048)), vec![1.0f32]).await?;
        assert_eq!(error, cannot("a block of 2048 threads is too large: CUDA allows 1024"));
        let error = stage_told(&gpu, with(Launch::grid(1, (32, 8, 8))), vec![1.0f32]).await?;
        assert_eq!(error, cannot("a block of 2048 threads is too large: CUDA allows 1024"));
        let error = stage_told(&gpu, with(Launch::cover(0)), vec![1.0f32]).await?;
        assert_eq!(error, cannot("a block needs at least one thread in each dimension"));
        let error = stage_told(&gpu, with(Launch::grid((1, 0), 1)), vec![1.0f32]).await?;
        assert_eq!(error, cannot("a launch needs at least one block in each dimension"));
        Ok(())
    });
}

/// What CUDA allows in each dimension is less than what fits into the number.
#[test]
fn a_launch_that_is_too_large_in_one_dimension_is_told() {
    run(Settings::seed(10), |gpu| async move {
        for launch in [Launch::grid((1, 70_000), 32), Launch::grid((1, 1, 70_000), 32), Launch::grid(1, (1, 1, 128))] {
            let error = stage_told(&gpu, idle("idle", IDLE).launch(launch), vec![1.0f32]).await?;
            assert!(error.starts_with("the kernel `idle` cannot be launched like this: "), "{error}");
            assert!(error.contains("65535") || error.contains("64"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn more_shared_memory_than_a_block_can_have_is_told() {
    run(Settings::seed(11), |gpu| async move {
        let error =
            stage_told(&gpu, idle("idle", IDLE).launch(Launch::cover(32).shared(1 << 20)), vec![1.0f32]).await?;
        assert!(error.starts_with("the kernel `idle` cannot be launched like this: "), "{error}");
        assert!(error.contains("1048576") && error.contains("shared memory"), "{error}");
        // What a block gets only if it asks for it.
        let much = idle("idle", IDLE).launch(Launch::cover(32).shared(60 << 10));
        let back: Vec<f32> = gpu.call(much, vec![1.0; 8]).await?;
        assert_eq!(back, [1.0; 8]);
        Ok(())
    });
}

#[test]
fn a_batch_on_a_device_is_no_batch_for_the_cpu() {
    run(Settings::seed(12), |gpu| async move {
        let there: DeviceBuf<f32> = gpu.call(gpu::copy(), vec![1.0; 4]).await?;
        let name = gpu.name();
        assert_eq!(there.device(), name);
        let error = stage_told(&Gpu::cpu(), gpu::map(|x: F32| x), there).await?;
        assert_eq!(
            error,
            format!(
                "the kernel `map` runs on the CPU and got a batch that lies on {name}: let the stage before it send a `Vec` or \
                 a `Pinned`"
            )
        );
        Ok(())
    });
}

#[test]
fn a_batch_that_no_memory_holds_is_told() {
    run(Settings::seed(13), |gpu| async move {
        for elements in [usize::MAX, usize::MAX / 8 + 2] {
            let error = gpu.pinned::<f64>(elements).await.expect_err("too large");
            let bytes = elements.saturating_mul(8);
            assert_eq!(
                error.to_string(),
                format!("there is no room for a batch of {bytes} bytes in the memory of the host")
            );
        }
        // It could be, but is not.
        let error = gpu.pinned::<u8>(1 << 62).await.expect_err("too large");
        // Drivers differ in what they say to that.
        let is_told = matches!(error, GpuError::Driver(_)) && is_real()
            || matches!(error, GpuError::PinnedMemory { bytes, .. } if bytes == 1 << 62);
        assert!(is_told, "{error:?}");
        let long =
            Kernel::ptx(SAXPY, "saxpy").args((Scalar(1.0f32), In::<f32>(), Out::<f32>().of(usize::MAX / 4), Len));
        let error = told(&gpu, long, vec![1.0]).await?;
        let known = format!("there is no room for a batch of {} bytes in the memory of the host", usize::MAX / 4 * 4);
        assert_eq!(error.to_string(), known);
        Ok(())
    });
}

#[test]
fn a_device_that_is_not_there_is_told_with_those_there_are() {
    for (devices, found) in [(1, "there is one, of index 0"), (3, "there are 3, of index 0 to 2")] {
        simulate(Settings::seed(1).devices(devices), move |_, _| async move {
            for index in [devices, 7, usize::MAX] {
                let error = Gpu::open(index).expect_err("it is not there");
                let known = format!(
                    "there is no GPU {index}: {found}. Use an index that exists, `Gpu::pick()`, or `Gpu::cpu()`"
                );
                assert_eq!(error.to_string(), known);
            }
            Ok(())
        });
    }
}

#[test]
fn a_driver_without_devices_is_told_and_the_cpu_serves() {
    if left_out("it needs a driver without devices") {
        return;
    }
    let body = |_: Arc<Simulator>| async {
        let error = Gpu::open(0).expect_err("there is none");
        let known = "no GPU can be used: cuInit failed with code 100 (CUDA_ERROR_NO_DEVICE): see what \
            `nvidia-smi` lists, whether CUDA_VISIBLE_DEVICES hides it, and whether the container was given it";
        assert_eq!(error.to_string(), known);
        assert_eq!(Gpu::count(), 0);
        assert!(Gpu::all().is_err() && Gpu::least_loaded().is_err());
        if std::env::var_os("AQUEDUCT_GPU").is_none() {
            let picked = Gpu::pick();
            // In short; whoever wants to know more asks for a GPU by its index.
            assert!(picked.is_cpu(), "{picked}");
            assert_eq!(picked.reason(), "cuInit failed with code 100 (CUDA_ERROR_NO_DEVICE)");
            let back: Vec<f32> = picked.call(saxpy(2.0), (vec![1.0], vec![1.0])).await?;
            assert_eq!(back, [3.0]);
        }
        Ok(())
    };
    let Attempt { result, finished, .. } = attempt_bare(Settings::seed(1).devices(0), |_| {}, body);
    result.expect("the CPU serves");
    finished.expect("nothing is left behind");
}
