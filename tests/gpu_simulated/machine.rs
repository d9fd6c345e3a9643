//! A machine with GPUs for one test: simulated, or with `AQUEDUCT_TEST_GPU=real` this one.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use aqueduct::gpu::{self, Gpu};
use aqueduct::prelude::*;
use aqueduct_simulated_gpu::{Settings, Simulator};

/// Seeds that each of the tests of orders runs under.
pub(crate) const SEEDS: u64 = 500;

/// How often they are run on a real device, which chooses the order itself: so often that everything that they derive from
/// the seed comes.
const REAL_SEEDS: u64 = 12;

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Whether the tests use the machine's own driver.
pub(crate) fn is_real() -> bool {
    static REAL: OnceLock<bool> = OnceLock::new();
    *REAL.get_or_init(|| match std::env::var("AQUEDUCT_TEST_GPU").as_deref() {
        Err(std::env::VarError::NotPresent) | Ok("" | "simulated") => false,
        Ok("real") => true,
        other => {
            panic!("AQUEDUCT_TEST_GPU is {other:?}; it can be `real` or `simulated`, which it is if it is not set")
        }
    })
}

/// The seeds of a test of orders.
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    0..if is_real() { count.min(REAL_SEEDS) } else { count }
}

/// A simulated machine, until the end of the test: the next one waits for it.
fn simulated(settings: Settings) -> Simulator {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        assert!(!is_real(), "a simulation was asked for on a real device");
        // SAFETY: each answer is a function of the driver's, with the driver's signature.
        let installed = unsafe { gpu::driver::install(aqueduct_simulated_gpu::answer) };
        installed.expect("nobody has used a GPU yet");
    });
    Simulator::start(settings)
}

/// Runs the body of a test on the first GPU of a machine like this, and looks that nothing was left behind and nothing was done
/// wrong. On a real machine that has not so many GPUs it is left out.
#[track_caller]
pub(crate) fn run<F>(settings: Settings, body: impl FnOnce(Gpu) -> F + Send + 'static)
where
    F: Future<Output = Result> + Send + 'static,
{
    if is_real() {
        return on_real(settings.devices, body);
    }
    finished(attempt(settings, |_| {}, |gpu, _| body(gpu)));
}

/// The same, for what only a simulation can do or tell. On a real machine it is left out.
#[track_caller]
pub(crate) fn simulate<F>(settings: Settings, body: impl FnOnce(Gpu, Arc<Simulator>) -> F + Send + 'static)
where
    F: Future<Output = Result> + Send + 'static,
{
    if left_out("it needs the simulation") {
        return;
    }
    finished(attempt(settings, |_| {}, body));
}

/// What came of a run in which something was made to go wrong.
#[derive(Debug)]
pub(crate) struct Attempt<T = ()> {
    /// What the body gave, or why it did not: an error, or a panic.
    pub(crate) result: std::result::Result<T, String>,
    /// Whether what was to go wrong did.
    pub(crate) happened: bool,
    /// What the simulation says in the end: what was done wrong, or left behind.
    pub(crate) finished: std::result::Result<(), String>,
}

/// Runs a body on a simulated machine, prepared before its first GPU is opened. Ends the program if it hangs, since no other
/// test would get its turn.
pub(crate) fn attempt<T, F>(
    settings: Settings,
    prepare: impl FnOnce(&Simulator),
    body: impl FnOnce(Gpu, Arc<Simulator>) -> F + Send + 'static,
) -> Attempt<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    attempt_bare(settings, prepare, |machine| async { body(Gpu::open(0)?, machine).await })
}

/// The same, with no GPU opened.
pub(crate) fn attempt_bare<T, F>(
    settings: Settings,
    prepare: impl FnOnce(&Simulator),
    body: impl FnOnce(Arc<Simulator>) -> F + Send + 'static,
) -> Attempt<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let seed = settings.seed;
    let machine = simulated(settings);
    prepare(&machine);
    let machine = Arc::new(machine);
    let (given, asked) = (Arc::clone(&machine), Arc::clone(&machine));
    let result = within_limit(seed, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { body(given).await })));
        drop(runtime);
        match result {
            Ok(result) => result.map_err(|error| told(&*error)),
            Err(payload) => Err(text(&*payload)),
        }
    });
    let happened = asked.all_failed();
    drop(asked);
    let closed = within_limit(seed, {
        let machine = Arc::clone(&machine);
        move || is_closed(&machine)
    });
    let machine = Arc::into_inner(machine).expect("the body has let go of it");
    let finished = catch_unwind(AssertUnwindSafe(|| machine.finish())).map_err(|payload| text(&*payload)).and(closed);
    Attempt { result, happened, finished }
}

