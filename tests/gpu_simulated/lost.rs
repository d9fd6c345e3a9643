//! A device that fails for good, in the middle of its work.

use aqueduct::Handle;
use aqueduct::gpu::{self, DeviceBuf, F32, Gpu, GpuError};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::Settings;

use crate::chains::chain;
use crate::failures::cause;
use crate::machine::{Attempt, Result, attempt, batches, is_closed, left_out, plus, source};

const ILLEGAL_ADDRESS: i32 = 700;
const LAUNCH_FAILED: i32 = 719;

/// That the device is lost, with this code.
fn is_lost(error: &GpuError, index: usize, code: i32) {
    match error {
        GpuError::DeviceLost { driver, .. } => {
            assert_eq!(driver.code, code, "{error}");
            let text = error.to_string();
            let known = format!(
                "GPU {index} (Simulated GPU {index}) failed, and cannot be used any more while anybody in this program holds \
                 on to it: cu"
            );
            assert!(text.starts_with(&known) && text.contains("`compute-sanitizer`"), "{text}");
        }
        other => panic!("not that the device is lost: {other}"),
    }
}

/// What a single call on a device gives.
async fn probe(gpu: &Gpu) -> std::result::Result<(), GpuError> {
    let back: Vec<f32> = gpu.call(gpu::map(|x: F32| x + 1.0), vec![1.0f32]).await?;
    assert_eq!(back, [2.0]);
    Ok(())
}

/// An operation fails when its turn comes, while networks run on two devices and on the CPU. Gives which device is lost.
async fn one_of_three_is_lost(gpus: [Gpu; 2], code: i32) -> Result<Option<usize>> {
    // Stages without work on either device: one that waits for its first batch, and one whose result nobody takes.
    let (idle, full) = (gpus.each_ref().map(Idle::new), gpus.each_ref().map(Idle::new));
    for full in &full {
        // Its device may be lost by then.
        let _ = full.input.send(vec![1.0]).await;
    }
    let on_gpus = gpus.clone().map(|gpu| tokio::spawn(async move { chain(&vec![gpu; 3], batches(6, 16), 2).await }));
    let on_cpu = tokio::spawn(async { chain(&vec![Gpu::cpu(); 3], batches(6, 16), 2).await });
    let mut results = Vec::new();
    for chain in on_gpus {
        results.push(chain.await?);
    }
    assert_eq!(on_cpu.await??, plus(batches(6, 16), 3.0), "the CPU");
    // Whoever comes later hears of it, at the latest when it waits for what it did itself.
    let mut lost = None;
    let idle = idle.into_iter().zip(full);
    for ((gpu, chain), (idle, full)) in gpus.iter().zip(results).zip(idle) {
        let index = gpu.index().expect("a device");
        let Err(error) = probe(gpu).await else {
            assert_eq!(chain?, plus(batches(6, 16), 3.0), "a device that works");
            idle.ends_well().await?;
            full.ends_well().await?;
            continue;
        };
        assert_eq!(lost.replace(index), None, "both are lost");
        is_lost(&error, index, code);
        match chain {
            // What failed was not needed for the results.
            Ok(all) => assert_eq!(all, plus(batches(6, 16), 3.0)),
            Err(error) => is_lost(cause(error.downcast_ref().expect("a process")), index, code),
        }
        idle.ends_lost(index, code).await;
        full.ends_lost(index, code).await;
        is_lost(&gpu.pinned::<f32>(1 << 20).await.expect_err("its device is lost"), index, code);
        is_lost(&Gpu::open(index).expect_err("the device is lost"), index, code);
        let late = Idle::new(gpu);
        late.ends_lost(index, code).await;
        // Whoever may choose takes the other device.
        let picked = Gpu::least_loaded()?;
        assert_eq!(picked.index(), Some(1 - index), "{picked}");
        assert!(Gpu::all()?.iter().all(|gpu| gpu.index() == Some(1 - index)));
    }
    Ok(lost)
}

/// A stage that has not much to do.
struct Idle {
    input: Sender<Vec<f32>>,
    results: Receiver<DeviceBuf<f32>>,
    stage: Handle<()>,
}

impl Idle {
    fn new(gpu: &Gpu) -> Self {
        let (input, rx) = aqueduct::channel();
        let (out, results) = aqueduct::channel();
        Self { input, results, stage: gpu::map(|x: F32| -x).stage().slots(1).run(gpu, rx, out).spawn() }
    }

    async fn ends_lost(self, index: usize, code: i32) {
        let error = self.stage.await.expect_err("its device is lost");
        is_lost(cause(&error), index, code);
        assert!(self.input.send(vec![1.0]).await.expect_err("poisoned").reason().is_poisoned());
        assert!(self.results.recv().await.expect_err("poisoned").is_poisoned());
    }

    async fn ends_well(self) -> Result {
        let Self { input, results, stage } = self;
        drop((input, results));
        stage.await?;
        Ok(())
    }
}

