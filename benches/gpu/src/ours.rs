//! The work of the race by stages, and by calls.

use std::time::{Duration, Instant};

use aqueduct::gpu::{DeviceBuf, Gpu, Pinned};
use aqueduct::prelude::*;
use tokio::runtime::Runtime;

use crate::batch::{self, COOL, Wrong};
use crate::cost::{Cost, Moment};
use crate::kernel::{self, CHAIN, FLIPPING};

/// What goes through a network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Elements of a batch.
    pub(crate) length: usize,
    pub(crate) slots: usize,
    /// Batches before the clock starts, and while it runs.
    pub(crate) warm: usize,
    pub(crate) batches: usize,
    pub(crate) channels: Channels,
    pub(crate) computes: bool,
}

/// What lies between the source, the stage and the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Every send waits for its receiver.
    Rendezvous,
    /// So many batches fit between.
    Buffered(usize),
}

impl Channels {
    fn make<T: Send + 'static>(self) -> (Sender<T>, Receiver<T>) {
        match self {
            Self::Rendezvous => aqueduct::channel(),
            Self::Buffered(room) => aqueduct::buffered(room),
        }
    }
}

/// A runtime like a user's.
pub(crate) fn runtime() -> crate::Outcome<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Fills the device's pool with buffers of this length, so that the race allocates none.
pub(crate) fn fill_pool(runtime: &Runtime, gpu: &Gpu, length: usize, count: usize) -> crate::Outcome<()> {
    runtime.block_on(async {
        let mut pool = Vec::with_capacity(count);
        for tag in 1..=count {
            let mut buffer = gpu.pinned::<f32>(length).await?;
            batch::fill(&mut buffer, tag as u32);
            pool.push(buffer);
        }
        Ok(())
    })
}

#[process]
async fn source(gpu: Gpu, work: Work, out: Sender<Pinned<f32>>) -> Outcome {
    for number in 0..work.warm + work.batches + COOL {
        let mut batch = gpu.pinned::<f32>(work.length).await?;
        batch::stamp(&mut batch, number);
        out.send(batch).await?;
    }
    Ok(())
}

#[process]
async fn sink(results: Receiver<Pinned<f32>>, work: Work) -> Outcome<Cost> {
    let mut start = Moment::now();
    let mut cost = None;
    let mut number = 0;
    while let Some(batch) = results.next().await? {
        if work.computes {
            batch::check(&batch, number, cost.is_some())?;
        }
        drop(batch);
        number += 1;
        if number == work.warm {
            start = Moment::now();
        }
        if number == work.warm + work.batches {
            cost = Some(start.cost());
        }
    }
    match cost {
        Some(cost) if number == work.warm + work.batches + COOL => Ok(cost),
        _ => Err(Wrong(format!("{number} results came, not {}", work.warm + work.batches + COOL)).into()),
    }
}

/// Batches through one stage.
pub(crate) fn stream(runtime: &Runtime, gpu: &Gpu, work: Work) -> crate::Outcome<Cost> {
    let (batches, input) = work.channels.make();
    let (output, results) = work.channels.make::<Pinned<f32>>();
    let stage = kernel::kernel(FLIPPING).stage().slots(work.slots).run(gpu, input, output);
    let gpu = gpu.clone();
    let ((), (), cost) =
        runtime.block_on(async { par!(source(gpu, work, batches), stage, sink(results, work)).await })?;
    Ok(cost)
}

/// Batches through ten stages, between which they stay on the device.
pub(crate) fn chain(runtime: &Runtime, gpu: &Gpu, work: Work) -> crate::Outcome<Cost> {
    let [first, middle @ .., last] = CHAIN;
    let (batches, input) = work.channels.make();
    let (output, mut resident) = work.channels.make::<DeviceBuf<f32>>();
    let mut stages = vec![kernel::kernel(first).stage().slots(work.slots).run(gpu, input, output)];
    for step in middle {
        let (output, next) = work.channels.make();
        stages.push(kernel::kernel(step).stage().slots(work.slots).run(gpu, resident, output));
        resident = next;
    }
    let (output, results) = work.channels.make::<Pinned<f32>>();
    stages.push(kernel::kernel(last).stage().slots(work.slots).run(gpu, resident, output));
    let gpu = gpu.clone();
    runtime.block_on(async {
        let stages: Vec<_> = stages.into_iter().map(Process::spawn).collect();
        let ended = par!(source(gpu, work, batches), sink(results, work)).await;
        // A stage that failed says more of why than those who wait for it.
        for stage in stages {
            stage.await?;
        }
        Ok(ended?.1)
    })
}

/// One batch at a time through a stage with one slot, from sending it to having its results.
pub(crate) fn round_trips(runtime: &Runtime, gpu: &Gpu, work: Work) -> crate::Outcome<Vec<Duration>> {
    let (batches, input) = work.channels.make();
    let (output, results) = work.channels.make::<Pinned<f32>>();
    let stage = kernel::kernel(FLIPPING).stage().slots(1).run(gpu, input, output);
    runtime.block_on(async {
        let stage = stage.spawn();
        let mut trips = Vec::with_capacity(work.batches);
        let mut batch = gpu.pinned::<f32>(work.length).await?;
        for number in 0..work.batches {
            let start = Instant::now();
            batch::stamp(&mut batch, number);
            batches.send(batch).await?;
            batch = results.recv().await?;
            trips.push(start.elapsed());
            if work.computes {
                batch::check(&batch, number, true)?;
            }
        }
        drop(batches);
        stage.await?;
        Ok(trips)
    })
}

/// One batch at a time by `Gpu::call`.
pub(crate) fn calls(runtime: &Runtime, gpu: &Gpu, work: Work) -> crate::Outcome<Vec<Duration>> {
    let kernel = kernel::kernel(FLIPPING);
    runtime.block_on(async {
        let mut trips = Vec::with_capacity(work.batches);
        let mut batch = gpu.pinned::<f32>(work.length).await?;
        for number in 0..work.batches {
            let start = Instant::now();
            batch::stamp(&mut batch, number);
            batch = gpu.call(&kernel, batch).await?;
            trips.push(start.elapsed());
            if work.computes {
                batch::check(&batch, number, true)?;
            }
        }
        Ok(trips)
    })
}
