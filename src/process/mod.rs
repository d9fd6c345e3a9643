//! Processes: values that describe work, run alone or together, and say how they ended.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod body;
mod error;
mod exit;
mod group;
mod handle;
mod join;
mod par;
mod picture;
#[cfg(feature = "gpu")]
mod placed;
mod run;
mod shape;
mod task;
mod thread;
mod tree;
mod unstarted;

use std::future::IntoFuture;

pub use body::{
    LocalBody, Run, RunBlocking, RunLocal, TaskBody, ThreadBody, derived_local, derived_task, derived_thread,
};
pub use error::ProcessError;
pub use exit::{Exit, IntoOutcome, Outcome};
pub use group::Group;
pub use handle::Handle;
pub use join::Join;
pub use par::{Par, ParSet, par, part, try_par};
pub use picture::Picture;
#[cfg(feature = "gpu")]
pub(crate) use placed::{Job, Place, Placed, RunPlaced};
pub use run::run;
pub use shape::{
    ChannelShape, Derived, Dot, Parameter, Port, PortList, PortShape, Ports, ProcessShape, Shape, Sketch, ViaEnd,
    ViaOther,
};
pub use task::{RunTask, Task, sendable, spawn as spawn_task, spawn_local, task};
pub use thread::{RunThread, Thread, spawn as spawn_thread, thread};

/// A process that has not started.
///
/// Made by `#[process]` functions, by `#[derive(Process)]` and [`Run`] from structs, by [`task`] and [`thread`] from
/// what is written in place, and by [`par!`](crate::par!) from others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a process",
    label = "this is not a process",
    note = "a process is what a `#[process]` function returns, or a struct with `#[derive(Process)]`; \
            for a future use `aqueduct::task(\"name\", future)`, for a closure `aqueduct::thread(\"name\", closure)`"
)]
pub trait Process: Sized + IntoFuture<Output = Result<Self::Value, ProcessError>> {
    /// What the process makes.
    type Value;

    /// Adds the process and its ports to a picture.
    #[doc(hidden)]
    fn draw(&self, sketch: &mut Sketch);

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
    ///     "flowchart LR\n    p0[\"ask\"]\n    p1[\"tell\"]\n    p0 -->|\"words\"| p1\n"
    /// );
    /// ```
    #[must_use]
    fn shape(&self) -> Shape {
        let mut sketch = Sketch::default();
        self.draw(&mut sketch);
        sketch.finish()
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
        Self::IntoFuture: Send, // what is not `Send` is awaited, composed, or spawned by `spawn_local`
        Self::Value: Send;

    /// Runs the process apart, on this thread: for a process that is not `Send` (`#[process(local)]`).
    ///
    /// It needs a [`LocalSet`](tokio::task::LocalSet) around it. Where there is none, it does not start; its handle says
    /// so, and its ends poison. A thread process has its own thread as ever.
    ///
    /// # Examples
    /// ```
    /// use std::rc::Rc;
    /// use aqueduct::prelude::*;
    ///
    /// #[process(local)]
    /// async fn announce(text: Rc<str>, out: Sender<usize>) -> Outcome {
    ///     out.send(text.len()).await?;
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, rx) = aqueduct::channel();
    /// tokio::task::LocalSet::new()
    ///     .run_until(async {
    ///         let announcing = announce("hello".into(), tx).spawn_local();
    ///         assert_eq!(rx.recv().await?, 5);
    ///         announcing.await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// # }
    /// ```
    fn spawn_local(self) -> Handle<Self::Value>
    where
        Self: 'static;
}
