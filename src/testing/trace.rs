//! What happened in a run, step by step.

use std::fmt;
use std::time::Duration;

/// A process that took part in a run.
///
/// Shown as `name[n]`: processes are counted within a run, in the order in which they appeared, so that the same process
/// has the same number in every run of a seed. The network itself is `main[0]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    name: String,
    number: usize,
    parent: Option<usize>,
    is_thread: bool,
    ended: bool,
}

impl Participant {
    pub(super) fn new(name: &str, parent: Option<usize>, is_thread: bool) -> Self {
        Self { name: name.to_owned(), number: 0, parent, is_thread, ended: false }
    }

    /// The process's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number among those of the run.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The number of the process in whose task it runs, if it has no task or thread of its own.
    #[must_use]
    pub fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// True if it has a thread of its own.
    #[must_use]
    pub fn is_thread(&self) -> bool {
        self.is_thread
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.name, self.number)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Runs,
    GivesWay,
    Aborted,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    number: u64,
    participant: usize,
    event: Event,
    at: Duration,
}

/// The steps of a run.
///
/// Its text has a line for each step at which another process went on, or one gave way to others.
#[derive(Clone)]
pub struct Trace {
    steps: Vec<Step>,
    participants: Vec<Participant>,
    step: u64,
    fingerprint: u64,
    /// The virtual time since the run began.
    pub(super) now: Duration,
}

impl Default for Trace {
    fn default() -> Self {
        // The start of FNV-1a.
        let fingerprint = 0xcbf2_9ce4_8422_2325;
        Self { steps: Vec::new(), participants: Vec::new(), step: 0, fingerprint, now: Duration::ZERO }
    }
}

impl Trace {
    pub(super) fn add(&mut self, participant: Participant) -> usize {
        let number = self.participants.len();
        self.participants.push(Participant { number, ..participant });
        number
    }

    pub(super) fn ended(&mut self, participant: usize) {
        if let Some(participant) = self.participants.get_mut(participant) {
            participant.ended = true;
        }
    }

    /// Counts a step and gives its number.
    pub(super) fn step(&mut self) -> u64 {
        self.step += 1;
        self.step
    }

    pub(super) fn note(&mut self, participant: usize, event: Event) {
        self.steps.push(Step { number: self.step, participant, event, at: self.now });
        for word in [self.step, participant as u64, event as u64, self.now.as_nanos() as u64] {
            for byte in word.to_le_bytes() {
                self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.step
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The processes that took part.
    #[must_use]
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// Those that have not ended.
    pub(super) fn unended(&self) -> Vec<Participant> {
        self.participants.iter().filter(|participant| !participant.ended).cloned().collect()
    }

    /// The text of each step.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = String> + ExactSizeIterator {
        self.steps.iter().map(|step| {
            let participant = &self.participants[step.participant];
            let event = match step.event {
                Event::Runs => "",
                Event::GivesWay => " gives way",
                Event::Aborted => " is aborted",
            };
            let at = match step.at {
                Duration::ZERO => String::new(),
                at => format!(" (at {at:?})"),
            };
            format!("step {}: {participant}{event}{at}", step.number)
        })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("steps", &self.step).field("participants", &self.participants.len()).finish()
    }
}
