//! What a stage does, on either body: receive while a slot is free, send in order, end in order.
//!
//! The slots are a ring. Three hands go round it, in this order and never past one another: a batch *begins* at the first, its
//! results *go on* at the second, the slot is *free* again behind the third.
//!
//! ```text
//!      freed          sent           begun
//!        │ received     │ under way     │ free
//!   ─────┴──────────────┴───────────────┴────── modulo the number of slots
//! ```
//!
//! So the order of the batches is kept, and what is not free is not received: a sender waits as it would for a process that is
//! busy. When the inputs retire, what is under way goes on first. Where several channels feed a kernel, one batch of each makes
//! one batch of the kernel; a batch whose partners never come is dropped when the first of the inputs retires.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::batch::Payload;
use super::engine::Engine;
use super::ports::{Input, Output};
use crate::process::{Exit, Outcome};

/// Runs a stage to its end.
pub(crate) async fn run<E: Engine>(
    engine: E,
    slots: usize,
    inputs: Vec<Box<dyn Input>>,
    outputs: Vec<Box<dyn Output>>,
) -> Outcome {
    let mut ring = Ring::new(engine, slots, inputs, outputs);
    poll_fn(|cx| ring.poll(cx)).await
}

struct Ring<E> {
    engine: E,
    inputs: Vec<Box<dyn Input>>,
    outputs: Vec<Box<dyn Output>>,
    slots: usize,
    begun: usize,
    sent: usize,
    freed: usize,
    /// One batch of each input that has come for the next batch of the kernel.
    gathered: Vec<Option<Payload>>,
    /// The same, complete.
    complete: Vec<Payload>,
    /// Room for the results of one batch.
    results: Vec<Payload>,
    /// An input has retired.
    over: bool,
}

impl<E: Engine> Ring<E> {
    fn new(engine: E, slots: usize, inputs: Vec<Box<dyn Input>>, outputs: Vec<Box<dyn Output>>) -> Self {
        let gathered = inputs.iter().map(|_| None).collect();
        let complete = Vec::with_capacity(inputs.len());
        let results = Vec::with_capacity(outputs.len());
        Self { engine, inputs, outputs, slots, begun: 0, sent: 0, freed: 0, gathered, complete, results, over: false }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Waits are registered anew where they are cheap, and kept where they are not: none is lost, since each of these
        // asks before it says that it waits.
        loop {
            let moved = self.send(cx)? | self.free(cx)? | self.begin(cx)?;
            if self.over && self.sent == self.begun && self.flushed(cx)? {
                return Poll::Ready(Ok(()));
            }
            if !moved {
                break;
            }
        }
        if let Poll::Ready(error) = self.engine.poll_failed(cx) {
            return Poll::Ready(Err(error.into()));
        }
        for output in &mut self.outputs {
            if let Poll::Ready(ended) = output.poll_closed(cx) {
                return Poll::Ready(Err(ended.into()));
            }
        }
        Poll::Pending
    }

    /// Frees slots; true if one became free. One whose results are not received yet is not.
    fn free(&mut self, cx: &mut Context<'_>) -> Result<bool, Exit> {
        let before = self.freed;
        let received = if self.flushed(cx)? { self.sent } else { self.sent - 1 };
        while self.freed != received {
            match self.engine.poll_free(self.freed % self.slots, cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => break,
            }
            self.freed += 1;
        }
        Ok(self.freed != before)
    }

    /// Sends results; true if those of a slot have gone on.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<bool, Exit> {
        let before = self.sent;
        while self.sent != self.begun {
            // All of them must have room, so that a batch goes on as a whole.
            if !self.flushed(cx)? {
                break;
            }
            match self.engine.poll_results(self.sent % self.slots, &mut self.results, cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => break,
            }
            self.sent += 1;
            for (output, payload) in self.outputs.iter_mut().zip(self.results.drain(..)) {
                output.send(payload)?;
            }
        }
        // What was handed over last is on its way only if somebody pushes; `free` does.
        Ok(self.sent != before)
    }

    /// True if everything that was sent is received.
    fn flushed(&mut self, cx: &mut Context<'_>) -> Result<bool, Exit> {
        let mut all = true;
        for output in &mut self.outputs {
            match output.poll_ready(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => all = false,
            }
        }
        Ok(all)
    }

    /// Receives batches while slots are free; true if one began.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<bool, Exit> {
        let before = self.begun;
        while !self.over && self.begun - self.freed < self.slots {
            let mut all = true;
            for (input, gathered) in self.inputs.iter_mut().zip(&mut self.gathered) {
                if gathered.is_some() {
                    continue;
                }
                match input.poll_next(cx) {
                    Poll::Ready(Ok(Some(payload))) => *gathered = Some(payload),
                    Poll::Ready(Ok(None)) => {
                        self.over = true;
                        break;
                    }
                    Poll::Ready(Err(poisoned)) => return Err(poisoned.into()),
                    Poll::Pending => all = false,
                }
            }
            if !all || self.over {
                break;
            }
            self.complete.extend(self.gathered.iter_mut().filter_map(Option::take));
            self.engine.begin(self.begun % self.slots, &mut self.complete)?;
            self.complete.clear();
            self.begun += 1;
        }
        Ok(self.begun != before)
    }
}
