//! `Cluster`: what maps and submits are called on; and how one is started.

use std::{fmt, process::Command, sync::Arc, time::Duration};

use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    driver::{Driver, DriverPort, Launch, Plan},
    error::{ClusterError, Place, TaskError},
    forward, host,
    keeping::Noting,
    map::{
        FromIter, FromStream, Map, TaskHandle, TaskOptions, Whole, flow::Flow, mailbox::Mailbox, port::Keep,
        port::Port, process, reduce,
    },
    protocol::{Captured, JobSpec, Work, check_size},
    registry::{self, Function, Registry, RemoteFn},
    scheduler::Settings,
    shared::Shared,
    summary::Summary,
    worker::{self, Scope},
};
use crate::{Process, Receiver, Sender, net::codec};

/// Workers, and the way to give them work.
///
/// A clone is the same cluster. When the last clone, and the last map and handle made from one, are dropped, the cluster
/// ends: its workers go with it, and none outlives this process, however it ends.
///
/// ```
/// use aqueduct::Cluster;
///
/// #[aqueduct::remote]
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::local(2).await?;               // two worker processes of this program
/// let sum: u64 = cluster.map(square, 1..=30).sum().await?;
/// assert_eq!(sum, 9455);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cluster {
    port: Arc<dyn Port>,
    /// `None` in a task.
    driver: Option<Arc<Driver>>,
    options: TaskOptions,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("workers", &self.workers()).field("options", &self.options).finish()
    }
}

/// A function as a job names it.
struct Target {
    function: u32,
    captured: Captured,
    keep: Vec<Keep>,
    pure: bool,
}

/// Starting and ending.
impl Cluster {
    /// A cluster of so many worker processes of this program, on this machine.
    ///
    /// # Errors
    ///
    /// A worker cannot be started, or does not join; or none was asked for.
    pub async fn local(workers: usize) -> Result<Self, ClusterError> {
        if workers == 0 {
            return Err(ClusterError::Setting(
                "a cluster of no workers could do nothing: give `Cluster::local` a number above zero, or let \
                 `Cluster::from_env` take one for each core"
                    .into(),
            ));
        }
        Self::builder().workers(workers).start().await
    }

    /// A cluster as the environment says: `AQUEDUCT_WORKERS` local workers, or one for each core.
    ///
    /// # Errors
    ///
    /// The variable is no number above zero, a worker cannot be started, or does not join.
    pub async fn from_env() -> Result<Self, ClusterError> {
        Self::builder().start().await
    }

    /// A cluster with more to say about it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The cluster of the task that runs on this thread: a task may map and submit in turn, to any depth, also where there
    /// is one worker only.
    ///
    /// # Panics
    ///
    /// Outside of tasks; see [`try_current`](Self::try_current).
    #[must_use]
    pub fn current() -> Self {
        Self::try_current().unwrap_or_else(|| {
            panic!("`Cluster::current()` outside of a task: on the driver, hand on the cluster that you started")
        })
    }

    /// The cluster of the task that runs on this thread, if one does.
    #[must_use]
    pub fn try_current() -> Option<Self> {
        let scope = Scope::current()?;
        Some(Self { port: scope.port(), driver: None, options: TaskOptions::default() })
    }

