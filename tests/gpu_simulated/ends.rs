//! The ends of stages and calls: whenever they come, nothing is left behind, the others hear of it, and the device serves on.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use aqueduct::Handle;
use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, Pinned, U32};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use crate::chains::chain;
use crate::kernels::saxpy;
use crate::machine::{Result, SEEDS, batches, plus, run, seeds, simulate, source};

/// Polls a future so often at most, then drops it; true if it ended by itself.
async fn for_polls<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        if left == 0 { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// That the device serves on.
async fn serves(gpu: &Gpu) -> Result {
    let y: Vec<f32> = gpu.call(saxpy(2.0), (vec![1.0; 40], vec![3.0; 40])).await?;
    assert_eq!(y, [5.0; 40]);
    assert_eq!(chain(&vec![gpu.clone(); 2], batches(3, 40), 2).await?, plus(batches(3, 40), 2.0));
    Ok(())
}

#[test]
fn a_network_may_be_dropped_after_any_number_of_polls() {
    for seed in seeds(SEEDS / 2) {
        run(Settings::seed(seed), move |gpu| async move {
            let polls = seed as usize / 4;
            let ended = for_polls(chain(&vec![gpu.clone(); 3], batches(4, 40), 2), polls).await;
            assert!(!ended || polls > 0);
            serves(&gpu).await
        });
    }
}

#[test]
fn a_network_over_two_devices_may_be_dropped_after_any_number_of_polls() {
    for seed in seeds(SEEDS / 4) {
        run(Settings::seed(seed).devices(2), move |gpu| async move {
            let other = Gpu::open(1)?;
            let gpus = [gpu.clone(), other.clone(), gpu.clone()];
            for_polls(chain(&gpus, batches(4, 40), 2), seed as usize / 2).await;
            serves(&gpu).await?;
            serves(&other).await
        });
    }
}

/// A stage that is spawned runs by itself, so that an abort comes at any point of its work.
#[test]
fn an_aborted_stage_poisons_both_sides_wherever_it_is() {
    for seed in seeds(120) {
        run(Settings::seed(seed), move |gpu| async move {
            let (tx, rx) = aqueduct::channel::<Vec<f32>>();
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            let stage = gpu::map(|x: F32| x + 1.0).stage().slots(3).run(&gpu, rx, out).spawn();
            let batches = seed as f32 / 60.0;
            let mut taken = 0.0;
            let feed = tokio::spawn(async move {
                let mut n = 0.0;
                while tx.send(vec![n; 40]).await.is_ok() {
                    n += 1.0;
                }
                tx.closed().await
            });
            while taken < batches {
                assert_eq!(results.recv().await?, [taken + 1.0; 40]);
                taken += 1.0;
            }
            for _ in 0..seed % 4 {
                tokio::task::yield_now().await;
            }
            stage.abort();
            assert!(stage.await.expect_err("it was aborted").cause().is_cancelled());
            // What was sent before may come; then it is poisoned.
            loop {
                match results.recv().await {
                    Ok(batch) => assert_eq!(batch, [taken + 1.0; 40]),
                    Err(ended) => break assert!(ended.is_poisoned()),
                }
                taken += 1.0;
            }
            assert!(feed.await?.is_poisoned());
            serves(&gpu).await
        });
    }
}

#[test]
fn a_call_may_be_dropped_at_any_point() {
    for seed in seeds(120) {
        run(Settings::seed(seed), move |gpu| async move {
            let kernel = gpu::map(|n: U32| n * 3);
            for polls in 0..6 {
                let there: DeviceBuf<u32> = gpu.call(&kernel, vec![polls; 64]).await?;
                let dropped = gpu.call::<_, _, Vec<u32>>(&kernel, there);
                for_polls(dropped, polls as usize).await;
                for_polls(gpu.pinned::<u32>(1000 * polls as usize), polls as usize).await;
                let kept: Vec<u32> = gpu.call(&kernel, vec![polls; 64]).await?;
                assert_eq!(kept, [polls * 3; 64]);
            }
            serves(&gpu).await
        });
    }
}

/// A stage that nobody ever polls, and one that is dropped before it starts.
#[test]
fn a_stage_that_never_runs_leaves_nothing() {
    for seed in seeds(8) {
        run(Settings::seed(seed), |gpu| async move {
            let stage = || {
                let (tx, rx) = aqueduct::channel::<Vec<f32>>();
                let (out, results) = aqueduct::channel::<Vec<f32>>();
                (gpu::map(|x: F32| x).stage().run(&gpu, rx, out), tx, results)
            };
            let (lazy, tx, results) = stage();
            drop(lazy);
            assert!(tx.closed().await.is_poisoned());
            assert!(results.recv().await.expect_err("poisoned").is_poisoned());
            let (lazy, tx, results) = stage();
            drop(lazy.into_future());
            assert!(tx.closed().await.is_poisoned());
            assert!(results.recv().await.expect_err("poisoned").is_poisoned());
            serves(&gpu).await
        });
    }
}

#[test]
fn what_is_under_way_goes_on_when_an_input_retires() {
    for seed in seeds(100) {
        run(Settings::seed(seed), move |gpu| async move {
            let (x, x_rx) = aqueduct::channel();
            let (y, y_rx) = aqueduct::channel();
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            let stage = saxpy(1.0).stage().slots(4).run(&gpu, (x_rx, y_rx), out).spawn();
            let count = 1 + seed as usize % 4;
            for n in 0..count {
                x.send(vec![n as f32; 40]).await?;
                y.send(vec![1.0; 40]).await?;
            }
            // One without a partner, which is dropped.
            if count < 4 {
                x.send(vec![9.0; 40]).await?;
            }
            drop(y);
            for n in 0..count {
                assert_eq!(results.recv().await?, [n as f32 + 1.0; 40]);
            }
            assert!(results.next().await?.is_none());
            stage.await?;
            assert!(x.closed().await.is_retired());
            Ok(())
        });
    }
}

#[test]
fn a_stage_ends_when_an_output_retires_while_batches_are_under_way() {
    for seed in seeds(100) {
        run(Settings::seed(seed), move |gpu| async move {
            let (tx, rx) = aqueduct::channel::<Vec<f32>>();
            let (out, results) = aqueduct::channel::<DeviceBuf<f32>>();
            let stage = gpu::map(|x: F32| x + 1.0).stage().slots(3).run(&gpu, rx, out).spawn();
            for n in 0..seed % 4 {
                tx.send(vec![n as f32; 40]).await?;
                if seed % 8 > 3 {
                    drop(results.recv().await?);
                }
            }
            drop(results);
            stage.await?;
            assert!(tx.closed().await.is_retired());
            serves(&gpu).await
        });
    }
}

#[test]
fn poison_goes_through_a_chain() {
    for seed in seeds(100) {
        run(Settings::seed(seed), move |gpu| async move {
            let (tx, rx) = aqueduct::channel::<Vec<f32>>();
            let (there, there_rx) = aqueduct::channel::<DeviceBuf<f32>>();
            let (out, results) = aqueduct::channel::<Vec<f32>>();
            let kernel = gpu::map(|x: F32| x + 1.0);
            let first = kernel.stage().slots(2).run(&gpu, rx, there).spawn();
            let second = kernel.stage().slots(2).run(&gpu, there_rx, out).spawn();
            for n in 0..seed % 3 {
                tx.send(vec![n as f32; 40]).await?;
            }
            // It overtakes what was sent, but not what somebody is about to receive.
            tx.poison("the disk is full");
            let ended = loop {
                match results.recv().await {
                    Ok(_) => {}
                    Err(ended) => break ended,
                }
            };
            assert!(ended.to_string().contains("the disk is full"), "{ended}");
            for stage in [first, second] {
                let error = stage.await.expect_err("poisoned");
                assert!(error.to_string().contains("the disk is full"), "{error}");
            }
            serves(&gpu).await
        });
    }
}

/// Batches outlive everything that made them, and are dropped on other threads.
#[test]
fn batches_may_outlive_their_stage_and_their_device_handle() {
    for seed in seeds(100) {
        run(Settings::seed(seed), move |gpu| async move {
            let (tx, rx) = aqueduct::channel::<Vec<u32>>();
            let (out, results) = aqueduct::channel::<DeviceBuf<u32>>();
            let stage = gpu::map(|n: U32| n + 1).stage().slots(2).run(&gpu, rx, out);
            let ((), (), there) =
                par!(source(vec![vec![1; 50], vec![2; 50], vec![3; 50]], tx), stage, collect(results)).await?;
            let mut pinned: Pinned<u32> = gpu.pinned(50).await?;
            pinned.fill(7);
            let name = gpu.name();
            drop(gpu);
            // They keep the device open.
            assert!(there.iter().all(|there| there.device() == name && there.len() == 50));
            assert_eq!(*pinned, [7; 50]);
            let mut there = there.into_iter();
            let (first, second, third) = (there.next(), there.next(), there.next());
            let one = std::thread::spawn(move || drop((first, pinned)));
            let two = std::thread::spawn(move || drop(second));
            let again = Gpu::open(0)?;
            let back: Vec<u32> = again.call(gpu::copy(), third.expect("three")).await?;
            assert_eq!(back, [4; 50]);
            one.join().expect("a drop");
            two.join().expect("a drop");
            Ok(())
        });
    }
}

/// The last user ends the device's thread; the next one opens the device anew.
#[test]
fn a_device_closes_with_its_last_user_and_opens_again() {
    for seed in 0..40 {
        simulate(Settings::seed(seed), move |gpu, machine| async move {
            serves(&gpu).await?;
            let there: DeviceBuf<f32> = gpu.call(gpu::map(|x: F32| x + 1.0), vec![1.0; 40]).await?;
            drop(gpu);
            assert!(machine.live().contexts > 0, "a batch keeps it open");
            drop(there);
            crate::machine::is_closed(&machine)?;
            assert!(machine.live().is_clean(), "{}", machine.live());
            // At once, and several times: the old thread may be about to end.
            for _ in 0..5 {
                serves(&Gpu::open(0)?).await?;
            }
            Ok(())
        });
    }
}

#[test]
fn the_users_of_a_device_are_counted() {
    for seed in 0..20 {
        simulate(Settings::seed(seed).devices(2), |gpu, _| async move {
            let on = |gpu: &Gpu| {
                let (tx, rx) = aqueduct::channel::<Vec<f32>>();
                let (out, results) = aqueduct::channel::<Vec<f32>>();
                (gpu::copy().stage().run(gpu, rx, out).spawn(), tx, results)
            };
            let other = Gpu::open(1)?;
            let mut stages: Vec<(Handle<()>, _, _)> = Vec::new();
            // Each goes where fewer are.
            for n in 0..6 {
                let least = Gpu::least_loaded()?;
                assert_eq!((least.index(), least.reason()), (Some(n % 2), "it has the fewest users of 2"));
                stages.push(on(&least));
            }
            drop((gpu, other));
            for (stage, tx, results) in stages {
                drop((tx, results));
                stage.await?;
            }
            Ok(())
        });
    }
}

/// Many lines on one device, some of which end early.
#[test]
fn lines_on_one_device_do_not_disturb_each_other() {
    for seed in seeds(60) {
        run(Settings::seed(seed), move |gpu| async move {
            let mut lines = Vec::new();
            for line in 0..5 {
                let gpu = gpu.clone();
                lines.push(tokio::spawn(async move {
                    let gpus = vec![gpu; 2];
                    let network = chain(&gpus, batches(4, 20 + line), 1 + line % 3);
                    if line == 3 {
                        for_polls(network, seed as usize / 4).await;
                        return Ok(true);
                    }
                    Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                        network.await? == plus(batches(4, 20 + line), 2.0),
                    )
                }));
            }
            for line in lines {
                assert!(line.await??);
            }
            Ok(())
        });
    }
}

