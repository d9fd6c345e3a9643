//! Starts a cluster, keeps its crew complete, and ends it.
//!
//! A worker goes through: its process is started, it connects, it is welcomed, it is ready (now it has a seat), it ends.
//! [`Post`] is what the driver knows of it from the first to the last of these. Whatever ends first, connection or
//! process, the other one is ended too, and the loss is declared once: when the process is gone. A worker that was not
//! told to go is replaced, unless one after the other dies before it is ready.

use std::{
    collections::HashMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    time::timeout_at,
};

use super::{
    Shared,
    connection::{self, Terms},
    core::Core,
    crew::{self, Process},
};
use crate::{
    cluster::{
        error::{ClusterError, Place, TaskError, WorkerEnd},
        forward::Replayer,
        protocol::ToWorker,
        scheduler::{Settings, Tags},
        summary::Summary,
        worker::host_name,
    },
    net::{
        endpoint::{self, Patience},
        identity::{Authority, Identity},
    },
};

/// After its process has ended, what a worker had sent is still read for so long.
const LAST_WORDS: Duration = Duration::from_millis(2);

/// So many workers in a row may die before they are ready; then none is replaced any more.
const STRIKES: u32 = 3;

/// How long workers may take to go when they are told to.
const FAREWELL: Duration = Duration::from_secs(3);

/// How a worker is started.
#[derive(Clone)]
pub(crate) struct Launch {
    pub(crate) slots: u32,
    pub(crate) tags: Vec<String>,
    /// The program; this one if nothing is said.
    pub(crate) command: Option<Arc<dyn Fn() -> Command + Send + Sync>>,
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("slots", &self.slots).field("tags", &self.tags).finish_non_exhaustive()
    }
}

/// What a cluster shall be.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workers: Vec<Launch>,
    pub(crate) init: Option<u32>,
    pub(crate) log: String,
    pub(crate) constants: u64,
    pub(crate) compatible: bool,
    pub(crate) join_time: Duration,
    pub(crate) idle_time: Duration,
    pub(crate) replace: bool,
    pub(crate) settings: Settings,
}

/// A worker that was started and has not connected yet, or is being served.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) worker: u32,
    pub(super) slots: u32,
    pub(super) tags: Tags,
    pub(super) shares_files: bool,
    outcome: Mutex<Option<oneshot::Sender<Result<(), ClusterError>>>>,
    /// Its process has ended; what it had sent may still be read.
    ended: AtomicBool,
    /// It has joined.
    ready: AtomicBool,
    /// Somebody waited for it and was told that it does not come: nobody wants another in its place.
    given_up: AtomicBool,
}

impl Expected {
    /// Whether its process has ended: then it must not get a seat, for nobody would take it away again. (The end is told on
    /// the I/O thread as well, so that it does not come between this and what follows from it.)
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    pub(super) fn joined(&self) {
        self.ready.store(true, Relaxed);
        self.tell(Ok(()));
    }

    pub(super) fn refused(&self, reason: String) {
        self.tell(Err(ClusterError::Refused { worker: self.worker, reason }));
    }

    pub(super) fn init_failed(&self, reason: String) {
        self.tell(Err(ClusterError::Init { worker: self.worker, reason }));
    }

    fn tell(&self, outcome: Result<(), ClusterError>) -> bool {
        match self.outcome.lock().take() {
            // Nobody may be waiting: then it was a replacement.
            Some(waiting) => {
                let failed = outcome.is_err();
                if waiting.send(outcome).is_ok() && failed {
                    self.given_up.store(true, Relaxed);
                }
                true
            }
            None => false,
        }
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Relaxed)
    }
}

/// See the head of the file.
#[derive(Debug)]
struct Post {
    process: Arc<Process>,
    expected: Arc<Expected>,
    launch: Launch,
    identity: String,
    connected: bool,
    /// It was told to go, when it has done what it has begun.
    leaving: bool,
    /// It has nothing left and was told good-bye: its connection may end.
    released: bool,
    /// Why its connection ended, if that came first.
    reason: Option<String>,
}

