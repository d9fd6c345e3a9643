//! The body on the CPU: each slot's batch is computed by a worker thread of rayon's pool, in the memory in which it came.
//!
//! Nothing is copied that need not be: an input that the kernel also writes becomes its output, and a batch in a vector is
//! computed into a vector. While a worker computes, the process is free to receive and send.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::batch::{Contents, Payload, Place};
use super::engine::{Engine, Places, batch_length, bytes_of};
use crate::context::schedule;
use crate::gpu::error::GpuError;
use crate::gpu::kernel::{HostBody, Recipe, Role};
use crate::gpu::memory::{Block, Home};

/// The slots of a stage on the CPU.
pub(crate) struct HostEngine {
    recipe: Arc<Recipe>,
    body: Arc<dyn HostBody>,
    places: Places,
    home: Arc<Home>,
    slots: Vec<Arc<Slot>>,
}

struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    work: Work,
    /// `None` while a worker has it.
    result: Option<Result<(), GpuError>>,
    waker: Option<Waker>,
}

/// The memory of one batch.
#[derive(Default)]
struct Work {
    inputs: Vec<Block>,
    outputs: Vec<Block>,
    length: usize,
}

impl HostEngine {
    /// Slots for a kernel that has a body for the CPU.
    ///
    /// # Errors
    /// That it has none, or that its declared arguments are not its own.
    pub(crate) fn new(
        recipe: &Arc<Recipe>,
        places: Places,
        slots: usize,
        home: &Arc<Home>,
        reason: &Arc<str>,
    ) -> Result<Self, GpuError> {
        if let Some(ptx) = recipe.plan.known_ptx() {
            recipe.plan.check(ptx)?;
        }
        let no_twin = || GpuError::NoTwin { kernel: Arc::clone(&recipe.name), reason: Arc::clone(reason) };
        let body = recipe.body.clone().ok_or_else(no_twin)?;
        let slots = (0..slots).map(|_| Arc::new(Slot(Mutex::default()))).collect();
        Ok(Self { recipe: Arc::clone(recipe), body, places, home: Arc::clone(home), slots })
    }

    /// The memory of a batch: that in which it came, and new memory for what is only written.
    fn work(&self, inputs: &mut Vec<Payload>, work: &mut Work) -> Result<(), GpuError> {
        work.length = batch_length(&self.recipe, inputs)?;
        let mut inputs = inputs.drain(..);
        let mut places = self.places.iter();
        for (index, parameter) in self.recipe.parameters.iter().enumerate() {
            let input = if parameter.role.is_input() {
                inputs.next().map(|input| self.block(input)).transpose()?
            } else {
                None
            };
            match (parameter.role, input) {
                (Role::In, Some(block)) => work.inputs.push(block),
                (Role::InOut, Some(block)) => {
                    places.next();
                    work.outputs.push(block);
                }
                _ => {
                    let bytes = bytes_of(&self.recipe, index, work.length)?;
                    let block = match places.next() {
                        Some((Place::Vector, align)) => Block::zeroed(bytes, *align),
                        _ => self.home.take_ordinary(bytes),
                    };
                    work.outputs.push(block.ok_or(GpuError::HostMemory { bytes })?);
                }
            }
        }
        Ok(())
    }

    fn block(&self, payload: Payload) -> Result<Block, GpuError> {
        match payload.0 {
            Contents::Host(block) => Ok(block),
            Contents::Device(lent) => Err(GpuError::Elsewhere {
                kernel: Arc::clone(&self.recipe.name),
                place: Arc::clone(&lent.device().info().name),
            }),
        }
    }
}

impl Engine for HostEngine {
    fn begin(&mut self, slot: usize, inputs: &mut Vec<Payload>) -> Result<(), GpuError> {
        let slot = &self.slots[slot];
        let mut work = {
            let mut state = slot.0.lock();
            state.result = None;
            std::mem::take(&mut state.work)
        };
        self.work(inputs, &mut work)?;
        let (slot, body, name) = (Arc::clone(slot), Arc::clone(&self.body), Arc::clone(&self.recipe.name));
        let compute = move || {
            let result = compute(&*body, &mut work, &name);
            let waker = {
                let mut state = slot.0.lock();
                state.work = work;
                state.result = Some(result);
                state.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        // A testing schedule knows nothing of other threads.
        if schedule::is_installed() {
            compute()
        } else {
            rayon::spawn(compute)
        }
        Ok(())
    }

    fn poll_results(
        &mut self,
        slot: usize,
        results: &mut Vec<Payload>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), GpuError>> {
        let mut state = self.slots[slot].0.lock();
        let Some(result) = &state.result else {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        result.clone()?;
        state.work.inputs.clear();
        results.extend(state.work.outputs.drain(..).map(Payload::from));
        Poll::Ready(Ok(()))
    }

    fn poll_free(&mut self, _: usize, _: &mut Context<'_>) -> Poll<Result<(), GpuError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_failed(&mut self, _: &mut Context<'_>) -> Poll<GpuError> {
        Poll::Pending
    }
}

/// Computes a batch, on a worker.
fn compute(body: &dyn HostBody, work: &mut Work, kernel: &Arc<str>) -> Result<(), GpuError> {
    let Work { inputs, outputs, length } = work;
    let inputs: Vec<&[u8]> = inputs.iter().map(Block::bytes).collect();
    let mut outputs: Vec<&mut [u8]> = outputs.iter_mut().map(Block::bytes_mut).collect();
    catch_unwind(AssertUnwindSafe(|| body.run(&inputs, &mut outputs, *length)))
        .map_err(|payload| GpuError::Panicked { kernel: Arc::clone(kernel), message: message(&*payload) })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no text)".to_owned())
}