    /// The same cluster, with other options for what is mapped and submitted by this clone.
    #[must_use]
    pub fn with(&self, options: TaskOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Ends all workers, and waits until they have ended; what is under way is cancelled. Gives the summary.
    ///
    /// In a task, where the cluster is somebody else's, this does nothing.
    pub async fn shutdown(self) -> Summary {
        match &self.driver {
            Some(driver) => driver.shutdown().await,
            None => Summary::default(),
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.driver.as_ref().map(|driver| driver.summary()).unwrap_or_default()
    }

    /// The workers that are ready.
    #[must_use]
    pub fn workers(&self) -> Vec<Place> {
        self.driver.as_ref().map(|driver| driver.workers()).unwrap_or_default()
    }

    /// Where the driver listens. Nobody is let in without a certificate of this run.
    #[must_use]
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.driver.as_ref().map(|driver| driver.address())
    }

    /// Adds a local worker, which takes work at once; gives its number.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not join.
    pub async fn add_worker(&self, worker: Worker) -> Result<u32, ClusterError> {
        match &self.driver {
            Some(driver) => match host::tagged(vec![worker.launch]).await.pop() {
                Some(launch) => driver.grow(launch).await,
                None => unreachable!("one worker, tagged"),
            },
            None => Err(ClusterError::Setting("a task cannot add workers".into())),
        }
    }

    /// Lets a worker finish what it has begun, and go; what it has not begun runs elsewhere. False if there is no such
    /// worker.
    pub fn retire_worker(&self, worker: u32) -> bool {
        self.driver.as_ref().is_some_and(|driver| driver.retire(worker))
    }
}

/// Giving work.
impl Cluster {
    /// Runs a remote function over an input, lazily; see [`Map`].
    ///
    /// An item of the input is what the function takes: its one argument; a tuple, if it takes several; `()`, if none.
    /// The function has `#[aqueduct::remote]` on it; data that it should know beside the item are given by
    /// [`with`](crate::cluster::with).
    pub fn map<F, A, M, I>(&self, function: F, input: I) -> Map<FromIter<I::IntoIter>, F::Output>
    where
        F: RemoteFn<A, M>,
        I: IntoIterator<Item = A>,
        A: Serialize,
    {
        Map::new(FromIter(input.into_iter()), self.flow(&function, Work::Map))
    }

    /// The same over a stream of items. For what comes from a channel see [`process`](Self::process), which carries its poison
    /// on.
    pub fn map_stream<F, A, M, S>(&self, function: F, input: S) -> Map<FromStream<S>, F::Output>
    where
        F: RemoteFn<A, M>,
        S: Stream<Item = A>,
        A: Serialize,
    {
        Map::new(FromStream { stream: input }, self.flow(&function, Work::Map))
    }

    /// A map as a process of a network: takes arguments from one channel, and gives the results to another, in the order
    /// of the arguments.
    ///
    /// * It takes no more values ahead of the results than the workers need and
    ///   [`in_flight`](TaskOptions::in_flight) allows. A channel with some room is faster than a rendezvous, which hands
    ///   tasks over one by one.
    /// * When the input is retired, it gives all results that are due, and ends.
    /// * A poison of the input ends it at once, and goes on to the output; tasks under way are cancelled.
    /// * A task without a result fails it: both channels are poisoned, and the cause is the [`TaskError`]. With
    ///   [`OnError::Skip`](crate::cluster::OnError::Skip) there is no result for such an item; with
    ///   [`OnError::Collect`](crate::cluster::OnError::Collect) it gives the results of the others, and fails at the end,
    ///   with the first error.
    /// * When the output is retired, it ends quietly, and tasks under way are cancelled.
    ///
    /// # Errors
    ///
    /// The [`TaskError`] of a task, as [`Cause::error`](crate::Cause::error) of the process's error; or the poison of a
    /// channel.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it cancels what is under way, and poisons its channels, as every process does.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::{Cluster, prelude::*, toolkit::*};
    ///
    /// #[aqueduct::remote]
    /// fn square(n: u64) -> u64 {
    ///     n * n
    /// }
    ///
    /// # async fn doc(cluster: Cluster) -> Outcome {
    /// let (numbers, numbers_rx) = aqueduct::buffered(100);
    /// let (squares, squares_rx) = aqueduct::channel();
    /// let network = par!(
    ///     generate(1..=30, numbers),
    ///     cluster.process(square, numbers_rx, squares),
    ///     fold(0, |sum, square| sum + square, squares_rx),
    /// );
    /// assert_eq!(network.await?.2, 9455);
    /// # Ok(())
    /// # }
    /// ```
    pub fn process<F, A, M>(
        &self,
        function: F,
        input: Receiver<A>,
        output: Sender<F::Output>,
    ) -> impl Process<Value = (), IntoFuture: Send> + Send + use<F, A, M>
    where
        F: RemoteFn<A, M, Output: Send + 'static>,
        A: Serialize + Send + 'static,
    {
        let name = function.function().short_name();
        process::distribute(self.flow(&function, Work::Map), self.options.on_error, input, output)
            .named(format!("map {name}"))
    }

