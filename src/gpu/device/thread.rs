//! The thread of a device: it alone calls the driver, and runs the processes that use it.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};

use super::Open;
use super::seat::Seat;
use super::shared::{Command, Shared};
use crate::gpu::error::GpuError;

/// Starts the thread, which opens the device.
pub(super) fn start(index: usize, open: Open) -> Result<Arc<Shared>, GpuError> {
    let (answer, opened) = std::sync::mpsc::sync_channel(1);
    let run = move || match open() {
        Ok(device) => {
            let (commands, told) = unbounded_channel();
            let shared = Shared::new(device.info().clone(), device.context(), commands);
            let seat = Rc::new(Seat::new(device, &shared));
            // Nobody waits for it any more: it closes at once.
            let _ = answer.send(Ok(shared));
            serve(&seat, told);
        }
        Err(error) => drop(answer.send(Err(error))),
    };
    let unable = |why: String| GpuError::no_driver(format!("the thread of GPU {index} {why}"));
    std::thread::Builder::new()
        .name(format!("aqueduct-gpu-{index}"))
        .spawn(run)
        .map_err(|error| unable(format!("does not start: {error}")))?;
    opened.recv().map_err(|_| unable("ended while it opened the device".to_owned()))?
}

/// Does what it is told until nobody is left who could tell it anything.
fn serve(seat: &Rc<Seat>, mut told: UnboundedReceiver<Command>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        // What is told is dropped, and fails in its own name.
        Err(_) => return,
    };
    let local = LocalSet::new();
    let serving = async {
        let scanning = spawn_local(Rc::clone(seat).scan());
        while let Some(command) = told.recv().await {
            match command {
                Command::Run(job) => drop(spawn_local(job(seat))),
                Command::FreePinned(pieces) => seat.free_pinned(pieces),
                Command::Free(storages) => seat.free(storages),
            }
        }
        scanning.abort();
    };
    if catch_unwind(AssertUnwindSafe(|| local.block_on(&runtime, serving))).is_err() {
        // Batches that are out lie in memory that the driver would take with it: it stays as it is.
        forget((local, Rc::clone(seat)));
        return;
    }
    // Tasks that are left hold the seat.
    drop(local);
}
