//! The runtimes on which the tasks of one setting run.
//!
//! Each setting has its own, so that one that hangs does not take the next ones with it.

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use super::party::Place;

#[derive(Default)]
struct Runtimes {
    /// Driven by a thread of its own, until told to stop.
    one_thread: Option<(Handle, oneshot::Sender<()>)>,
    two_workers: Option<Runtime>,
}

thread_local! {
    /// Of the thread that runs a setting. After a failure they are left as they are.
    static RUNTIMES: RefCell<ManuallyDrop<Runtimes>> = RefCell::default();
}

/// The runtime of the tasks of a place.
pub(super) fn of(place: Place) -> Handle {
    RUNTIMES.with_borrow_mut(|runtimes| match place {
        Place::OneThread => runtimes.one_thread.get_or_insert_with(one_thread).0.clone(),
        _ => runtimes.two_workers.get_or_insert_with(two_workers).handle().clone(),
    })
}

/// The setting is done.
pub(super) fn stop() {
    RUNTIMES.with_borrow_mut(|runtimes| {
        // Without its sender the thread stops.
        drop(runtimes.one_thread.take());
        if let Some(runtime) = runtimes.two_workers.take() {
            runtime.shutdown_background();
        }
    });
}

fn one_thread() -> (Handle, oneshot::Sender<()>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || runtime.block_on(stopped));
    (handle, stop)
}

fn two_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