/// Loses a device with the first operation of a kind, the second, and so on, until there are no more.
fn lost_with_each(function: &'static str, code: i32) {
    if left_out("it loses a device") {
        return;
    }
    let mut lost = [0, 0];
    for nth in 1.. {
        let Attempt { result, happened, finished } = attempt(
            Settings::seed(nth).devices(2),
            |machine| machine.fail_later(function, nth, code),
            move |gpu, _| async move { one_of_three_is_lost([gpu, Gpu::open(1)?], code).await },
        );
        let what = || format!("{function}, operation {nth}");
        finished.unwrap_or_else(|problem| panic!("{}: {problem}", what()));
        let which = result.unwrap_or_else(|problem| panic!("{}: {problem}", what()));
        match which {
            Some(index) => lost[index] += 1,
            // It was queued, and nobody lived to see what became of it.
            None if happened => {}
            None => break,
        }
    }
    assert!(lost[0] > 0 && lost[1] > 0, "{function} never lost both devices: {lost:?}");
    println!("{function}, {code}: the devices were lost with {lost:?} operations in turn");
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
            is_lost(&call.await.expect_err("it writes outside"), 0, ILLEGAL_ADDRESS);
            let violations = machine.take_violations();
            assert!(violations.iter().any(|problem| problem.contains("the kernel `outside` failed")), "{violations:?}");
            // There is no other device.
            is_lost(&Gpu::least_loaded().expect_err("the only device is lost"), 0, ILLEGAL_ADDRESS);
            if std::env::var_os("AQUEDUCT_GPU").is_none() {
                let picked = Gpu::pick();
                assert!(picked.is_cpu(), "{picked}");
                let why = picked.reason();
                assert!(why.starts_with("GPU 0 (Simulated GPU 0) failed, and cannot be used any more while"), "{why}");
            }
            Ok(())
        },
    );
    finished.expect("nothing is left behind");
    result.expect("the device is lost in order");
}

/// When nobody holds on to it any more, it is the driver's to say whether it can be opened again.
#[test]
fn a_lost_device_that_everybody_has_let_go_of_is_asked_for_anew() {
    if left_out("it loses a device") {
        return;
    }
    let Attempt { result, finished, .. } = attempt(
        Settings::seed(1),
        |machine| machine.fail_later("cuLaunchKernel", 1, ILLEGAL_ADDRESS),
        |gpu, machine| async move {
            is_lost(&probe(&gpu).await.expect_err("the kernel fails"), 0, ILLEGAL_ADDRESS);
            drop(gpu);
            is_closed(&machine)?;
            let told = Gpu::open(0).expect_err("this driver gives no lost device");
            is_lost(&told, 0, ILLEGAL_ADDRESS);
            assert!(told.to_string().contains("cuDevicePrimaryCtxRetain"), "{told}");
            Ok(())
        },
    );
    finished.expect("nothing is left behind");
    result.expect("the driver is asked");
}

/// A batch that lies on a lost device takes whoever is sent it down, but not the device that that runs on.
#[test]
fn a_batch_on_a_lost_device_does_not_take_another_with_it() {
    if left_out("it loses a device") {
        return;
    }
    for seed in 0..40 {
        let Attempt { result, finished, .. } = attempt(
            Settings::seed(seed).devices(2),
            |_| {},
            move |gpu, machine| async move {
                let other = Gpu::open(1)?;
                let there: DeviceBuf<f32> = gpu.call(gpu::map(|x: F32| x), vec![1.0f32; 8]).await?;
                let early: DeviceBuf<f32> = gpu.call(gpu::map(|x: F32| x), vec![1.0f32; 8]).await?;
                machine.fail_later("cuLaunchKernel", 1, ILLEGAL_ADDRESS);
                is_lost(&probe(&gpu).await.expect_err("the kernel fails"), 0, ILLEGAL_ADDRESS);
                for there in [there, early] {
                    let call = other.call::<_, _, Vec<f32>>(gpu::copy(), there);
                    is_lost(&call.await.expect_err("it lies on a lost device"), 0, ILLEGAL_ADDRESS);
                }
                probe(&other).await?;
                Ok(())
            },
        );
        result.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        finished.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
}

/// What comes out of a chain over two devices before its end is right, whichever of them is lost, and when.
#[test]
fn nothing_wrong_comes_from_a_device_that_is_lost() {
    if left_out("it loses a device") {
        return;
    }
    for seed in 0..160 {
        let Attempt { result, finished, .. } = attempt(
            Settings::seed(seed).devices(2),
            |machine| machine.fail_later("cuLaunchKernel", 1 + seed / 8, LAUNCH_FAILED),
            |gpu, _| async move {
                let other = Gpu::open(1)?;
                let (tx, rx) = aqueduct::channel();
                let (first, first_rx) = aqueduct::channel::<DeviceBuf<f32>>();
                let (second, second_rx) = aqueduct::channel::<DeviceBuf<f32>>();
                let (out, results) = aqueduct::channel::<Vec<f32>>();
                let kernel = gpu::map(|x: F32| x + 1.0);
                let network = par!(
                    source(batches(6, 16), tx),
                    kernel.stage().slots(2).run(&gpu, rx, first),
                    kernel.stage().slots(2).run(&other, first_rx, second),
                    kernel.stage().slots(2).run(&gpu, second_rx, out),
                );
                let network = tokio::spawn(network.into_future());
                let mut all = Vec::new();
                let ended = loop {
                    match results.recv().await {
                        Ok(batch) => all.push(batch),
                        Err(ended) => break ended,
                    }
                };
                let expected = plus(batches(6, 16), 3.0);
                assert_eq!(all[..], expected[..all.len()]);
                match network.await? {
                    Ok(_) => assert!(ended.is_retired() && all.len() == expected.len()),
                    Err(error) => {
                        assert!(ended.is_poisoned(), "{ended}");
                        assert!(matches!(cause(&error), GpuError::DeviceLost { .. }), "{error}");
                    }
                }
                Ok(())
            },
        );
        result.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        finished.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
}
