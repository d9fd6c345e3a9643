//! Stages that are joined on the device.

use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, U32};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::machine::{Result, SEEDS, batches, run, source};

/// A chain of stages on these devices in turn, each of which adds one; gives what comes out.
async fn chain(gpus: &[Gpu], input: Vec<Vec<f32>>, slots: usize) -> Result<Vec<Vec<f32>>> {
    let (first, mut last) = aqueduct::channel::<DeviceBuf<f32>>();
    let (tx, rx) = aqueduct::channel();
    let (out, results) = aqueduct::channel::<Vec<f32>>();
    let mut stages = Group::new();
    let kernel = gpu::map(|x: F32| x + 1.0);
    let (home, end) = (&gpus[0], &gpus[gpus.len() - 1]);
    stages.add(gpu::copy().stage().slots(slots).run(home, rx, first));
    for gpu in gpus {
        let (next, next_rx) = aqueduct::channel();
        stages.add(kernel.stage().slots(slots).run(gpu, last, next));
        last = next_rx;
    }
    stages.add(gpu::copy().stage().slots(slots).run(end, last, out));
    let stages = aqueduct::task("chain", async move { Ok(stages.await?) });
    Ok(par!(source(input, tx), stages, collect(results)).await?.2)
}

fn plus(batches: Vec<Vec<f32>>, n: f32) -> Vec<Vec<f32>> {
    batches.into_iter().map(|batch| batch.into_iter().map(|x| x + n).collect()).collect()
}

#[test]
fn a_chain_is_right_under_every_seed() {
    for seed in 0..SEEDS {
        run(Settings::seed(seed), move |gpu, _| async move {
            let all = chain(&vec![gpu; 4], batches(5, 32), 1 + seed as usize % 3).await?;
            assert_eq!(all, plus(batches(5, 32), 4.0));
            Ok(())
        });
    }
}

#[test]
fn a_chain_from_device_to_device_is_right_under_every_seed() {
    for seed in 0..SEEDS {
        run(Settings::seed(seed).devices(2), move |gpu, _| async move {
            let other = Gpu::open(1)?;
            let all = chain(&[gpu.clone(), other.clone(), gpu, other], batches(4, 32), 1 + seed as usize % 3).await?;
            assert_eq!(all, plus(batches(4, 32), 4.0));
            Ok(())
        });
    }
}

#[test]
fn buffers_that_are_dropped_unread_hurt_nobody() {
    for seed in 0..SEEDS / 5 {
        run(Settings::seed(seed), |gpu, _| async move {
            let kernel = gpu::map(|n: U32| n + 1);
            for n in 0..20 {
                let there: DeviceBuf<u32> = gpu.call(&kernel, vec![n; 64]).await?;
                let again: DeviceBuf<u32> = gpu.call(&kernel, there).await?;
                if n % 3 == 0 {
                    // On another thread, and while its kernel may not have begun.
                    std::thread::spawn(move || drop(again)).join().expect("a drop");
                } else {
                    let back: Vec<u32> = gpu.call(gpu::copy(), again).await?;
                    assert_eq!(back, [n + 2; 64]);
                }
            }
            Ok(())
        });
    }
}

/// What a chain of ten stages costs the driver for many batches more.
#[test]
fn a_chain_neither_copies_nor_allocates_once_it_runs() {
    run(Settings::seed(2), |gpu, machine| async move {
        let gpus = vec![gpu; 10];
        chain(&gpus, batches(50, 64), 2).await?;
        let functions = ["cuMemAlloc_v2", "cuMemHostAlloc", "cuEventCreate", "cuStreamCreate", "cuModuleLoadDataEx"];
        let calls = || functions.map(|function| machine.calls(function));
        let copies = || {
            ["cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2", "cuMemcpyPeerAsync"]
                .map(|copy| machine.calls(copy))
        };
        let (calls_before, copies_before) = (calls(), copies());
        let all = chain(&gpus, batches(200, 64), 2).await?;
        assert_eq!(all, plus(batches(200, 64), 10.0));
        assert_eq!(calls(), calls_before, "{functions:?}");
        // One in at the first stage, one out at the last.
        let [into, out, within, peer] = copies();
        assert_eq!([into - copies_before[0], out - copies_before[1], within, peer], [200, 200, 0, 0]);
        Ok(())
    });
}
