//! From a plain `main` into a network.

use std::future::IntoFuture;

use super::error::ProcessError;
use super::exit::Exit;
use super::task::task;
use crate::channel::may_block;
use crate::context::{Cause, Reason, schedule};

/// Runs a process, or any future of a `Result`, to its end on a tokio runtime made for it.
///
/// The runtime has a worker for each CPU. Processes that were spawned and still run when `main` ends are cancelled;
/// threads are left to themselves. Inside a runtime there is no need for it: await the process.
///
/// It runs as a process named `main`. "Type annotations needed … cannot infer type of the type parameter `E`" says that an
/// async block ends with `Ok(…)`: end it with `Outcome::Ok(…)`, since nothing else tells the compiler what its `?` makes.
///
/// # Errors
/// The process's own; or that it was called inside a task, or that no runtime could be made.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// fn main() -> Result<(), ProcessError> {
///     aqueduct::run(async {
///         let (tx, rx) = aqueduct::channel();
///         let sender = aqueduct::task("sender", async move { Ok(tx.send("hello").await?) }).spawn();
///         assert_eq!(rx.recv().await?, "hello");
///         sender.await?;
///         Outcome::Ok(())
///     })
/// }
/// ```
pub fn run<P, T, E>(main: P) -> Result<T, ProcessError>
where
    P: IntoFuture<Output = Result<T, E>>,
    E: Into<Exit>,
{
    if may_block().is_err() {
        return Err(not_started("aqueduct::run was called inside a task: await the process instead"));
    }
    if schedule::is_present() {
        return Err(not_started("aqueduct::run was called in a run of aqueduct::testing, which has its own runtime"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Err(not_started(error)),
    };
    let main = main.into_future();
    runtime.block_on(task("main", async move { main.await.map_err(Into::into) }).into_future())
}

fn not_started(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProcessError {
    ProcessError::new(Cause::here(Reason::NotStarted(error.into())))
}
