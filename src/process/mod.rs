//! Processes: values that describe work, run alone or together, and say how they ended.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod error;
mod exit;
mod group;
mod handle;
mod join;
mod par;
mod run;
mod shape;
mod task;
mod thread;
mod tree;

use std::future::IntoFuture;

pub use error::ProcessError;
pub use exit::{Exit, IntoOutcome, Outcome};
pub use group::Group;
pub use handle::Handle;
pub use join::Join;
pub use par::{Par, ParSet, par, try_par};
pub use run::run;
pub use shape::{Parameter, Port, Shape, ViaEnd, ViaOther};
pub use task::{RunTask, Task, task};
pub use thread::{RunThread, Thread, thread};

/// A process that has not started.
///
/// Made by `#[process]` functions, by [`task`] and [`thread`] from what is written in place, and by
/// [`par!`](crate::par!) from others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process",
    note = "a process is what a `#[process]` function returns; \
            for a future use `aqueduct::task(\"name\", future)`, for a closure `aqueduct::thread(\"name\", closure)`"
)]
pub trait Process: Sized + IntoFuture<Output = Result<Self::Value, ProcessError>> {
    /// What the process makes.
    type Value;

    /// Adds the process and its ports to a picture.
    #[doc(hidden)]
    fn draw(&self, shape: &mut Shape);

    /// The picture of the process: its parts, and the channels between them.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::prelude::*;
    ///
    /// #[process]
    /// async fn ask(out: Sender<u8>) {
    ///     let _ = out.send(1).await;
    /// }
    /// #[process]
    /// async fn tell(input: Receiver<u8>) {
    ///     let _ = input.recv().await;
    /// }
    ///
    /// let (tx, rx) = Channel::rendezvous().named("words").open();
    /// let network = par!(ask(tx), tell(rx));
    /// assert_eq!(
    ///     network.shape().to_string(),
    ///     "flowchart LR\n    p0[\"ask\"]\n    p1[\"tell\"]\n    p0 -->|words| p1\n"
    /// );
    /// ```
    #[must_use]
    fn shape(&self) -> Shape {
        let mut shape = Shape::new();
        self.draw(&mut shape);
        shape
    }

    /// Runs the process apart: a task process on the tokio runtime around, a thread process on its thread.
    ///
    /// Where there is no runtime, a task process does not start; its handle says so, and its ends poison.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::prelude::*;
    ///
    /// #[process]
    /// async fn answer() -> Outcome<u32> {
    ///     Ok(42)
    /// }
    ///
    /// # aqueduct::run(async {
    /// let handle = answer().spawn();
    /// assert_eq!(handle.await?, 42);
    /// # Outcome::Ok(()) }).unwrap();
    /// ```
    fn spawn(self) -> Handle<Self::Value>
    where
        Self: 'static,
        Self::IntoFuture: Send,
        Self::Value: Send;
}
