//! The process of a stage: on the CPU a task, on a GPU placed on the device's thread.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::engine::places;
use super::host::HostEngine;
use super::onboard::DeviceEngine;
use super::ports::{Input, Output};
use super::run::run;
use crate::context::Meta;
use crate::gpu::device::{Seat, Shared};
use crate::gpu::kernel::Recipe;
use crate::gpu::pick::{Gpu, Where};
use crate::process::{Handle, Outcome, Placed, Port, Process, ProcessError, RunPlaced, RunTask, Sketch, Task};

static META: Meta = Meta::new("stage", &["input", "output"], "aqueduct::gpu");

type Body = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type LocalBody = Pin<Box<dyn Future<Output = Outcome>>>;
type Make = Box<dyn FnOnce(&Rc<Seat>) -> LocalBody + Send>;

/// The process of a stage, made by [`Stage::run`](super::Stage::run). Lazy, as every process.
#[must_use = "a process does nothing until it is awaited, composed with `par!`, or spawned"]
pub struct StageProcess {
    runs: Runs,
    gpu: Gpu,
}

enum Runs {
    Here(Task<Body, 2>),
    There(Placed<Shared, Make, 2>),
}

impl StageProcess {
    pub(super) fn new(
        recipe: Arc<Recipe>,
        name: Arc<str>,
        slots: usize,
        gpu: &Gpu,
        (input, inputs): (Port, Vec<Box<dyn Input>>),
        (output, outputs): (Port, Vec<Box<dyn Output>>),
    ) -> Self {
        let ports = [input, output];
        let runs = match gpu.place() {
            Where::Cpu(home) => {
                let (home, reason) = (Arc::clone(home), Arc::clone(gpu.why()));
                let body: Body = Box::pin(async move {
                    let engine = HostEngine::new(&recipe, places(&outputs), slots, &home, &reason)?;
                    run(engine, slots, inputs, outputs).await
                });
                Runs::Here(Task::new(&META, ports, body).named(name))
            }
            Where::Device(device) => {
                let user = device.join();
                let make: Make = Box::new(move |seat| {
                    let seat = Rc::clone(seat);
                    Box::pin(async move {
                        let engine = DeviceEngine::new(&seat, user, &recipe, places(&outputs), slots)?;
                        run(engine, slots, inputs, outputs).await
                    })
                });
                Runs::There(Placed::new(&META, name, ports, Arc::clone(device), make))
            }
        };
        Self { runs, gpu: gpu.clone() }
    }

    /// Where it runs, and why there.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }
}

impl IntoFuture for StageProcess {
    type Output = Result<(), ProcessError>;
    type IntoFuture = RunStage;

    fn into_future(self) -> RunStage {
        RunStage(match self.runs {
            Runs::Here(task) => Running::Here(task.into_future()),
            Runs::There(placed) => Running::There(placed.into_future()),
        })
    }
}

#[diagnostic::do_not_recommend]
impl Process for StageProcess {
    type Value = ();

    fn draw(&self, sketch: &mut Sketch) {
        match &self.runs {
            Runs::Here(task) => task.draw(sketch),
            Runs::There(placed) => placed.draw(sketch),
        }
    }

    fn spawn(self) -> Handle<()> {
        match self.runs {
            Runs::Here(task) => task.spawn(),
            Runs::There(placed) => placed.spawn(),
        }
    }

    fn spawn_local(self) -> Handle<()> {
        match self.runs {
            Runs::Here(task) => task.spawn_local(),
            Runs::There(placed) => placed.spawn(),
        }
    }
}

impl fmt::Debug for StageProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageProcess").field("gpu", &self.gpu).finish_non_exhaustive()
    }
}

/// A stage that runs: a future of its end.
///
/// # Cancel safety
/// Dropped before it has ended, the process is cancelled, and its ends poison: on the CPU at once, on a GPU soon after, by the
/// device's thread, which also waits for what is under way, and drops it.
#[must_use = "futures do nothing until they are awaited"]
#[derive(Debug)]
pub struct RunStage(Running);

#[derive(Debug)]
enum Running {
    Here(RunTask<Body>),
    There(RunPlaced<Shared, Make, ()>),
}

impl Future for RunStage {
    type Output = Result<(), ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Running::Here(task) => Pin::new(task).poll(cx),
            Running::There(placed) => Pin::new(placed).poll(cx),
        }
    }
}
