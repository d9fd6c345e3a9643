//! Single tasks: a handle for each, and what is made of several.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use super::{
    mailbox::{Arrival, Mailbox, What},
    port::{Close, JobKey, Keep, Port},
};
use crate::{
    cluster::{error::TaskError, worker::block_on},
    net::codec,
};

/// A job whose encoded results are wanted all together.
#[derive(Debug)]
pub(crate) struct Whole {
    port: Arc<dyn Port>,
    mailbox: Arc<Mailbox>,
    job: Result<JobKey, TaskError>,
    open: bool,
    kill: bool,
    missing: u32,
    /// Its outcome was told: it is never ready again.
    told: bool,
    /// Values by the first of their items: after deaths results may come in parts, in any order.
    parts: BTreeMap<u32, Bytes>,
    taken: Vec<Arrival>,
    keep: Vec<Keep>,
}

impl Whole {
    pub(crate) fn new(
        port: Arc<dyn Port>,
        mailbox: Arc<Mailbox>,
        job: Result<JobKey, TaskError>,
        items: u32,
        kill: bool,
        keep: Vec<Keep>,
    ) -> Self {
        let open = job.is_ok();
        Self {
            port,
            mailbox,
            job,
            open,
            kill,
            missing: items,
            told: false,
            parts: BTreeMap::new(),
            taken: Vec::new(),
            keep,
        }
    }

    /// The encoded values of all items, and how many values they are.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(Bytes, u32), TaskError>> {
        if self.told {
            return Poll::Pending;
        }
        let outcome = self.look(context);
        self.told = outcome.is_ready();
        outcome
    }

    fn look(&mut self, context: &mut Context<'_>) -> Poll<Result<(Bytes, u32), TaskError>> {
        if let Err(error) = &self.job {
            return Poll::Ready(Err(error.clone()));
        }
        let taken = self.mailbox.take(&mut self.taken, Some(context.waker()));
        for arrival in std::mem::take(&mut self.taken) {
            match arrival.what {
                What::Values { bytes, .. } => {
                    self.missing = self.missing.saturating_sub(arrival.count);
                    self.parts.insert(arrival.first, bytes);
                }
                What::Failed(error) => {
                    self.close(Close::Cancelled);
                    self.job = Err(error.clone());
                    return Poll::Ready(Err(error));
                }
            }
        }
        if self.missing == 0 {
            self.close(Close::Done);
            let values = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
            let mut parts = std::mem::take(&mut self.parts).into_values();
            let bytes = match (parts.len(), parts.next()) {
                (1, Some(only)) => only,
                (_, first) => {
                    let mut all = BytesMut::from(first.unwrap_or_default());
                    parts.for_each(|part| all.extend_from_slice(&part));
                    all.freeze()
                }
            };
            return Poll::Ready(Ok((bytes, values)));
        }
        match taken.broken {
            Some(error) => {
                // The job may live on where it runs.
                self.close(Close::Cancelled);
                self.job = Err(error.clone());
                Poll::Ready(Err(error))
            }
            None => Poll::Pending,
        }
    }

    pub(super) fn close(&mut self, how: Close) {
        if let (Ok(job), true) = (&self.job, self.open) {
            self.open = false;
            let how = if how == Close::Cancelled && self.kill { Close::Killing } else { how };
            self.port.close(*job, how);
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.close(Close::Cancelled);
    }
}

