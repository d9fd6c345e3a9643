//! In steady state a chain of stages on a device allocates nothing: neither the driver's memory nor the program's.
//!
//! The program's own allocator counts. The simulated driver is in its null mode, in which it allocates nothing itself; so all
//! that is counted is the library's, on the thread of the device and on that of the network, and not that of the test harness.
//! Alone in its program, which has one driver and one allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aqueduct::gpu::{self, Batch, DeviceBuf, F32, Gpu, Pinned};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::{Settings, Simulator};

#[path = "common/mod.rs"]
mod common;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes on to the system's allocator as it came; counting touches no memory of its callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Where to look when it fails: with `AQUEDUCT_SHOW_ALLOCATIONS` the first few are shown with where they come from.
static SHOWN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread is the device's, or the network's.
    static COUNTED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    static SHOWING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn count(size: usize) {
    if !COUNTED.get() {
        return;
    }
    let before = ALLOCATIONS.fetch_add(1, Relaxed);
    if SHOWN.load(Relaxed) && before < 100_000 && !SHOWING.get() {
        SHOWING.set(true);
        eprintln!("{size} bytes:\n{}", std::backtrace::Backtrace::force_capture());
        SHOWING.set(false);
    }
}

const STAGES: usize = 10;
const WARM: usize = 200;
const BATCHES: usize = 2000;
const LENGTH: usize = 1024;

/// What may be made once, however many batches there are: `parking_lot`'s table for a thread that waits for a lock for the first
/// time; memory for slots that happen to be all in use for the first time. One for each batch would be thousands.
const ONCE: u64 = 4 * STAGES as u64;

/// The driver's functions; who looks for the first of them is the device's thread.
fn answer(name: &str) -> Option<*const c_void> {
    if std::thread::current().name() == Some("aqueduct-gpu-0") {
        COUNTED.set(true);
    }
    aqueduct_simulated_gpu::answer(name)
}

#[test]
fn a_chain_in_steady_state_allocates_nothing() {
    // SAFETY: each answer is a function of the driver's, with the driver's signature.
    unsafe { gpu::driver::install(answer) }.expect("nobody has used a GPU yet");
    let machine = Arc::new(Simulator::start(Settings::instant()));
    let given = Arc::clone(&machine);
    let counted = common::within(Duration::from_secs(60), move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        COUNTED.set(true);
        // One device, and so one thread, for all.
        let _open = Gpu::open(0).expect("a device");
        let on_device = runtime.block_on(round_and_round::<DeviceBuf<f32>>(Arc::clone(&given)));
        let by_host = runtime.block_on(round_and_round::<Pinned<f32>>(Arc::clone(&given)));
        let by_vectors = runtime.block_on(round_and_round::<Vec<f32>>(given));
        [
            ("on the device", on_device.expect("the chain")),
            ("by pinned batches", by_host.expect("the chain")),
            ("by vectors", by_vectors.expect("the chain")),
        ]
    });
    for (how, Counted { allocations, driver, launches }) in counted {
        println!(
            "{STAGES} stages joined {how}, {launches} launches: {allocations} allocations of the program's, {driver} of the \
             driver's"
        );
    }
    for (how, Counted { allocations, driver, launches }) in counted {
        // The last batches are under way yet.
        assert!(launches > ((BATCHES - 100) * STAGES) as u64, "joined {how}: {launches} launches");
        assert!(driver <= ONCE, "joined {how}: {driver} things of the driver's were made");
        // A vector that a stage gives away is its receiver's, and so is new. It also shows that the counter counts.
        let each = if how == "by vectors" { launches - 100..=launches + 100 } else { 0..=ONCE };
        assert!(each.contains(&allocations), "joined {how}: {allocations} allocations");
    }
    Arc::into_inner(machine).expect("the chain has let go of it").finish();
}

#[derive(Clone, Copy)]
struct Counted {
    /// Of the program's memory.
    allocations: u64,
    /// Of the driver's memory, queues and marks.
    driver: u64,
    launches: u64,
}

impl Counted {
    fn now(machine: &Simulator) -> Self {
        let made = ["cuMemAlloc_v2", "cuMemHostAlloc", "cuStreamCreate", "cuEventCreate", "cuModuleLoadDataEx"];
        Self {
            allocations: ALLOCATIONS.load(Relaxed),
            driver: made.into_iter().map(|function| machine.calls(function)).sum(),
            launches: machine.calls("cuLaunchKernel"),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            allocations: self.allocations - before.allocations,
            driver: self.driver - before.driver,
            launches: self.launches - before.launches,
        }
    }
}

/// A chain whose end feeds its beginning, so that the batches, too, are the same all the time.
async fn round_and_round<M: Batch<Element = f32>>(
    machine: Arc<Simulator>,
) -> Result<Counted, Box<dyn Error + Send + Sync>> {
    let gpu = Gpu::open(0)?;
    let kernel = gpu::map(|x: F32| x * 0.5 + 1.0);
    let (first, mut last) = aqueduct::channel::<M>();
    let mut stages = Group::new();
    for _ in 0..STAGES {
        let (next, next_rx) = aqueduct::channel();
        stages.add(kernel.stage().slots(2).run(&gpu, last, next));
        last = next_rx;
    }
    let stages = aqueduct::task("chain", async move { Ok(stages.await?) });
    let around = aqueduct::task("around", async move {
        for _ in 0..4 {
            let batch = gpu.call::<_, _, M>(gpu::copy(), vec![1.0f32; LENGTH]);
            first.send(batch.await.expect("a batch")).await?;
        }
        for _ in 0..WARM {
            first.send(last.recv().await?).await?;
        }
        let before = Counted::now(&machine);
        SHOWN.store(std::env::var_os("AQUEDUCT_SHOW_ALLOCATIONS").is_some(), Relaxed);
        for _ in 0..BATCHES {
            first.send(last.recv().await?).await?;
        }
        SHOWN.store(false, Relaxed);
        Ok(Counted::now(&machine).since(before))
    });
    Ok(par!(stages, around).await?.1)
}
