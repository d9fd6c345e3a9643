//! GPU processes on the CPU body: what a stage, a call and a device promise, whatever runs them.

#[path = "../common/mod.rs"]
mod common;
mod kernels;

mod calls;
mod items;
mod stages;

use std::error::Error;
use std::time::Duration;

/// Runs a test on two workers, with a limit.
fn run(body: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static) {
    common::within(Duration::from_secs(60), || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(body).unwrap();
    });
}
