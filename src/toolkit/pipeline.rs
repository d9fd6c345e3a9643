//! Stages one after the other, with a channel between each two.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use super::{filter, identity, map};
use crate::prelude::*;
use crate::process::{Handle, Sketch, task};

/// Begins a pipeline: stages that work at the same time, each on another value.
///
/// Add stages, and end it with [`into`](Pipeline::into). The result is a process, and lazy. The stages run in turns in
/// one task, those that have threads of their own on them. Between them are rendezvous channels, unless
/// [`buffered`](Pipeline::buffered) says otherwise.
///
/// A stage that fails poisons its channels: so all of them end, the input and the output are poisoned, and the pipeline
/// gives the first cause. When the output retires, so does the input, once the end has gone from stage to stage; what the
/// stages have in their hands, and what is in the channels between them, is dropped.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (words, input) = aqueduct::channel();
/// let (out, lengths) = aqueduct::channel();
/// let line = pipeline(input)
///     .then(str::trim)
///     .keep(|word| !word.is_empty())
///     .through(|input, out| ordered_thread_farm(2, |word: &str| Ok(word.len()), input, out))
///     .then(|length| length * 10)
///     .into(out);
/// assert_eq!(line.shape().channels().len(), 5);
/// let network = par!(generate([" one", "three ", " "], words), line, collect(lengths));
/// assert_eq!(network.await?.2, [30, 50]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
pub fn pipeline<T: Send + 'static>(input: Receiver<T>) -> Pipeline<T> {
    Pipeline { stages: Vec::new(), room: 0, last: Last::Input(input) }
}

/// A pipeline that is being put together; made by [`pipeline`]. Its last stage gives `T`s.
#[must_use = "a pipeline is a process once it is ended by `into(out)`"]
pub struct Pipeline<T> {
    stages: Vec<Box<dyn Stage>>,
    /// The capacity of the channels to come.
    room: usize,
    last: Last<T>,
}

/// Where the values come from, so far.
enum Last<T> {
    /// There is no stage yet.
    Input(Receiver<T>),
    /// The last stage, which waits for its output.
    Stage(Box<dyn FnOnce(Sender<T>) -> Box<dyn Stage> + Send>),
}

impl<T: Send + 'static> Pipeline<T> {
    /// Gives each of the channels after this one, between two stages, room for `capacity` values.
    pub fn buffered(mut self, capacity: usize) -> Self {
        self.room = capacity;
        self
    }

    /// Adds a stage that emits `f` of each value: a [`map`].
    pub fn then<U, F>(self, f: F) -> Pipeline<U>
    where
        U: Send + 'static,
        F: FnMut(T) -> U + Send + 'static,
    {
        self.through(move |input, out| map(f, input, out))
    }

    /// Adds a stage that drops the values for which `keep` says no: a [`filter`].
    pub fn keep<F>(self, keep: F) -> Self
    where
        F: FnMut(&T) -> bool + Send + 'static,
    {
        self.through(move |input, out| filter(keep, input, out))
    }

    /// Adds a process of any kind as a stage: yours, a farm, a program of the system, another pipeline. What it makes, such
    /// as an exit status, is dropped: `.through(|input, out: Sender<String>| command_filter(Program::new("sort"), input, out))`.
    pub fn through<U, P>(self, stage: impl FnOnce(Receiver<T>, Sender<U>) -> P + Send + 'static) -> Pipeline<U>
    where
        U: Send + 'static,
        P: Process<Value: Send> + Send + 'static,
        P::IntoFuture: Send + 'static,
    {
        let Self { mut stages, room, last } = self;
        let input = match last {
            Last::Input(input) => input,
            Last::Stage(last) => {
                let (tx, rx) = crate::buffered(room);
                stages.push(last(tx));
                rx
            }
        };
        Pipeline { stages, room, last: Last::Stage(Box::new(move |out| Box::new(stage(input, out)))) }
    }

    /// Ends the pipeline with its output, and gives the process.
    pub fn into(self, out: Sender<T>) -> Stages {
        let Self { mut stages, last, .. } = self;
        stages.push(match last {
            Last::Input(input) => Box::new(identity(input, out)),
            Last::Stage(last) => last(out),
        });
        Stages { stages }
    }
}

impl<T> fmt::Debug for Pipeline<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = usize::from(matches!(self.last, Last::Stage(_)));
        f.debug_struct("Pipeline").field("stages", &(self.stages.len() + last)).finish()
    }
}

/// A process among others of other types.
trait Stage: Send {
    fn draw(&self, sketch: &mut Sketch);
    fn join(self: Box<Self>, group: &mut Group<'static>);
}

impl<P> Stage for P
where
    P: Process<Value: Send> + Send + 'static,
    P::IntoFuture: Send + 'static,
{
    fn draw(&self, sketch: &mut Sketch) {
        Process::draw(self, sketch);
    }

    fn join(self: Box<Self>, group: &mut Group<'static>) {
        group.add_without_value(*self);
    }
}

/// The process that is a whole pipeline; made by [`Pipeline::into`]. Lazy, as every process.
///
/// # Cancel safety
/// Dropped before it has ended, its stages are cancelled, and so the input and the output are poisoned.
#[must_use = "a process does nothing until it is awaited, composed with `par!`, or spawned"]
pub struct Stages {
    stages: Vec<Box<dyn Stage>>,
}

impl IntoFuture for Stages {
    type Output = Result<(), ProcessError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let mut group = Group::new();
        for stage in self.stages {
            stage.join(&mut group);
        }
        Box::pin(async move { group.join().await.map(drop) })
    }
}

#[diagnostic::do_not_recommend]
impl Process for Stages {
    type Value = ();

    fn draw(&self, sketch: &mut Sketch) {
        for stage in &self.stages {
            stage.draw(sketch);
        }
    }

    fn spawn(self) -> Handle<()> {
        let all = self.into_future();
        task("pipeline", async move { Ok(all.await?) }).spawn()
    }

    fn spawn_local(self) -> Handle<()> {
        self.spawn()
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stages").field("stages", &self.stages.len()).finish()
    }
}
