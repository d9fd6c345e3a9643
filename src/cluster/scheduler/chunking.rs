//! How large the next chunk should be, how many chunks may be under way, how many runs may wait at a worker.
//!
//! All three follow from one number per job: the time that an item takes, averaged so that a sample counts by its items,
//! and so that a bad surprise counts at once.

use std::time::Duration;

use super::{Chunking, Settings};

/// A run that takes longer than so many prefetch times is not worth a second one behind it: the way to the driver and
/// back is nothing beside it, and there the run would only be in the wrong place.
const LONG: f64 = 16.0;

/// How many durations make a median.
const RECENT: usize = 15;

/// What a job has taught about its pace.
#[derive(Debug)]
pub(super) struct Pace {
    /// Nanoseconds per item.
    per_item: f64,
    /// How many items stand behind that; 0: nothing is known.
    weight: f64,
    /// Items that the next chunk should hold.
    pub(super) items: u32,
    /// Runs a worker may hold per slot, those that have a slot included.
    pub(super) limit: u32,
    /// Nanoseconds per item of the last runs; only for jobs that want copies of slow runs.
    recent: Option<Box<(usize, [f64; RECENT])>>,
}

impl Pace {
    pub(super) fn new(chunking: Chunking, speculate: bool) -> Self {
        let items = match chunking {
            Chunking::Automatic => 1,
            Chunking::Fixed(items) => items.max(1),
        };
        let recent = speculate.then(|| Box::new((0, [0.0; RECENT])));
        Self { per_item: 0.0, weight: 0.0, items, limit: 2, recent }
    }

    /// `count` items of a run of `size` took `busy`.
    pub(super) fn learn(&mut self, chunking: Chunking, settings: &Settings, count: u32, size: u32, busy: Duration) {
        let count = f64::from(count);
        let sample = nanoseconds(busy) / count;
        let share = count / (self.weight + count);
        let share = if sample > self.per_item { share.max(0.5) } else { share };
        self.per_item += (sample - self.per_item) * share;
        self.weight = (self.weight + count).min(8.0 * count);
        if chunking == Chunking::Automatic {
            let wanted = nanoseconds(settings.chunk_time) / self.per_item.max(0.01);
            // A float that is too large becomes the largest number.
            self.items =
                (wanted as u32).clamp(1, settings.items_most.max(1)).min(size.saturating_mul(8).max(self.items));
        }
    }

    /// A task of the job has children: whatever waits behind it would be started for each task that waits.
    pub(super) fn limit(&self, settings: &Settings, nests: bool) -> u32 {
        if nests {
            return 1;
        }
        let Some(run) = self.expected(self.items) else { return 2 };
        let prefetch = nanoseconds(settings.prefetch_time);
        if run > LONG * prefetch {
            return 1;
        }
        1 + ((prefetch / run.max(1.0)) as u32).clamp(1, settings.prefetch_most())
    }

    /// How long so many items should take, in nanoseconds.
    pub(super) fn expected(&self, items: u32) -> Option<f64> {
        (self.weight > 0.0).then(|| self.per_item * f64::from(items))
    }

    /// How many turns a run of so many items costs, where one turn is worth `chunk_time`.
    pub(super) fn turns(&self, settings: &Settings, items: u32) -> u32 {
        let turn = nanoseconds(settings.chunk_time).max(1.0);
        self.expected(items).map_or(1, |run| ((run / turn) as u32).clamp(1, 64))
    }

    /// A whole run took so long per item.
    pub(super) fn remember(&mut self, busy: Duration, count: u32) {
        if let Some(recent) = &mut self.recent
            && count > 0
        {
            let (at, all) = &mut **recent;
            all[*at % RECENT] = nanoseconds(busy) / f64::from(count);
            *at += 1;
        }
    }

    /// The median over the last runs, for so many items.
    pub(super) fn median(&self, items: u32) -> Option<Duration> {
        let (at, all) = &**self.recent.as_ref()?;
        let mut known = *all;
        let known = &mut known[..(*at).min(RECENT)];
        known.sort_unstable_by(f64::total_cmp);
        let middle = known.get(known.len() / 2)?;
        Some(Duration::from_nanos((middle * f64::from(items)) as u64))
    }
}

pub(super) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// What jobs of one function have taught those that come after them.
#[derive(Debug)]
pub(super) struct Kind {
    pace: Pace,
    nests: bool,
}

/// All kinds, by number.
#[derive(Debug, Default)]
pub(super) struct Kinds(Vec<Kind>);

/// Kinds beyond this number teach nothing: memory is bounded, whatever the numbers are.
const KINDS_MOST: usize = 1 << 16;

impl Kinds {
    fn known(&self, kind: u32) -> Option<&Kind> {
        self.0.get(kind as usize).filter(|kind| kind.pace.weight > 0.0 || kind.nests)
    }

    /// What a new job begins with: an eighth of the chunk that would be right if it is like the others.
    pub(super) fn begin(&self, kind: u32, chunking: Chunking, pace: &mut Pace) {
        let Some(known) = self.known(kind) else { return };
        pace.limit = known.pace.limit.max(2);
        if chunking == Chunking::Automatic {
            pace.items = (known.pace.items / 8).max(1);
        }
    }

    /// Runs a worker may hold per slot, of a job that has shown nothing yet.
    pub(super) fn limit(&self, kind: u32, pace: &Pace) -> u32 {
        match self.known(kind) {
            // A first run and one behind it always go: the one may be what a waiting task needs.
            Some(known) if pace.weight == 0.0 => known.pace.limit.max(2),
            _ => pace.limit,
        }
    }

    pub(super) fn learn(&mut self, kind: u32, settings: &Settings, count: u32, size: u32, busy: Duration) {
        if let Some(known) = self.slot(kind) {
            known.pace.learn(Chunking::Automatic, settings, count, size, busy);
            known.pace.limit = known.pace.limit(settings, known.nests);
        }
    }

    /// A task of this kind has children; others of its kind may have them too.
    pub(super) fn has_children(&mut self, kind: u32) {
        if let Some(known) = self.slot(kind) {
            known.nests = true;
            known.pace.limit = 1;
        }
    }

    fn slot(&mut self, kind: u32) -> Option<&mut Kind> {
        let kind = kind as usize;
        if kind >= KINDS_MOST {
            return None;
        }
        if self.0.len() <= kind {
            self.0.resize_with(kind + 1, || Kind { pace: Pace::new(Chunking::Automatic, false), nests: false });
        }
        self.0.get_mut(kind)
    }
}

/// How far a job may run ahead: chunks, and items in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) chunks: u32,
    pub(super) items: u32,
}

impl Window {
    /// Enough for every slot's runs, and one round more in the driver's own queue.
    pub(super) fn new(pace: &Pace, slots: u64) -> Self {
        let chunks = slots.saturating_mul(u64::from(pace.limit) + 1).max(2);
        Self { chunks: u32::try_from(chunks).unwrap_or(u32::MAX), items: pace.items }
    }

    /// Whether the other is so different that it must be told.
    pub(super) fn differs(self, other: Self) -> bool {
        fn far(one: u32, other: u32) -> bool {
            one.abs_diff(other) > one.max(other) / 4
        }
        far(self.chunks, other.chunks) || far(self.items, other.items)
    }
}