/// Everything that lives as long as the cluster.
#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    authority: Authority,
    address: SocketAddr,
    terms: Terms,
    replayer: Replayer,
    posts: Mutex<HashMap<u32, Post>>,
    next: AtomicU32,
    closing: AtomicBool,
    strikes: AtomicU32,
    replace: bool,
    join_time: Duration,
    /// A post has gone.
    changed: Notify,
    /// The I/O runtime ends.
    ended: Notify,
    runtime: Handle,
}

/// A running cluster, as its owner holds it.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) shared: Arc<Shared>,
    inner: Arc<Inner>,
}

fn system<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &str) -> impl FnOnce(E) -> ClusterError {
    move |source| ClusterError::System { what: what.into(), source: source.into() }
}

impl Driver {
    /// Starts the I/O thread and all workers, and waits until they are ready.
    pub(crate) async fn start(plan: Plan) -> Result<Self, ClusterError> {
        let authority = Authority::new().map_err(system("no authority for this run"))?;
        let own = authority.driver().map_err(system("no certificate for the driver"))?;
        let core = Core::new(plan.settings.clone());
        let shared = Arc::new(Shared::new(core));
        let patience = Patience { idle: plan.idle_time, ..Patience::default() };
        let (told, started) = oneshot::channel();
        thread::Builder::new()
            .name("aqueduct-io".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(told.send(Err(system("no I/O runtime")(error)))),
                };
                runtime.block_on(io(shared, authority, &own, patience, plan, told));
                runtime.shutdown_background();
            })
            .map_err(system("no I/O thread"))?;
        let (driver, waiting) = started.await.map_err(system("the I/O thread ended"))??;
        // Dropped on an error, which ends the workers that did start.
        for outcome in waiting {
            outcome.await.map_err(|_| ClusterError::Closed)??;
        }
        Ok(driver)
    }

    /// Starts one more worker, and waits until it is ready.
    pub(crate) async fn grow(&self, launch: Launch) -> Result<u32, ClusterError> {
        if self.inner.closing.load(Relaxed) {
            return Err(ClusterError::Closed);
        }
        let (worker, outcome) = self.inner.launch(launch)?;
        outcome.await.map_err(|_| ClusterError::Closed)??;
        Ok(worker)
    }

    /// Lets a worker finish what it has begun, and go.
    pub(crate) fn retire(&self, worker: u32) -> bool {
        // One that is still starting has no number for its users.
        let seated = self.shared.with(|core| core.workers().contains(&worker));
        let known = seated && self.inner.posts.lock().get_mut(&worker).map(|post| post.leaving = true).is_some();
        if known {
            self.shared.with(|core| core.leaving(worker));
        }
        known
    }

    /// The numbers and processes of the workers that are ready.
    pub(crate) fn workers(&self) -> Vec<Place> {
        let mut places: Vec<_> = self.shared.with(|core| core.seats.values().map(|seat| seat.place.clone()).collect());
        places.sort_by_key(|place: &Place| place.worker);
        places
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.inner.address
    }

    pub(crate) fn summary(&self) -> Summary {
        self.shared.with(|core| core.summary())
    }

    /// Ends all workers, in good order if they can; what is under way is cancelled.
    pub(crate) async fn shutdown(&self) -> Summary {
        let summary = self.summary();
        self.inner.close();
        let inner = Arc::clone(&self.inner);
        // On the I/O thread, which has a clock; this may be any executor.
        let _ = self.inner.runtime.spawn(async move { inner.farewell().await }).await;
        self.remove_directory();
        summary
    }

    fn remove_directory(&self) {
        if let Some(directory) = self.shared.with(|core| core.constants.directory.take()) {
            // It may be gone already: workers that see their driver gone remove it too.
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.inner.close();
        let inner = Arc::clone(&self.inner);
        self.inner.runtime.spawn(async move { inner.farewell().await });
        self.remove_directory();
    }
}

