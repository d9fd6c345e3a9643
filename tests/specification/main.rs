//! Random histories of channels, step by step against their sequential specification.
//!
//! The specification (`model`) says in plain words what channels do if one thing happens after the other. A history
//! (`history`) is played by it and by the library (`real`), and both must show the same after every step: what the
//! step gave, who was woken, which values came back or were dropped, and what the ends tell (`seen`). A history that
//! fails is made as small as it can be.
//!
//! The seed is fixed. `PROPTEST_CASES` scales the number of histories, `PROPTEST_RNG_SEED` draws others.

mod found;
mod history;
mod model;
mod play;
mod real;
mod seen;

use std::sync::mpsc;
use std::time::Duration;

use history::{Flavour, Step, Taste, steps};
use model::Rule;
use play::{Diary, Play, smallest};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestCaseError, TestError, TestRunner};

fn play(flavours: &[Flavour], steps: Vec<Step>, diary: &Diary) -> Result<Vec<Rule>, String> {
    let mut play = Play::new(flavours, diary);
    let resolved = steps.into_iter().try_for_each(|step| play.resolve_and_take(step));
    match resolved.and_then(|()| play.finish()) {
        Ok(()) => Ok(play.rules()),
        Err(_) => Err(smallest(flavours.to_vec(), play.into_steps(), diary)),
    }
}

fn config(many: u32) -> Config {
    let config = Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1978),
        fixed => fixed,
    };
    // Not compiled for speed, the default generator would take most of the time.
    let rng_algorithm = RngAlgorithm::XorShift;
    Config { cases: config.cases * many, rng_seed, rng_algorithm, ..config }
}

/// Plays histories over channels of these flavours.
fn agree(flavours: impl Strategy<Value = Vec<Flavour>> + Send + 'static, taste: Taste, many: u32) {
    watched(move |diary| {
        let mut runner = TestRunner::new(config(many));
        let result = runner.run(&(flavours, steps(taste)), |(flavours, steps)| {
            play(&flavours, steps, diary).map(drop).map_err(TestCaseError::fail)
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(told, _)) => panic!("the library and its specification differ\n{told}"),
            Err(error) => panic!("{error}"),
        }
    });
}

/// Fails, and tells the history, if one of them does not come to its end.
fn watched(body: impl FnOnce(&Diary) + Send + 'static) {
    const LIMIT: Duration = Duration::from_secs(20);
    let diary = Diary::default();
    let (done, result) = mpsc::channel();
    let thread = std::thread::spawn({
        let diary = diary.clone();
        move || {
            body(&diary);
            let _ = done.send(());
        }
    });
    let mut before = 0;
    loop {
        match result.recv_timeout(LIMIT) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let played = diary.played();
                assert!(played > before, "the last step of a history does not return\n{diary}");
                before = played;
            }
            Ok(()) => return,
            Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => return,
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

fn alone(flavour: Flavour, many: u32) {
    for taste in [Taste::Mixed, Taste::Waiting, Taste::Choosing, Taste::Ending] {
        agree(Just(vec![flavour]), taste, many);
    }
}

fn any_flavour() -> impl Strategy<Value = Flavour> + Send + 'static {
    prop_oneof![
        3 => Just(Flavour::Rendezvous),
        3 => (1..=4_usize).prop_map(Flavour::Buffered),
        1 => Just(Flavour::Unbounded),
        2 => (0..=3_usize).prop_map(Flavour::Sliding),
        1 => (0..=3_usize).prop_map(Flavour::Dropping),
        1 => Just(Flavour::Latest),
    ]
}

fn several() -> impl Strategy<Value = Vec<Flavour>> + Send + 'static {
    proptest::collection::vec(any_flavour(), 2..4)
}

#[test]
fn a_rendezvous_agrees_with_its_specification() {
    alone(Flavour::Rendezvous, 3);
}

#[test]
fn a_buffer_of_one_agrees_with_its_specification() {
    alone(Flavour::Buffered(1), 3);
}

#[test]
fn larger_buffers_agree_with_their_specification() {
    for capacity in 2..=4 {
        alone(Flavour::Buffered(capacity), 1);
    }
}

#[test]
fn an_unbounded_channel_agrees_with_its_specification() {
    alone(Flavour::Unbounded, 1);
}

#[test]
fn a_sliding_channel_agrees_with_its_specification() {
    for capacity in 0..=3 {
        alone(Flavour::Sliding(capacity), 1);
    }
}

#[test]
fn a_dropping_channel_agrees_with_its_specification() {
    for capacity in 0..=3 {
        alone(Flavour::Dropping(capacity), 1);
    }
}

#[test]
fn a_channel_of_the_latest_agrees_with_its_specification() {
    alone(Flavour::Latest, 1);
}

#[test]
fn choices_among_several_channels_agree_with_their_specification() {
    agree(several(), Taste::Choosing, 12);
}

#[test]
fn choices_that_are_kept_agree_with_their_specification() {
    agree(any_flavour().prop_map(|flavour| vec![flavour]), Taste::Keeping, 8);
    agree(several(), Taste::Keeping, 8);
}

#[test]
fn several_channels_agree_with_their_specification() {
    agree(several(), Taste::Mixed, 4);
    agree(several(), Taste::Ending, 4);
}

/// Histories that never reach a rule would prove nothing about it.
#[test]
fn histories_reach_every_rule() {
    watched(|diary| {
        let mut runner = TestRunner::new(config(1));
        let mut reached = vec![0; Rule::ALL.len()];
        for taste in [Taste::Mixed, Taste::Waiting, Taste::Choosing, Taste::Keeping, Taste::Ending] {
            let histories = (proptest::collection::vec(any_flavour(), 1..4), steps(taste));
            for _ in 0..500 {
                let (flavours, steps) = histories.new_tree(&mut runner).unwrap().current();
                for rule in play(&flavours, steps, diary).unwrap_or_else(|told| panic!("{told}")) {
                    reached[rule as usize] += 1;
                }
            }
        }
        let reached: Vec<_> = Rule::ALL.iter().zip(reached).collect();
        assert!(reached.iter().all(|(_, count)| *count >= 5), "{reached:#?}");
    });
}
