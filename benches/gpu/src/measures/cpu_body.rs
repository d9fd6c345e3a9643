//! A stage on the CPU against the same closure in a plain process, between the same source and sink.

use aqueduct::gpu::{self, Gpu, In, Kernel, Len, Out, Pinned, Scalar};
use aqueduct::prelude::*;
use tokio::runtime::Runtime;

use super::Plan;
use crate::batch::Wrong;
use crate::cost::{Cost, Moment, each};
use crate::kernel::{self, Step};
use crate::ours;
use crate::statistics::Figures;
use crate::table::Table;

const LENGTH: usize = 1 << 20;

const BATCHES: usize = 200;

/// `v` stays what it is, but for rounding, and so bounded for ever.
const STEP: Step = Step { a: -1.0, b: 1.0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// A process that calls the closure on the batch, in place.
    PlainInPlace,
    /// A stage whose kernel has that closure as its twin.
    TwinInPlace,
    /// A process that calls the closure with the batch and another buffer, for the results.
    PlainApart,
    /// A stage whose kernel has that closure as its twin.
    TwinApart,
    /// A stage whose kernel is an expression, which reads one buffer and writes another.
    Expression,
}

impl Body {
    const ALL: [Self; 5] = [Self::PlainInPlace, Self::TwinInPlace, Self::PlainApart, Self::TwinApart, Self::Expression];

    fn name(self) -> &'static str {
        match self {
            Self::PlainInPlace => "in place: plain process",
            Self::TwinInPlace => "in place: stage, the closure as twin",
            Self::PlainApart => "into another buffer: plain process",
            Self::TwinApart => "into another buffer: stage, the closure as twin",
            Self::Expression => "into another buffer: stage, expression `a * v + b`",
        }
    }

    /// The plain process that does the same.
    fn plain(self) -> Self {
        match self {
            Self::PlainInPlace | Self::TwinInPlace => Self::PlainInPlace,
            Self::PlainApart | Self::TwinApart | Self::Expression => Self::PlainApart,
        }
    }
}

fn affine_apart(a: f32, b: f32, v: &[f32], w: &mut [f32]) {
    for (w, v) in w.iter_mut().zip(v) {
        *w = a * *v + b;
    }
}

/// On a GPU it is not run here.
const APART: &str = r#"
extern "C" __global__ void apart(float a, float b, const float* v, float* w, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) w[i] = a * v[i] + b;
}"#;

#[process]
async fn source(gpu: Gpu, batches: usize, out: Sender<Pinned<f32>>) -> Outcome {
    for number in 0..batches {
        let mut batch = gpu.pinned::<f32>(LENGTH).await?;
        batch[0] = number as f32;
        out.send(batch).await?;
    }
    Ok(())
}

#[process]
async fn plain_in_place(input: Receiver<Pinned<f32>>, out: Sender<Pinned<f32>>) -> Outcome {
    while let Some(mut batch) = input.next().await? {
        kernel::affine(STEP.a, STEP.b, &mut batch);
        out.send(batch).await?;
    }
    Ok(())
}

#[process]
async fn plain_apart(gpu: Gpu, input: Receiver<Pinned<f32>>, out: Sender<Pinned<f32>>) -> Outcome {
    while let Some(batch) = input.next().await? {
        let mut results = gpu.pinned::<f32>(LENGTH).await?;
        affine_apart(STEP.a, STEP.b, &batch, &mut results);
        drop(batch);
        out.send(results).await?;
    }
    Ok(())
}

#[process]
async fn sink(results: Receiver<Pinned<f32>>, batches: usize) -> Outcome {
    let mut number = 0;
    while let Some(batch) = results.next().await? {
        let (first, last) = (batch[0], batch[LENGTH - 1]);
        // The last element is 0.25 or 0.75, by turns.
        if first != 1.0 - number as f32 || (last - 0.5).abs() != 0.25 {
            return Err(Wrong(format!("batch {number}: {first} … {last}")).into());
        }
        number += 1;
    }
    if number == batches { Ok(()) } else { Err(Wrong(format!("{number} results came, not {batches}")).into()) }
}

