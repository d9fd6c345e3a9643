//! A worker process, from its first breath to its last.
//!
//! Its main thread runs the I/O runtime, and nothing of the user's; one thread reads stdin, whose end means that the
//! driver is gone; tasks run on the threads of the [`Pool`](super::pool::Pool), with a tokio runtime of their own around
//! them for timers and sockets that tasks may use.

use std::{
    collections::HashMap,
    convert::Infallible,
    io::{self, Read},
    process,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    client::Client,
    constants::Constants,
    desk::Desk,
    panics,
    piece::Piece,
    pool::{BEAT, JobHere, Pool},
    task_scope::Scope,
};
use crate::{
    cluster::{
        error::{Place, TaskError},
        forward::{Forwarded, Forwarder, wanted_level},
        map::mailbox::{Arrival, What, Window},
        protocol::{Answer, FromWorker, Hello, JobSpec, PROTOCOL, ToWorker, Welcome, Work},
        registry::{self, Registry},
    },
    net::{
        codec,
        endpoint::{self, Patience},
        identity::Identity,
        link::{self, Limits},
    },
};

/// The argument by which a program knows that it is a worker.
pub(crate) const SENTINEL: &str = "--aqueduct-worker";

/// Set in the environment of every worker, so that one whose `main` does not begin with `init` is recognised.
pub(crate) const MARK: &str = "AQUEDUCT_WORKER";

/// A worker in a test harness prints this line when it begins, so that what the harness printed before can be left out.
pub(crate) const BEGIN: &str = "\u{1}aqueduct worker";

/// Asks for it.
pub(crate) const BEGIN_WANTED: &str = "AQUEDUCT_WORKER_BEGIN";

/// At most so much is read from stdin as an identity.
const IDENTITY_MOST: u32 = 64 << 10;

/// The driver's own limit is the smaller one.
const IDLE_TIME: Duration = Duration::from_secs(3600);

/// How a worker ended, in its exit status.
#[derive(Clone, Copy, Debug)]
enum Exit {
    /// The driver said good-bye, or is gone.
    Done = 0,
    /// The identity or the connection was no good.
    Connection = 70,
    /// The driver refused this worker.
    Refused = 71,
    /// The init function failed.
    Init = 72,
}

fn exit(how: Exit) -> ! {
    process::exit(how as i32)
}

/// Serves until the driver says good-bye or is gone; never returns.
pub(crate) fn serve() -> ! {
    if std::env::var_os(BEGIN_WANTED).is_some() {
        // `println!` would be caught by the harness of a test without `--nocapture`; this one has it.
        println!("{BEGIN}");
    }
    let mut stdin = io::stdin().lock();
    let identity = match read_identity(&mut stdin) {
        Ok(identity) => identity,
        Err(error) => {
            eprintln!("aqueduct worker: no identity on stdin ({error}); workers are started by `Cluster`, not by hand");
            exit(Exit::Connection);
        }
    };
    drop(stdin);
    // Nothing more is written to it: when it ends, the driver is gone, however it went.
    let watch = thread::Builder::new().name("aqueduct-stdin".into()).spawn(|| {
        let mut byte = [0; 1];
        while matches!(io::stdin().lock().read(&mut byte), Ok(1..)) {}
        super::constants::remove_stored();
        exit(Exit::Done);
    });
    if let Err(error) = watch {
        eprintln!("aqueduct worker: no thread to watch stdin: {error}");
        exit(Exit::Connection);
    }
    panics::install(Scope::is_here);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("aqueduct worker: no I/O runtime: {error}");
            exit(Exit::Connection);
        }
    };
    match runtime.block_on(work(identity)) {
        Ok(never) => match never {},
        Err((how, text)) => {
            if !text.is_empty() {
                eprintln!("aqueduct worker: {text}");
            }
            exit(how)
        }
    }
}

fn read_identity(from: &mut impl Read) -> io::Result<Identity> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > IDENTITY_MOST {
        return Err(io::Error::other("it is too long"));
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    codec::decode(&bytes).map_err(io::Error::other)
}

