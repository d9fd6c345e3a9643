//! Many runs, one after another.

use std::collections::HashSet;
use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use super::driver::{self, Limits, Outcome};
use super::failure::{Again, Failure, Found, Reason};
use super::trace::Trace;
use crate::channel::may_block;
use crate::context::schedule;
use crate::process::Exit;

/// Replays one seed.
const SEED: &str = "AQUEDUCT_TEST_SEED";
/// How many schedules an exploration tries.
const SCHEDULES: &str = "AQUEDUCT_TEST_SCHEDULES";

/// Runs a network under a hundred schedules, and panics with the first one under which it fails.
///
/// `network` makes the network anew for each run: a process, `par!`, or an async block that ends with `Outcome::Ok(…)`.
/// The seeds are 0, 1, 2, …, so a test that is good today is good tomorrow. The environment variable
/// `AQUEDUCT_TEST_SCHEDULES` sets another number, and `AQUEDUCT_TEST_SEED` replays one seed alone.
///
/// # Panics
/// If a run fails: the network returns an error, panics, stands still, or goes on for ever; or if this is called in a task.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn ask(out: Sender<u32>) -> Outcome {
///     Ok(out.send(1).await?)
/// }
///
/// let report = aqueduct::testing::explore(|| async {
///     let (tx, rx) = aqueduct::channel();
///     let asks = [ask(tx.clone()).spawn(), ask(tx).spawn()];
///     let sum = rx.recv().await? + rx.recv().await?;
///     for ask in asks {
///         ask.await?;
///     }
///     Outcome::Ok(sum)
/// });
/// assert!(report.runs().iter().all(|run| *run.value() == 2));
/// ```
#[track_caller]
pub fn explore<P, T, E>(network: impl FnMut() -> P) -> Report<T>
where
    P: IntoFuture<Output = Result<T, E>>,
    E: Into<Exit>,
{
    match Explore::new().run(network) {
        Ok(report) => report,
        Err(failure) => panic!("{failure}"),
    }
}

/// Runs a network under the schedule of one seed, and panics if it fails.
///
/// # Panics
/// As [`explore`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use aqueduct::prelude::*;
///
/// let network = || async {
///     after(Duration::from_secs(3600)).await;
///     Outcome::Ok(())
/// };
/// let run = aqueduct::testing::replay(17, network);
/// assert_eq!(run.virtual_time(), Duration::from_secs(3600));
/// assert_eq!(run.fingerprint(), aqueduct::testing::replay(17, network).fingerprint());
/// ```
#[track_caller]
pub fn replay<P, T, E>(seed: u64, network: impl FnMut() -> P) -> Run<T>
where
    P: IntoFuture<Output = Result<T, E>>,
    E: Into<Exit>,
{
    match Explore::new().replay(seed, network) {
        Ok(run) => run,
        Err(failure) => panic!("{failure}"),
    }
}

/// An exploration to be: which schedules, and what a run may take.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::testing::{Explore, Reason};
///
/// // Two processes, each of which first receives from the other.
/// let failure = Explore::new()
///     .schedules(10)
///     .run(|| {
///         let (a, a_rx) = aqueduct::channel::<u8>();
///         let (b, b_rx) = aqueduct::channel::<u8>();
///         par!(
///             aqueduct::task("left", async move { Ok(b.send(a_rx.recv().await?).await?) }),
///             aqueduct::task("right", async move { Ok(a.send(b_rx.recv().await?).await?) }),
///         )
///     })
///     .unwrap_err();
/// let Reason::Deadlock(waiting) = failure.reason() else { panic!("{failure}") };
/// let names: Vec<&str> = waiting.iter().map(|process| process.name()).collect();
/// assert_eq!(names, ["main", "left", "right"]);
/// ```
#[derive(Debug, Clone)]
#[must_use = "an exploration does nothing until it is run"]
pub struct Explore {
    schedules: u64,
    first_seed: u64,
    limits: Limits,
}

impl Explore {
    /// A hundred schedules, from seed 0 on.
    pub fn new() -> Self {
        let limits = Limits {
            steps: 1_000_000,
            virtual_time: Duration::from_secs(24 * 3600),
            patience: Duration::from_secs(10),
        };
        Self { schedules: 100, first_seed: 0, limits }
    }

    /// How many schedules; the environment variable `AQUEDUCT_TEST_SCHEDULES` overrides it.
    pub fn schedules(mut self, schedules: u64) -> Self {
        self.schedules = schedules;
        self
    }

    /// The first seed; the others follow it.
    pub fn first_seed(mut self, seed: u64) -> Self {
        self.first_seed = seed;
        self
    }

    /// After how many steps a run counts as endless: 1,000,000 unless you say otherwise. A step is a turn of a process, or
    /// an operation in it.
    pub fn max_steps(mut self, steps: u64) -> Self {
        self.limits.steps = steps;
        self
    }

    /// After how much virtual time a run counts as endless: a day, unless you say otherwise. At most a year.
    ///
    /// It finds networks that stand still but for a clock that ticks.
    pub fn max_virtual_time(mut self, time: Duration) -> Self {
        self.limits.virtual_time = time;
        self
    }

    /// For how long, in real time, a thread process may compute without waiting for a channel or a timer: ten seconds,
    /// unless you say otherwise.
    pub fn patience(mut self, time: Duration) -> Self {
        self.limits.patience = time;
        self
    }

