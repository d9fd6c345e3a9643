//! The body on a GPU: each slot has a queue of its own, and everything that a batch needs goes through it in order.
//!
//! What a batch goes through, in one queue: copy in (unless it lies on the device), the kernel's launches, copy out (unless it
//! stays there), and a mark. Copies and launches of different slots overlap, since their queues know nothing of each other.
//!
//! **Who waits for whom.** Within a slot the queue's order is enough. Between queues there is one place where somebody has to
//! wait: memory of the device that another queue wrote. Its mark stands behind the writing; whoever is to use it next has the
//! device wait for the mark, not the host. In the other direction nobody has to wait, because a slot keeps everything that its
//! batch reads or writes until its own mark is reached, and only then lets it go.
//!
//! **Early results.** Where all outputs stay on the device they go on as soon as the launches are queued: a chain of stages is
//! queued as a whole while its first kernel runs.
//!
//! **Steady state.** Queues, marks, device memory and pinned memory are taken from pools and return to them: nothing is
//! allocated, by the driver or here, once the pools are filled.

use std::ffi::c_void;
use std::future::{Future, poll_fn};
use std::mem::forget;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::batch::{Contents, Payload, Place};
use super::engine::{Engine, Places, batch_length, bytes_of};
use crate::gpu::device::{Function, Lane, Lent, Mark, Queue, Seat, Shared, User};
use crate::gpu::error::{DriverError, GpuError};
use crate::gpu::kernel::{Grid, Passes, Recipe, Value};
use crate::gpu::memory::Block;

/// The slots of a stage on a GPU. It lives on the thread of its device.
pub(crate) struct DeviceEngine {
    seat: Rc<Seat>,
    device: User,
    recipe: Arc<Recipe>,
    places: Places,
    /// All outputs stay on the device.
    early: bool,
    functions: Rc<[Function]>,
    slots: Vec<Slot>,
    /// This device fails for good, or one from which batches came.
    failures: Vec<(Arc<Shared>, Failure)>,
    // Room that is kept from batch to batch.
    passes: Passes,
    words: Vec<u64>,
    pointers: Vec<*mut c_void>,
}

/// Waits until a device fails for good.
type Failure = Pin<Box<dyn Future<Output = GpuError>>>;

/// A queue, and the batch that is in it.
struct Slot {
    lane: Option<Lane>,
    /// Something may be in the queue that is not known to be done.
    busy: bool,
    /// Where each of the kernel's parameters lies on the device.
    parameters: Vec<Lies>,
    /// Memory that the batch uses, and nobody may use until it is done.
    blocks: Vec<Block>,
    lent: Vec<Lent>,
    /// The same, of other devices.
    away: Vec<Lent>,
    /// Results in pinned memory, each with where it is to go.
    results: Vec<Payload>,
}

/// Where an argument lies on the device.
enum Lies {
    /// In memory that the slot lets go when it is done: by its place in `lent`.
    Kept(usize),
    /// In memory that goes on as a result: by its place in `results`.
    Result(usize),
}

impl DeviceEngine {
    /// Slots for a kernel, which is compiled and loaded now.
    pub(crate) fn new(
        seat: &Rc<Seat>,
        device: User,
        recipe: &Arc<Recipe>,
        places: Places,
        slots: usize,
    ) -> Result<Self, GpuError> {
        device.alive()?;
        let functions = seat.prepare(recipe)?;
        let mut engine = Self {
            seat: Rc::clone(seat),
            device,
            recipe: Arc::clone(recipe),
            early: !places.is_empty() && places.iter().all(|(place, _)| *place == Place::Device),
            places,
            functions,
            slots: Vec::with_capacity(slots),
            failures: Vec::new(),
            passes: Passes::default(),
            words: Vec::new(),
            pointers: Vec::new(),
        };
        let own = Arc::clone(&engine.device);
        engine.heed(&own);
        for _ in 0..slots {
            let lane = Some(seat.take_lane()?);
            engine.slots.push(Slot {
                lane,
                busy: false,
                parameters: Vec::new(),
                blocks: Vec::new(),
                lent: Vec::new(),
                away: Vec::new(),
                results: Vec::new(),
            });
        }
        Ok(engine)
    }
}

