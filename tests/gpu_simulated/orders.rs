//! Right results in every order that CUDA allows.

use std::time::Duration;

use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, Pinned, U32};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::kernels::{butterfly, saxpy};
use crate::machine::{Result, SEEDS, batches, run, seeds, source};

const COUNT: usize = 6;
const LENGTH: usize = 48;

pub(crate) async fn through_vectors(gpu: Gpu, slots: usize) -> Result {
    let (x, x_rx) = aqueduct::channel();
    let (y, y_rx) = aqueduct::channel();
    let (out, results) = aqueduct::channel::<Vec<f32>>();
    let stage = saxpy(0.5).stage().slots(slots).run(&gpu, (x_rx, y_rx), out);
    let network = par!(source(batches(COUNT, LENGTH), x), source(batches(COUNT, LENGTH), y), stage, collect(results));
    let all = network.await?.3;
    let expected: Vec<Vec<f32>> =
        batches(COUNT, LENGTH).into_iter().map(|batch| batch.into_iter().map(|x| 0.5 * x + x).collect()).collect();
    assert_eq!(all, expected);
    Ok(())
}

#[test]
fn a_pipeline_is_right_under_every_seed() {
    for seed in seeds(SEEDS) {
        run(Settings::seed(seed), move |gpu| through_vectors(gpu, 1 + seed as usize % 4));
    }
}

pub(crate) async fn through_pinned(gpu: Gpu, slots: usize) -> Result {
    let (x, x_rx) = aqueduct::channel::<Pinned<u32>>();
    let (out, results) = aqueduct::channel::<Pinned<u32>>();
    let stage = gpu::map(|x: U32| x * 3 + 1).stage().slots(slots).run(&gpu, x_rx, out);
    let fill = aqueduct::task("fill", async move {
        for batch in 0..COUNT as u32 {
            let mut pinned = gpu.pinned::<u32>(LENGTH).await?;
            pinned.fill(batch);
            x.send(pinned).await?;
        }
        Ok(())
    });
    let look = aqueduct::task("look", async move {
        let mut batch = 0;
        // Dropped at once, so that their memory serves the next.
        while let Some(result) = results.next().await? {
            assert_eq!(*result, [batch * 3 + 1; LENGTH]);
            batch += 1;
        }
        Ok(batch)
    });
    assert_eq!(par!(fill, stage, look).await?.2, COUNT as u32);
    Ok(())
}

#[test]
fn pinned_batches_are_right_under_every_seed() {
    for seed in seeds(SEEDS) {
        run(Settings::seed(seed), |gpu| through_pinned(gpu, 2));
    }
}

#[test]
fn several_inputs_and_outputs_are_right_under_every_seed() {
    for seed in seeds(SEEDS) {
        run(Settings::seed(seed), |gpu| async move {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel();
            let (sum, sums) = aqueduct::channel::<DeviceBuf<u32>>();
            let (difference, differences) = aqueduct::channel::<Vec<u32>>();
            let (back, all_sums) = aqueduct::channel::<Vec<u32>>();
            let input = |n: u32| (0..COUNT as u32).map(|batch| vec![n * batch; LENGTH]).collect::<Vec<_>>();
            let network = par!(
                source(input(5), a),
                source(input(3), b),
                butterfly().stage().run(&gpu, (a_rx, b_rx), (sum, difference)),
                gpu::copy().stage().slots(1).run(&gpu, sums, back),
                collect(all_sums),
                collect(differences),
            );
            let (.., sums, differences) = network.await?;
            assert_eq!((sums, differences), (input(8), input(2)));
            Ok(())
        });
    }
}

#[test]
fn reductions_and_scans_are_right_under_every_seed() {
    let numbers: Vec<f32> = (0..5000).map(|n| (n % 17) as f32 * 0.37 - 2.0).collect();
    for seed in seeds(SEEDS / 5) {
        let numbers = numbers.clone();
        run(Settings::seed(seed), move |gpu| async move {
            let sum = gpu::reduce(0.0f32, |a, b| a + b, |x: F32| x * x);
            let running = gpu::scan(0.0f32, |a, b| a + b);
            let (on_gpu, on_cpu): (Vec<f32>, Vec<f32>) =
                (gpu.call(&sum, numbers.clone()).await?, Gpu::cpu().call(&sum, numbers.clone()).await?);
            assert_eq!(on_gpu[0].to_bits(), on_cpu[0].to_bits());
            let (on_gpu, on_cpu): (Vec<f32>, Vec<f32>) =
                (gpu.call(&running, numbers.clone()).await?, Gpu::cpu().call(&running, numbers).await?);
            assert!(on_gpu.iter().zip(&on_cpu).all(|(gpu, cpu)| gpu.to_bits() == cpu.to_bits()));
            Ok(())
        });
    }
}

#[test]
fn a_pool_of_two_devices_is_right_under_every_seed() {
    for seed in seeds(SEEDS / 5) {
        run(Settings::seed(seed).devices(2), |gpu| async move {
            let (x, x_rx) = aqueduct::channel();
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            let other = Gpu::open(1)?;
            let kernel = gpu::map(|x: F32| x + 1.0);
            let (one, two) =
                (kernel.stage().run(&gpu, x_rx.clone(), out.clone()), kernel.stage().run(&other, x_rx, out));
            assert_eq!((one.gpu().index(), two.gpu().index()), (Some(0), Some(1)));
            let ((), (), (), mut all) = par!(source(batches(12, 8), x), one, two, collect(results)).await?;
            all.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let expected: Vec<Vec<f32>> =
                batches(12, 8).into_iter().map(|batch| batch.into_iter().map(|x| x + 1.0).collect()).collect();
            assert_eq!(all, expected);
            Ok(())
        });
    }
}

#[test]
fn single_elements_are_right_under_every_seed() {
    for seed in seeds(SEEDS / 5) {
        run(Settings::seed(seed), move |gpu| async move {
            let (tx, rx) = aqueduct::channel();
            let (out, results) = aqueduct::channel::<u32>();
            // By size: nobody waits a minute.
            let stage = gpu::map(|n: U32| n * n).stage().slots(2).items(7, Duration::from_secs(60)).run(&gpu, rx, out);
            let numbers = aqueduct::task("numbers", async move {
                for n in 0..40 {
                    tx.send(n).await?;
                }
                Ok(())
            });
            let all = par!(numbers, stage, collect(results)).await?.2;
            assert_eq!(all, (0..40).map(|n| n * n).collect::<Vec<u32>>());
            Ok(())
        });
    }
}
