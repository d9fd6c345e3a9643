//! What a seed decides: who runs next, and who gives way.
//!
//! Two families of schedules, because they find different bugs. *Uniform*: each runnable process is as likely as any
//! other; finds what needs much mixing. *Priorities*: the runnable process with the highest random priority runs, and at
//! a few random steps the one that runs falls to the lowest (Burckhardt et al., "A Randomized Scheduler with Probabilistic
//! Guarantees of Finding Bugs", 2010); finds what needs one process to be very late. In both, an operation gives way with
//! a chance that the seed draws, too, so that some runs have long undisturbed stretches.
//!
//! Every schedule is fair in the end: nobody keeps others from running for more than [`PATIENCE`] turns, or goes through
//! more than that many operations in one turn. So a network that goes on for ever does so by itself.

use fastrand::Rng;

/// How many turns in a row, or operations in a turn, one process may have while others wait.
const PATIENCE: u32 = 64;

#[derive(Debug)]
pub(super) struct Plan {
    random: Rng,
    /// How many of 64 operations give way.
    gives_way: u8,
    order: Order,
    last: usize,
    turns_in_a_row: u32,
    operations_in_turn: u32,
}

#[derive(Debug)]
enum Order {
    Uniform,
    Priorities {
        /// By actor; higher runs first.
        of: Vec<u64>,
        /// The steps at which the one that runs falls back, the next one last.
        changes: Vec<u64>,
        /// The lowest priority that has been given.
        lowest: u64,
    },
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds are to have nothing in common.
        let mut random = Rng::with_seed(scatter(seed));
        let gives_way = [0, 2, 8, 16, 32, 32][random.usize(..6)];
        let order = if random.u8(..3) > 0 {
            Order::Uniform
        } else {
            let within = 1 << random.u32(3..13);
            let mut changes: Vec<u64> = (0..random.usize(1..5)).map(|_| random.u64(..within)).collect();
            changes.sort_unstable_by(|a, b| b.cmp(a));
            Order::Priorities { of: Vec::new(), changes, lowest: 1 << 32 }
        };
        Self { random, gives_way, order, last: usize::MAX, turns_in_a_row: 0, operations_in_turn: 0 }
    }

    /// The place in `runnable`, which is not empty, of the actor that runs next.
    pub(super) fn pick(&mut self, runnable: &[usize], step: u64) -> usize {
        self.operations_in_turn = 0;
        if self.turns_in_a_row >= PATIENCE {
            self.fall_back(self.last);
        }
        self.changes_by(step);
        let place = match &mut self.order {
            Order::Uniform => self.random.usize(..runnable.len()),
            Order::Priorities { of, .. } => {
                let mut best = (0, 0);
                for (place, &actor) in runnable.iter().enumerate() {
                    while of.len() <= actor {
                        of.push(self.random.u64(1 << 32..));
                    }
                    best = best.max((of[actor], place));
                }
                best.1
            }
        };
        let actor = runnable[place];
        self.turns_in_a_row = if actor == self.last { self.turns_in_a_row + 1 } else { 0 };
        self.last = actor;
        place
    }

    /// Whether the operation that begins gives way.
    pub(super) fn gives_way(&mut self, step: u64) -> bool {
        self.operations_in_turn += 1;
        if self.operations_in_turn > PATIENCE {
            self.fall_back(self.last);
            return true;
        }
        self.changes_by(step) || self.random.u8(..64) < self.gives_way
    }

    /// An even chance.
    pub(super) fn coin(&mut self) -> bool {
        self.random.bool()
    }

    /// A seed for the random choices of one process.
    pub(super) fn seed_of(seed: u64, actor: usize) -> u64 {
        scatter(scatter(seed) ^ actor as u64)
    }

    /// True if the one that runs has just fallen back.
    fn changes_by(&mut self, step: u64) -> bool {
        match &mut self.order {
            Order::Priorities { changes, .. } if changes.last().is_some_and(|&change| change <= step) => {
                changes.pop();
                self.fall_back(self.last);
                true
            }
            _ => false,
        }
    }

    fn fall_back(&mut self, actor: usize) {
        self.turns_in_a_row = 0;
        if let Order::Priorities { of, lowest, .. } = &mut self.order
            && let Some(priority) = of.get_mut(actor)
        {
            *lowest -= 1;
            *priority = *lowest;
        }
    }
}

/// Spreads the bits of a number over all of it (SplitMix64).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who runs in the first turns, if three can.
    fn turns(seed: u64) -> Vec<usize> {
        let mut plan = Plan::new(seed);
        (0..100).map(|step| plan.pick(&[0, 1, 2], step)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_plan_and_others_make_others() {
        let plans: std::collections::HashSet<Vec<usize>> = (0..200).map(turns).collect();
        assert!((0..200).all(|seed| turns(seed) == turns(seed)));
        // Two plans by priorities may well be the same for three who never wait.
        assert!(plans.len() > 120, "{} different plans", plans.len());
    }

    #[test]
    fn nobody_is_left_out_for_ever() {
        for seed in 0..500 {
            let mut plan = Plan::new(seed);
            let mut seen = [0; 3];
            for step in 0..1000 {
                seen[plan.pick(&[0, 1, 2], step)] += 1;
            }
            assert!(seen.iter().all(|&turns| turns > 100), "seed {seed}: {seen:?}");
        }
    }

    #[test]
    fn nobody_goes_on_for_ever_in_one_turn() {
        for seed in 0..500 {
            let mut plan = Plan::new(seed);
            plan.pick(&[0], 0);
            assert!((1..=u64::from(PATIENCE) + 1).any(|step| plan.gives_way(step)), "seed {seed}");
        }
    }
}
