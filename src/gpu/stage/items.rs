//! Stages of single elements: gathered into batches by size or deadline, computed, and sent one by one.

use std::sync::Arc;
use std::time::Duration;

use super::Stage;
use crate::gpu::element::Plain;
use crate::gpu::memory::Pinned;
use crate::gpu::pick::Gpu;
use crate::{Ended, Outcome, Process, Receiver, Sender, alt, at, channel, par, process};

/// A stage whose channels carry single elements, made by [`Stage::items`].
#[derive(Debug)]
#[must_use = "a stage does nothing until it is run"]
pub struct ItemStage<T, U> {
    stage: Stage<(T,), (U,)>,
    size: usize,
    within: Duration,
}

impl<T: Plain, U: Plain> Stage<(T,), (U,)> {
    /// A stage whose channels carry single elements instead of batches: it gathers `size` of them into a batch, or as many as
    /// come within `within` of the first.
    ///
    /// # Panics
    /// If `size` is 0.
    pub fn items(self, size: usize, within: Duration) -> ItemStage<T, U> {
        assert!(size > 0, "a batch has at least one element");
        ItemStage { stage: self, size, within }
    }
}

impl<T: Plain, U: Plain> ItemStage<T, U> {
    /// The process: it receives elements and sends the results, in order. It ends, and fails, as a stage of batches does.
    pub fn run(
        self,
        gpu: &Gpu,
        input: Receiver<T>,
        output: Sender<U>,
    ) -> impl Process<Value = (), IntoFuture: Send> + use<T, U> {
        let Self { stage, size, within } = self;
        let name = stage.name.clone().unwrap_or_else(|| Arc::clone(&stage.kernel.recipe().name));
        elements(stage, size, within, gpu.clone(), input, output).named(name)
    }
}

#[process]
async fn elements<T: Plain, U: Plain>(
    stage: Stage<(T,), (U,)>,
    size: usize,
    within: Duration,
    gpu: Gpu,
    input: Receiver<T>,
    output: Sender<U>,
) -> Outcome {
    let (batches, batch_input) = channel();
    let (batch_output, results) = channel();
    let computing = stage.run(&gpu, batch_input, batch_output);
    par!(gather(gpu, size, within, input, batches), computing, scatter(results, output)).await?;
    Ok(())
}

/// Gathers elements into batches.
#[process]
async fn gather<T: Plain>(
    gpu: Gpu,
    size: usize,
    within: Duration,
    input: Receiver<T>,
    batches: Sender<Pinned<T>>,
) -> Outcome {
    while let Some(first) = input.next().await? {
        let mut batch = gpu.pinned::<T>(size).await?;
        batch[0] = first;
        let mut length = 1;
        let deadline = crate::now().checked_add(within);
        let mut over = false;
        while length < size && !over {
            alt! {
                element = input.recv() => match element {
                    Ok(element) => {
                        batch[length] = element;
                        length += 1;
                    }
                    Err(Ended::Retired) => over = true,
                    Err(poisoned) => return Err(poisoned.into()),
                },
                _ = at(deadline.unwrap_or_else(crate::now)), if deadline.is_some() => over = true,
            }
        }
        batch.resize(length);
        batches.send(batch).await?;
    }
    Ok(())
}

/// Sends the elements of batches.
#[process]
async fn scatter<U: Plain>(results: Receiver<Pinned<U>>, output: Sender<U>) -> Outcome {
    while let Some(batch) = results.next().await? {
        for element in &*batch {
            output.send(*element).await?;
        }
    }
    Ok(())
}
