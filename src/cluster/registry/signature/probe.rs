//! Decides which made-up values a type is given, run after run.
//!
//! Wherever a type asks for something there is a choice: which number, one element or none, which variant. A run follows
//! the choices so far and makes new ones as it comes to them. If it fails, the last choice that has another candidate
//! takes it (backtracking), and the next run goes the same way up to there. If it succeeds, the next run starts afresh,
//! as long as some enum has variants to explore.
//!
//! Recursive types: inside itself a type is explored once more, then refused. There, containers are empty first, and
//! enums take first what is known to end.
//!
//! Runs and steps are bounded. Everything is deterministic: the same type leaves the same text, in every process.

use std::{collections::HashMap, fmt::Write as _};

/// The most runs for one type.
const RUNS: usize = 128;
/// The most questions that a type asks, in all runs.
const STEPS: usize = 20_000;
/// How deep types may stand in each other.
const DEPTH: usize = 64;
/// How often a variant is tried that never succeeds.
const ATTEMPTS: u8 = 4;

/// What is asked, and what was answered.
#[derive(Debug, Default)]
pub(super) struct Probe {
    text: String,
    runs: usize,
    steps: usize,
    /// The choices of this run, in order; behind `at` those of the last run that this one has not come to.
    choices: Vec<Choice>,
    at: usize,
    /// The types that this place stands in.
    within: Vec<&'static str>,
    enums: HashMap<&'static str, Vec<Variant>>,
}

#[derive(Debug)]
struct Choice {
    /// Candidates in the order in which they are tried.
    candidates: Vec<usize>,
    taken: usize,
}

#[derive(Clone, Debug, Default)]
struct Variant {
    /// It was put together once, not inside itself.
    explored: bool,
    /// It was put together once, maybe inside itself: it ends.
    ends: bool,
    attempts: u8,
}

impl Variant {
    fn is_open(&self) -> bool {
        !self.explored && self.attempts < ATTEMPTS
    }
}

/// The probe, or the type, will not go on.
#[derive(Debug)]
pub(super) struct Refused;

impl Probe {
    /// Does one run; says whether another one is worth it.
    pub(super) fn again(&mut self, run: impl FnOnce(&mut Self) -> bool) -> bool {
        self.at = 0;
        self.within.clear();
        self.runs += 1;
        let succeeded = run(self);
        self.text.push_str(if succeeded { ";" } else { "!" });
        let more = if succeeded {
            self.choices.clear();
            self.enums.values().flatten().any(Variant::is_open)
        } else {
            self.backtrack()
        };
        more && self.runs < RUNS && self.steps < STEPS
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Gives the last choice that has one its next candidate.
    fn backtrack(&mut self) -> bool {
        self.choices.truncate(self.at);
        while let Some(last) = self.choices.last_mut() {
            last.taken += 1;
            if last.taken < last.candidates.len() {
                return true;
            }
            self.choices.pop();
        }
        false
    }

    /// Notes a question that has no choice.
    pub(super) fn note(&mut self, what: std::fmt::Arguments<'_>) -> Result<(), Refused> {
        self.steps += 1;
        if self.steps >= STEPS {
            return Err(Refused);
        }
        // Writing to a `String` cannot fail.
        let _ = self.text.write_fmt(what);
        Ok(())
    }

    /// Notes a question with `count` possible answers, and picks one.
    pub(super) fn pick(&mut self, what: &str, count: usize) -> Result<usize, Refused> {
        self.note(format_args!("{what} "))?;
        Ok(self.choose(|| (0..count).collect()))
    }

    fn choose(&mut self, candidates: impl FnOnce() -> Vec<usize>) -> usize {
        if self.at == self.choices.len() {
            self.choices.push(Choice { candidates: candidates(), taken: 0 });
        }
        let choice = &self.choices[self.at];
        self.at += 1;
        choice.candidates.get(choice.taken).copied().unwrap_or(0)
    }

    /// How many elements a container has: one, to see what they are, or none. `V` identifies the container.
    pub(super) fn pick_length<V>(&mut self) -> usize {
        let again = self.is_inside_itself::<V>();
        self.choose(|| if again { vec![0, 1] } else { vec![1, 0] })
    }

    /// Which variant of `count` an enum is. `V` identifies the enum.
    pub(super) fn pick_variant<V>(&mut self, count: usize) -> usize {
        let again = self.is_inside_itself::<V>();
        let run = self.runs;
        let known = self.enums.entry(std::any::type_name::<V>()).or_insert_with(|| vec![Variant::default(); count]);
        let mut order: Vec<usize> = (0..known.len()).collect();
        if again {
            order.sort_by_key(|&index| !known[index].ends);
        } else {
            // Another one each time, so that what stands inside each is come to.
            order.rotate_left(run % count.max(1));
            order.sort_by_key(|&index| (!known[index].is_open(), known[index].is_open().then_some(index)));
        }
        let index = self.choose(|| order);
        if !again
            && let Some(variant) = self.enums.get_mut(std::any::type_name::<V>()).and_then(|known| known.get_mut(index))
        {
            variant.attempts = variant.attempts.saturating_add(1);
        }
        index
    }

    /// The variant has been put together.
    pub(super) fn variant_ends<V>(&mut self, index: usize) {
        let again = self.is_inside_itself::<V>();
        if let Some(variant) = self.enums.get_mut(std::any::type_name::<V>()).and_then(|known| known.get_mut(index)) {
            variant.ends = true;
            variant.explored |= !again;
        }
    }

    /// Goes into a type, which `V`, its visitor, identifies within this process.
    pub(super) fn inside<V, R>(&mut self, ask: impl FnOnce(&mut Self) -> Result<R, Refused>) -> Result<R, Refused> {
        let depth = self.within.len();
        let name = std::any::type_name::<V>();
        if depth >= DEPTH || self.within.iter().filter(|outer| **outer == name).count() >= 2 {
            self.note(format_args!("^"))?;
            return Err(Refused);
        }
        self.within.push(name);
        let asked = ask(self);
        self.within.truncate(depth);
        asked
    }

    /// Whether some type around this place stands inside itself.
    fn is_inside_itself<V>(&self) -> bool {
        let name = std::any::type_name::<V>();
        let own = self.within.iter().filter(|outer| **outer == name).count() > 1;
        own || self.within.iter().enumerate().any(|(index, outer)| self.within[..index].contains(outer))
    }
}
