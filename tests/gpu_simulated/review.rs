//! What a review found, or feared.

use std::time::Duration;

use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, In, Kernel, Launch, Len, Out, U32};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::Settings;

use crate::machine::simulate;

#[test]
fn a_fault_wakes_whoever_waits() {
    for seed in 0..60 {
        simulate(Settings::seed(seed), move |gpu, machine| async move {
            machine.fail_later("cuMemcpyDtoHAsync_v2", 1, 719);
            let sum = gpu::scan(0.0f32, |a, b| a + b);
            let call = gpu.call::<_, _, Vec<f32>>(&sum, vec![1.0f32; 100_000]);
            let ended = tokio::time::timeout(Duration::from_secs(5), call).await;
            let hung = ended.is_err();
            assert!(!hung, "hangs under seed {seed}");
            assert!(ended.unwrap().is_err());
            Ok(())
        });
    }
}

#[test]
fn pinned_memory_outlives_a_process_that_fails() {
    simulate(Settings::seed(0), move |gpu, machine| async move {
        let mut pinned = gpu.pinned::<u32>(1024).await?;
        pinned.fill(7);
        let failing = aqueduct::task("failing", async move {
            let _gpu = gpu;
            Err::<(), _>(std::io::Error::other("it fails").into())
        });
        assert!(failing.await.is_err());
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if machine.live().pinned == 0 {
                break;
            }
        }
        eprintln!("live: {}; first {:?}", machine.live(), &pinned[..4]);
        assert!(machine.live().pinned > 0, "freed while it is held: {:?}", &pinned[..4]);
        Ok(())
    });
}

#[test]
fn a_lost_device_does_not_give_wrong_results_elsewhere() {
    for seed in 0..60 {
        simulate(Settings::seed(seed).devices(2), move |gpu, machine| async move {
            let other = Gpu::open(1)?;
            let kernel = gpu::map(|n: U32| n + 1);
            machine.fail_later("cuLaunchKernel", 1, 719);
            let Ok(there) = other.call::<_, _, DeviceBuf<u32>>(&kernel, vec![5u32; 64]).await else { return Ok(()) };
            let call = gpu.call::<_, _, Vec<u32>>(&kernel, there);
            match tokio::time::timeout(Duration::from_secs(5), call).await {
                Err(_) => panic!("hangs, seed {seed}"),
                Ok(Ok(back)) => assert_eq!(back, [7; 64], "wrong without an error, seed {seed}"),
                Ok(Err(error)) => eprintln!("{seed}: {error}"),
            }
            let fine = gpu.call::<_, _, Vec<u32>>(&kernel, vec![5u32; 64]).await;
            assert!(fine.is_ok(), "the healthy device is lost too: {fine:?}");
            Ok(())
        });
    }
}

#[test]
fn an_output_of_no_elements_on_the_cpu() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        const NOTHING: &str = ".version 6.0\n.target sm_60\n.address_size 64\n.visible .entry f(.param .u64 x, .param .u64 y, .param .u32 n) { ret; }";
        let kernel = Kernel::ptx(NOTHING, "f").args((In::<f32>(), Out::<f32>().of(0), Len)).launch(Launch::cover(32)).cpu(|_: &[f32], _: &mut [f32], _: usize| {});
        let out: Result<Vec<f32>, _> = Gpu::cpu().call(&kernel, vec![1.0f32; 4]).await;
        eprintln!("{out:?}");
        assert!(out.is_ok());
    });
}

#[test]
fn too_much_pinned_memory_on_the_cpu_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let much = Gpu::cpu().pinned::<u8>((1 << 62) + 1).await;
        assert!(much.is_err());
    });
}

#[test]
fn too_much_pinned_memory_on_the_cpu_does_not_abort() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let much = Gpu::cpu().pinned::<u8>(1 << 60).await;
        assert!(much.is_err());
    });
}