    /// As [`process`](Self::process), but the results are given as they come.
    pub fn process_unordered<F, A, M>(
        &self,
        function: F,
        input: Receiver<A>,
        output: Sender<F::Output>,
    ) -> impl Process<Value = (), IntoFuture: Send> + Send + use<F, A, M>
    where
        F: RemoteFn<A, M, Output: Send + 'static>,
        A: Serialize + Send + 'static,
    {
        let name = function.function().short_name();
        let unordered = |mut flow: Flow| {
            flow.ordered = false;
            flow
        };
        let (flow, early) = self.flow(&function, Work::Map);
        let flow = (unordered(flow), early);
        process::distribute(flow, self.options.on_error, input, output).named(format!("unordered map {name}"))
    }

    /// Runs a function over an input for its effect alone.
    ///
    /// # Errors
    ///
    /// The first task that has no result.
    pub async fn for_each<F, A, M, I>(&self, function: F, input: I) -> Result<(), TaskError>
    where
        F: RemoteFn<A, M>,
        I: IntoIterator<Item = A>,
        A: Serialize,
    {
        self.map(function, input).unordered().for_each(drop).await
    }

    /// Maps, and reduces the results, in input order, on the workers; `None` if the input is empty.
    ///
    /// `reduce` is a plain function with `#[remote]` on it, from two results to one; it must be associative: neighbours are
    /// reduced first, in whatever grouping suits the workers.
    ///
    /// # Errors
    ///
    /// The first task that has no result, or that `reduce` is not registered or cannot reduce.
    pub async fn map_reduce<F, A, M, G, I>(
        &self,
        function: F,
        reduce: G,
        input: I,
    ) -> Result<Option<F::Output>, TaskError>
    where
        F: RemoteFn<A, M>,
        G: Fn(F::Output, F::Output) -> F::Output + 'static,
        I: IntoIterator<Item = A>,
        A: Serialize,
    {
        let folder =
            registry()?.number_of(Function::of::<G>()).map_err(|error| TaskError::NotRegistered(error.to_string()))?;
        drop(reduce);
        let map = Map::new(FromIter(input.into_iter()), self.flow(&function, Work::MapThenFold(folder)));
        reduce::reduce(map, folder).await
    }

    /// Maps, and gives with each result the combination of all results up to it: `[a, b, c]` gives
    /// `[a, combine(a, b), combine(combine(a, b), c)]`. The map runs on the workers, `combine` here.
    ///
    /// # Errors
    ///
    /// The first task that has no result.
    pub async fn map_scan<F, A, M, I>(
        &self,
        function: F,
        mut combine: impl FnMut(&F::Output, F::Output) -> F::Output,
        input: I,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: RemoteFn<A, M>,
        I: IntoIterator<Item = A>,
        A: Serialize,
    {
        self.map(function, input)
            .fold(Vec::new(), |mut all: Vec<F::Output>, value| {
                let next = match all.last() {
                    Some(last) => combine(last, value),
                    None => value,
                };
                all.push(next);
                all
            })
            .await
    }

    /// Runs a function once, at once; the handle is a future of its result.
    pub fn submit<F, A, M>(&self, function: F, arguments: A) -> TaskHandle<F::Output>
    where
        F: RemoteFn<A, M>,
        A: Serialize,
    {
        let mailbox = Arc::new(Mailbox::new());
        let kill = self.options.kill;
        let mut keep = Vec::new();
        let job = self.target::<F, A, M>(&function).and_then(|target| {
            self.check_pure(&target)?;
            keep = target.keep;
            let mut payload = Vec::new();
            let noting = Noting::begin();
            codec::encode_into(&arguments, &mut payload)
                .map_err(|error| TaskError::codec("an argument", "encoded", &error))?;
            check_size(payload.len()).map_err(|error| TaskError::codec("an argument", "sent", &error))?;
            keep.extend(kept(noting));
            let spec = self.spec(target.function, target.captured, Work::Map);
            self.port.submit(spec, self.options.wishes(), Arc::clone(&mailbox), payload.into())
        });
        TaskHandle::new(Whole::new(Arc::clone(&self.port), mailbox, job, 1, kill, keep))
    }

    /// Keeps a value for tasks, which get it by [`Shared::get`]: it is sent to each host once, when a task there first asks
    /// for it, however many tasks use it.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded; or this is a task: only the driver shares.
    pub fn share<T: Serialize + Send + Sync + 'static>(&self, value: T) -> Result<Shared<T>, TaskError> {
        let bytes = codec::encode(&value).map_err(|error| TaskError::codec("a shared constant", "encoded", &error))?;
        check_size(bytes.len()).map_err(|error| TaskError::codec("a shared constant", "sent", &error))?;
        match &self.driver {
            Some(driver) => Ok(Shared::keep(driver, bytes.into(), value)),
            None => Err(TaskError::codec("a shared constant", "shared", &"tasks cannot share; only the driver can")),
        }
    }

