//! Parallel composition of a number of processes that is known at run time.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Process;
use super::error::ProcessError;
use super::exit::Exit;
use super::handle::Handle;
use super::join::BUDGET;
use super::shape::Sketch;
use super::task::task;
use super::tree::Tree;
use crate::context::FailMark;

/// Processes that run in turns in the task that waits for them.
///
/// Add processes at any time; they run while the group is awaited. Dropping the group cancels those that run.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn square(n: u64) -> Outcome<u64> {
///     Ok(n * n)
/// }
///
/// # aqueduct::run(async {
/// let mut group = Group::new();
/// for n in 1..=10 {
///     group.add(square(n));
/// }
/// let squares = group.join().await?;
/// assert_eq!(squares.iter().sum::<u64>(), 385);
/// # Outcome::Ok(()) }).unwrap();
/// ```
pub struct Group<'a, T = ()> {
    children: Vec<Option<Boxed<'a, T>>>,
    /// The children's numbers in order of addition; apart, because four bytes each would else take eight.
    numbers: Vec<u32>,
    /// Places in `children` that are free.
    free: Vec<usize>,
    tree: Tree,
    ended: VecDeque<(u32, Result<T, ProcessError>)>,
    /// How many have been added since the group was last empty.
    added: u32,
    /// Those that have not started, for pictures.
    unstarted: Sketch,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProcessError>> + Send + 'a>>;

impl<'a, T> Group<'a, T> {
    /// A group without processes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            children: Vec::new(),
            numbers: Vec::new(),
            free: Vec::new(),
            tree: Tree::new(),
            ended: VecDeque::new(),
            added: 0,
            unstarted: Sketch::default(),
        }
    }

    /// Adds a process; it runs when the group is next awaited.
    pub fn add<P>(&mut self, process: P)
    where
        P: Process<Value = T>,
        P::IntoFuture: Send + 'a, // what is not `Send` is awaited, composed by `par!`, or spawned by `spawn_local`
    {
        if self.is_empty() {
            self.added = 0;
        }
        process.draw(&mut self.unstarted);
        self.push(Box::pin(process.into_future()));
    }

    fn push(&mut self, child: Boxed<'a, T>) {
        let place = match self.free.pop() {
            Some(place) => {
                self.children[place] = Some(child);
                self.numbers[place] = self.added;
                place
            }
            None => {
                self.children.push(Some(child));
                self.numbers.push(self.added);
                self.children.len() - 1
            }
        };
        self.added = self.added.wrapping_add(1);
        self.tree.add(place);
    }

    /// How many processes have been added whose result has not been taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.children.len() - self.free.len() + self.ended.len()
    }

    /// True if every result has been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs the processes until one has ended; gives its result, or `None` if there is none left.
    ///
    /// # Errors
    /// Each process's own.
    ///
    /// # Cancel safety
    /// Nothing is lost: the processes go on when the group is awaited again.
    pub async fn next(&mut self) -> Option<Result<T, ProcessError>> {
        Some(self.next_numbered().await?.1)
    }

    async fn next_numbered(&mut self) -> Option<(u32, Result<T, ProcessError>)> {
        poll_fn(|cx| {
            if self.ended.is_empty() {
                self.run(cx);
            }
            match self.ended.pop_front() {
                Some(ended) => Poll::Ready(Some(ended)),
                None if self.is_empty() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Polls those that are ready.
    fn run(&mut self, cx: &mut Context<'_>) {
        self.unstarted.clear();
        let Self { children, numbers, free, tree, ended, .. } = self;
        let mut budget = BUDGET;
        tree.poll(cx.waker(), |place, cx| {
            if let Some(child) = &mut children[place]
                && let Poll::Ready(result) = child.as_mut().poll(cx)
            {
                children[place] = None;
                free.push(place);
                ended.push_back((numbers[place], result));
            }
            budget -= 1;
            if budget == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Runs the processes until all have ended; gives their values in the order in which they were added.
    ///
    /// # Errors
    /// The first cause, once all have ended.
    ///
    /// # Cancel safety
    /// Dropped, the processes that run are cancelled.
    pub async fn join(mut self) -> Result<Vec<T>, ProcessError> {
        let mut values = Vec::new();
        let mut first = None;
        while let Some((number, result)) = self.next_numbered().await {
            match result {
                Ok(value) => values.push((number, value)),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        if let Some(error) = first {
            // What the others have made goes while this process is failing, so that ends in it poison.
            let _mark = FailMark::here(&error.cause);
            drop(values);
            return Err(error);
        }
        values.sort_unstable_by_key(|(number, _)| *number);
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }
}

/// Awaited, a group is joined.
impl<'a, T: Send + 'a> IntoFuture for Group<'a, T> {
    type Output = Result<Vec<T>, ProcessError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.join())
    }
}

/// A group may be a part of another composition. Its picture shows the processes that were added and have not started.
#[diagnostic::do_not_recommend]
impl<'a, T: Send + 'a> Process for Group<'a, T> {
    type Value = Vec<T>;

    fn draw(&self, sketch: &mut Sketch) {
        sketch.merge(&self.unstarted);
    }

    fn spawn(self) -> Handle<Vec<T>>
    where
        Self: 'static,
    {
        task("group", async move { self.join().await.map_err(Exit::from) }).spawn()
    }

    fn spawn_local(self) -> Handle<Vec<T>>
    where
        Self: 'static,
    {
        self.spawn()
    }
}

impl<'a> Group<'a> {
    /// Adds a process whose value nobody wants.
    #[cfg(feature = "macros")]
    pub(crate) fn add_without_value<P>(&mut self, process: P)
    where
        P: Process<Value: Send>,
        P::IntoFuture: Send + 'a,
    {
        if self.is_empty() {
            self.added = 0;
        }
        process.draw(&mut self.unstarted);
        let run = process.into_future();
        self.push(Box::pin(async move { run.await.map(drop) }));
    }
}

impl<T> Default for Group<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Group<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("running", &(self.children.len() - self.free.len()))
            .field("ended", &self.ended.len())
            .finish()
    }
}
