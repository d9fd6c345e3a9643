//! Memory that does not suffice.

use aqueduct::gpu::{self, DeviceBuf, F32, GpuError, Pinned};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::failures::cause;
use crate::machine::{attempt, batches, left_out, plus, simulate, source};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// So many bytes of floats.
fn floats(bytes: usize) -> Vec<f32> {
    vec![1.0; bytes / 4]
}

#[test]
fn a_batch_that_does_not_fit_is_told_with_figures_and_smaller_ones_go_on() {
    for seed in 0..20 {
        simulate(Settings::seed(seed).memory(MIB), |gpu, _| async move {
            let kernel = gpu::map(|x: F32| x + 1.0);
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            let (tx, rx) = aqueduct::channel();
            let small = kernel.stage().slots(2).named("small").run(&gpu, rx, out).spawn();
            tx.send(vec![1.0; 16]).await?;
            assert_eq!(results.recv().await?, [2.0; 16]);

            let (big, big_rx) = aqueduct::channel();
            let (big_out, big_results) = aqueduct::channel::<Vec<f32>>();
            let stage = kernel.stage().named("big").run(&gpu, big_rx, big_out).spawn();
            big.send(floats(2 * MIB)).await?;
            let error = stage.await.expect_err("it does not fit");
            match cause(&error) {
                GpuError::OutOfMemory { free, bytes, device, driver } => {
                    // What the other stage uses takes 4 KiB for each slot and argument; what lies about was given back.
                    assert!(*bytes == 2 * MIB && *free <= MIB && *free >= MIB - 16 * KIB, "{error}");
                    assert_eq!((&**device, driver.code), ("GPU 0 (Simulated GPU 0)", 2));
                    let text = cause(&error).to_string();
                    let known = format!(
                        "there is no room for 2097152 bytes more on GPU 0 (Simulated GPU 0), of whose memory {free} bytes \
                         are free (cuMemAlloc_v2 on GPU 0 (Simulated GPU 0) \
                         failed with code 2 (CUDA_ERROR_OUT_OF_MEMORY)"
                    );
                    assert!(text.starts_with(&known), "{text}");
                }
                other => panic!("{other}"),
            }
            assert!(big_results.recv().await.expect_err("poisoned").is_poisoned());
            assert!(big.send(vec![]).await.expect_err("poisoned").reason().is_poisoned());

            tx.send(vec![2.0; 16]).await?;
            assert_eq!(results.recv().await?, [3.0; 16]);
            let again: Vec<f32> = gpu.call(&kernel, vec![5.0; 64]).await?;
            assert_eq!(again, [6.0; 64]);
            drop(tx);
            small.await?;
            Ok(())
        });
    }
}

/// Memory of other sizes that lies about is given back to the driver first, also if its work has not begun.
#[test]
fn memory_of_other_sizes_makes_room() {
    for seed in 0..40 {
        simulate(Settings::seed(seed).memory(MIB), |gpu, machine| async move {
            for (step, bytes) in [512, 1024, 256, 1024, 512].into_iter().enumerate() {
                let there: DeviceBuf<f32> = gpu.call(gpu::copy(), floats(bytes * KIB)).await?;
                if step % 2 == 0 {
                    // Before it is there.
                    drop(there);
                    continue;
                }
                let back: Vec<f32> = gpu.call(gpu::copy(), there).await?;
                assert_eq!(back, floats(bytes * KIB));
            }
            assert!(machine.calls("cuMemFree_v2") >= 4, "{:?}", machine.all_calls());
            Ok(())
        });
    }
}

#[test]
fn pinned_memory_of_other_sizes_makes_room() {
    for seed in 0..20 {
        let settings = Settings { pinned: 2 * MIB, ..Settings::seed(seed) };
        simulate(settings, |gpu, machine| async move {
            for (given_back, kib) in [(0, 512), (1, 2048), (2, 1024), (3, 2048), (4, 256)] {
                let mut pinned: Pinned<f32> = gpu.pinned(kib * KIB / 4).await?;
                pinned.fill(1.0);
                assert_eq!(machine.calls("cuMemFreeHost"), given_back, "before {kib} KiB");
            }
            let back: Pinned<f32> = gpu.call(gpu::map(|x: F32| x + 1.0), vec![1.0; 64 * KIB]).await?;
            assert!(back.iter().all(|x| *x == 2.0));
            let told = gpu.pinned::<f32>(MIB).await.expect_err("it does not fit");
            assert_eq!(
                told.to_string(),
                "the driver pins no 4194304 bytes more of the host's memory (cuMemHostAlloc on GPU 0 (Simulated GPU 0) failed \
                 with code 2 (CUDA_ERROR_OUT_OF_MEMORY): smaller batches, fewer slots or fewer kernels at a time need less \
                 memory; another program may hold the rest)"
            );
            Ok(())
        });
    }
}

/// A network that is too large for its device ends in order, wherever in it the memory ran out.
#[test]
fn a_chain_that_does_not_fit_ends_in_order() {
    if left_out("it needs small devices") {
        return;
    }
    let mut fitted = 0;
    let mut failed = 0;
    for pages in 1..40 {
        let settings = Settings::seed(pages as u64).memory(pages * 4 * KIB);
        let attempt = attempt(
            settings,
            |_| {},
            |gpu, _| async move {
                let (tx, rx) = aqueduct::channel();
                let (there, there_rx) = aqueduct::channel::<DeviceBuf<f32>>();
                let (out, results) = aqueduct::channel::<Vec<f32>>();
                let kernel = gpu::map(|x: F32| x + 1.0);
                let network = par!(
                    source(batches(8, 2000), tx),
                    kernel.stage().slots(3).run(&gpu, rx, there),
                    kernel.stage().slots(3).run(&gpu, there_rx, out),
                    collect(results),
                );
                match network.await {
                    Ok((.., all)) => {
                        assert_eq!(all, plus(batches(8, 2000), 2.0));
                        Ok(true)
                    }
                    Err(error) => {
                        assert!(matches!(cause(&error), GpuError::OutOfMemory { .. }), "{error}");
                        Ok(false)
                    }
                }
            },
        );
        attempt.finished.expect("nothing is left behind");
        *(if attempt.result.expect("it ends in order") { &mut fitted } else { &mut failed }) += 1;
    }
    assert!(fitted > 0 && failed > 0, "{fitted} fitted, {failed} did not");
}
