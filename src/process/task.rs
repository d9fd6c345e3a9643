//! Task processes: a future with an identity.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, ready};

use pin_project_lite::pin_project;

use super::Process;
use super::error::{ProcessError, conclude, panicked};
use super::exit::IntoOutcome;
use super::handle::Handle;
use super::shape::{Port, Shape};
use crate::context::{Cause, Context, Kind, Meta, Reason, dispose, schedule};

/// A process that runs as a future. Lazy: it does nothing until it is awaited, composed or spawned.
///
/// Dropped before it has started, it is cancelled like one dropped half-way: its ends poison.
#[must_use = "a process does nothing until it is awaited, composed with `par!`, or spawned"]
pub struct Task<F: Future, const PORTS: usize = 0> {
    run: RunTask<F>,
    ports: [Port; PORTS],
}

/// A task process from a future written in place. Lazy, as every process: await it, compose it, or `spawn()` it.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// par!(
///     aqueduct::task("one", async move { Ok(tx.send(1).await?) }),
///     aqueduct::task("other", async move {
///         assert_eq!(rx.recv().await?, 1);
///         Ok(())
///     }),
/// )
/// .await?;
/// # Outcome::Ok(()) }).unwrap();
/// ```
pub fn task<F>(name: impl Into<Arc<str>>, body: F) -> Task<F>
where
    F: Future,
    F::Output: IntoOutcome,
{
    static IN_PLACE: Meta = Meta::new("task", &[], "");
    Task::new(&IN_PLACE, [], body).named(name)
}

impl<F, const PORTS: usize> Task<F, PORTS>
where
    F: Future,
    F::Output: IntoOutcome,
{
    /// Used by the expansion of `#[process]`.
    #[doc(hidden)]
    pub fn new(meta: &'static Meta, ports: [Port; PORTS], body: F) -> Self {
        Self { run: RunTask { context: Context::unstarted(meta), body: Some(body) }, ports }
    }

    /// Gives the process another name than its function's.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.run.context.rename(name.into());
        self
    }
}

impl<F, const PORTS: usize> IntoFuture for Task<F, PORTS>
where
    F: Future,
    F::Output: IntoOutcome,
{
    type Output = Result<<F::Output as IntoOutcome>::Value, ProcessError>;
    type IntoFuture = RunTask<F>;

    fn into_future(self) -> RunTask<F> {
        let mut run = self.run;
        run.context.start();
        run
    }
}

impl<F, const PORTS: usize> Process for Task<F, PORTS>
where
    F: Future,
    F::Output: IntoOutcome,
{
    type Value = <F::Output as IntoOutcome>::Value;

    fn draw(&self, shape: &mut Shape) {
        shape.process(&self.run.context, "task", &self.ports);
    }

    fn spawn(self) -> Handle<Self::Value>
    where
        Self: 'static,
        RunTask<F>: Send,
        Self::Value: Send,
    {
        let mut run = self.into_future();
        let identity = run.context.identity();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let task = schedule::spawn(&runtime, &identity, run);
                Handle::of_task(identity, task)
            }
            Err(error) => {
                let why =
                    format!("a task process needs a tokio runtime: use aqueduct::run, or spawn inside one ({error})");
                let cause = Cause::new(identity.clone(), Reason::NotStarted(why.into()));
                // Dropped with this mark, its ends tell their peers why.
                run.context.fail(Arc::clone(&cause));
                Handle::of_result(identity, Err(ProcessError::new(cause)))
            }
        }
    }
}

impl<F: Future, const PORTS: usize> fmt::Debug for Task<F, PORTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("name", &self.run.context.identity().name()).field("ports", &self.ports).finish()
    }
}

pin_project! {
    /// A task process that runs: a future of its result.
    ///
    /// # Cancel safety
    /// Dropped before it has finished, the process is cancelled: the ends that it holds poison their channels.
    #[must_use = "futures do nothing until they are awaited"]
    pub struct RunTask<F> {
        context: Context,
        // `None` once it has ended.
        #[pin]
        body: Option<F>,
    }

    impl<F> PinnedDrop for RunTask<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.body.is_some() {
                let cause = Cause::new(this.context.identity(), Reason::Cancelled);
                this.context.fail(cause);
                let cleared = clear(this.context, this.body.as_mut());
                schedule::ended(this.context);
                if let Err(payload) = cleared {
                    if std::thread::panicking() {
                        dispose(payload);
                    } else {
                        resume_unwind(payload);
                    }
                }
            }
        }
    }
}

#[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
impl<F> RunTask<F> {
    pub(crate) fn identity(&self) -> crate::Identity {
        self.context.identity()
    }
}

/// Drops what a body still holds, as its process; gives the payload if a value's drop panics.
fn clear<F>(context: &mut Context, mut body: Pin<&mut Option<F>>) -> std::thread::Result<()> {
    context.enter(Kind::Task, || catch_unwind(AssertUnwindSafe(|| body.set(None))))
}

impl<F> Future for RunTask<F>
where
    F: Future,
    F::Output: IntoOutcome,
{
    type Output = Result<<F::Output as IntoOutcome>::Value, ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            let cause = Cause::new(this.context.identity(), Reason::AlreadyTaken);
            return Poll::Ready(Err(ProcessError::new(cause)));
        };
        ready!(schedule::poll_turn(this.context, cx));
        let polled = this
            .context
            .enter(Kind::Task, || catch_unwind(AssertUnwindSafe(|| body.poll(cx).map(IntoOutcome::into_outcome))));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            // What the future still holds goes while the exit, and so its mark, is there.
            Ok(Poll::Ready(outcome)) => match clear(this.context, this.body.as_mut()) {
                Ok(()) => conclude(outcome, this.context, Kind::Task),
                Err(payload) => {
                    let error = panicked(this.context, payload);
                    conclude(outcome, this.context, Kind::Task).and(Err(error))
                }
            },
            Err(payload) => {
                let error = panicked(this.context, payload);
                // A second panic is a consequence of the first.
                if let Err(payload) = clear(this.context, this.body.as_mut()) {
                    dispose(payload);
                }
                Err(error)
            }
        };
        schedule::ended(this.context);
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for RunTask<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunTask").field("process", &self.context.identity()).finish_non_exhaustive()
    }
}