    fn spec(&self, function: u32, captured: Captured, work: Work) -> JobSpec {
        JobSpec {
            function,
            work,
            captured,
            timeout: self.options.timeout,
            priority: self.options.priority,
            depth: self.port.depth(),
        }
    }

    fn target<F: RemoteFn<A, M>, A, M>(&self, function: &F) -> Result<Target, TaskError> {
        let registry = registry()?;
        let number =
            registry.number_of(function.function()).map_err(|error| TaskError::NotRegistered(error.to_string()))?;
        let pure = registry.by_number(number).is_some_and(|entry| entry.pure);
        let (captured, keep) = match function.captured() {
            None => (Captured::Nothing, Vec::new()),
            Some(captured) => {
                let noting = Noting::begin();
                let bytes = codec::encode(captured)
                    .map_err(|error| TaskError::codec("the captured value", "encoded", &error))?;
                check_size(bytes.len()).map_err(|error| TaskError::codec("the captured value", "sent", &error))?;
                let named = kept(noting);
                let (captured, keep) = self.port.capture(bytes)?;
                (captured, keep.into_iter().chain(named).collect())
            }
        };
        Ok(Target { function: number, captured, keep, pure })
    }

    fn check_pure(&self, target: &Target) -> Result<(), TaskError> {
        if self.options.speculate && !target.pure {
            return Err(TaskError::NotPure);
        }
        Ok(())
    }

    /// A map's flow; an error is told by its first result.
    fn flow<F: RemoteFn<A, M>, A, M>(&self, function: &F, work: Work) -> (Flow, Option<TaskError>) {
        let (target, early) = match self.target(function) {
            Ok(target) => (target, None),
            Err(error) => {
                (Target { function: 0, captured: Captured::Nothing, keep: Vec::new(), pure: false }, Some(error))
            }
        };
        let spec = self.spec(target.function, target.captured, work);
        (Flow::new(Arc::clone(&self.port), spec, self.options.clone(), target.keep, target.pure), early)
    }
}

/// The constants that were named, as one thing to be kept.
fn kept(noting: Noting) -> Option<Keep> {
    let named = noting.end();
    (!named.is_empty()).then(|| Keep(Arc::new(named)))
}

fn registry() -> Result<&'static Registry, TaskError> {
    registry::registry().map_err(|error| TaskError::NotRegistered(error.to_string()))
}

/// One worker to be started.
#[derive(Clone, Debug)]
pub struct Worker {
    launch: Launch,
}

impl Default for Worker {
    fn default() -> Self {
        Self::new()
    }
}

impl Worker {
    /// A process of this program that runs one task at a time.
    #[must_use]
    pub fn new() -> Self {
        Self { launch: Launch { slots: 1, tags: Vec::new(), command: None } }
    }

    /// Runs so many tasks at a time.
    ///
    /// # Panics
    ///
    /// If `slots` is 0.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        assert!(slots > 0, "a worker has at least one slot");
        self.launch.slots = slots;
        self
    }

    /// Has this tag, for tasks that [need](TaskOptions::needs) it; may be given several times.
    ///
    /// With the feature `cuda`, workers of this program have the tag `gpu` where the host has a GPU that can be used.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.launch.tags.push(tag.into());
        self
    }

    /// Is started by this command, which must end in a call of [`init`](crate::init): another build, a wrapper that sets
    /// limits. Its stdin must reach the program.
    #[must_use]
    pub fn command(mut self, command: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        self.launch.command = Some(Arc::new(command));
        self
    }
}

/// A cluster to be started.
///
/// ```
/// use aqueduct::cluster::{Cluster, Worker};
///
/// # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::builder()
///     .workers(2)
///     .worker(Worker::new().slots(4).tag("large-memory"))
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `start`"]
#[derive(Clone, Debug)]
pub struct Builder {
    workers: Vec<Worker>,
    init: Option<Result<u32, String>>,
    log: Option<String>,
    constants: u64,
    compatible: bool,
    join_time: Duration,
    idle_time: Duration,
    replace: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            workers: Vec::new(),
            init: None,
            log: None,
            constants: 1 << 30,
            compatible: false,
            join_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(30),
            replace: true,
        }
    }
}

