//! A machine with GPUs for one test.

use std::error::Error;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use aqueduct::gpu::{self, Gpu};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::{Settings, Simulator};

/// Seeds that each of the tests of orders runs under.
pub(crate) const SEEDS: u64 = 500;

/// Makes the simulated driver the driver of this program.
fn installed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: each answer is a function of the driver's, with the driver's signature.
        let installed = unsafe { aqueduct::gpu::driver::install(aqueduct_simulated_gpu::answer) };
        installed.expect("nobody has used a GPU yet");
    });
}

/// A simulated machine, until the end of the test.
pub(crate) fn simulated(settings: Settings) -> Simulator {
    installed();
    Simulator::start(settings)
}

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Runs the body of a test on a simulated machine, and looks that nothing was left behind and nothing was done wrong.
pub(crate) fn run<F>(settings: Settings, body: impl FnOnce(Gpu, Arc<Simulator>) -> F + Send + 'static)
where
    F: Future<Output = Result> + Send + 'static,
{
    // The tests take turns.
    let machine = Arc::new(simulated(settings));
    crate::common::within(Duration::from_secs(20), move || {
        let given = Arc::clone(&machine);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { body(Gpu::open(0)?, given).await }).expect("the test");
        drop(runtime);
        // What the thread of a device gives back last is none of the next test's.
        let begun = Instant::now();
        while machine.live().contexts > 0 && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_micros(100));
        }
        Arc::into_inner(machine).expect("the test has let go of it").finish();
    });
}

/// Batches of a float each that differ in every element.
pub(crate) fn batches(count: usize, length: usize) -> Vec<Vec<f32>> {
    (0..count).map(|batch| (0..length).map(|index| (batch * length + index) as f32).collect()).collect()
}

/// Sends batches.
#[process]
pub(crate) async fn source<M: gpu::Batch>(batches: Vec<M>, out: Sender<M>) -> Outcome {
    for batch in batches {
        out.send(batch).await?;
    }
    Ok(())
}
