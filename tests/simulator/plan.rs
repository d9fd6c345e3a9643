//! What is to be simulated: everything follows from a seed.

use aqueduct::cluster::scheduler::{Chunking, JobOptions, Tags};
use fastrand::Rng;

/// A microsecond, in the simulator's nanoseconds.
pub(crate) const US: u64 = 1_000;
/// A millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// The tag that half the workers of a tagged world have.
pub(crate) const GPU: Tags = Tags(1);

/// What the items of a job are like. The rates are per million items.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    /// The usual duration in nanoseconds; each item takes between half and one and a half of it.
    pub(crate) duration: u64,
    /// So many take a hundred times as long.
    pub(crate) slow: u32,
    /// So many panic on their first try.
    pub(crate) panics: u32,
    /// So many kill their worker, always.
    pub(crate) poison: u32,
    /// So many never end.
    pub(crate) endless: u32,
    /// So many map over children of their own.
    pub(crate) parents: u32,
    /// How many levels of children there may be.
    pub(crate) levels: u32,
}

impl Items {
    pub(crate) fn plain(duration: u64) -> Self {
        Self { duration, slow: 0, panics: 0, poison: 0, endless: 0, parents: 0, levels: 0 }
    }
}

/// A job to come.
#[derive(Clone, Debug)]
pub(crate) struct JobPlan {
    pub(crate) at: u64,
    pub(crate) items: u64,
    pub(crate) kind: Items,
    pub(crate) options: JobOptions,
    /// When it is cancelled, if it is, and whether with force.
    pub(crate) cancel: Option<(u64, bool)>,
}

/// Misfortunes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The process ends.
    Kill,
    /// The process stands still for so long.
    Stop(u64),
    /// The link is cut for so long; whether what was on its way arrives afterwards.
    Partition(u64, bool),
    /// The worker is told to leave.
    Leave,
    /// Another worker joins.
    Join,
}

/// A whole world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Slots and tags of the workers at the start.
    pub(crate) workers: Vec<(u32, Tags)>,
    /// Of these, so many are brokers with workers of their own: slots are how many.
    pub(crate) brokers: usize,
    /// How long a message takes: at least, and at most so much more.
    pub(crate) delay: (u64, u64),
    pub(crate) jobs: Vec<JobPlan>,
    pub(crate) faults: Vec<(u64, Fault)>,
    /// Steps between two full audits.
    pub(crate) audit_every: u64,
}

impl Plan {
    /// Equal workers, one job, no faults.
    pub(crate) fn calm(seed: u64, workers: usize, slots: u32, items: u64, kind: Items) -> Self {
        let job = JobPlan { at: 0, items, kind, options: JobOptions::default(), cancel: None };
        Self {
            seed,
            workers: vec![(slots, Tags::default()); workers],
            brokers: 0,
            delay: (20 * US, 30 * US),
            jobs: vec![job],
            faults: Vec::new(),
            audit_every: 10_000,
        }
    }

    /// A world in which everything happens.
    pub(crate) fn stormy(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(1..12);
        let workers = (0..count).map(|_| (rng.u32(1..5), Tags(rng.u64(0..2)))).collect();
        let jobs = (0..rng.usize(1..8)).map(|_| Self::any_job(&mut rng)).collect();
        let faults = (0..rng.usize(0..12)).map(|_| (rng.u64(0..60 * MS), Self::any_fault(&mut rng))).collect();
        let delay = *rng.choice(&[(20 * US, 30 * US), (US, 0), (MS, 5 * MS), (100 * US, 10 * MS)]).expect("not empty");
        Self {
            seed,
            workers,
            brokers: 0,
            delay,
            jobs,
            faults,
            audit_every: if seed.is_multiple_of(16) { 1 } else { 64 },
        }
    }

    fn any_fault(rng: &mut Rng) -> Fault {
        match rng.u32(0..7) {
            0 | 1 => Fault::Kill,
            2 => Fault::Stop(rng.u64(MS..200 * MS)),
            3 => Fault::Partition(rng.u64(MS..100 * MS), rng.bool()),
            4 => Fault::Leave,
            _ => Fault::Join,
        }
    }

    fn any_job(rng: &mut Rng) -> JobPlan {
        let duration = *rng.choice(&[100, 10 * US, 300 * US, 3 * MS, 50 * MS]).expect("not empty");
        let most = (500 * MS / duration).clamp(20, 2_000);
        let mut rare = |most: u32| if rng.u32(0..3) == 0 { rng.u32(0..most) } else { 0 };
        let kind = Items {
            duration,
            slow: rare(20_000),
            panics: rare(30_000),
            poison: rare(3_000),
            endless: rare(1_500),
            parents: rare(100_000),
            levels: rng.u32(0..4),
        };
        let speculate = rng.u32(0..3) == 0;
        let options = JobOptions {
            priority: rng.i32(-1..2),
            needs: if rng.u32(0..4) == 0 { GPU } else { Tags::default() },
            deaths: rng.u32(0..4),
            retries: rng.u32(0..3),
            chunking: if rng.bool() { Chunking::Automatic } else { Chunking::Fixed(rng.u32(1..50)) },
            speculate,
            ..JobOptions::default()
        };
        let cancel = (rng.u32(0..6) == 0).then(|| (rng.u64(0..80 * MS), rng.bool()));
        JobPlan { at: rng.u64(0..20 * MS), items: rng.u64(0..most), kind, options, cancel }
    }
}

/// What an item does on a try. Depends on the seed, the job's kind and the item alone, so that a seed replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Work,
    Panic,
    Die,
    Hang,
    Nest,
}

impl Items {
    /// The duration of an item, and what it does on its try number `tries` (from 0).
    pub(crate) fn deed(&self, seed: u64, job: u64, item: u64, tries: u8) -> (u64, Deed) {
        let mut rng =
            Rng::with_seed(seed ^ job.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ item.wrapping_mul(0xD1B5_4A32_D192_ED03));
        let mut duration = self.duration / 2 + rng.u64(0..=self.duration);
        let die = rng.u32(0..1_000_000);
        if rng.u32(0..1_000_000) < self.slow {
            duration *= 100;
        }
        let mut bound = 0;
        let mut is = |rate: u32| {
            bound += rate;
            die < bound
        };
        let deed = if is(self.poison) {
            Deed::Die
        } else if is(self.endless) {
            Deed::Hang
        } else if is(self.panics) {
            if tries == 0 { Deed::Panic } else { Deed::Work }
        } else if is(self.parents) && self.levels > 0 {
            Deed::Nest
        } else {
            Deed::Work
        };
        (duration, deed)
    }
}
