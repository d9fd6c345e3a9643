//! Runs a piece of a chunk: decode an argument, call the function, encode the result, again and again.
//!
//! This is the loop that ten million small tasks go through each second, so it is generic (the function is inlined into
//! it) and does not look at the clock: results wait behind a lock, and the I/O thread sends them when they have waited long
//! enough (see `running`).

use std::{
    any::Any,
    future::Future,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    block_on::drive,
    desk::Desk,
    panics,
    running::{Results, Running},
};
use crate::{
    cluster::{error::TaskError, protocol::check_size, registry::Entry},
    net::codec,
};

/// Results are sent when they have so many bytes.
const SEND_BYTES: usize = 256 << 10;

/// A range of items that this worker was given, and where their results go.
#[derive(Debug)]
pub struct Piece<'a> {
    pub(super) arguments: Bytes,
    /// Items of the chunk before the range.
    pub(super) before: u32,
    pub(super) count: u32,
    /// The job's captured data, encoded, and decoded once.
    pub(super) captured: &'a CapturedData,
    /// Results of this range are folded by this function before they are sent.
    pub(super) fold: Option<fn(&mut Self)>,
    pub(super) running: Arc<Running>,
    pub(super) desk: &'a Desk,
    /// Where a nested fold leaves its value instead of sending it.
    pub(super) folded: Option<Result<Vec<u8>, TaskError>>,
    pub(super) nested: bool,
}

/// The captured data of one job on one worker.
#[derive(Debug, Default)]
pub(super) struct CapturedData {
    pub(super) encoded: Bytes,
    pub(super) decoded: parking_lot::Mutex<Option<Arc<dyn Any + Send + Sync>>>,
}

impl CapturedData {
    fn get<S: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<S>, TaskError> {
        let mut decoded = self.decoded.lock();
        if let Some(value) = &*decoded
            && let Ok(value) = Arc::clone(value).downcast::<S>()
        {
            return Ok(value);
        }
        let value: S =
            codec::decode(&self.encoded).map_err(|error| TaskError::codec("the captured value", "decoded", &error))?;
        let value = Arc::new(value);
        *decoded = Some(value.clone());
        Ok(value)
    }
}

/// How one item ended.
enum Ended<R> {
    Value(R),
    /// The task was cancelled: no result is wanted.
    Cancelled,
    /// An async task used its time up.
    TimedOut,
}