impl DeviceEngine {
    /// Ends with this device, if it fails.
    fn heed(&mut self, device: &Arc<Shared>) {
        if !self.failures.iter().any(|(known, _)| Arc::ptr_eq(known, device)) {
            self.failures.push((Arc::clone(device), Box::pin(Arc::clone(device).failed())));
        }
    }
}

/// Putting one batch into a slot's queue.
struct Filling<'a> {
    seat: &'a Seat,
    shared: &'a Arc<Shared>,
    slot: &'a mut Slot,
    queue: Queue,
    /// The slot's own.
    mark: Mark,
}

impl Filling<'_> {
    fn driver<T>(&self, result: Result<T, DriverError>) -> Result<T, GpuError> {
        result.map_err(|error| self.seat.trouble(error))
    }

    /// Brings an input to the device; gives its memory there, ready for what comes next in the queue.
    fn bring(&mut self, payload: Payload) -> Result<Lent, GpuError> {
        let device = self.seat.device();
        match payload.0 {
            Contents::Host(block) => {
                let lent = self.seat.take(block.len(), self.shared)?;
                self.ready(&lent)?;
                let block = self.pinned(block)?;
                // SAFETY: the slot keeps both until the queue has done this.
                let copied = unsafe { device.copy_in(self.queue, lent.address(), block.as_ptr(), block.len()) };
                self.slot.blocks.push(block);
                self.kept(copied, lent)
            }
            Contents::Device(lent) if Arc::ptr_eq(lent.device(), self.shared) => {
                self.ready(&lent)?;
                Ok(lent)
            }
            Contents::Device(away) => {
                away.device().alive()?;
                let lent = self.seat.take(away.bytes(), self.shared)?;
                self.ready(&lent)?;
                let (context, from) = (away.device().context(), away.address());
                let waited = away.pending().map_or(Ok(()), |mark| device.wait(self.queue, mark));
                // SAFETY: the slot keeps both until the queue has done this; the context is that of the memory's device.
                let copied = waited.and_then(|()| unsafe {
                    device.copy_peer(self.queue, lent.address(), context, from, away.bytes())
                });
                let copied = copied.map_err(|error| self.seat.trouble_between(away.device(), self.mark, error));
                self.slot.away.push(away);
                match copied {
                    Ok(()) => Ok(lent),
                    Err(error) => {
                        self.slot.lent.push(lent);
                        Err(error)
                    }
                }
            }
        }
    }

    /// Memory that a queued operation uses is kept, also if a later one fails.
    fn kept(&mut self, queued: Result<(), DriverError>, lent: Lent) -> Result<Lent, GpuError> {
        match self.driver(queued) {
            Ok(()) => Ok(lent),
            Err(error) => {
                self.slot.lent.push(lent);
                Err(error)
            }
        }
    }

    /// Has the queue wait until memory may be used.
    fn ready(&self, lent: &Lent) -> Result<(), GpuError> {
        match lent.pending() {
            Some(mark) => self.driver(self.seat.device().wait(self.queue, mark)),
            None => Ok(()),
        }
    }

    /// The same bytes in memory that the device copies from by itself.
    fn pinned(&self, block: Block) -> Result<Block, GpuError> {
        if block.is_pinned() {
            return Ok(block);
        }
        let mut pinned = self.seat.take_pinned(block.len(), self.shared)?;
        pinned.bytes_mut().copy_from_slice(block.bytes());
        Ok(pinned)
    }

    /// Memory of the device for what is written into it.
    fn blank(&self, bytes: usize) -> Result<Lent, GpuError> {
        let lent = self.seat.take(bytes, self.shared)?;
        self.ready(&lent)?;
        Ok(lent)
    }
}