type Failed = (Exit, String);

fn connection(error: impl std::fmt::Display) -> Failed {
    (Exit::Connection, format!("the connection to the driver failed: {error}"))
}

async fn work(identity: Identity) -> Result<Infallible, Failed> {
    let registry = registry::registry().map_err(|error| (Exit::Refused, error.to_string()))?;
    let dialled =
        endpoint::dial(&identity, Patience { idle: IDLE_TIME, ..Patience::default() }).await.map_err(connection)?;
    let (outbox, mut inbox) = link::open(dialled, Limits::default()).await.map_err(connection)?;
    let host = host_name();
    let hello = Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        architecture: architecture(),
        build: registry::build_id().map_err(|error| (Exit::Refused, error.to_string()))?.to_vec(),
        functions: registry.listing().to_vec(),
        host: host.clone(),
        pid: process::id(),
    };
    outbox.send(&FromWorker::Hello(hello), Bytes::new()).map_err(connection)?;
    let mut batch = Vec::new();
    inbox.recv::<ToWorker>(&mut batch).await.map_err(connection)?;
    let mut batch = batch.into_iter();
    let welcome = match batch.next() {
        Some((ToWorker::Answer(Answer::Welcome(welcome)), _)) => welcome,
        Some((ToWorker::Answer(Answer::Refused(reason)), _)) => return Err((Exit::Refused, reason)),
        _ => return Err(connection("it did not answer as a driver does")),
    };
    let place = Place { worker: welcome.worker, host, pid: process::id() };
    let desk = Desk::new(outbox, place);
    let mut worker = Worker::new(desk, registry, &welcome).map_err(connection)?;
    worker.begin(&welcome).await?;
    for (message, payload) in batch {
        worker.handle(message, payload)?;
    }
    let mut batch = Vec::new();
    loop {
        inbox.recv(&mut batch).await.map_err(|_| (Exit::Done, String::new()))?;
        for (message, payload) in batch.drain(..) {
            worker.handle(message, payload)?;
        }
        worker.keep_beating();
    }
}

/// What the I/O thread knows.
struct Worker {
    desk: Desk,
    /// The driver's function numbers, as this program's entries.
    functions: Vec<Result<&'static registry::Entry, TaskError>>,
    client: Arc<Client>,
    pool: Arc<Pool>,
    jobs: HashMap<u64, Arc<JobHere>>,
    beating: Arc<Mutex<bool>>,
    /// Around tasks, for their timers and sockets.
    tasks: tokio::runtime::Handle,
}

impl Worker {
    fn new(desk: Desk, registry: &'static Registry, welcome: &Welcome) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("aqueduct-timers")
            .enable_all()
            .build()?;
        // It lives as long as the process: a runtime must not be dropped inside another.
        let tasks = Box::leak(Box::new(runtime)).handle().clone();
        let mut numbers = vec![None; registry.len()];
        let mut functions = Vec::with_capacity(welcome.functions.len());
        for (theirs, name) in welcome.functions.iter().enumerate() {
            functions.push(match registry.by_name(name) {
                Some((ours, entry)) => {
                    numbers[ours as usize] = u32::try_from(theirs).ok();
                    Ok(entry)
                }
                None => Err(TaskError::NotRegistered(format!("worker {} does not have `{name}`", welcome.worker))),
            });
        }
        let constants = Constants::new(desk.clone(), welcome.constants);
        let client = Arc::new(Client::new(desk.clone(), constants, numbers));
        let pool = Pool::new(welcome.slots, desk.clone(), Arc::clone(&client), tasks.clone());
        let forward = desk.clone();
        let level = wanted_level(Some(&welcome.log)).map_err(io::Error::other)?;
        // Where the program has set a subscriber already (in a test binary, say), that one stays.
        Forwarder::install(level, move |event: Forwarded| forward.say(&FromWorker::Event(event)));
        Ok(Self { desk, functions, client, pool, jobs: HashMap::new(), beating: Arc::default(), tasks })
    }

