//! Stages: kernels as processes of a network, and single calls.
//!
//! [`run`] is what a stage does; an [`engine`] computes its batches: [`host`] on the CPU, in the process's own task and on
//! rayon's workers, [`onboard`] on a GPU, on the thread of the device.

mod batch;
mod call;
mod engine;
mod host;
mod items;
mod messages;
#[allow(unsafe_code, reason = "it tells a driver where batches lie")]
#[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "only a driver makes devices"))]
mod onboard;
mod ports;
mod process;
mod run;

use std::sync::Arc;

pub use batch::{Batch, DeviceBuf};
pub use call::Call;
pub(crate) use call::pinned;
pub use items::ItemStage;
pub use messages::Batches;
pub use ports::{Inputs, Outputs};
pub use process::{RunStage, StageProcess};

use super::kernel::{IntoKernel, Kernel};
use super::pick::Gpu;

/// How many batches are under way in a stage that says nothing else: while one is copied in and one copied out, one is
/// computed.
const SLOTS: usize = 3;

/// A kernel that is to be a process: how many batches it has under way, and its name.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::gpu::{self, Gpu};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { aqueduct::run(async {
/// let gpu = Gpu::pick();                        // a GPU if there is one, else the CPU
/// let (numbers, input) = aqueduct::channel::<Vec<f32>>();
/// let (output, squares) = aqueduct::channel::<Vec<f32>>();
/// par!(
///     aqueduct::task("source", async move { Ok(numbers.send(vec![1.0, 2.0, 3.0]).await?) }),
///     gpu::map(|x: gpu::F32| x * x).stage().slots(2).run(&gpu, input, output),
///     aqueduct::task("sink", async move {
///         assert_eq!(squares.recv().await?, [1.0, 4.0, 9.0]);
///         Ok(())
///     }),
/// )
/// .await?;
/// # aqueduct::Outcome::Ok(()) })?; Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a stage does nothing until it is run"]
pub struct Stage<I, O> {
    kernel: Kernel<I, O>,
    slots: usize,
    name: Option<Arc<str>>,
}

impl<I, O> Stage<I, O> {
    /// A stage of a kernel.
    pub fn new(kernel: impl IntoKernel<Inputs = I, Outputs = O>) -> Self {
        Self { kernel: kernel.into_kernel(), slots: SLOTS, name: None }
    }

    /// How many batches are under way at a time; else three. With one, nothing overlaps.
    ///
    /// A batch is received only while a slot is free, so this is also how many batches the stage takes ahead.
    ///
    /// # Panics
    /// If it is 0.
    pub fn slots(mut self, slots: usize) -> Self {
        assert!(slots > 0, "a stage needs at least one slot");
        self.slots = slots;
        self
    }

    /// Gives the process another name than its kernel's.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The process: it receives a batch of each input, computes, and sends a batch of each output, in order.
    ///
    /// It is a process like any other: it ends when an input retires and what is under way has been sent, or when an output
    /// retires; an error ([`GpuError`](super::GpuError)) fails it, and poisons its channels. Whether it can run on this device
    /// at all (a body, a signature, a compiler) is known when it starts, before the first batch.
    ///
    /// Where there are several inputs, one batch of each makes one batch of the kernel. When one of them retires, batches of
    /// the others that have come already, one of each at most, have no partner and are dropped.
    pub fn run(self, gpu: &Gpu, inputs: impl Inputs<I>, outputs: impl Outputs<O>) -> StageProcess {
        let Self { kernel, slots, name } = self;
        let name = name.unwrap_or_else(|| Arc::clone(&kernel.recipe().name));
        StageProcess::new(Arc::clone(kernel.recipe()), name, slots, gpu, inputs.inputs(), outputs.outputs())
    }
}

impl<I, O> Clone for Stage<I, O> {
    fn clone(&self) -> Self {
        Self { kernel: self.kernel.clone(), slots: self.slots, name: self.name.clone() }
    }
}