#[doc(hidden)]
impl Piece<'_> {
    /// Runs a plain function over the items; a function of several arguments takes them as a tuple.
    pub fn each<A: DeserializeOwned, R: Serialize>(&mut self, call: impl Fn(A) -> R) {
        self.go(|item| Ended::Value(call(item)));
    }

    /// The same with captured data.
    pub fn each_with<S, A, R>(&mut self, call: impl Fn(&S, A) -> R)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        A: DeserializeOwned,
        R: Serialize,
    {
        match self.captured.get::<S>() {
            Ok(captured) => self.go(|item| Ended::Value(call(&captured, item))),
            Err(error) => self.desk.unusable(self.running.run, self.count, error),
        }
    }

    /// The same for an async function.
    pub fn each_async<A: DeserializeOwned, U: Future<Output: Serialize>>(&mut self, call: impl Fn(A) -> U) {
        let running = Arc::clone(&self.running);
        self.go(|item| run_async(&running, call(item)));
    }

    /// The same for an async function with captured data.
    pub fn each_async_with<S, A, R>(&mut self, call: impl AsyncFn(&S, A) -> R)
    where
        S: DeserializeOwned + Send + Sync + 'static,
        A: DeserializeOwned,
        R: Serialize,
    {
        let running = Arc::clone(&self.running);
        match self.captured.get::<S>() {
            Ok(captured) => self.go(|item| run_async(&running, call(&captured, item))),
            Err(error) => self.desk.unusable(self.running.run, self.count, error),
        }
    }

    /// Folds the items, which are encoded results, from the left into one.
    pub fn fold<R: DeserializeOwned + Serialize>(&mut self, call: impl Fn(R, R) -> R) {
        let started = Instant::now();
        let mut rest: &[u8] = &self.arguments;
        let before = self.before;
        let count = self.count;
        // A fold inside the sending of results holds their lock, and is not timed.
        if !self.nested {
            self.running.begin();
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..before {
                codec::decode_next::<R>(&mut rest).map_err(|error| TaskError::codec("a result", "decoded", &error))?;
            }
            let mut sum: Option<R> = None;
            for _ in 0..count {
                let next = codec::decode_next::<R>(&mut rest)
                    .map_err(|error| TaskError::codec("a result", "decoded", &error))?;
                sum = Some(match sum {
                    None => next,
                    Some(sum) => call(sum, next),
                });
            }
            let mut bytes = Vec::new();
            if let Some(sum) = sum {
                codec::encode_into(&sum, &mut bytes)
                    .map_err(|error| TaskError::codec("a folded result", "encoded", &error))?;
                check_size(bytes.len()).map_err(|error| TaskError::codec("a folded result", "sent", &error))?;
            }
            Ok(bytes)
        }));
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(payload) => Err(TaskError::Panicked(Box::new(panics::describe(&*payload, self.desk.place())))),
        };
        if self.nested {
            self.folded = Some(outcome);
            return;
        }
        let results = self.running.end();
        if results.over {
            return;
        }
        match outcome {
            Ok(bytes) => self.desk.returned(&self.running, count, started.elapsed(), bytes),
            Err(error) => self.desk.unusable(self.running.run, count, error),
        }
    }

    /// Runs a function without arguments once.
    pub(super) fn run_once(entry: &Entry, desk: &Desk) {
        let mut piece = Piece {
            arguments: Bytes::new(),
            before: 0,
            count: 1,
            captured: &CapturedData::default(),
            fold: None,
            running: Arc::new(Running::new(0, 1, 0, None, false)),
            desk,
            folded: None,
            nested: false,
        };
        (entry.run)(&mut piece);
    }

    /// The loop.
    fn go<A: DeserializeOwned, R: Serialize>(&mut self, call: impl Fn(A) -> Ended<R>) {
        let running = Arc::clone(&self.running);
        let arguments = self.arguments.clone();
        let mut rest: &[u8] = &arguments;
        for _ in 0..self.before {
            if let Err(error) = codec::decode_next::<A>(&mut rest) {
                let error = TaskError::codec("an argument", "decoded", &error);
                return self.desk.unusable(running.run, self.count, error);
            }
        }
        running.results().since = Instant::now();
        for index in 0..self.count {
            let from = arguments.len() - rest.len();
            let item = match codec::decode_next::<A>(&mut rest) {
                Ok(item) => item,
                Err(error) => {
                    // Where the next argument begins is not known any more.
                    let mut results = running.results();
                    self.send(&mut results);
                    let error = TaskError::codec("an argument", "decoded", &error);
                    return self.desk.unusable(running.run, self.count - index, error);
                }
            };
            if running.is_cancelled() {
                return;
            }
            running.begin();
            let outcome = catch_unwind(AssertUnwindSafe(|| call(item)));
            let mut results = running.end();
            if results.over {
                return;
            }
            match outcome {
                Ok(Ended::Value(value)) => {
                    // Encoding runs code that is not ours: a panic in it is the task's.
                    let whole = results.values.len();
                    let encoded = catch_unwind(AssertUnwindSafe(|| codec::encode_into(&value, &mut results.values)));
                    match encoded {
                        Ok(Ok(())) => match check_size(results.values.len() - whole) {
                            Ok(()) => results.count += 1,
                            Err(error) => {
                                results.values.truncate(whole);
                                self.send(&mut results);
                                self.desk.unusable(running.run, 1, TaskError::codec("a result", "sent", &error));
                            }
                        },
                        Ok(Err(error)) => {
                            self.send(&mut results);
                            self.desk.unusable(running.run, 1, TaskError::codec("a result", "encoded", &error));
                        }
                        Err(payload) => {
                            // What was encoded of it must not stay.
                            results.values.truncate(whole);
                            self.panicked(&mut results, &*payload, from..arguments.len() - rest.len());
                        }
                    }
                }
                Ok(Ended::Cancelled) => return,
                Ok(Ended::TimedOut) => {
                    self.send(&mut results);
                    self.desk.unusable(running.run, 1, running.timed_out(self.desk.place()));
                }
                Err(payload) => self.panicked(&mut results, &*payload, from..arguments.len() - rest.len()),
            }
            if results.values.len() > SEND_BYTES || running.should_send() || running.sends_each() {
                self.send(&mut results);
            }
        }
        let mut results = running.results();
        self.send(&mut results);
    }

    fn panicked(&self, results: &mut Results, payload: &(dyn Any + Send), span: Range<usize>) {
        self.send(results);
        let panic = panics::describe(payload, self.desk.place());
        // A chunk is far smaller than 4 GiB, but for one item, which is all of it.
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        let span = (place(span.start), place(span.end));
        self.desk.panicked(self.running.run, panic, results.since.elapsed(), span);
        results.since = Instant::now();
    }

    /// Sends the results that wait; folded before, if that is asked.
    fn send(&self, results: &mut Results) {
        let Some(fold) = self.fold else { return self.running.send(results, self.desk) };
        let count = std::mem::take(&mut results.count);
        if count == 0 {
            return;
        }
        let mut inner = Piece {
            arguments: std::mem::take(&mut results.values).into(),
            before: 0,
            count,
            captured: self.captured,
            fold: None,
            running: Arc::clone(&self.running),
            desk: self.desk,
            folded: None,
            nested: true,
        };
        fold(&mut inner);
        match inner.folded {
            Some(Ok(folded)) => self.desk.returned(&self.running, count, results.since.elapsed(), folded),
            Some(Err(error)) => self.desk.unusable(self.running.run, count, error),
            // A fold always leaves something; a function that is no fold was refused when the job began.
            None => self.desk.unusable(self.running.run, count, TaskError::Cancelled),
        }
        results.since = Instant::now();
    }
}

/// Runs an async task on this thread.
fn run_async<U: Future>(running: &Arc<Running>, task: U) -> Ended<U::Output> {
    match drive(running, task) {
        super::block_on::Driven::Done(value) => Ended::Value(value),
        super::block_on::Driven::Cancelled => Ended::Cancelled,
        super::block_on::Driven::TimedOut => Ended::TimedOut,
    }
}