/// Two runtimes, each with its own threads and networks, on the same devices; what they share are channels.
#[test]
fn two_runtimes_share_a_device() {
    for seed in seeds(60) {
        run(Settings::seed(seed), move |gpu| async move {
            let (across, across_rx) = aqueduct::channel::<DeviceBuf<f32>>();
            let here = gpu.clone();
            let elsewhere = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let (out, results) = aqueduct::channel::<Vec<f32>>();
                    let stage = gpu::map(|x: F32| x * 2.0).stage().run(&gpu, across_rx, out).spawn();
                    let own = tokio::spawn(chain_of(gpu.clone()));
                    let all = collect(results).await.expect("results");
                    stage.await.expect("the stage");
                    (all, own.await.expect("a task").expect("the chain"))
                })
            });
            let (tx, rx) = aqueduct::channel();
            let stage = gpu::map(|x: F32| x + 1.0).stage().run(&here, rx, across);
            let (.., own) = par!(
                source(batches(5, 30), tx),
                stage,
                aqueduct::task("own", async move { Ok(chain_of(here).await.expect("the chain")) })
            )
            .await?;
            assert_eq!(own, plus(batches(3, 30), 2.0));
            let (all, own) = elsewhere.join().expect("the other runtime");
            assert_eq!(own, plus(batches(3, 30), 2.0));
            let doubled: Vec<Vec<f32>> = plus(batches(5, 30), 1.0)
                .into_iter()
                .map(|batch| batch.into_iter().map(|x| x * 2.0).collect())
                .collect();
            assert_eq!(all, doubled);
            Ok(())
        });
    }
}

async fn chain_of(gpu: Gpu) -> Result<Vec<Vec<f32>>> {
    chain(&vec![gpu; 2], batches(3, 30), 2).await
}