#[test]
fn memory_is_kept_when_no_mark_can_be_put_behind_it() {
    for seed in 0..40 {
        simulate(Settings::seed(seed), move |gpu, machine| async move {
            let kernel = gpu::map(|n: U32| n + 1);
            machine.fail("cuEventRecord", 1, 304);
            machine.fail("cuEventRecord", 1, 304);
            let failed: Result<Vec<u32>, _> = gpu.call(&kernel, vec![5u32; 1024]).await;
            assert!(failed.is_err());
            let mut pinned = gpu.pinned::<u32>(1024).await?;
            let mut again = gpu.pinned::<u32>(1024).await?;
            pinned.fill(9);
            again.fill(9);
            // Something else goes through the device.
            let _: Vec<u32> = gpu.call(&kernel, vec![5u32; 4]).await?;
            assert!(
                pinned.iter().chain(&*again).all(|n| *n == 9),
                "a device wrote to memory of a batch that is ours, seed {seed}"
            );
            Ok(())
        });
    }
}

#[test]
fn items_without_a_deadline() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (tx, rx) = aqueduct::channel::<f32>();
        let (out, results) = aqueduct::channel::<f32>();
        let stage = gpu::map(|x: F32| x + 1.0).stage().items(4, Duration::MAX).run(&Gpu::cpu(), rx, out);
        let ended = par!(
            aqueduct::task("in", async move {
                for n in 0..8 {
                    tx.send(n as f32).await?;
                }
                Ok(())
            }),
            stage,
            aqueduct::task("out", async move {
                while results.next().await?.is_some() {}
                Ok(())
            }),
        )
        .await;
        assert!(ended.is_ok(), "{ended:?}");
    });
}

#[test]
fn the_same_text_with_two_sizes_of_shared_memory() {
    simulate(Settings::seed(1), |gpu, _| async move {
        let with = |bytes: u32| crate::kernels::saxpy(1.0).launch(Launch::cover(64).shared(bytes));
        let (large, small) = (with(100 << 10).kernel(), with(60 << 10).kernel());
        let batch = || (vec![1.0f32; 64], vec![1.0f32; 64]);
        let _: Vec<f32> = gpu.call(&large, batch()).await?;
        let _: Vec<f32> = gpu.call(&small, batch()).await?;
        let again: Result<Vec<f32>, _> = gpu.call(&large, batch()).await;
        assert!(again.is_ok(), "{}", again.unwrap_err());
        Ok(())
    });
}

#[test]
fn a_cancelled_stage_leaves_nothing_and_hurts_nobody() {
    for seed in 0..200 {
        simulate(Settings::seed(seed), move |gpu, _| async move {
            let kernel = gpu::map(|n: U32| n + 1);
            let (tx, rx) = aqueduct::channel::<Vec<u32>>();
            let (out, results) = aqueduct::channel::<DeviceBuf<u32>>();
            let mut stage = kernel.stage().slots(4).run(&gpu, rx, out).into_future();
            for n in 0..(seed % 4) as u32 {
                tokio::select! { biased;
                    sent = tx.send(vec![n; 64]) => assert!(sent.is_ok()),
                    ended = &mut stage => panic!("{ended:?}"),
                }
            }
            let kept = if seed % 4 > 1 { Some(results.recv().await?) } else { None };
            drop(stage);
            while tx.send(vec![1; 64]).await.is_ok() {}
            if let Some(kept) = kept {
                let back: Vec<u32> = gpu.call(gpu::copy(), kept).await?;
                assert_eq!(back, [1; 64]);
            }
            let back: Vec<u32> = gpu.call(&kernel, vec![5; 64]).await?;
            assert_eq!(back, [6; 64]);
            Ok(())
        });
    }
}