    /// Runs the init function, if there is one, and says that this worker is ready.
    async fn begin(&mut self, welcome: &Welcome) -> Result<(), Failed> {
        if let Some(number) = welcome.init {
            let entry = self.function(number).map_err(|error| (Exit::Init, error.to_string()))?;
            let init = init_run(entry, self.desk.place().clone(), self.tasks.clone());
            let (told, outcome) = tokio::sync::oneshot::channel();
            let started = thread::Builder::new().name("aqueduct-init".into()).spawn(move || {
                let _ = told.send(init());
            });
            let outcome = match started {
                Ok(_) => outcome.await.unwrap_or_else(|_| Err("it ended its thread".into())),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = outcome {
                self.desk.say(&FromWorker::InitFailed(reason.clone()));
                self.desk.close("the init function failed");
                tokio::time::sleep(Duration::from_millis(200)).await;
                return Err((Exit::Init, format!("the init function failed: {reason}")));
            }
        }
        self.desk.say(&FromWorker::Ready);
        Ok(())
    }

    fn function(&self, number: u32) -> Result<&'static registry::Entry, TaskError> {
        self.functions
            .get(number as usize)
            .cloned()
            .unwrap_or_else(|| Err(TaskError::NotRegistered(format!("there is no function {number}"))))
    }

    fn handle(&mut self, message: ToWorker, payload: link::Payload) -> Result<(), Failed> {
        match message {
            ToWorker::Job { job, spec } => {
                let here = self.job(spec);
                self.jobs.insert(job, Arc::new(here));
            }
            ToWorker::Forget { job } => {
                self.jobs.remove(&job);
            }
            ToWorker::Run { run, job, first, count, attempt } => {
                let Some(job) = self.jobs.get(&job).cloned() else {
                    return Err(connection("it sent a run of a job it never told"));
                };
                match payload {
                    link::Payload::Here(bytes) => self.pool.give(run, job, (first, count), attempt, Some(bytes)),
                    link::Payload::Apart(incoming) => {
                        self.pool.give(run, job, (first, count), attempt, None);
                        let pool = Arc::clone(&self.pool);
                        let beating = Arc::clone(&self.beating);
                        tokio::spawn(async move {
                            // Cut short: the connection is about to end.
                            if let Ok(bytes) = incoming.read().await {
                                pool.payload(run, bytes);
                                keep_beating(&pool, &beating);
                            }
                        });
                    }
                }
            }
            ToWorker::Retract { run } => self.pool.retract(run),
            ToWorker::Cancel { run } => self.pool.cancel(run),
            ToWorker::Window { job, chunks, items } => {
                if let Some(mailbox) = self.client.mailbox(job) {
                    wake(mailbox.set_window(Window { chunks, items }));
                }
            }
            ToWorker::Arrived { job, number, first, count, skip } => {
                let Some(mailbox) = self.client.mailbox(job) else { return Ok(()) };
                let arrive = move |bytes| {
                    wake(mailbox.arrive(Arrival { number, first, count, what: What::Values { bytes, skip } }));
                };
                when_here(payload, arrive);
            }
            ToWorker::Broken { job, number, first, count, error } => {
                if let Some(mailbox) = self.client.mailbox(job) {
                    wake(mailbox.arrive(Arrival { number, first, count, what: What::Failed(error) }));
                }
            }
            ToWorker::Unopened { job, error } => {
                if let Some(mailbox) = self.client.mailbox(job) {
                    wake(mailbox.break_off(error));
                }
            }
            ToWorker::Constant { digest, store } => {
                let client = Arc::clone(&self.client);
                when_here(payload, move |bytes| {
                    // Hashing and writing take a while, and this is the I/O thread.
                    tokio::task::spawn_blocking(move || client.constants().arrive(digest, bytes, store.as_deref()));
                });
            }
            ToWorker::ConstantAt { digest, path } => {
                let client = Arc::clone(&self.client);
                tokio::task::spawn_blocking(move || client.constants().find(digest, &path));
            }
            ToWorker::ConstantUnknown { digest } => self.client.constants().unknown(digest),
            ToWorker::ForgetConstant { digest } => self.client.constants().forget(&digest),
            ToWorker::Leave => {
                self.pool.close();
                // The connection ends when what is queued has been sent; that ends this process.
                self.desk.close("good-bye");
            }
            ToWorker::Answer(_) => return Err(connection("it answered twice")),
        }
        Ok(())
    }