/// Waits until the threads of the devices have ended, since nobody uses them any more.
pub(crate) fn is_closed(machine: &Simulator) -> std::result::Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while machine.live().contexts > 0 {
        if Instant::now() > deadline {
            return Err(format!("a device is open though nobody uses it: {}", machine.live()));
        }
        std::thread::yield_now();
    }
    Ok(())
}

#[track_caller]
fn finished(attempt: Attempt) {
    if let Err(problem) = attempt.result {
        panic!("{problem}");
    }
    if let Err(problem) = attempt.finished {
        panic!("{problem}");
    }
}

/// An error with its causes.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}\n  by: {error}");
        cause = error.source();
    }
    text
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

fn within_limit<R: Send + 'static>(seed: u64, body: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, result) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = done.send(body());
    });
    match result.recv_timeout(LIMIT) {
        Ok(value) => {
            thread.join().expect("the body has ended");
            value
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => resume_unwind(thread.join().expect_err("the body has panicked")),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            let name = std::thread::current().name().unwrap_or("a test").to_owned();
            say(&format!("{name}: hung under seed {seed}: not done within {LIMIT:?}; the other tests are given up"));
            std::process::abort();
        }
    }
}

/// Writes a line that the test harness does not keep back.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The tests that ran on the machine's own GPU, and those that did not, by where they stand. The last line that is written of
/// it counts all.
#[derive(Default)]
struct Tally {
    ran: BTreeSet<(&'static str, u32)>,
    left_out: BTreeSet<(&'static str, u32)>,
}

static TALLY: Mutex<Tally> = Mutex::new(Tally { ran: BTreeSet::new(), left_out: BTreeSet::new() });

impl Tally {
    #[track_caller]
    fn note(which: impl FnOnce(&mut Self) -> &mut BTreeSet<(&'static str, u32)>, what: &str) {
        static NAME: OnceLock<String> = OnceLock::new();
        let place = Location::caller();
        let (file, line) = (place.file(), place.line());
        let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
        if which(&mut tally).insert((file, line)) {
            let name = NAME.get_or_init(|| Gpu::open(0).map_or_else(|error| error.to_string(), |gpu| gpu.name()));
            let Self { ran, left_out } = &*tally;
            say(&format!("{} on {name}, {} left out; {file}:{line}: {what}", ran.len(), left_out.len()));
        }
    }
}

/// True on a real machine: the test is counted as left out, and should do no more.
#[track_caller]
pub(crate) fn left_out(why: &str) -> bool {
    if is_real() {
        Tally::note(|tally| &mut tally.left_out, why);
    }
    is_real()
}

#[track_caller]
fn on_real<F>(devices: usize, body: impl FnOnce(Gpu) -> F + Send + 'static)
where
    F: Future<Output = Result> + Send + 'static,
{
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = Gpu::open(0).unwrap_or_else(|error| panic!("AQUEDUCT_TEST_GPU=real needs a GPU: {error}"));
    let count = Gpu::count();
    if count < devices {
        left_out(&format!("it needs {devices} GPUs, and there are {count}"));
        return;
    }
    let name = gpu.name();
    let result = within_limit(0, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { body(gpu).await })
    });
    result.unwrap_or_else(|error| panic!("on {name}: {}", told(&*error)));
    Tally::note(|tally| &mut tally.ran, "done");
}

/// Batches of a float each that differ in every element.
pub(crate) fn batches(count: usize, length: usize) -> Vec<Vec<f32>> {
    (0..count).map(|batch| (0..length).map(|index| (batch * length + index) as f32).collect()).collect()
}

/// The same, with a number added to each.
pub(crate) fn plus(batches: Vec<Vec<f32>>, n: f32) -> Vec<Vec<f32>> {
    batches.into_iter().map(|batch| batch.into_iter().map(|x| x + n).collect()).collect()
}

/// Sends batches.
#[process]
pub(crate) async fn source<M: gpu::Batch>(batches: Vec<M>, out: Sender<M>) -> Outcome {
    for batch in batches {
        out.send(batch).await?;
    }
    Ok(())
}