impl DeviceEngine {
    fn fill(&mut self, index: usize, inputs: &mut Vec<Payload>) -> Result<(), GpuError> {
        for payload in &*inputs {
            if let Contents::Device(lent) = &payload.0 {
                self.heed(lent.device());
            }
        }
        let Self { seat, device, recipe, places, functions, slots, passes, words, pointers, .. } = self;
        let length = batch_length(recipe, inputs)?;
        passes.clear();
        recipe.plan.passes(length, passes)?;
        let slot = &mut slots[index];
        let Some(Lane { queue, mark }) = slot.lane else { unreachable!("a slot has a queue") };
        slot.busy = true;
        let mut filling = Filling { seat, shared: device, slot, queue, mark };
        let mut inputs = inputs.drain(..);
        for (parameter, declared) in recipe.parameters.iter().enumerate() {
            let lent = match declared.role.is_input().then(|| inputs.next()).flatten() {
                Some(payload) => filling.bring(payload)?,
                None => filling.blank(bytes_of(recipe, parameter, length)?)?,
            };
            let slot = &mut *filling.slot;
            slot.parameters.push(if declared.role.is_output() {
                slot.results.push(lent.into());
                Lies::Result(slot.results.len() - 1)
            } else {
                slot.lent.push(lent);
                Lies::Kept(slot.lent.len() - 1)
            });
        }
        let scratch = recipe.plan.scratch(length);
        let scratch = if scratch == 0 { None } else { Some(filling.blank(scratch)?) };
        let scratch_address = scratch.as_ref().map_or(0, |lent| lent.address().0);
        filling.slot.lent.extend(scratch);
        for (pass, values) in passes.iter() {
            words.clear();
            words.extend(values.iter().map(|value| match *value {
                Value::Parameter(parameter) => filling.slot.address(parameter),
                Value::Scratch(offset) => scratch_address + offset as u64,
                Value::Number { word, .. } => word,
            }));
            pointers.clear();
            // A number's low end comes first in memory.
            pointers.extend(words.iter_mut().map(|word| std::ptr::from_mut(word).cast()));
            launch(seat, queue, functions[pass.entry], pass.grid, pointers)?;
        }
        // What is to lie on the host is copied there; what stays has its mark behind the launches.
        let Slot { results, lent, .. } = &mut *filling.slot;
        for (payload, (place, _)) in results.iter_mut().zip(places.iter()) {
            let Contents::Device(written) = &mut payload.0 else { unreachable!("it was brought there") };
            if *place == Place::Device {
                let mark = written.mark_pending();
                seat.device().record(queue, mark).map_err(|error| seat.trouble(error))?;
                continue;
            }
            let mut block = seat.take_pinned(written.bytes(), device)?;
            let (bytes, from) = (written.bytes(), written.address());
            // SAFETY: the slot keeps both until the queue has done this.
            let copied = unsafe { seat.device().copy_out(queue, block.as_mut_ptr(), from, bytes) };
            if let Contents::Device(written) = std::mem::replace(&mut payload.0, Contents::Host(block)) {
                lent.push(written);
            }
            copied.map_err(|error| seat.trouble(error))?;
        }
        seat.device().record(queue, mark).map_err(|error| seat.trouble(error))
    }
}

/// Puts a launch into a queue. The values were compared with the kernel's own parameters when it was prepared.
fn launch(
    seat: &Seat,
    queue: Queue,
    function: Function,
    grid: Grid,
    arguments: &mut [*mut c_void],
) -> Result<(), GpuError> {
    // SAFETY: as many values as the kernel has parameters, each of eight bytes and so none too small; the addresses are those
    // of memory that the slot keeps until its mark is reached. What a kernel written by hand does with them is its author's.
    let launched = unsafe { seat.device().launch(queue, function, grid, arguments) };
    launched.map_err(|error| seat.trouble(error))
}

impl Slot {
    fn address(&self, parameter: usize) -> u64 {
        match self.parameters[parameter] {
            Lies::Kept(index) => self.lent[index].address().0,
            Lies::Result(index) => match &self.results[index].0 {
                Contents::Device(lent) => lent.address().0,
                Contents::Host(_) => unreachable!("results come to the host after the launches"),
            },
        }
    }