/// Signs of life are sent four times as often.
const IDLE_LEAST: Duration = Duration::from_millis(100);

/// What an init function may return.
pub trait InitOutcome: DeserializeOwned {}

impl InitOutcome for () {}
impl InitOutcome for Result<(), String> {}

impl Builder {
    /// Adds so many usual workers.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers.extend((0..count).map(|_| Worker::new()));
        self
    }

    /// Adds a worker.
    pub fn worker(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    /// Each worker calls this remote function before its first task, to load what tasks need: it may return
    /// `Result<(), String>`, and a worker where it fails does not join. See [`worker_state`](crate::cluster::worker_state).
    pub fn init<F, M>(mut self, function: F) -> Self
    where
        F: RemoteFn<(), M, Output: InitOutcome>,
    {
        let number = registry::registry()
            .map_err(|error| error.to_string())
            .and_then(|registry| registry.number_of(function.function()).map_err(|error| error.to_string()));
        self.init = Some(number);
        self
    }

    /// Which events of `tracing` workers send to the driver: `off`, `error`, `warn`, `info` (usual), `debug`, `trace`. The
    /// environment variable `AQUEDUCT_LOG` says the same.
    pub fn log(mut self, level: impl Into<String>) -> Self {
        self.log = Some(level.into());
        self
    }

    /// How many bytes of shared constants a worker keeps (1 GiB); what is not in use is dropped beyond that, and fetched
    /// again when it is needed.
    pub fn constants(mut self, bytes: u64) -> Self {
        self.constants = bytes;
        self
    }

    /// Lets workers join that are other builds of the same functions; usually the build must be the same, because a
    /// function of the same name and types may do something else in another.
    pub fn compatible_builds(mut self) -> Self {
        self.compatible = true;
        self
    }

    /// How long a worker may take to join (30 s).
    pub fn join_time(mut self, limit: Duration) -> Self {
        self.join_time = limit;
        self
    }

    /// A worker whose connection is silent for so long is lost (30 s). The death of a local process is seen at once; this is
    /// for one that is stopped or starved.
    pub fn idle_time(mut self, limit: Duration) -> Self {
        self.idle_time = limit;
        self
    }

    /// Workers that die are not replaced.
    pub fn without_replacement(mut self) -> Self {
        self.replace = false;
        self
    }

    /// Starts the workers, and waits until they are ready.
    ///
    /// # Errors
    ///
    /// A worker cannot be started or does not join, the init function fails, or a setting makes no sense.
    pub async fn start(self) -> Result<Cluster, ClusterError> {
        worker::refuse_in_worker();
        registry::registry().map_err(|error| ClusterError::Registry(error.to_string()))?;
        let workers = if self.workers.is_empty() { vec![Worker::new(); from_env()?] } else { self.workers };
        let log = self.log.or_else(|| std::env::var("AQUEDUCT_LOG").ok()).unwrap_or_default();
        forward::wanted_level(Some(&log)).map_err(ClusterError::Setting)?;
        if self.idle_time < IDLE_LEAST {
            return Err(ClusterError::Setting(format!(
                "an idle time of {:?} would lose workers that are merely busy: give at least {IDLE_LEAST:?}",
                self.idle_time
            )));
        }
        let plan = Plan {
            workers: host::tagged(workers.into_iter().map(|worker| worker.launch).collect()).await,
            init: self.init.transpose().map_err(ClusterError::Registry)?,
            log,
            constants: self.constants,
            compatible: self.compatible,
            join_time: self.join_time,
            idle_time: self.idle_time,
            replace: self.replace,
            settings: Settings::default(),
        };
        let driver = Arc::new(Driver::start(plan).await?);
        Ok(Cluster {
            port: Arc::new(DriverPort { driver: Arc::clone(&driver) }),
            driver: Some(driver),
            options: TaskOptions::default(),
        })
    }
}

fn from_env() -> Result<usize, ClusterError> {
    match std::env::var("AQUEDUCT_WORKERS") {
        Ok(text) => match text.parse() {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(ClusterError::Setting(format!("AQUEDUCT_WORKERS is {text:?}; it should be a number above zero"))),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}