    /// Runs the network under each schedule, until one fails.
    ///
    /// The seed that fails is run once more, to see whether the failure can be reproduced.
    ///
    /// # Errors
    /// The first failure.
    pub fn run<P, T, E>(self, mut network: impl FnMut() -> P) -> Result<Report<T>, Failure>
    where
        P: IntoFuture<Output = Result<T, E>>,
        E: Into<Exit>,
    {
        let seeds = self.check().and_then(|()| self.seeds()).map_err(|reason| self.refuse(reason))?;
        let mut runs = Vec::new();
        for seed in seeds {
            match self.once(seed, runs.len() as u64, &mut network) {
                Ok(run) => runs.push(Run { trace: Trace::default(), ..run }),
                Err(failure) => return Err(self.try_again(failure, &mut network)),
            }
        }
        Ok(Report { runs })
    }

    /// Runs the network under the schedule of one seed, whatever the environment says.
    ///
    /// # Errors
    /// How it failed.
    pub fn replay<P, T, E>(self, seed: u64, mut network: impl FnMut() -> P) -> Result<Run<T>, Failure>
    where
        P: IntoFuture<Output = Result<T, E>>,
        E: Into<Exit>,
    {
        self.check().map_err(|reason| self.refuse(reason))?;
        self.once(seed, 0, &mut network)
    }

    fn refuse(&self, reason: Reason) -> Failure {
        Failure::before_any(self.first_seed, reason)
    }

    fn check(&self) -> Result<(), Reason> {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        if schedule::is_present() || may_block().is_err() {
            return Err(Reason::Inside);
        }
        if self.limits.virtual_time > YEAR {
            return Err(Reason::Setting("max_virtual_time: a run may take a year of virtual time at most".to_owned()));
        }
        if self.limits.steps == 0 {
            return Err(Reason::Setting("max_steps: no network ends within 0 steps".to_owned()));
        }
        Ok(())
    }

    fn seeds(&self) -> Result<impl Iterator<Item = u64> + use<>, Reason> {
        let (first, schedules) = match (number(SEED)?, number(SCHEDULES)?) {
            (Some(seed), _) => (seed, 1),
            (None, Some(schedules)) => (self.first_seed, schedules),
            (None, None) => (self.first_seed, self.schedules),
        };
        if schedules == 0 {
            return Err(Reason::Setting("0 schedules explore nothing".to_owned()));
        }
        Ok((0..schedules).map(move |offset| first.wrapping_add(offset)))
    }

    fn once<P, T, E>(&self, seed: u64, good: u64, network: &mut dyn FnMut() -> P) -> Result<Run<T>, Failure>
    where
        P: IntoFuture<Output = Result<T, E>>,
        E: Into<Exit>,
    {
        let Outcome { result, trace, virtual_time, lost } = driver::run(seed, self.limits, network);
        match result {
            Ok(value) => {
                let (steps, fingerprint) = (trace.steps(), trace.fingerprint());
                Ok(Run { seed, steps, fingerprint, virtual_time, value, trace })
            }
            Err(reason) => {
                let again = Again::Unknown;
                // The test harness names the thread after the test.
                let test = std::thread::current().name().filter(|name| *name != "main").map(str::to_owned);
                Err(Failure::new(Found { seed, good, reason, trace, virtual_time, lost, again, test }))
            }
        }
    }

    fn try_again<P, T, E>(&self, failure: Failure, network: &mut dyn FnMut() -> P) -> Failure
    where
        P: IntoFuture<Output = Result<T, E>>,
        E: Into<Exit>,
    {
        if !failure.lost().is_empty() {
            return failure;
        }
        let again = match self.once(failure.seed(), 0, network) {
            Err(second)
                if second.trace().fingerprint() == failure.trace().fingerprint()
                    && std::mem::discriminant(second.reason()) == std::mem::discriminant(failure.reason()) =>
            {
                Again::Same
            }
            _ => Again::Different,
        };
        failure.tried_again(again)
    }
}

impl Default for Explore {
    fn default() -> Self {
        Self::new()
    }
}

/// The number in an environment variable, if it is set.
fn number(variable: &str) -> Result<Option<u64>, Reason> {
    match std::env::var_os(variable) {
        None => Ok(None),
        Some(text) => match text.to_str().and_then(|text| text.trim().parse().ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(Reason::Setting(format!("{variable} is not a number: {}", text.display()))),
        },
    }
}

/// A good exploration.
pub struct Report<T = ()> {
    runs: Vec<Run<T>>,
}

impl<T> Report<T> {
    /// Its runs, in the order of their seeds; without their traces.
    #[must_use]
    pub fn runs(&self) -> &[Run<T>] {
        &self.runs
    }

    /// What the network made under each schedule.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> {
        self.runs.iter().map(Run::value)
    }

    /// How many different interleavings there were.
    #[must_use]
    pub fn interleavings(&self) -> usize {
        self.runs.iter().map(Run::fingerprint).collect::<HashSet<u64>>().len()
    }
}

impl<T> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: u64 = self.runs.iter().map(Run::steps).sum();
        let (runs, interleavings) = (self.runs.len(), self.interleavings());
        write!(f, "{runs} schedules, {interleavings} different interleavings, {steps} steps")
    }
}

impl<T> fmt::Debug for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One good run.
#[derive(Debug, Clone)]
pub struct Run<T = ()> {
    seed: u64,
    steps: u64,
    fingerprint: u64,
    virtual_time: Duration,
    value: T,
    trace: Trace,
}

impl<T> Run<T> {
    /// The seed of its schedule.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many steps it took: turns of processes, and operations in them.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// How long the network ran, by its own clock.
    #[must_use]
    pub fn virtual_time(&self) -> Duration {
        self.virtual_time
    }

    /// A number for the interleaving: which process had which turn, and when. The same seed gives the same.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What the network made.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What the network made.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// Its steps. Kept by [`replay`] alone.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }
}
