//! Thread processes: a function with an OS thread of its own.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Process;
use super::error::{ProcessError, conclude, panicked};
use super::exit::IntoOutcome;
use super::handle::Handle;
use super::shape::{Port, Sketch, tell};
use super::unstarted::Unstarted;
use crate::context::{Cause, Context, Identity, Kind, Meta, Reason, schedule};

/// A process that runs on an OS thread of its own. Lazy: it does nothing until it is awaited, composed or spawned.
///
/// Its body may block. A thread cannot be stopped from outside: a thread process that is cancelled while it runs goes
/// on until its channels end, and its result is dropped.
#[must_use = "a process does nothing until it is awaited, composed with `par!`, or spawned"]
pub struct Thread<B, const PORTS: usize = 0> {
    body: Unstarted<B>,
    ports: [Port; PORTS],
}

/// A thread process from a closure written in place. Lazy, as every process: await it, compose it, or `spawn()` it.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// let (tx, rx) = aqueduct::channel();
/// let handle = aqueduct::thread("count", move || {
///     for n in 0..3 {
///         tx.send_blocking(n)?;
///     }
///     Ok(())
/// })
/// .spawn();
/// assert_eq!(rx.iter().collect::<Result<Vec<_>, _>>().unwrap(), [0, 1, 2]);
/// handle.join_blocking().unwrap();
/// ```
#[track_caller]
pub fn thread<B, R>(name: impl Into<Arc<str>>, body: B) -> Thread<B>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome,
    R::Value: Send + 'static,
{
    static IN_PLACE: Meta = Meta::new("thread", &[], "");
    let context = Context::in_place(&IN_PLACE, name.into(), std::panic::Location::caller());
    Thread { body: Unstarted { context, kind: Kind::Thread, body: Some(body) }, ports: [] }
}

impl<B, R, const PORTS: usize> Thread<B, PORTS>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome,
    R::Value: Send + 'static,
{
    /// Used by the expansion of `#[process]`.
    #[doc(hidden)]
    pub fn new(meta: &'static Meta, ports: [Port; PORTS], body: B) -> Self {
        Self { body: Unstarted { context: Context::unstarted(meta), kind: Kind::Thread, body: Some(body) }, ports }
    }

    /// Gives the process another name than its function's.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.body.context.rename(name.into());
        self
    }
}

impl<B, R, const PORTS: usize> IntoFuture for Thread<B, PORTS>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome,
    R::Value: Send + 'static,
{
    type Output = Result<R::Value, ProcessError>;
    type IntoFuture = RunThread<B, R::Value>;

    fn into_future(self) -> Self::IntoFuture {
        RunThread { state: State::Unstarted(self.start()) }
    }
}

#[diagnostic::do_not_recommend]
impl<B, R, const PORTS: usize> Process for Thread<B, PORTS>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome,
    R::Value: Send + 'static,
{
    type Value = R::Value;

    fn draw(&self, sketch: &mut Sketch) {
        sketch.process(&self.body.context, Kind::Thread, &self.ports);
    }

    fn spawn(self) -> Handle<Self::Value> {
        spawn(self.into_future())
    }

    fn spawn_local(self) -> Handle<Self::Value> {
        self.spawn()
    }
}

impl<B, const PORTS: usize> Thread<B, PORTS> {
    fn start(self) -> Unstarted<B> {
        let Self { mut body, ports } = self;
        if body.context.start() {
            tell(body.context.copy(), Kind::Thread, ports);
        }
        body
    }
}

/// Starts the thread at once.
pub fn spawn<B, R, V>(run: RunThread<B, V>) -> Handle<V>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome<Value = V>,
    V: Send + 'static,
{
    match run.state {
        State::Unstarted(body) => {
            let identity = body.context.identity();
            match launch(body) {
                Ok(result) => Handle::of_thread(identity, result),
                Err(error) => Handle::of_result(identity, Err(error)),
            }
        }
        State::Running(identity, result) => Handle::of_thread(identity, result),
        State::Ended(identity) => {
            let cause = Cause::new(identity.clone(), Reason::AlreadyTaken);
            Handle::of_result(identity, Err(ProcessError::new(cause)))
        }
    }
}