    /// The batch is done: what it used is free.
    fn clear(&mut self) {
        self.parameters.clear();
        self.blocks.clear();
        settle(self.lent.drain(..).chain(self.away.drain(..)));
    }
}

/// Lets memory go of which the last use is done: whatever was written to it came before.
fn settle(lent: impl Iterator<Item = Lent>) {
    lent.for_each(|mut lent| lent.settle());
}

impl Engine for DeviceEngine {
    fn begin(&mut self, slot: usize, inputs: &mut Vec<Payload>) -> Result<(), GpuError> {
        self.fill(slot, inputs)
    }

    fn poll_results(
        &mut self,
        slot: usize,
        results: &mut Vec<Payload>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), GpuError>> {
        if !self.early {
            ready!(self.poll_done(slot, cx))?;
        }
        results.append(&mut self.slots[slot].results);
        Poll::Ready(Ok(()))
    }

    fn poll_free(&mut self, slot: usize, cx: &mut Context<'_>) -> Poll<Result<(), GpuError>> {
        ready!(self.poll_done(slot, cx))?;
        self.slots[slot].clear();
        Poll::Ready(Ok(()))
    }

    fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<GpuError> {
        for (_, failure) in &mut self.failures {
            if let Poll::Ready(error) = failure.as_mut().poll(cx) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }
}

impl DeviceEngine {
    fn poll_done(&mut self, slot: usize, cx: &mut Context<'_>) -> Poll<Result<(), GpuError>> {
        let slot = &mut self.slots[slot];
        if let (true, Some(lane)) = (slot.busy, &slot.lane) {
            ready!(self.seat.poll_reached(lane.queue, lane.mark, cx))?;
            for away in &slot.away {
                // What was copied from a device that has failed is not what it was to be.
                if let Some(Err(error)) = away.pending().map(|mark| self.seat.device().reached(mark)) {
                    return Poll::Ready(Err(self.seat.trouble_between(away.device(), lane.mark, error)));
                }
                away.device().alive()?;
            }
        }
        slot.busy = false;
        Poll::Ready(Ok(()))
    }
}

impl Drop for DeviceEngine {
    /// What is under way goes on without us, and keeps its memory until it is done.
    fn drop(&mut self) {
        for slot in self.slots.drain(..) {
            let Slot { lane: Some(lane), busy, blocks, lent, away, results, .. } = slot else { continue };
            if !busy {
                self.seat.give_lane(lane);
                settle(lent.into_iter().chain(away));
                continue;
            }
            // It may have failed half-way: the mark is put behind all that was queued.
            self.seat.disarm(lane.mark);
            let recorded = self.seat.device().record(lane.queue, lane.mark);
            let (seat, recipe) = (Rc::clone(&self.seat), Arc::clone(&self.recipe));
            let task = async move {
                let done = match recorded {
                    Ok(()) => poll_fn(|cx| seat.poll_reached(lane.queue, lane.mark, cx)).await,
                    Err(error) => Err(seat.trouble(error)),
                };
                // A device that has failed for good does nothing any more either. Else the queue is waited for as it is; and if
                // not even that is known, what it may still write to is nobody's any more.
                let quiet = matches!(done, Ok(()) | Err(GpuError::DeviceLost { .. }))
                    || seat.device().drain(lane.queue).is_ok();
                if quiet {
                    drop(blocks);
                    let results = results.into_iter().filter_map(|payload| match payload.0 {
                        Contents::Device(lent) => Some(lent),
                        Contents::Host(_) => None,
                    });
                    settle(lent.into_iter().chain(away).chain(results));
                    seat.give_lane(lane);
                } else {
                    forget((blocks, lent, away, results, lane));
                }
                // Its kernels stay loaded until here.
                drop(recipe);
            };
            // On the thread of the device there is always a place for it, but at the very end, when nothing runs any more.
            tokio::task::spawn_local(task);
        }
    }
}
