//! Stages that are joined on the device.

use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, U32};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::machine::{Result, SEEDS, batches, plus, run, seeds, simulate, source};

/// A chain of stages on these devices in turn, each of which adds one; gives what comes out.
pub(crate) async fn chain(gpus: &[Gpu], input: Vec<Vec<f32>>, slots: usize) -> Result<Vec<Vec<f32>>> {
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

#[test]
fn a_chain_is_right_under_every_seed() {
    for seed in seeds(SEEDS) {
        run(Settings::seed(seed), move |gpu| async move {
            let all = chain(&vec![gpu; 4], batches(5, 32), 1 + seed as usize % 3).await?;
            assert_eq!(all, plus(batches(5, 32), 4.0));
            Ok(())
        });
    }
}

#[test]
fn a_chain_from_device_to_device_is_right_under_every_seed() {
    for seed in seeds(SEEDS) {
        run(Settings::seed(seed).devices(2), move |gpu| async move {
            let other = Gpu::open(1)?;
            let all = chain(&[gpu.clone(), other.clone(), gpu, other], batches(4, 32), 1 + seed as usize % 3).await?;
            assert_eq!(all, plus(batches(4, 32), 4.0));
            Ok(())
        });
    }
}

#[test]
fn buffers_that_are_dropped_unread_hurt_nobody() {
    for seed in seeds(SEEDS / 5) {
        run(Settings::seed(seed), |gpu| async move {
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

/// However many batches go through it: what it needs is there once every slot has been used.
#[test]
fn a_chain_neither_copies_nor_allocates_once_it_runs() {
    const STAGES: usize = 10;
    const SLOTS: usize = 2;
    const BATCHES: u64 = 500;
    simulate(Settings::seed(2), |gpu, machine| async move {
        let all = chain(&vec![gpu; STAGES], batches(BATCHES as usize, 64), SLOTS).await?;
        assert_eq!(all, plus(batches(BATCHES as usize, 64), STAGES as f32));
        // With the stages at both ends; each slot has a queue, and a buffer before and one behind its kernel.
        let slots = (STAGES as u64 + 2) * SLOTS as u64;
        let calls = |function| machine.calls(function);
        assert_eq!((calls("cuStreamCreate"), calls("cuModuleLoadDataEx")), (slots, 1));
        let buffers = calls("cuMemAlloc_v2");
        assert!(buffers <= 2 * slots, "{buffers} buffers for {slots} slots");
        assert_eq!(calls("cuEventCreate"), slots + buffers, "one mark for each queue and each buffer");
        let pinned = calls("cuMemHostAlloc");
        assert!(pinned <= 4 * SLOTS as u64, "{pinned} pieces of pinned memory for {SLOTS} slots at either end");
        // One in at the first stage, one out at the last.
        assert_eq!((calls("cuMemcpyHtoDAsync_v2"), calls("cuMemcpyDtoHAsync_v2")), (BATCHES, BATCHES));
        assert_eq!((calls("cuMemcpyDtoDAsync_v2"), calls("cuMemcpyPeerAsync")), (0, 0));
        assert_eq!(calls("cuLaunchKernel"), BATCHES * STAGES as u64);
        Ok(())
    });
}
