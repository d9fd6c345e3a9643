//! A history is played by the specification and by the library, side by side.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::history::{Flavour, Side, Step};
use crate::model::{Model, Rule};
use crate::real::Real;
use crate::seen::{Outcome, Seen};

/// What is being played, for those who wonder why nothing happens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    played: usize,
    flavours: Vec<Flavour>,
    steps: Vec<Step>,
}

impl Diary {
    /// How many histories were begun.
    pub(crate) fn played(&self) -> usize {
        self.0.lock().unwrap().played
    }

    fn begin(&self, flavours: &[Flavour]) {
        let mut page = self.0.lock().unwrap();
        let played = page.played + 1;
        *page = Page { played, flavours: flavours.to_vec(), steps: Vec::new() };
    }
}

impl fmt::Display for Diary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = self.0.lock().unwrap();
        writeln!(f, "channels: {:?}", page.flavours)?;
        page.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

/// A history as it is played.
pub(crate) struct Play {
    flavours: Vec<Flavour>,
    told: Vec<(Step, Seen)>,
    model: Model,
    /// `None` after it has panicked: a channel may be locked for good.
    real: Option<Real>,
    diary: Diary,
}

impl Play {
    pub(crate) fn new(flavours: &[Flavour], diary: &Diary) -> Self {
        diary.begin(flavours);
        let (model, real) = (Model::new(flavours), Some(Real::new(flavours)));
        Self { flavours: flavours.to_vec(), told: Vec::new(), model, real, diary: diary.clone() }
    }

    /// Takes a drawn step, if it can be taken.
    pub(crate) fn resolve_and_take(&mut self, step: Step) -> Result<(), String> {
        step.resolve(&self.model).map_or(Ok(()), |step| self.take(step))
    }

    /// Takes a step, if it can be taken; the error tells the history.
    fn take(&mut self, step: Step) -> Result<(), String> {
        if !step.is_possible(&self.model) {
            return Ok(());
        }
        let Some(real) = &mut self.real else { return Ok(()) };
        self.diary.0.lock().unwrap().steps.push(step.clone());
        let expected = self.model.step(&step);
        let problem = match catch_unwind(AssertUnwindSafe(|| real.step(&step))) {
            Ok(seen) => seen.unlike(&expected),
            Err(_) => {
                std::mem::forget(self.real.take());
                Some("\n    the library panics, see above".to_owned())
            }
        };
        self.told.push((step, expected));
        problem.map_or(Ok(()), |problem| Err(format!("{self}    the library differs in its last step:{problem}\n")))
    }

    /// Everybody goes.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        for who in self.model.running() {
            self.take(Step::Cancel(who))?;
        }
        for side in [Side::Sender, Side::Receiver] {
            for chan in 0..self.flavours.len() {
                while self.model.held(chan, side) > 0 {
                    self.take(Step::Drop(chan, side))?;
                }
            }
        }
        let mut gone: Vec<_> = self.told.iter().flat_map(|(_, seen)| seen.events.gone.iter().copied()).collect();
        gone.sort_unstable();
        let all: Vec<_> = (0..self.model.values()).collect();
        if gone == all { Ok(()) } else { Err(format!("{self}    of {all:?} were dropped {gone:?}\n")) }
    }

    /// Which rules have mattered.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.model.reached().to_vec()
    }

    /// The steps that were taken.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        self.told.into_iter().map(|(step, _)| step).collect()
    }
}

impl fmt::Display for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "channels: {:?}", self.flavours)?;
        let mut waits = 0;
        for (step, Seen { outcome, events, .. }) in &self.told {
            if step.makes() {
                write!(f, "{waits}: ")?;
                waits += 1;
            }
            write!(f, "{step:?}")?;
            if *outcome != Outcome::Done {
                write!(f, " -> {outcome:?}")?;
            }
            if !events.woken.is_empty() {
                write!(f, ", wakes {:?}", events.woken)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Makes a history that goes wrong smaller while it still goes wrong, and tells what remains.
///
/// It leaves out one or two steps at a time, with whatever is done to a wait that is left out, and channels that are
/// not used.
pub(crate) fn smallest(flavours: Vec<Flavour>, steps: Vec<Step>, diary: &Diary) -> String {
    smallest_of(flavours, steps, diary).unwrap_or_else(|| "it goes wrong only sometimes".to_owned())
}

/// As `smallest`; `None` if it does not go wrong.
pub(crate) fn smallest_of(mut flavours: Vec<Flavour>, mut steps: Vec<Step>, diary: &Diary) -> Option<String> {
    let mut told = replay(&flavours, &steps, diary)?;
    'smaller: loop {
        for chan in (0..flavours.len()).rev().filter(|_| flavours.len() > 1) {
            if let Some(fewer) = without_channel(&steps, chan) {
                let mut rest = flavours.clone();
                rest.remove(chan);
                if let Some(text) = replay(&rest, &fewer, diary) {
                    (flavours, steps, told) = (rest, fewer, text);
                    continue 'smaller;
                }
            }
        }
        let one = (0..steps.len()).map(|first| (first, first));
        let two = (0..steps.len()).flat_map(|first| (first + 1..steps.len()).map(move |second| (first, second)));
        for (first, second) in one.chain(two) {
            let fewer = without(&steps, first, second);
            if let Some(text) = replay(&flavours, &fewer, diary) {
                (steps, told) = (fewer, text);
                continue 'smaller;
            }
        }
        return Some(told);
    }
}

/// What a history says that goes wrong.
fn replay(flavours: &[Flavour], steps: &[Step], diary: &Diary) -> Option<String> {
    let mut play = Play::new(flavours, diary);
    steps.iter().cloned().try_for_each(|step| play.take(step)).and_then(|()| play.finish()).err()
}

/// Without two steps, and without what follows from them; waits get their new numbers.
fn without(steps: &[Step], first: usize, second: usize) -> Vec<Step> {
    let mut numbers = Vec::new();
    let mut fewer = Vec::new();
    let mut waits = 0;
    for (index, step) in steps.iter().enumerate() {
        let left_out = index == first || index == second;
        if step.makes() {
            numbers.push((!left_out).then_some(waits));
            waits += usize::from(!left_out);
        }
        let mut step = step.clone();
        let known = match step.who_mut() {
            Some(who) => numbers[*who].map(|number| *who = number).is_some(),
            None => true,
        };
        if known && !left_out {
            fewer.push(step);
        }
    }
    fewer
}

/// The same steps where there is one channel less; `None` if it is used.
fn without_channel(steps: &[Step], unused: usize) -> Option<Vec<Step>> {
    let mut fewer = steps.to_vec();
    for chan in fewer.iter_mut().flat_map(Step::chans_mut) {
        if *chan == unused {
            return None;
        }
        *chan -= usize::from(*chan > unused);
    }
    Some(fewer)
}
