//! What a schedule found, and how to see it again.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::trace::{Participant, Trace};
use crate::ProcessError;

/// A schedule under which the network fails.
///
/// Its text says what happened, after how many good schedules, the last steps before it, and how to see it again.
pub struct Failure(Box<Found>);

/// What is known of it.
pub(super) struct Found {
    pub(super) seed: u64,
    pub(super) good: u64,
    pub(super) reason: Reason,
    pub(super) trace: Trace,
    pub(super) virtual_time: Duration,
    pub(super) lost: Vec<Participant>,
    pub(super) again: Again,
    /// The name of the test, if it is known.
    pub(super) test: Option<String>,
}

/// Whether the same seed does the same again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It did.
    Same,
    /// It did not: the network depends on something that no schedule decides.
    Different,
    /// It was not tried.
    Unknown,
}

/// Why a run failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The network failed: it returned an error, or it panicked.
    Failed(ProcessError),
    /// Nobody can go on, no timer is set, and these processes have not ended.
    Deadlock(Vec<Participant>),
    /// The network goes on after so many steps.
    Endless(u64),
    /// The network goes on after so much virtual time.
    TooLong(Duration),
    /// The network has ended, and its tasks are cancelled, but these thread processes did not end.
    LeftBehind(Vec<Participant>),
    /// A thread process did not come back: it waits for something that the schedule knows nothing of.
    Stuck(Participant),
    /// The exploration was asked for inside a task, or inside another one.
    Inside,
    /// A setting makes no sense, or an environment variable cannot be read.
    Setting(String),
    /// No runtime could be made for the run.
    NoRuntime(std::io::Error),
}

impl Failure {
    pub(super) fn new(found: Found) -> Self {
        Self(Box::new(found))
    }

    /// One that is known before anything ran.
    pub(super) fn before_any(seed: u64, reason: Reason) -> Self {
        Self::new(Found {
            seed,
            good: 0,
            reason,
            trace: Trace::default(),
            virtual_time: Duration::ZERO,
            lost: Vec::new(),
            again: Again::Unknown,
            test: None,
        })
    }

    /// With the answer whether it does the same again.
    pub(super) fn tried_again(mut self, again: Again) -> Self {
        self.0.again = again;
        self
    }

    /// The seed of the schedule.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// How many schedules were good before this one.
    #[must_use]
    pub fn good_before(&self) -> u64 {
        self.0.good
    }

    /// What happened.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The steps of the run, and the processes that took part.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.0.trace
    }

    /// How long the network ran, by its own clock.
    #[must_use]
    pub fn virtual_time(&self) -> Duration {
        self.0.virtual_time
    }

    /// The threads that could not even be ended by force: they hang, and are left behind.
    #[must_use]
    pub fn lost(&self) -> &[Participant] {
        &self.0.lost
    }

    /// Whether the same seed failed in the same way again, step by step. `None` if that was not tried: in a replay, and
    /// after a thread was lost.
    ///
    /// If it did not, the network depends on something that no schedule decides: see [what is not
    /// decided](crate::testing#what-no-schedule-decides).
    #[must_use]
    pub fn is_reproducible(&self) -> Option<bool> {
        match self.0.again {
            Again::Same => Some(true),
            Again::Different => Some(false),
            Again::Unknown => None,
        }
    }
}

/// How many of the last steps a failure's text shows.
const LAST_STEPS: usize = 20;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.0.reason, Reason::Inside | Reason::Setting(_) | Reason::NoRuntime(_)) {
            return self.0.reason.fmt(f);
        }
        let Found { seed, good, reason, .. } = &*self.0;
        match good {
            0 => writeln!(f, "the network fails under seed {seed}:")?,
            1 => writeln!(f, "the network fails under seed {seed}, after 1 good schedule:")?,
            good => writeln!(f, "the network fails under seed {seed}, after {good} good schedules:")?,
        }
        writeln!(f, "  {reason}")?;
        if !self.0.lost.is_empty() {
            writeln!(f, "  left behind, because nothing ends them: {}", list(&self.0.lost))?;
        }
        let steps = self.0.trace.lines();
        match steps.len() {
            0 => {}
            len if len > LAST_STEPS => writeln!(f, "the last {LAST_STEPS} of {len} turns:")?,
            _ => writeln!(f, "all turns:")?,
        }
        let skipped = steps.len().saturating_sub(LAST_STEPS);
        for line in steps.skip(skipped) {
            writeln!(f, "  seed {seed}, {line}")?;
        }
        if self.0.again == Again::Different {
            writeln!(
                f,
                "the same seed did something else when it was tried again: the network depends on something that no \
                 schedule decides (see \"What no schedule decides\" in the documentation of aqueduct::testing)"
            )?;
        }
        let test = self.0.test.as_deref().unwrap_or("<the name of this test>");
        writeln!(f, "to see it again: AQUEDUCT_TEST_SEED={seed} cargo test {test}")?;
        write!(f, "or, in the test: aqueduct::testing::replay({seed}, …)")
    }
}

/// As `Display`, so that `unwrap` prints it.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.reason {
            Reason::Failed(error) => Some(error),
            Reason::NoRuntime(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Deadlock(waiting) => {
                write!(f, "deadlock: nobody can go on and no timer is set; waiting: {}", list(waiting))
            }
            Self::Endless(steps) => write!(f, "it goes on after {steps} steps (`Explore::max_steps` allows more)"),
            Self::TooLong(time) => {
                write!(f, "it goes on after {time:?} of virtual time (`Explore::max_virtual_time` allows more)")
            }
            Self::LeftBehind(threads) => {
                write!(f, "the network has ended, but these thread processes did not: {}", list(threads))
            }
            Self::Stuck(thread) => write!(
                f,
                "the thread process {thread} did not come back: it waits for something that the schedule does not know \
                 (a lock, a sleep, another runtime, the outside world), or computes for long (`Explore::patience`)"
            ),
            Self::Inside => f.write_str(
                "an exploration makes its own runtime: start it in a plain `#[test]`, not inside a task or another \
                 exploration",
            ),
            Self::Setting(text) => f.write_str(text),
            Self::NoRuntime(error) => write!(f, "no runtime could be made for the run: {error}"),
        }
    }
}

/// `main[0], left[1] (in main[0]), reader[2] (a thread)`
fn list(participants: &[Participant]) -> impl fmt::Display {
    let texts: Vec<String> = participants
        .iter()
        .map(|participant| match (participant.is_thread(), participant.parent()) {
            (true, _) => format!("{participant} (a thread)"),
            (false, Some(parent)) => match participants.iter().find(|other| other.number() == parent) {
                Some(parent) => format!("{participant} (in {parent})"),
                None => participant.to_string(),
            },
            (false, None) => participant.to_string(),
        })
        .collect();
    texts.join(", ")
}
