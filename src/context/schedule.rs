//! Where a testing schedule takes hold: what it is asked, and how it is found.
//!
//! `aqueduct::testing` lets one process run at a time, and a seed says which. It stands above everything; the code that
//! it steers stands below, and finds it here, by a thread-local that is empty in any other program. `unscheduled.rs`
//! beside this file has the same functions for builds without the feature `testing`, and for the models: there, nothing
//! asks and nothing is kept.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, Waker};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use super::{Context, Identity, Kind, with_current};

/// What decides who runs.
pub(crate) trait Schedule: Send + Sync {
    /// The runtime whose clock is the clock of the run.
    fn runtime(&self) -> &Handle;
    /// A process takes part, apart from the one that spawns it.
    fn takes_part(&self, process: &Identity, kind: Kind) -> Arc<dyn Turns>;
    /// A process that runs in its parent's task is about to be polled; true if it is another's turn.
    fn holds_back(&self, process: &Context, parent: u64, cx: &Cx<'_>) -> bool;
    /// A process that runs as a task has ended.
    fn ended(&self, process: u64);
    /// A process begins an operation; true if it gives way first. It is woken when its turn is over.
    fn gives_way(&self, process: u64, cx: &Cx<'_>) -> bool;
    /// Cancels a task.
    fn abort(&self, task: AbortHandle);
}

/// The turns of one process that runs apart.
pub(crate) trait Turns: Send + Sync {
    /// Asks for another turn.
    fn waker(&self) -> &Waker;
    /// A task: this is how it is aborted.
    fn spawned(&self, task: AbortHandle);
    /// A task: true if it is its turn; if not, `outer` is woken when it is.
    fn begin(&self, outer: &Waker) -> bool;
    /// A task: its turn is over.
    fn end(&self);
    /// A thread: waits for the first turn.
    fn attend(&self);
    /// A thread: its turn is over; waits for the next. Unwinds if the run is over.
    fn pass(&self);
    /// It has ended.
    fn leave(&self);
}

struct Installed {
    schedule: Arc<dyn Schedule>,
    /// Whose thread this is; `None` for the one that hosts the run.
    thread: Option<Arc<dyn Turns>>,
}

thread_local! {
    /// Whether one is installed: the one thing that is read where none is.
    static PRESENT: Cell<bool> = const { Cell::new(false) };
    static INSTALLED: RefCell<Option<Installed>> = const { RefCell::new(None) };
}

fn with_installed<R>(look: impl FnOnce(&Installed) -> R) -> Option<R> {
    if !PRESENT.get() {
        return None;
    }
    INSTALLED.try_with(|installed| installed.borrow().as_ref().map(look)).ok().flatten()
}

/// True if a schedule decides who runs here: what others compute meanwhile it could not wait for.
#[cfg(feature = "gpu")]
pub(crate) fn is_installed() -> bool {
    PRESENT.get()
}

fn current() -> Option<Arc<dyn Schedule>> {
    with_installed(|installed| Arc::clone(&installed.schedule))
}

/// Keeps a schedule installed on a thread.
pub(crate) struct Entered(());

/// Installs a schedule on this thread, which has none.
pub(crate) fn enter(schedule: Arc<dyn Schedule>) -> Entered {
    install(schedule, None)
}

fn install(schedule: Arc<dyn Schedule>, thread: Option<Arc<dyn Turns>>) -> Entered {
    INSTALLED.set(Some(Installed { schedule, thread }));
    PRESENT.set(true);
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        PRESENT.set(false);
        drop(INSTALLED.take());
    }
}

/// True on the threads of a run.
pub(crate) fn is_present() -> bool {
    PRESENT.get()
}

/// True on the thread that hosts a run, which must never block.
pub(crate) fn is_host() -> bool {
    with_installed(|installed| installed.thread.is_none()).unwrap_or(false)
}

/// The runtime whose clock counts on this thread, if it is a process of a run.
pub(crate) fn clock() -> Option<Handle> {
    with_installed(|installed| installed.thread.is_some().then(|| installed.schedule.runtime().clone())).flatten()
}

/// The turns of this thread, if it is a process of a run.
pub(crate) fn turns() -> Option<Arc<dyn Turns>> {
    with_installed(|installed| installed.thread.clone()).flatten()
}

/// Whether an operation that begins here gives way first; `None` without a schedule.
pub(crate) fn gives_way(cx: &Cx<'_>) -> Option<bool> {
    Some(current()?.gives_way(running(), cx))
}

/// Pending if a process that is polled in its parent's task is held back; it is woken later.
#[inline]
pub(crate) fn poll_turn(process: &Context, cx: &Cx<'_>) -> Poll<()> {
    match PRESENT.get() && current().is_some_and(|schedule| schedule.holds_back(process, running(), cx)) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    }
}

/// A process that runs as a task has ended.
#[inline]
pub(crate) fn ended(process: &Context) {
    if PRESENT.get()
        && let Some(schedule) = current()
    {
        schedule.ended(process.number);
    }
}

fn running() -> u64 {
    with_current(|running| running.context.number).unwrap_or(0)
}

/// Spawns a task process, which then runs in its turns.
pub(crate) fn spawn<F>(runtime: &Handle, process: &Identity, run: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // A runtime that a process has made for itself is its own affair.
    let Some(schedule) = current().filter(|schedule| schedule.runtime().id() == runtime.id()) else {
        return runtime.spawn(run);
    };
    let turns = schedule.takes_part(process, Kind::Task);
    let task = runtime.spawn(InTurns { run, turns: Leaving(Arc::clone(&turns)) });
    turns.spawned(task.abort_handle());
    task
}

/// Cancels a task process.
pub(crate) fn abort<T>(task: &JoinHandle<T>) {
    match current() {
        Some(schedule) => schedule.abort(task.abort_handle()),
        None => task.abort(),
    }
}

pin_project! {
    /// A task that is polled when it is its turn.
    struct InTurns<F> {
        // Dropped before it leaves.
        #[pin]
        run: F,
        turns: Leaving,
    }
}

impl<F: Future> Future for InTurns<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<F::Output> {
        struct End<'a>(&'a dyn Turns);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        let this = self.project();
        let turns = &*this.turns.0;
        if !turns.begin(cx.waker()) {
            return Poll::Pending;
        }
        let _end = End(turns);
        this.run.poll(&mut Cx::from_waker(turns.waker()))
    }
}

/// Leaves the run when it is dropped.
struct Leaving(Arc<dyn Turns>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A thread's place in a run, if there is one.
pub(crate) struct Place(Option<(Arc<dyn Schedule>, Leaving)>);

/// A place for a thread process that is about to be started.
pub(crate) fn place(process: &Identity) -> Place {
    Place(current().map(|schedule| {
        let turns = schedule.takes_part(process, Kind::Thread);
        (schedule, Leaving(turns))
    }))
}

impl Place {
    /// Takes the place, on the thread itself, and waits for its first turn. It is left when the result is dropped.
    pub(crate) fn take(self) -> Option<Taken> {
        let (schedule, leaving) = self.0?;
        leaving.0.attend();
        let entered = install(schedule, Some(Arc::clone(&leaving.0)));
        Some(Taken { _entered: entered, _leaving: leaving })
    }
}

/// A place on whose thread its process runs.
pub(crate) struct Taken {
    _entered: Entered,
    _leaving: Leaving,
}
