//! Task processes: a future with an identity.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, ready};

use pin_project_lite::pin_project;

use super::Process;
use super::error::{ProcessError, conclude, panicked};
use super::exit::IntoOutcome;
use super::handle::Handle;
use super::shape::{Port, Sketch, tell};
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
#[track_caller]
pub fn task<F>(name: impl Into<Arc<str>>, body: F) -> Task<F>
where
    F: Future,
    F::Output: IntoOutcome,
{
    static IN_PLACE: Meta = Meta::new("task", &[], "");
    let context = Context::in_place(&IN_PLACE, name.into(), std::panic::Location::caller());
    Task { run: RunTask { context, body: Some(body) }, ports: [] }
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
        let Self { mut run, ports } = self;
        if run.context.start() {
            tell(run.context.copy(), Kind::Task, ports);
        }
        run
    }
}

#[diagnostic::do_not_recommend]
impl<F, const PORTS: usize> Process for Task<F, PORTS>
where
    F: Future,
    F::Output: IntoOutcome,
{
    type Value = <F::Output as IntoOutcome>::Value;

    fn draw(&self, sketch: &mut Sketch) {
        sketch.process(&self.run.context, Kind::Task, &self.ports);
    }

    fn spawn(self) -> Handle<Self::Value>
    where
        Self: 'static,
        RunTask<F>: Send,
        Self::Value: Send,
    {
        spawn(self.into_future())
    }

    fn spawn_local(self) -> Handle<Self::Value>
    where
        Self: 'static,
    {
        spawn_local(self.into_future())
    }
}

/// The body of a task process that is not local.
#[doc(hidden)]
pub fn sendable<F>(body: F) -> impl Future<Output = F::Output> + Send + use<F>
where
    F: Future + Send, // a task may move between threads; `#[process(local)]` makes one that stays
{
    body
}

/// Runs a task process apart, on the runtime around.
pub fn spawn<F, V>(run: RunTask<F>) -> Handle<V>
where
    F: Future<Output: IntoOutcome<Value = V>>,
    RunTask<F>: Send + 'static,
    V: Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            let identity = run.context.identity();
            let task = schedule::spawn(&runtime, &identity, run);
            Handle::of_task(identity, task)
        }
        Err(error) => {
            let why = format!("a task process needs a tokio runtime: use aqueduct::run, or spawn inside one ({error})");
            run.not_started(why)
        }
    }
}

/// Runs a task process apart, on this thread.
pub fn spawn_local<F, V>(run: RunTask<F>) -> Handle<V>
where
    F: Future<Output: IntoOutcome<Value = V>> + 'static,
    V: 'static,
{
    let identity = run.context.identity();
    // tokio can be asked only by trying, and then drops what it was given: the process is kept here, to fail in its own
    // name.
    let kept = Rc::new(Cell::new(Some(run)));
    let taken = Rc::clone(&kept);
    let started = catch_unwind(AssertUnwindSafe(|| {
        tokio::task::spawn_local(async move {
            match taken.take() {
                Some(run) => run.await,
                None => unreachable!("a process that was started is not taken back"),
            }
        })
    }));
    match started {
        Ok(task) => Handle::of_task(identity, task),
        Err(payload) => {
            dispose(payload);
            let why = "a local process needs a `tokio::task::LocalSet` around it: spawn it inside one, or await it, or \
                       compose it with `par!`";
            match kept.take() {
                Some(run) => run.not_started(why),
                None => unreachable!("a process that was not started is still here"),
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
                this.context.end();
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

impl<F: Future> RunTask<F> {
    /// A body that has been given its context.
    #[cfg(feature = "gpu")]
    pub(super) fn new(context: Context, body: F) -> Self {
        Self { context, body: Some(body) }
    }
}

impl<F> RunTask<F> {
    /// There is nowhere to run it: its ends tell their peers why.
    fn not_started<V>(mut self, why: impl Into<Box<dyn Error + Send + Sync>>) -> Handle<V> {
        let identity = self.context.identity();
        let cause = Cause::new(identity.clone(), Reason::NotStarted(why.into()));
        self.context.fail(Arc::clone(&cause));
        Handle::of_result(identity, Err(ProcessError::new(cause)))
    }
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
        this.context.end();
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for RunTask<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunTask").field("process", &self.context.identity()).finish_non_exhaustive()
    }
}
