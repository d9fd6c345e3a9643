//! Random histories of channels, step by step against their sequential specification.
//!
//! The specification (`model`) says in plain words what channels do if one thing happens after the other. A history
//! (`history`) is played by it and by the library (`real`), and both must show the same after every step: what the
//! step gave, who was woken, which values came back or were dropped, and what the ends tell (`seen`). A history that
//! fails is made as small as it can be.
//!
//! The seed is fixed. `PROPTEST_CASES` scales the number of histories, `PROPTEST_RNG_SEED` draws others.

mod history;
mod model;
mod real;
mod seen;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use history::{Flavour, Side, Step, Taste, steps};
use model::{Model, Rule};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use real::Real;
use seen::{Outcome, Seen};

/// A history as it was played.
struct Play {
    flavours: Vec<Flavour>,
    told: Vec<(Step, Seen)>,
    model: Model,
    real: Real,
}

impl Play {
    fn new(flavours: &[Flavour]) -> Self {
        let (model, real) = (Model::new(flavours), Real::new(flavours));
        Self { flavours: flavours.to_vec(), told: Vec::new(), model, real }
    }

    /// Takes a step, if it can be taken; the error tells the history.
    fn step(&mut self, step: Step) -> Result<(), String> {
        let Some(step) = step.resolve(&self.model) else { return Ok(()) };
        let expected = self.model.step(&step);
        let seen = catch_unwind(AssertUnwindSafe(|| self.real.step(&step)));
        let problem = match seen {
            Ok(seen) if seen == expected => {
                self.told.push((step, seen));
                return Ok(());
            }
            Ok(seen) => format!("shows     {seen:?}"),
            Err(_) => "panics, see above".to_owned(),
        };
        Err(format!("{}{step:?}\n    the library {problem}\n    and should  {expected:?}\n", self.tell()))
    }

    /// Everybody goes.
    fn finish(&mut self) -> Result<(), String> {
        while !self.model.running().is_empty() {
            self.step(Step::Cancel(0))?;
        }
        for side in [Side::Sender, Side::Receiver] {
            for chan in 0..self.flavours.len() {
                while self.model.held(chan, side) > 0 {
                    self.step(Step::Drop(chan, side))?;
                }
            }
        }
        let mut gone: Vec<_> = self.told.iter().flat_map(|(_, seen)| seen.events.gone.iter().copied()).collect();
        gone.sort_unstable();
        let all: Vec<_> = (0..self.model.values()).collect();
        if gone == all { Ok(()) } else { Err(format!("{}of {all:?} were dropped {gone:?}\n", self.tell())) }
    }

    fn tell(&self) -> String {
        let mut text = format!("channels: {:?}\n", self.flavours);
        let mut waits = 0;
        for (step, Seen { outcome, events, .. }) in &self.told {
            if let Step::Start(_) | Step::Make(_) | Step::TryChoose(_) = step {
                let _ = write!(text, "{waits}: ");
                waits += 1;
            }
            let _ = write!(text, "{step:?}");
            if *outcome != Outcome::Done {
                let _ = write!(text, " -> {outcome:?}");
            }
            if !events.woken.is_empty() {
                let _ = write!(text, ", wakes {:?}", events.woken);
            }
            text.push('\n');
        }
        text
    }
}

fn play(flavours: &[Flavour], steps: Vec<Step>) -> Result<Vec<Rule>, String> {
    let mut play = Play::new(flavours);
    let played = steps.into_iter().try_for_each(|step| play.step(step)).and_then(|()| play.finish());
    match played {
        Ok(()) => Ok(play.model.reached().to_vec()),
        Err(told) => {
            // After a panic a channel may be locked for good.
            std::mem::forget(play.real);
            Err(told)
        }
    }
}

fn config(many: u32) -> Config {
    let config = Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1978),
        fixed => fixed,
    };
    Config { cases: config.cases * many, rng_seed, ..config }
}

/// Plays histories over channels of these flavours.
fn agree(flavours: impl Strategy<Value = Vec<Flavour>>, taste: Taste, many: u32) {
    let mut runner = TestRunner::new(config(many));
    let result = runner.run(&(flavours, steps(taste)), |(flavours, steps)| {
        play(&flavours, steps).map(drop).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(told, _)) => panic!("the library and its specification differ\n{told}"),
        Err(error) => panic!("{error}"),
    }
}

fn alone(flavour: Flavour) {
    for taste in [Taste::Mixed, Taste::Waiting, Taste::Choosing, Taste::Ending] {
        agree(Just(vec![flavour]), taste, 3);
    }
}

fn any_flavour() -> impl Strategy<Value = Flavour> {
    prop_oneof![
        3 => Just(Flavour::Rendezvous),
        3 => (1..=4_usize).prop_map(Flavour::Buffered),
        1 => Just(Flavour::Unbounded),
    ]
}

fn several() -> impl Strategy<Value = Vec<Flavour>> {
    proptest::collection::vec(any_flavour(), 2..4)
}

#[test]
fn a_rendezvous_agrees_with_its_specification() {
    alone(Flavour::Rendezvous);
}

#[test]
fn a_buffer_of_one_agrees_with_its_specification() {
    alone(Flavour::Buffered(1));
}

#[test]
fn larger_buffers_agree_with_their_specification() {
    for capacity in 2..=4 {
        alone(Flavour::Buffered(capacity));
    }
}

#[test]
fn an_unbounded_channel_agrees_with_its_specification() {
    alone(Flavour::Unbounded);
}

#[test]
fn choices_among_several_channels_agree_with_their_specification() {
    agree(several(), Taste::Choosing, 12);
}

#[test]
fn several_channels_agree_with_their_specification() {
    agree(several(), Taste::Mixed, 4);
    agree(several(), Taste::Ending, 4);
}

/// Histories that never reach a rule would prove nothing about it.
#[test]
fn histories_reach_every_rule() {
    let mut runner = TestRunner::new(config(1));
    let mut reached = vec![0; Rule::ALL.len()];
    for taste in [Taste::Mixed, Taste::Waiting, Taste::Choosing, Taste::Ending] {
        let histories = (proptest::collection::vec(any_flavour(), 1..4), steps(taste));
        for _ in 0..500 {
            let (flavours, steps) = histories.new_tree(&mut runner).unwrap().current();
            for rule in play(&flavours, steps).unwrap_or_else(|told| panic!("{told}")) {
                reached[rule as usize] += 1;
            }
        }
    }
    let reached: Vec<_> = Rule::ALL.iter().zip(reached).collect();
    assert!(reached.iter().all(|(_, count)| *count >= 20), "{reached:#?}");
}