    fn job(&self, spec: JobSpec) -> JobHere {
        let mut entry = self.function(spec.function);
        let mut fold = None;
        match spec.work {
            Work::Map => {}
            Work::Fold => {
                if let Ok(known) = entry
                    && known.fold.is_none()
                {
                    entry = Err(TaskError::NotRegistered(format!("`{}` cannot fold", known.name)));
                }
            }
            Work::MapThenFold(folder) => match self.function(folder) {
                Ok(known) => match known.fold {
                    Some(folds) => fold = Some(folds),
                    None => entry = Err(TaskError::NotRegistered(format!("`{}` cannot fold", known.name))),
                },
                Err(error) => entry = Err(error),
            },
        }
        JobHere { spec, entry, fold, captured: Mutex::new(None) }
    }

    fn keep_beating(&self) {
        keep_beating(&self.pool, &self.beating);
    }
}

/// Lets the pool's beat run while anything is active.
fn keep_beating(pool: &Arc<Pool>, beating: &Arc<Mutex<bool>>) {
    let mut is_beating = beating.lock();
    if *is_beating || !pool.is_busy() {
        return;
    }
    *is_beating = true;
    let (pool, beating) = (Arc::clone(pool), Arc::clone(beating));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(BEAT).await;
            if !pool.beat() {
                let mut is_beating = beating.lock();
                if !pool.is_busy() {
                    *is_beating = false;
                    return;
                }
            }
        }
    });
}

fn when_here(payload: link::Payload, then: impl FnOnce(Bytes) + Send + 'static) {
    match payload {
        link::Payload::Here(bytes) => then(bytes),
        link::Payload::Apart(incoming) => {
            tokio::spawn(async move {
                if let Ok(bytes) = incoming.read().await {
                    then(bytes);
                }
            });
        }
    }
}

fn wake(waker: Option<std::task::Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The init function as a call: a function without arguments.
fn init_run(
    entry: &'static registry::Entry,
    place: Place,
    runtime: tokio::runtime::Handle,
) -> impl FnOnce() -> Result<(), String> + Send {
    move || {
        let _runtime = runtime.enter();
        let (hand_in, handed_in) = mpsc::channel();
        panics::during_init(|| Piece::run_once(entry, &Desk::here(hand_in, place)));
        match handed_in.recv() {
            // `()` is nothing; `Result<(), String>` is something.
            Ok((FromWorker::Returned { .. }, bytes)) if bytes.is_empty() => Ok(()),
            Ok((FromWorker::Returned { .. }, bytes)) => {
                codec::decode::<Result<(), String>>(&bytes).unwrap_or_else(|error| Err(error.to_string()))
            }
            Ok((FromWorker::Panicked { panic, .. }, _)) => Err(TaskError::Panicked(Box::new(panic)).to_string()),
            Ok((FromWorker::Unusable { error, .. }, _)) => Err(error.to_string()),
            _ => Err("it gave no result".into()),
        }
    }
}

/// This machine's name.
pub(crate) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "localhost".into())
}

/// What must be equal for encoded values to mean the same.
pub(crate) fn architecture() -> String {
    format!(
        "{}-{}, {} bits, {} endian",
        std::env::consts::ARCH,
        std::env::consts::OS,
        usize::BITS,
        if cfg!(target_endian = "big") { "big" } else { "little" }
    )
}