type Started = Result<(Driver, Vec<oneshot::Receiver<Result<(), ClusterError>>>), ClusterError>;

/// The I/O thread.
async fn io(
    shared: Arc<Shared>,
    authority: Authority,
    own: &Identity,
    patience: Patience,
    plan: Plan,
    told: oneshot::Sender<Started>,
) {
    let begun = begin(&shared, authority, own, patience, plan);
    let inner = match begun {
        Ok((endpoint, inner, waiting)) => {
            tokio::spawn(accept(Arc::clone(&inner), endpoint));
            tokio::spawn(keep_house(Arc::clone(&inner)));
            // Where nobody waits for it any more, it drops here, and that ends what was started.
            drop(told.send(Ok((Driver { shared, inner: Arc::clone(&inner) }, waiting))));
            inner
        }
        Err(error) => return drop(told.send(Err(error))),
    };
    inner.ended.notified().await;
}

type Begun = (quinn::Endpoint, Arc<Inner>, Vec<oneshot::Receiver<Result<(), ClusterError>>>);

fn begin(
    shared: &Arc<Shared>,
    authority: Authority,
    own: &Identity,
    patience: Patience,
    plan: Plan,
) -> Result<Begun, ClusterError> {
    let endpoint =
        endpoint::listen((Ipv4Addr::LOCALHOST, 0).into(), own, patience).map_err(system("the driver cannot listen"))?;
    let address = endpoint.local_addr().map_err(system("the driver has no address"))?;
    let inner = Arc::new(Inner {
        shared: Arc::clone(shared),
        authority,
        address,
        replayer: Replayer::start().map_err(system("no thread for the workers' events"))?,
        terms: Terms { init: plan.init, log: plan.log, constants: plan.constants, compatible: plan.compatible },
        posts: Mutex::default(),
        next: AtomicU32::new(0),
        closing: AtomicBool::new(false),
        strikes: AtomicU32::new(0),
        replace: plan.replace,
        join_time: plan.join_time,
        changed: Notify::new(),
        ended: Notify::new(),
        runtime: Handle::current(),
    });
    let mut waiting = Vec::new();
    for launch in plan.workers {
        match inner.launch(launch) {
            Ok((_, outcome)) => waiting.push(outcome),
            Err(error) => {
                inner.close();
                inner.kill_all();
                return Err(error);
            }
        }
    }
    Ok((endpoint, inner, waiting))
}

async fn accept(inner: Arc<Inner>, endpoint: quinn::Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let inner = Arc::clone(&inner);
        tokio::spawn(async move {
            // Without a certificate of this run the handshake fails, which is told to the other side alone.
            let Ok(connection) = incoming.await else { return };
            let Some(expected) = inner.claim(&connection) else {
                connection.close(1_u32.into(), b"this identity was used before, or its worker is gone");
                return;
            };
            let ended = connection::serve(&inner.shared, &inner.terms, &inner.replayer, &expected, connection).await;
            if let Err(reason) = ended {
                inner.disconnected(expected.worker, reason);
            }
        });
    }
}

/// Ticks the scheduler, kills and releases workers as it says.
async fn keep_house(inner: Arc<Inner>) {
    let shared = &inner.shared;
    loop {
        let (kill, release, wake_at) = shared.with(|core| {
            let wake_at = core.wake_at();
            if wake_at.is_some_and(|at| at <= Instant::now()) {
                core.tick();
            }
            // Not more often than each millisecond: a tick that is a little late does no harm.
            let soonest = Instant::now() + Duration::from_millis(1);
            let wake_at = core.wake_at().map_or_else(|| soonest + Duration::from_secs(3600), |at| at.max(soonest));
            shared.arm(core, wake_at);
            (std::mem::take(&mut core.to_kill), std::mem::take(&mut core.to_release), wake_at)
        });
        for worker in kill {
            inner.blame(worker, "a task did not end when its time was up, or when it was cancelled");
            inner.kill(worker);
        }
        for worker in release {
            inner.release(worker);
        }
        let _ = timeout_at(wake_at.into(), shared.look.notified()).await;
    }
}