/// A task that was submitted: a future of its result.
///
/// Dropping it cancels the task; [`detach`](TaskHandle::detach) lets it run on.
///
/// # Cancel safety
///
/// `&mut handle` may be awaited, dropped and awaited again. After it was ready, it is never ready again.
#[must_use = "dropping a handle cancels its task; `detach` lets it run on"]
#[derive(Debug)]
pub struct TaskHandle<R> {
    whole: Whole,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> TaskHandle<R> {
    pub(crate) fn new(whole: Whole) -> Self {
        Self { whole, result: PhantomData }
    }

    /// Cancels the task: if it runs, it is told ([`task::is_cancelled`](crate::cluster::task::is_cancelled)), and an async
    /// one is dropped; its result is not wanted any more. The same as dropping the handle.
    pub fn cancel(self) {}

    /// Cancels the task, and kills its worker (which is replaced) if the task has not ended 100 ms later.
    pub fn kill(mut self) {
        self.whole.kill = true;
    }

    /// Lets the task run, though nobody waits for its result.
    pub fn detach(self) {
        let mut this = self;
        this.whole.close(Close::Done);
        // Large captured data stay with the cluster: nobody knows when the task no longer needs them.
        std::mem::forget(std::mem::take(&mut this.whole.keep));
    }

    /// Waits at most so long for the result; then the task is cancelled.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`], or the task's own.
    pub async fn timeout(mut self, limit: Duration) -> Result<R, TaskError> {
        let mut late = pin!(crate::after(limit));
        poll_fn(|context| {
            // In a tie the result wins.
            if let Poll::Ready(result) = Pin::new(&mut self).poll(context) {
                return Poll::Ready(result);
            }
            late.as_mut().poll(context).map(|_| Err(TaskError::TimedOut { limit, place: None }))
        })
        .await
    }

    /// Waits for the result, on a thread.
    ///
    /// # Errors
    ///
    /// The task has no result.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime, which must not be blocked.
    pub fn wait_blocking(self) -> Result<R, TaskError> {
        block_on(self)
    }
}

impl<R: DeserializeOwned> Future for TaskHandle<R> {
    type Output = Result<R, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.whole.poll(context).map(|outcome| {
            let (bytes, _) = outcome?;
            codec::decode(&bytes).map_err(|error| TaskError::codec("a result", "decoded", &error))
        })
    }
}

/// Polls of many handles those that were woken.
struct Crowd<R> {
    handles: Vec<Option<TaskHandle<R>>>,
    wakers: Vec<Waker>,
    woken: Arc<Woken>,
    left: usize,
}

struct Woken {
    list: Mutex<Vec<usize>>,
    outer: Mutex<Option<Waker>>,
}

struct One {
    place: usize,
    woken: Arc<Woken>,
}

impl Wake for One {
    fn wake(self: Arc<Self>) {
        self.woken.list.lock().push(self.place);
        let outer = self.woken.outer.lock().take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

impl<R: DeserializeOwned> Crowd<R> {
    fn new(handles: impl IntoIterator<Item = TaskHandle<R>>) -> Self {
        let handles: Vec<_> = handles.into_iter().map(Some).collect();
        let left = handles.len();
        // At first all are asked.
        let woken = Arc::new(Woken { list: Mutex::new((0..left).collect()), outer: Mutex::new(None) });
        let wakers = (0..left).map(|place| Waker::from(Arc::new(One { place, woken: Arc::clone(&woken) }))).collect();
        Self { handles, wakers, woken, left }
    }

    /// The next that has ended, with its place; `None` when all have.
    async fn next(&mut self) -> Option<(usize, Result<R, TaskError>)> {
        poll_fn(|context| {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            *self.woken.outer.lock() = Some(context.waker().clone());
            loop {
                let Some(place) = self.woken.list.lock().pop() else { return Poll::Pending };
                let Some(handle) = &mut self.handles[place] else { continue };
                if let Poll::Ready(outcome) = Pin::new(handle).poll(&mut Context::from_waker(&self.wakers[place])) {
                    self.handles[place] = None;
                    self.left -= 1;
                    return Poll::Ready(Some((place, outcome)));
                }
            }
        })
        .await
    }
}

/// Waits for all, and gives their results in order; the first failure, in time, cancels the others.
///
/// # Errors
///
/// The first task without a result.
pub async fn join_all<R: DeserializeOwned>(
    handles: impl IntoIterator<Item = TaskHandle<R>>,
) -> Result<Vec<R>, TaskError> {
    let mut crowd = Crowd::new(handles);
    let mut results: Vec<Option<R>> = crowd.handles.iter().map(|_| None).collect();
    while let Some((place, outcome)) = crowd.next().await {
        results[place] = Some(outcome?);
    }
    Ok(results.into_iter().flatten().collect())
}

/// Waits for the first result, and cancels the other tasks.
///
/// # Errors
///
/// If none has a result: why the last one has none. [`TaskError::Cancelled`] if there was no task at all.
pub async fn first<R: DeserializeOwned>(handles: impl IntoIterator<Item = TaskHandle<R>>) -> Result<R, TaskError> {
    let mut crowd = Crowd::new(handles);
    let mut last = TaskError::Cancelled;
    while let Some((_, outcome)) = crowd.next().await {
        match outcome {
            Ok(value) => return Ok(value),
            Err(error) => last = error,
        }
    }
    Err(last)
}