/// What so many batches cost.
fn time(runtime: &Runtime, gpu: &Gpu, body: Body, slots: usize, batches: usize) -> crate::Outcome<Cost> {
    let (from, input) = aqueduct::channel::<Pinned<f32>>();
    let (out, results) = aqueduct::channel::<Pinned<f32>>();
    let source = source(gpu.clone(), batches, from);
    let sink = sink(results, batches);
    let start = Moment::now();
    runtime.block_on(async {
        match body {
            Body::PlainInPlace => drop(par!(source, plain_in_place(input, out), sink).await?),
            Body::PlainApart => drop(par!(source, plain_apart(gpu.clone(), input, out), sink).await?),
            Body::TwinInPlace => {
                let stage = kernel::kernel(STEP).stage().slots(slots).run(gpu, input, out);
                par!(source, stage, sink).await?;
            }
            Body::TwinApart => {
                let kernel = Kernel::cuda_c(APART, "apart")
                    .args((Scalar(STEP.a), Scalar(STEP.b), In::<f32>(), Out::<f32>(), Len))
                    .cpu(|a: f32, b: f32, v: &[f32], w: &mut [f32], _: usize| affine_apart(a, b, v, w));
                let stage = kernel.stage().slots(slots).run(gpu, input, out);
                par!(source, stage, sink).await?;
            }
            Body::Expression => {
                let Step { a, b } = STEP;
                let stage = gpu::map(move |v: gpu::F32| a * v + b).stage().slots(slots).run(gpu, input, out);
                par!(source, stage, sink).await?;
            }
        }
        crate::Outcome::Ok(())
    })?;
    Ok(start.cost())
}

pub(crate) fn run(plan: &Plan) -> crate::Outcome<()> {
    let runtime = ours::runtime()?;
    let gpu = Gpu::cpu();
    // The pool, filled: none of the competitors pays for new memory.
    runtime.block_on(async {
        let mut pool = Vec::new();
        for _ in 0..12 {
            let mut buffer = gpu.pinned::<f32>(LENGTH).await?;
            buffer.fill(0.25);
            pool.push(buffer);
        }
        crate::Outcome::Ok(())
    })?;
    let columns =
        ["1 Mi `f32`", "slots", "µs/batch", "÷ plain process, same round", "processor µs/batch", "÷ plain process"];
    let mut table = Table::new("The CPU body against the same closure in a plain process (`cpu-body`)", &columns);
    for slots in [1, 3] {
        let mut costs: [Vec<Cost>; Body::ALL.len()] = Default::default();
        for round in 0..plan.rounds {
            for turn in 0..Body::ALL.len() {
                let who = (round + turn) % Body::ALL.len();
                costs[who].push(time(&runtime, &gpu, Body::ALL[who], slots, plan.count(BATCHES))?);
            }
        }
        let batches = plan.count(BATCHES);
        let figures = |body: Body, figure: &dyn Fn(&Cost) -> f64| -> Vec<f64> {
            costs[body as usize].iter().map(figure).collect()
        };
        for body in Body::ALL {
            let mut row = vec![body.name().to_owned()];
            row.push(if body == body.plain() { "–".to_owned() } else { slots.to_string() });
            for figure in [|cost: &Cost| cost.wall, |cost: &Cost| cost.processor] {
                let micros = |cost: &Cost| each(figure(cost), batches);
                let (of, plain) = (figures(body, &micros), figures(body.plain(), &micros));
                row.push(Figures::of(of.clone()).show());
                row.push(Figures::paired(&of, &plain, |ours, plain| ours / plain).show());
            }
            table.row(row);
        }
    }
    table.print(
        "Goal: ≤ 1.05. The plain process computes in its own task; a stage computes on rayon's workers, with several slots several \
         batches at a time. The batches, the source and the sink are the same.",
    );
    Ok(())
}
