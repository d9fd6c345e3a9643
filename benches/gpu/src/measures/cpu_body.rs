//! A stage on the CPU against the same closure in a plain process, between the same source and sink.

use std::time::Instant;

use aqueduct::gpu::{self, Gpu, Pinned};
use aqueduct::prelude::*;
use tokio::runtime::Runtime;

use super::Plan;
use crate::batch::Wrong;
use crate::cost::each;
use crate::kernel::{self, Step};
use crate::ours;
use crate::statistics::Figures;
use crate::table::Table;

const LENGTH: usize = 1 << 20;

/// `v` stays what it is, but for rounding, and so bounded for ever.
const STEP: Step = Step { a: -1.0, b: 1.0 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// A process that calls the closure.
    Plain,
    /// A stage whose kernel has the closure as its twin.
    Twin,
    /// A stage whose kernel is an expression.
    Expression,
}

const BODIES: [Body; 3] = [Body::Plain, Body::Twin, Body::Expression];

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
async fn plain(input: Receiver<Pinned<f32>>, out: Sender<Pinned<f32>>) -> Outcome {
    while let Some(mut batch) = input.next().await? {
        kernel::affine(STEP.a, STEP.b, &mut batch);
        out.send(batch).await?;
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

/// Microseconds for a batch.
fn time(runtime: &Runtime, gpu: &Gpu, body: Body, slots: usize, batches: usize) -> crate::Outcome<f64> {
    let (from, input) = aqueduct::channel::<Pinned<f32>>();
    let (out, results) = aqueduct::channel::<Pinned<f32>>();
    let source = source(gpu.clone(), batches, from);
    let sink = sink(results, batches);
    let start = Instant::now();
    runtime.block_on(async {
        match body {
            Body::Plain => drop(par!(source, plain(input, out), sink).await?),
            Body::Twin => {
                let stage = kernel::kernel(STEP).stage().slots(slots).run(gpu, input, out);
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
    Ok(each(start.elapsed(), batches))
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
    let columns = ["1 Mi `f32`", "slots", "µs/batch", "÷ plain, same round"];
    let mut table = Table::new("The CPU body against the same closure in a plain process (`cpu-body`)", &columns);
    for slots in [1, 3] {
        let mut times: [Vec<f64>; 3] = Default::default();
        for round in 0..plan.rounds {
            for turn in 0..BODIES.len() {
                let who = (round + turn) % BODIES.len();
                times[who].push(time(&runtime, &gpu, BODIES[who], slots, plan.count(200))?);
            }
        }
        let names = ["plain process, closure", "stage, the closure as twin", "stage, expression `a * v + b`"];
        for (name, of) in names.iter().zip(&times) {
            let ratio = Figures::paired(of, &times[0], |ours, plain| ours / plain);
            table.row([(*name).to_owned(), slots.to_string(), Figures::of(of.clone()).show(), ratio.show()]);
        }
    }
    table.print(
        "Goal: ≤ 1.05. The plain process computes in its own task; a stage computes on rayon's workers, with several slots several \
         batches at a time. The batches, the source and the sink are the same.",
    );
    Ok(())
}