impl Inner {
    /// Starts a worker's process. What comes of it is told later.
    fn launch(
        self: &Arc<Self>,
        launch: Launch,
    ) -> Result<(u32, oneshot::Receiver<Result<(), ClusterError>>), ClusterError> {
        let worker = self.next.fetch_add(1, Relaxed);
        let name = format!("worker-{worker}");
        let tags = connection::tags_of(&self.shared, &launch.tags)
            .ok_or_else(|| ClusterError::Setting("a cluster has at most 64 different tags".into()))?;
        let mut identity = self.authority.issue(&name).map_err(system("no certificate for a worker"))?;
        identity.addresses = vec![self.address];
        let command = match &launch.command {
            Some(command) => command(),
            None => crew::this_program().map_err(system("this program has no path"))?,
        };
        let program = command.get_program().to_string_lossy().into_owned();
        let own = launch.command.is_none().then(|| program.clone());
        let inner = Arc::clone(self);
        let ended = move |status| {
            let runtime = inner.runtime.clone();
            runtime.spawn(async move {
                tokio::time::sleep(LAST_WORDS).await;
                inner.process_ended(worker, status);
            });
        };
        // The post, and its tags, must be there before its process can end.
        self.shared.with(|core| core.offered.push(tags));
        let mut posts = self.posts.lock();
        // Whoever ends the cluster says so first, and then looks at the posts.
        let started = if self.closing.load(Relaxed) {
            Err(ClusterError::Closed)
        } else {
            crew::start(command, worker, own.as_deref(), &identity, ended)
                .map_err(|source| ClusterError::Launch { program, source })
        };
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                drop(posts);
                self.shared.with(|core| core.offers_no_more(tags));
                return Err(error);
            }
        };
        let (outcome, waiting) = oneshot::channel();
        let expected = Expected {
            worker,
            slots: launch.slots,
            tags,
            shares_files: true,
            outcome: Mutex::new(Some(outcome)),
            ended: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        };
        posts.insert(
            worker,
            Post {
                process: Arc::new(process),
                expected: Arc::new(expected),
                launch,
                identity: name,
                connected: false,
                leaving: false,
                released: false,
                reason: None,
            },
        );
        drop(posts);
        let inner = Arc::clone(self);
        let late = self.join_time;
        self.runtime.spawn(async move {
            tokio::time::sleep(late).await;
            let expected = inner.posts.lock().get(&worker).map(|post| Arc::clone(&post.expected));
            if expected.is_some_and(|expected| {
                !expected.is_ready() && expected.tell(Err(ClusterError::Late { worker, limit: late }))
            }) {
                inner.kill(worker);
            }
        });
        Ok((worker, waiting))
    }

    /// The worker to which a connection belongs: once.
    fn claim(&self, connection: &quinn::Connection) -> Option<Arc<Expected>> {
        let name = self.authority.peer_name(connection)?;
        let mut posts = self.posts.lock();
        let post = posts.values_mut().find(|post| *post.identity == *name && !post.connected)?;
        post.connected = true;
        Some(Arc::clone(&post.expected))
    }

    fn disconnected(&self, worker: u32, reason: String) {
        let mut posts = self.posts.lock();
        let Some(post) = posts.get_mut(&worker) else { return };
        post.reason.get_or_insert(reason);
        if !post.released && !self.closing.load(Relaxed) {
            // Its tasks run elsewhere from now on: it must not run them too.
            post.process.kill();
        }
    }

    fn process_ended(self: &Arc<Self>, worker: u32, status: io::Result<ExitStatus>) {
        let Some(post) = self.posts.lock().remove(&worker) else { return };
        post.expected.ended.store(true, Relaxed);
        let closing = self.closing.load(Relaxed);
        let place = self
            .shared
            .with(|core| core.seats.get(&worker).map(|seat| seat.place.clone()))
            .unwrap_or_else(|| Place { worker, host: host_name(), pid: post.process.pid() });
        let status = status.ok();
        let end = WorkerEnd {
            place,
            signal: status.and_then(signal),
            code: status.and_then(|status| status.code()),
            reason: post.reason,
            stderr: post.process.tail.text(),
        };
        let ready = post.expected.is_ready();
        if !ready {
            post.expected.tell(Err(ClusterError::Stillborn { end: Box::new(end.clone()) }));
        }
        let expected = post.leaving || closing;
        if !expected && ready {
            tracing::warn!(worker, end = %end, "worker lost");
        }
        self.shared.with(|core| {
            core.offers_no_more(post.expected.tags);
            core.lost(worker, end.clone(), expected);
        });
        if !expected && !post.expected.given_up.load(Relaxed) {
            let strikes = if ready { 0 } else { self.strikes.load(Relaxed) + 1 };
            self.strikes.store(strikes, Relaxed);
            if self.replace && strikes < STRIKES {
                match self.launch(post.launch) {
                    Ok((worker, _)) => tracing::debug!(worker, "worker started in place of the lost one"),
                    Err(error) => tracing::error!(%error, "a lost worker could not be replaced"),
                }
            }
        }
        if !closing && self.posts.lock().is_empty() {
            let reason = TaskError::NoWorkers(end.to_string());
            self.shared.with(|core| core.break_off(&reason));
        } else if !closing {
            self.shared.with(Core::give_up_unservable);
        }
        self.changed.notify_waiters();
    }

    /// Notes why a worker is about to be killed.
    fn blame(&self, worker: u32, why: &str) {
        if let Some(post) = self.posts.lock().get_mut(&worker) {
            post.reason.get_or_insert_with(|| why.into());
        }
    }

    fn kill(&self, worker: u32) {
        if let Some(post) = self.posts.lock().get(&worker) {
            post.process.kill();
        }
    }

    /// Says good-bye to a worker that has nothing left to do.
    fn release(self: &Arc<Self>, worker: u32) {
        if let Some(post) = self.posts.lock().get_mut(&worker) {
            post.released = true;
        }
        self.shared.with(|core| {
            if let Some(seat) = core.seats.get(&worker) {
                seat.say(&ToWorker::Leave, bytes::Bytes::new());
            }
        });
        let inner = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            inner.kill(worker);
        });
    }

    /// Takes no more work.
    fn close(&self) {
        if !self.closing.swap(true, Relaxed) {
            self.shared.with(|core| core.break_off(&TaskError::Closed));
        }
    }

    fn kill_all(&self) {
        for post in self.posts.lock().values() {
            post.process.kill();
        }
    }

    /// Waits until every process has ended, and ends those that would not.
    async fn farewell(self: Arc<Self>) {
        let seated = self.shared.with(|core| {
            for seat in core.seats.values() {
                seat.say(&ToWorker::Leave, bytes::Bytes::new());
            }
            core.workers()
        });
        for (worker, post) in self.posts.lock().iter() {
            if seated.contains(worker) {
                // A task that runs on would keep it.
                post.process.let_go();
            } else {
                post.process.kill();
            }
        }
        for (deadline, last) in [(FAREWELL, false), (FAREWELL, true)] {
            let deadline = tokio::time::Instant::now() + deadline;
            loop {
                let changed = self.changed.notified();
                if self.posts.lock().is_empty() || timeout_at(deadline, changed).await.is_err() {
                    break;
                }
            }
            if !last {
                self.kill_all();
            }
        }
        self.ended.notify_one();
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