impl<B, const PORTS: usize> fmt::Debug for Thread<B, PORTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("name", &self.body.context.identity().name())
            .field("ports", &self.ports)
            .finish()
    }
}

/// Starts the thread.
fn launch<B, R>(unstarted: Unstarted<B>) -> Result<oneshot::Receiver<Result<R::Value, ProcessError>>, ProcessError>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome,
    R::Value: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let identity = unstarted.context.identity();
    // If no thread can be had, std drops the closure; the body is kept here, to fail in its own name.
    let kept = Arc::new(Mutex::new(Some(unstarted)));
    let taken = Arc::clone(&kept);
    let place = schedule::place(&identity);
    let spawned = std::thread::Builder::new().name(identity.name().replace('\0', "")).spawn(move || {
        let _taken = place.take();
        let unstarted = taken.lock().take();
        if let Some(unstarted) = unstarted {
            // Nobody may be interested any more.
            let _ = sender.send(perform(unstarted));
        }
    });
    match spawned {
        Ok(_) => Ok(receiver),
        Err(error) => {
            let cause = Cause::new(identity, Reason::NotStarted(Box::new(error)));
            let unstarted = kept.lock().take();
            if let Some(mut unstarted) = unstarted {
                unstarted.context.fail(Arc::clone(&cause));
            }
            Err(ProcessError::new(cause))
        }
    }
}

/// Runs the body on its thread.
fn perform<B, R>(mut unstarted: Unstarted<B>) -> Result<R::Value, ProcessError>
where
    B: FnOnce() -> R,
    R: IntoOutcome,
{
    let body = unstarted.body.take();
    let context = &mut unstarted.context;
    let Some(body) = body else { unreachable!("a body runs once") };
    let result = match context.enter(Kind::Thread, || catch_unwind(AssertUnwindSafe(|| body().into_outcome()))) {
        Ok(outcome) => conclude(outcome, context, Kind::Thread),
        Err(payload) => Err(panicked(context, payload)),
    };
    context.end();
    result
}

/// A thread process that runs, or is about to: a future of its result. The thread starts at the first poll.
#[must_use = "futures do nothing until they are awaited"]
pub struct RunThread<B, T> {
    state: State<B, T>,
}

enum State<B, T> {
    Unstarted(Unstarted<B>),
    Running(Identity, oneshot::Receiver<Result<T, ProcessError>>),
    Ended(Identity),
}

// The body is moved to its thread, never pinned.
impl<B, T> Unpin for RunThread<B, T> {}

impl<B, R, T> Future for RunThread<B, T>
where
    B: FnOnce() -> R + Send + 'static,
    R: IntoOutcome<Value = T>,
    T: Send + 'static,
{
    type Output = Result<T, ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let identity = match &this.state {
                State::Unstarted(unstarted) => unstarted.context.identity(),
                State::Running(identity, _) | State::Ended(identity) => identity.clone(),
            };
            match &mut this.state {
                State::Running(_, result) => {
                    let Poll::Ready(result) = Pin::new(result).poll(cx) else { return Poll::Pending };
                    this.state = State::Ended(identity.clone());
                    return Poll::Ready(result.unwrap_or_else(|_| Err(lost(identity))));
                }
                State::Ended(_) => {
                    return Poll::Ready(Err(ProcessError::new(Cause::new(identity, Reason::AlreadyTaken))));
                }
                State::Unstarted(_) => {
                    let unstarted = std::mem::replace(&mut this.state, State::Ended(identity.clone()));
                    if let State::Unstarted(unstarted) = unstarted {
                        match launch(unstarted) {
                            Ok(result) => this.state = State::Running(identity, result),
                            Err(error) => return Poll::Ready(Err(error)),
                        }
                    }
                }
            }
        }
    }
}

/// The thread went away without a result: something below it, such as a thread-local's drop, ended it.
pub(super) fn lost(identity: Identity) -> ProcessError {
    ProcessError::new(Cause::new(identity, Reason::Cancelled))
}

impl<B, T> fmt::Debug for RunThread<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = match &self.state {
            State::Unstarted(unstarted) => unstarted.context.identity(),
            State::Running(identity, _) | State::Ended(identity) => identity.clone(),
        };
        f.debug_struct("RunThread").field("process", &identity).finish_non_exhaustive()
    }
}
