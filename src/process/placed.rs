//! Placed processes: a future that is made and run on a thread of somebody else's.
//!
//! Such a thread owns something that must not leave it (the handles of a driver). The process's ends go there before it
//! starts, inside of what makes the future; its identity goes with them, so that an end dropped there retires or poisons by
//! the same rules as anywhere. Dropping the process here cancels it there.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Cx, Poll};

use tokio::sync::oneshot;

use super::error::ProcessError;
use super::exit::Outcome;
use super::handle::Handle;
use super::shape::{Port, Sketch, tell};
use super::task::RunTask;
use super::thread::lost;
use super::unstarted::Unstarted;
use crate::context::{Cause, Context, Identity, Kind, Meta, Reason};

/// What is to be done on the thread: it is given what the thread owns.
pub(crate) type Job<L> = Box<dyn FnOnce(&L) -> LocalFuture + Send>;

/// What a thread runs beside others of its kind.
pub(crate) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A thread that takes jobs.
pub(crate) trait Place: Send + Sync + 'static {
    /// What the thread owns.
    type Local: 'static;

    /// Hands it a job. One that cannot be done any more is dropped.
    fn put(&self, job: Job<Self::Local>);
}

/// A process that will run on a thread of its place's. Lazy, as every process.
pub(crate) struct Placed<P, M, const PORTS: usize> {
    place: Arc<P>,
    body: Unstarted<M>,
    ports: [Port; PORTS],
}

impl<P, M, F, V, const PORTS: usize> Placed<P, M, PORTS>
where
    P: Place,
    M: FnOnce(&P::Local) -> F + Send + 'static,
    F: Future<Output = Outcome<V>> + 'static,
    V: Send + 'static,
{
    pub(crate) fn new(meta: &'static Meta, name: Arc<str>, ports: [Port; PORTS], place: Arc<P>, make: M) -> Self {
        let mut context = Context::unstarted(meta);
        context.rename(name);
        Self { place, body: Unstarted { context, kind: Kind::Task, body: Some(make) }, ports }
    }

    pub(crate) fn draw(&self, sketch: &mut Sketch) {
        sketch.process(&self.body.context, Kind::Thread, &self.ports);
    }

    /// Runs it apart: what waits for it here is a task.
    pub(crate) fn spawn(self) -> Handle<V> {
        let run = self.into_future();
        let identity = run.identity.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Handle::of_task(identity, runtime.spawn(run)),
            // It needs no runtime but to be cancelled by its handle.
            Err(_) => Handle::of_thread(identity, run.launch()),
        }
    }
}

impl<P, M, F, V, const PORTS: usize> IntoFuture for Placed<P, M, PORTS>
where
    P: Place,
    M: FnOnce(&P::Local) -> F + Send + 'static,
    F: Future<Output = Outcome<V>> + 'static,
    V: Send + 'static,
{
    type Output = Result<V, ProcessError>;
    type IntoFuture = RunPlaced<P, M, V>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { place, mut body, ports } = self;
        if body.context.start() {
            tell(body.context.copy(), Kind::Thread, ports);
        }
        RunPlaced { identity: body.context.identity(), state: State::Unstarted(place, body) }
    }
}

impl<P, M, const PORTS: usize> fmt::Debug for Placed<P, M, PORTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placed").field("process", &self.body.context.identity()).finish_non_exhaustive()
    }
}

/// A placed process that runs, or is about to: a future of its result.
pub(crate) struct RunPlaced<P, M, V> {
    identity: Identity,
    state: State<P, M, V>,
}

enum State<P, M, V> {
    Unstarted(Arc<P>, Unstarted<M>),
    /// Dropping the receiver cancels the process.
    Running(oneshot::Receiver<Result<V, ProcessError>>),
    Ended,
}

impl<P, M, F, V> RunPlaced<P, M, V>
where
    P: Place,
    M: FnOnce(&P::Local) -> F + Send + 'static,
    F: Future<Output = Outcome<V>> + 'static,
    V: Send + 'static,
{
    /// Hands the body to its thread, where nobody here will wait for it: it is never cancelled.
    fn launch(mut self) -> oneshot::Receiver<Result<V, ProcessError>> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Unstarted(place, body) => launch(&*place, body, false),
            State::Running(result) => result,
            State::Ended => oneshot::channel().1,
        }
    }
}

/// Hands the body to its thread.
fn launch<P, M, F, V>(place: &P, mut body: Unstarted<M>, cancels: bool) -> oneshot::Receiver<Result<V, ProcessError>>
where
    P: Place,
    M: FnOnce(&P::Local) -> F + Send + 'static,
    F: Future<Output = Outcome<V>> + 'static,
    V: Send + 'static,
{
    let (mut sender, receiver) = oneshot::channel();
    place.put(Box::new(move |local: &P::Local| {
        let Some(make) = body.body.take() else { unreachable!("a body is made once") };
        // Making it does nothing but to put the ends into a future, which runs as the process.
        let run = RunTask::new(body.context.copy(), make(local));
        Box::pin(async move {
            let mut run = pin!(run);
            let ended = std::future::poll_fn(|cx| {
                if cancels && sender.poll_closed(cx).is_ready() {
                    return Poll::Ready(None);
                }
                run.as_mut().poll(cx).map(Some)
            });
            if let Some(result) = ended.await {
                // Nobody may be interested any more.
                let _ = sender.send(result);
            }
        })
    }));
    receiver
}

impl<P, M, V> Unpin for RunPlaced<P, M, V> {}

impl<P, M, F, V> Future for RunPlaced<P, M, V>
where
    P: Place,
    M: FnOnce(&P::Local) -> F + Send + 'static,
    F: Future<Output = Outcome<V>> + 'static,
    V: Send + 'static,
{
    type Output = Result<V, ProcessError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Unstarted(..) => {
                    if let State::Unstarted(place, body) = std::mem::replace(&mut this.state, State::Ended) {
                        this.state = State::Running(launch(&*place, body, true));
                    }
                }
                State::Running(result) => {
                    let Poll::Ready(result) = Pin::new(result).poll(cx) else { return Poll::Pending };
                    this.state = State::Ended;
                    return Poll::Ready(result.unwrap_or_else(|_| Err(lost(this.identity.clone()))));
                }
                State::Ended => {
                    let cause = Cause::new(this.identity.clone(), Reason::AlreadyTaken);
                    return Poll::Ready(Err(ProcessError::new(cause)));
                }
            }
        }
    }
}

impl<P, M, V> fmt::Debug for RunPlaced<P, M, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunPlaced").field("process", &self.identity).finish_non_exhaustive()
    }
}