#[test]
fn each_call_that_fails_is_an_error_and_leaves_nothing() {
    let functions = [
        "cuLaunchKernel",
        "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "cuEventRecord",
        "cuEventQuery",
        "cuMemAlloc_v2",
        "cuMemHostAlloc",
        "cuStreamCreate",
        "cuEventCreate",
        "cuStreamWaitEvent",
        "cuModuleLoadDataEx",
        "cuModuleGetFunction",
        "cuLaunchHostFunc",
    ];
    for (place, function) in functions.into_iter().enumerate() {
        for nth in 1..6_u64 {
            for code in [2, 304] {
                let seed = place as u64 * 7 + nth;
                simulate(Settings::seed(seed), move |gpu, machine| async move {
                    machine.fail(function, nth, code);
                    let input = vec![vec![1.0f32; 64]; 5];
                    let (x, x_rx) = aqueduct::channel();
                    let (mid, mid_rx) = aqueduct::channel::<DeviceBuf<f32>>();
                    let (out, results) = aqueduct::channel::<Vec<f32>>();
                    let kernel = gpu::map(|x: F32| x + 1.0);
                    let network = par!(
                        crate::machine::source(input, x),
                        kernel.stage().slots(2).run(&gpu, x_rx, mid),
                        kernel.stage().slots(2).run(&gpu, mid_rx, out),
                        aqueduct::toolkit::collect(results),
                    );
                    match tokio::time::timeout(Duration::from_secs(5), network).await {
                        Err(_) => panic!("hangs: {function} {nth} {code}"),
                        Ok(Ok((.., all))) => assert_eq!(all, vec![vec![3.0f32; 64]; 5], "{function} {nth} {code}"),
                        Ok(Err(_)) => {}
                    }
                    let _: Vec<f32> = match gpu.call(&kernel, vec![5.0; 64]).await {
                        Ok(all) => all,
                        Err(error) => {
                            // The failure may come only now.
                            assert!(machine.all_failed(), "{error}");
                            vec![]
                        }
                    };
                    Ok(())
                });
            }
        }
    }
}

#[test]
fn a_fault_ends_every_stage() {
    for (place, function) in
        ["cuLaunchKernel", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuEventRecord", "cuStreamWaitEvent"]
            .into_iter()
            .enumerate()
    {
        for nth in 1..8_u64 {
            for round in 0..4 {
                let seed = place as u64 * 31 + nth * 4 + round;
                simulate(Settings::seed(seed), move |gpu, machine| async move {
                    machine.fail_later(function, nth, 719);
                    let input = vec![vec![1.0f32; 64]; 5];
                    let (x, x_rx) = aqueduct::channel();
                    let (mid, mid_rx) = aqueduct::channel::<DeviceBuf<f32>>();
                    let (out, results) = aqueduct::channel::<Vec<f32>>();
                    let kernel = gpu::map(|x: F32| x + 1.0);
                    let network = par!(
                        crate::machine::source(input, x),
                        kernel.stage().slots(2).run(&gpu, x_rx, mid),
                        kernel.stage().slots(2).run(&gpu, mid_rx, out),
                        aqueduct::toolkit::collect(results),
                    );
                    match tokio::time::timeout(Duration::from_secs(5), network).await {
                        Err(_) => panic!("hangs: {function} {nth} seed {seed}"),
                        Ok(Ok((.., all))) => assert_eq!(all, vec![vec![3.0f32; 64]; 5], "{function} {nth}"),
                        Ok(Err(_)) => {}
                    }
                    Ok(())
                });
            }
        }
    }
}

/// As if the waits of the scanner had an end: somebody else asks the driver now and then.
#[test]
fn a_waker_that_panics_does_not_end_the_thread_of_a_device() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("a waker of somebody's");
        }
    }
    simulate(Settings::seed(0), move |gpu, machine| async move {
        let mut pinned = gpu.pinned::<u32>(1024).await?;
        pinned.fill(7);
        for _ in 0..20 {
            let mut more = Box::pin(gpu.pinned::<u32>(1 << 16));
            let waker = std::task::Waker::from(std::sync::Arc::new(Panics));
            let _ = Future::poll(more.as_mut(), &mut std::task::Context::from_waker(&waker));
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(more);
            if machine.live().pinned == 0 {
                break;
            }
        }
        assert!(machine.live().pinned > 0 && pinned[0] == 7, "freed while it is held: {:?}", &pinned[..4]);
        Ok(())
    });
}

#[test]
fn pinned_memory_outlives_a_stage_that_fails() {
    simulate(Settings::seed(0), move |gpu, machine| async move {
        let mut pinned = gpu.pinned::<u32>(1024).await?;
        pinned.fill(7);
        let (tx, rx) = aqueduct::channel::<Vec<u32>>();
        let (out, _results) = aqueduct::channel::<Vec<u32>>();
        let stage = gpu::map(|n: U32| n + 1).stage().run(&gpu, rx, out).spawn();
        drop(gpu);
        tx.send(vec![]).await?; // An empty batch is an error.
        assert!(stage.await.is_err());
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(machine.live().pinned > 0 && pinned[0] == 7, "freed while it is held: {:?}", &pinned[..4]);
        Ok(())
    });
}
