//! All histories of a few steps, and some of many.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::actors::Kind;
use crate::world::{Step, World};

/// A situation: the channels, who uses them (each with its own channel), and what else happens, each once at most.
#[derive(Debug, Clone)]
pub(crate) struct Situation {
    pub(crate) capacities: [usize; 2],
    pub(crate) cast: Vec<(Kind, usize)>,
    /// What happens first, in every history.
    pub(crate) prelude: Vec<Step>,
    pub(crate) events: Vec<Step>,
    pub(crate) depth: usize,
}

impl Situation {
    /// Plays every history of `depth` steps: every order of polls, cancellations and events. Gives their number.
    pub(crate) fn exhaust(&self) -> usize {
        let mut histories = 0;
        // At each step: which of the steps that were possible was taken, and how many were possible.
        let mut path: Vec<(usize, usize)> = Vec::new();
        loop {
            self.play(&mut path);
            histories += 1;
            while let Some((taken, possible)) = path.pop() {
                if taken + 1 < possible {
                    path.push((taken + 1, possible));
                    break;
                }
            }
            if path.is_empty() {
                return histories;
            }
        }
    }

    /// Follows the path, and then takes the first step that is possible until the depth is reached.
    fn play(&self, path: &mut Vec<(usize, usize)>) {
        let mut history = Vec::new();
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(self.capacities);
            self.cast.iter().for_each(|&(kind, chan)| world.join(kind, chan));
            let mut events = self.events.clone();
            for &step in &self.prelude {
                history.push(step);
                world.step(step);
            }
            for depth in 0..self.depth {
                let mut steps: Vec<Step> =
                    world.running().flat_map(|actor| [Step::Poll(actor), Step::Cancel(actor)]).collect();
                for (index, event) in events.iter().enumerate() {
                    if world.allows(*event) && !events[..index].contains(event) {
                        steps.push(*event);
                    }
                }
                if steps.is_empty() {
                    break;
                }
                if depth == path.len() {
                    path.push((0, steps.len()));
                }
                let step = steps[path[depth].0];
                if let Some(index) = events.iter().position(|event| *event == step) {
                    events.remove(index);
                }
                history.push(step);
                world.step(step);
            }
            world.finish();
        }));
        if let Err(panic) = played {
            eprintln!("in {self:?}\nthe history {history:?} went wrong");
            resume_unwind(panic);
        }
    }
}

/// Plays one long history, decided by the seed: actors come and go.
pub(crate) fn wander(seed: u64, kinds: &[Kind], steps: usize) {
    let mut random = Random(seed);
    let capacities = [random.below(4), random.below(4)].map(|index| crate::world::CAPACITIES[index]);
    let mut history = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(capacities);
        let mut joined = 0;
        for _ in 0..steps {
            let running: Vec<usize> = world.running().collect();
            if running.len() < 5 && random.below(3) == 0 {
                let (kind, chan) = (kinds[random.below(kinds.len())], random.below(2));
                if world.can_join(kind, chan) {
                    history.push(format!("{joined} joins {chan} as {kind:?}"));
                    joined += 1;
                    world.join(kind, chan);
                    continue;
                }
            }
            let chan = random.below(2);
            let step = match (random.below(64), running.as_slice()) {
                (0, _) => Step::Poison(chan),
                (1, _) => Step::DropSender(chan),
                (2, _) => Step::DropReceiver(chan),
                (3..=5, _) => Step::Due,
                (6..=11, _) => Step::TryRecv(chan),
                (12..=17, _) => Step::TrySend(chan),
                (_, []) => continue,
                (18..=27, running) => Step::Cancel(running[random.below(running.len())]),
                (_, running) => Step::Poll(running[random.below(running.len())]),
            };
            if world.allows(step) {
                history.push(format!("{step:?}"));
                world.step(step);
            }
        }
        world.finish();
    }));
    if let Err(panic) = played {
        eprintln!("with seed {seed}, capacities {capacities:?}, the history {history:#?} went wrong");
        resume_unwind(panic);
    }
}

/// A small generator of numbers, so that a seed means the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
