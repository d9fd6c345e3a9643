//! `Map`: a lazy stream of results.

use std::{
    fmt,
    marker::PhantomData,
    ops::ControlFlow,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    flow::{Current, Flow, Look},
    input::Input,
    options::{OnError, TaskOptions},
    port::Port,
};
use crate::{
    cluster::{driver::KeptConstant, error::TaskError, keeping::Noting, progress::Progress, protocol::check_size},
    net::codec,
};

/// A chunk is sent when it has so many bytes, however few its items.
const CHUNK_BYTES: usize = 256 << 10;

/// A chunk is sent when its input took so long, however few its items; and so long is input read at a time.
const FILL_TIME: Duration = Duration::from_millis(1);

pin_project_lite::pin_project! {
    /// The results of a map, as a stream: in input order, or as they come ([`unordered`](Map::unordered)).
    ///
    /// * Lazy: nothing runs before the first result is asked for; input is read while results are awaited, as far ahead
    ///   as keeps the workers busy and stays within [`in_flight`](Map::in_flight).
    /// * Each item gives exactly one result, whatever dies: a value, or (see [`OnError`]) a [`TaskError`].
    /// * Dropping it cancels what is under way.
    ///
    /// Take results with [`next`](Map::next), as a [`Stream`], or all together with [`collect`](Map::collect),
    /// [`sum`](Map::sum), [`fold`](Map::fold), [`for_each`](Map::for_each); from a thread with the `_blocking` forms or
    /// [`iter`](Map::iter).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of `next` loses nothing.
    #[must_use = "a map does nothing until its results are taken"]
    pub struct Map<I, R> {
        #[pin]
        input: I,
        flow: Flow,
        // The chunk that is being filled.
        filled: Vec<u8>,
        held: u32,
        kept: Vec<Arc<KeptConstant>>,
        state: State,
        results: PhantomData<fn() -> R>,
    }
}

#[derive(Debug)]
enum State {
    /// Nothing was asked of the cluster; an error that was found early is kept for the first result.
    New(Option<TaskError>),
    Running,
    /// Nothing more comes.
    Ended,
}

impl<I: Input, R> Map<I, R> {
    pub(crate) fn new(input: I, (flow, early): (Flow, Option<TaskError>)) -> Self {
        Self {
            input,
            flow,
            filled: Vec::new(),
            held: 0,
            kept: Vec::new(),
            state: State::New(early),
            results: PhantomData,
        }
    }

    /// What jobs beside this map need.
    pub(super) fn parts(&self) -> (Arc<dyn Port>, TaskOptions, u32) {
        (Arc::clone(&self.flow.port), self.flow.options.clone(), self.flow.spec.depth)
    }

    /// Gives results as they come, not in input order.
    pub fn unordered(mut self) -> Self {
        self.flow.ordered = false;
        self
    }

    /// Shows a progress bar on stderr, or plain lines where that is no terminal.
    pub fn progress(mut self, label: impl AsRef<str>) -> Self {
        let total = match self.input.size_hint() {
            (least, Some(most)) if least == most => Some(least as u64),
            _ => None,
        };
        self.flow.progress = Some(Progress::new(label.as_ref(), total));
        self
    }

    /// Sets all options at once.
    pub fn options(mut self, options: TaskOptions) -> Self {
        self.flow.spec.timeout = options.timeout;
        self.flow.spec.priority = options.priority;
        self.flow.options = options;
        self
    }

    fn change(self, change: impl FnOnce(TaskOptions) -> TaskOptions) -> Self {
        let options = change(self.flow.options.clone());
        self.options(options)
    }

    /// See [`TaskOptions::deaths`].
    pub fn deaths(self, deaths: u32) -> Self {
        self.change(|options| options.deaths(deaths))
    }

    /// See [`TaskOptions::retries`].
    pub fn retries(self, retries: u32) -> Self {
        self.change(|options| options.retries(retries))
    }

    /// See [`TaskOptions::timeout`].
    pub fn timeout(self, limit: Duration) -> Self {
        self.change(|options| options.timeout(limit))
    }

    /// See [`TaskOptions::chunk`].
    ///
    /// # Panics
    ///
    /// If `items` is 0.
    pub fn chunk(self, items: u32) -> Self {
        self.change(|options| options.chunk(items))
    }

