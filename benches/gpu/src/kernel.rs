//! The kernel of the race: `v[i] = a × v[i] + b`, in place.

use aqueduct::gpu::{InOut, Kernel, Launch, Len, Scalar, SourceKernel};

use crate::batch::FLIP;

pub(crate) const ENTRY: &str = "affine";

/// Threads of a block.
pub(crate) const THREADS: u32 = 256;

pub(crate) const PTX: &str = include_str!("affine.ptx");

/// What a launch is given beside the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) a: f32,
    pub(crate) b: f32,
}

/// Turns `v` into `FLIP − v`.
pub(crate) const FLIPPING: Step = Step { a: -1.0, b: FLIP };

/// The chain of ten: nine turns, and one kernel that leaves the numbers as they are, so that the whole is one turn.
pub(crate) const CHAIN: [Step; 10] = {
    let mut steps = [FLIPPING; 10];
    steps[9] = Step { a: 1.0, b: 0.0 };
    steps
};

/// What the kernel is declared to take: `a`, `b`, the batch, and its length.
pub(crate) type Affine = (Scalar<f32>, Scalar<f32>, InOut<f32>, Len);

/// The same for a stage.
pub(crate) fn kernel(step: Step) -> SourceKernel<Affine> {
    Kernel::ptx(PTX, ENTRY)
        .args((Scalar(step.a), Scalar(step.b), InOut::<f32>(), Len))
        .launch(Launch::cover(THREADS))
        .cpu(|a: f32, b: f32, v: &mut [f32], _: usize| affine(a, b, v))
}

/// The same for the CPU.
pub(crate) fn affine(a: f32, b: f32, v: &mut [f32]) {
    for v in v {
        *v = a * *v + b;
    }
}