    /// See [`TaskOptions::in_flight`].
    pub fn in_flight(self, bytes: usize) -> Self {
        self.change(|options| options.in_flight(bytes))
    }

    /// See [`TaskOptions::needs`].
    pub fn needs(self, tag: impl Into<String>) -> Self {
        self.change(|options| options.needs(tag))
    }

    /// See [`TaskOptions::priority`].
    pub fn priority(self, priority: i32) -> Self {
        self.change(|options| options.priority(priority))
    }

    /// See [`TaskOptions::speculate`].
    pub fn speculate(self) -> Self {
        self.change(TaskOptions::speculate)
    }

    /// See [`TaskOptions::on_error`].
    pub fn on_error(self, what: OnError) -> Self {
        self.change(|options| options.on_error(what))
    }

    /// See [`TaskOptions::kill_on_cancel`].
    pub fn kill_on_cancel(self) -> Self {
        self.change(TaskOptions::kill_on_cancel)
    }

    /// See [`TaskOptions::on_worker`].
    pub fn on_worker(self, worker: u32) -> Self {
        self.change(|options| options.on_worker(worker))
    }
}

impl<I, R> Map<I, R>
where
    I: Input<Item: Serialize>,
    R: DeserializeOwned,
{
    /// Reads input and sends it, while there is room and for a little while; tells whether it stopped for the time alone.
    fn pump(self: Pin<&mut Self>, context: &mut Context<'_>) -> bool {
        let this = self.project();
        let mut input = this.input;
        let started = Instant::now();
        // Without room the input is not asked: what it said before may not be true any more.
        this.flow.stalled = false;
        while this.flow.has_room() {
            let target = this.flow.chunk_items();
            let mut look_at = *this.held + 1;
            let mut ended = false;
            let mut stalled = false;
            let mut failed = None;
            let noting = Noting::begin();
            while *this.held < target && this.filled.len() < CHUNK_BYTES {
                match input.as_mut().poll_item(context) {
                    Poll::Ready(Some(item)) => {
                        let before = this.filled.len();
                        if let Err(error) = codec::encode_into(&item, this.filled) {
                            failed = Some(TaskError::codec("an argument", "encoded", &error));
                            break;
                        }
                        if let Err(error) = check_size(this.filled.len() - before) {
                            this.filled.truncate(before);
                            failed = Some(TaskError::codec("an argument", "sent", &error));
                            break;
                        }
                        *this.held += 1;
                        if *this.held == look_at {
                            // Looking at the clock costs as much as a small item: looks grow rarer as items prove cheap.
                            if started.elapsed() > FILL_TIME {
                                break;
                            }
                            look_at += (look_at / 2).clamp(1, 1024);
                        }
                    }
                    Poll::Ready(None) => {
                        ended = true;
                        break;
                    }
                    Poll::Pending => {
                        stalled = true;
                        break;
                    }
                }
            }
            this.kept.append(&mut noting.end());
            // A chunk of a size that was asked for waits for its last item, unless nobody has anything to do.
            let wait = stalled && this.flow.options.chunk.is_some() && !this.flow.idle();
            if *this.held > 0 && !wait {
                let room = this.filled.len();
                let payload = std::mem::replace(this.filled, Vec::with_capacity(room));
                this.flow.push(std::mem::take(this.held), payload.into(), std::mem::take(this.kept));
            }
            if let Some(error) = failed {
                this.flow.push_failed(error);
                // What comes behind would only be cancelled.
                ended = this.flow.options.on_error == OnError::FailFast;
            }
            if ended {
                this.flow.seal();
            }
            this.flow.stalled = stalled;
            if stalled || ended {
                break;
            }
            if started.elapsed() > FILL_TIME {
                return this.flow.has_room();
            }
        }
        false
    }

    /// Makes results available: `Some(Ok)` if there are, `Some(Err)` if the map is broken, `None` at the end.
    pub(super) fn poll_load(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(), TaskError>>> {
        match &mut *self.as_mut().project().state {
            State::Ended => return Poll::Ready(None),
            State::Running => {}
            State::New(early) => {
                let begun = match early.take() {
                    Some(error) => Err(error),
                    None => self.as_mut().project().flow.start(),
                };
                match begun {
                    Ok(()) => *self.as_mut().project().state = State::Running,
                    Err(error) => return Poll::Ready(Some(Err(self.end(error)))),
                }
            }
        }
        let progress = ready!(tokio::task::coop::poll_proceed(context));
        loop {
            let hurried = self.as_mut().pump(context);
            let this = self.as_mut().project();
            match this.flow.look(Some(context.waker())) {
                Look::Loaded => {
                    progress.made_progress();
                    return Poll::Ready(Some(Ok(())));
                }
                Look::Finished => {
                    progress.made_progress();
                    this.flow.stop();
                    *this.state = State::Ended;
                    return Poll::Ready(None);
                }
                Look::Broken(error) => return Poll::Ready(Some(Err(self.end(error)))),
                // A look may have widened the window.
                Look::Nothing if !hurried && this.flow.has_room() && !this.flow.stalled => {}
                Look::Nothing => {
                    if hurried {
                        context.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Breaks the map off.
    fn end(self: Pin<&mut Self>, error: TaskError) -> TaskError {
        let this = self.project();
        this.flow.stop();
        *this.state = State::Ended;
        error
    }

    /// What is loaded, whole and encoded: for a map whose workers fold.
    pub(super) fn take_part(mut self: Pin<&mut Self>) -> Result<bytes::Bytes, TaskError> {
        match self.as_mut().project().flow.current().take() {
            Some(Current::Values { bytes, .. }) => Ok(bytes),
            Some(Current::Failed { error, .. }) => Err(self.end(error)),
            None => Ok(bytes::Bytes::new()),
        }
    }

    /// One result of what is loaded; `None` if it was the last of it.
    fn decode(flow: &mut Flow) -> Option<Result<R, TaskError>> {
        let current = flow.current();
        match current {
            None => None,
            Some(Current::Failed { error, left }) => {
                if *left == 0 {
                    *current = None;
                    return None;
                }
                *left -= 1;
                Some(Err(error.clone()))
            }
            Some(Current::Values { bytes, at, skip, left }) => {
                if *left == 0 {
                    *current = None;
                    return None;
                }
                let mut rest = bytes.get(*at..).unwrap_or_default();
                let mut value = codec::decode_next::<R>(&mut rest);
                while *skip > 0 && value.is_ok() {
                    *skip -= 1;
                    value = codec::decode_next::<R>(&mut rest);
                }
                *at = bytes.len() - rest.len();
                let error = match value {
                    Ok(_) if *left == 1 && !rest.is_empty() => {
                        let error = format!("{} more bytes follow: the two sides disagree about its type", rest.len());
                        TaskError::codec("a result", "decoded", &error)
                    }
                    Ok(value) => {
                        *left -= 1;
                        return Some(Ok(value));
                    }
                    Err(error) => TaskError::codec("a result", "decoded", &error),
                };
                flow.spoil(error);
                Self::decode(flow)
            }
        }
    }

    /// Gives results to `take`, as long as it wants, until there are no more.
    pub(super) fn poll_each(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(R) -> ControlFlow<()>,
    ) -> Poll<Result<(), TaskError>> {
        while let Some(loaded) = ready!(self.as_mut().poll_load(context)) {
            loaded?;
            loop {
                let this = self.as_mut().project();
                match Self::decode(this.flow) {
                    None => break,
                    Some(Ok(value)) => {
                        if take(value).is_break() {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Some(Err(error)) => return Poll::Ready(Err(self.end(error))),
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I, R> Stream for Map<I, R>
where
    I: Input<Item: Serialize>,
    R: DeserializeOwned,
{
    type Item = Result<R, TaskError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match Self::decode(self.as_mut().project().flow) {
                Some(Ok(value)) => return Poll::Ready(Some(Ok(value))),
                Some(Err(error)) => {
                    if self.flow.options.on_error == OnError::FailFast {
                        self.end(error.clone());
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                None => match ready!(self.as_mut().poll_load(context)) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(None),
                },
            }
        }
    }
}

impl<I: fmt::Debug, R> fmt::Debug for Map<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").field("input", &self.input).field("flow", &self.flow).finish_non_exhaustive()
    }
}
