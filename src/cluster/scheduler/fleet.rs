//! The workers by load: the least loaded one that can take a run is found in a few steps, however many there are.
//!
//! Workers with the same tags make a *class*. In a class those with an open door stand in buckets by load per slot; a
//! map of bits tells the first bucket that is not empty. A second set of buckets holds those with runs in their queue,
//! from which idle workers are helped.

use std::collections::BTreeSet;

use super::{
    Tags,
    slab::Slab,
    worker::{Door, Worker},
};

/// Buckets per unit of load per slot.
pub(super) const STEPS: u32 = 8;
pub(super) const LEVELS: u32 = 4096;
const WORDS: usize = LEVELS as usize / 64;

/// Numbers in buckets; all operations take a fixed number of steps.
#[derive(Debug)]
pub(super) struct Buckets {
    lists: Vec<Vec<u32>>,
    words: [u64; WORDS],
    summary: u64,
}

impl Buckets {
    fn new() -> Self {
        Self { lists: Vec::new(), words: [0; WORDS], summary: 0 }
    }

    /// Returns the position in the bucket.
    fn insert(&mut self, level: u32, worker: u32) -> u32 {
        let level = level as usize;
        if self.lists.len() <= level {
            self.lists.resize_with(level + 1, Vec::new);
        }
        self.words[level / 64] |= 1 << (level % 64);
        self.summary |= 1 << (level / 64);
        let list = &mut self.lists[level];
        list.push(worker);
        u32::try_from(list.len() - 1).expect("fewer than 2^32 workers")
    }

    /// Returns who has taken the position, if anybody.
    fn remove(&mut self, level: u32, position: u32) -> Option<u32> {
        let level = level as usize;
        let list = &mut self.lists[level];
        list.swap_remove(position as usize);
        if list.is_empty() {
            self.words[level / 64] &= !(1 << (level % 64));
            if self.words[level / 64] == 0 {
                self.summary &= !(1 << (level / 64));
            }
        }
        list.get(position as usize).copied()
    }

    /// The lowest level that is not empty.
    pub(super) fn lowest(&self) -> Option<u32> {
        let word = self.summary.checked_ilog2().map(|_| self.summary.trailing_zeros())?;
        Some(word * 64 + self.words[word as usize].trailing_zeros())
    }

    /// The highest level that is not empty.
    pub(super) fn highest(&self) -> Option<u32> {
        let word = self.summary.checked_ilog2()?;
        Some(word * 64 + self.words[word as usize].ilog2())
    }

    pub(super) fn at(&self, level: u32) -> &[u32] {
        self.lists.get(level as usize).map_or(&[], Vec::as_slice)
    }
}

/// Where a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its door and load level, if anything may come in.
    stand: Stand,
    position: u32,
    /// Level and position among those with a queue.
    queued: Option<(u32, u32)>,
    /// Free slots it counts for.
    idle: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Out,
    Open(u32),
    Above(u32, u32),
}

impl Spot {
    pub(super) const OUT: Self = Self { stand: Stand::Out, position: 0, queued: None, idle: 0 };
}

/// The workers with one set of tags.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) tags: Tags,
    /// With an open door, by load.
    pub(super) open: Buckets,
    /// Those that take only runs deeper than the first number; then by load.
    pub(super) above: BTreeSet<(u32, u32, u32)>,
    /// With something in the queue, by the magnitude of its length per slot.
    pub(super) queued: Buckets,
    /// Slots that are free behind open doors.
    pub(super) idle: u64,
    /// Slots and workers that are neither leaving nor doomed.
    pub(super) slots: u64,
    pub(super) workers: u32,
}

/// All classes. One that has lost its last worker stays for the next with the same tags; there are few sets of tags.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) classes: Vec<Class>,
    /// Slots that are free behind open doors, in all classes.
    pub(super) idle: u64,
}

impl Fleet {
    pub(super) fn new() -> Self {
        Self { classes: Vec::new(), idle: 0 }
    }

    /// The class with these tags.
    pub(super) fn class(&mut self, tags: Tags) -> u32 {
        let at = self.classes.iter().position(|class| class.tags == tags).unwrap_or_else(|| {
            self.classes.push(Class {
                tags,
                open: Buckets::new(),
                above: BTreeSet::new(),
                queued: Buckets::new(),
                idle: 0,
                slots: 0,
                workers: 0,
            });
            self.classes.len() - 1
        });
        u32::try_from(at).expect("fewer classes than workers")
    }

    /// Slots of all workers that have what is needed.
    pub(super) fn slots(&self, needs: Tags) -> u64 {
        self.classes.iter().filter(|class| class.tags.cover(needs)).map(|class| class.slots).sum()
    }

    /// Workers that have what is needed.
    pub(super) fn workers(&self, needs: Tags) -> u32 {
        self.classes.iter().filter(|class| class.tags.cover(needs)).map(|class| class.workers).sum()
    }

    /// Counts a worker's slots in or out.
    pub(super) fn count(&mut self, class: u32, slots: u32, comes: bool) {
        let class = &mut self.classes[class as usize];
        if comes {
            class.slots += u64::from(slots);
            class.workers += 1;
        } else {
            class.slots -= u64::from(slots);
            class.workers -= 1;
        }
    }

    /// Puts a worker where it belongs now.
    pub(super) fn stand(&mut self, workers: &mut Slab<Worker>, at: u32) {
        let worker = &workers[at];
        let (load, level) = (worker.load(), worker.level());
        let (stand, idle) = match worker.door() {
            Door::Closed => (Stand::Out, 0),
            Door::Above(depth) => (Stand::Above(depth, level), 0),
            Door::Open => (Stand::Open(level), worker.slots.saturating_sub(load)),
        };
        let queued =
            worker.queue.len.checked_ilog2().map(|_| u32::BITS - worker.per_slot(worker.queue.len).leading_zeros());
        self.put(workers, at, stand, idle, queued);
    }

    /// Takes a worker out of everything.
    pub(super) fn leave(&mut self, workers: &mut Slab<Worker>, at: u32) {
        self.put(workers, at, Stand::Out, 0, None);
    }

    fn put(&mut self, workers: &mut Slab<Worker>, at: u32, stand: Stand, idle: u32, queued: Option<u32>) {
        let old = workers[at].spot;
        let class = &mut self.classes[workers[at].class as usize];
        class.idle = class.idle + u64::from(idle) - u64::from(old.idle);
        self.idle = self.idle + u64::from(idle) - u64::from(old.idle);
        workers[at].spot.idle = idle;
        if old.stand != stand {
            match old.stand {
                Stand::Out => {}
                Stand::Open(level) => {
                    if let Some(moved) = class.open.remove(level, old.position) {
                        workers[moved].spot.position = old.position;
                    }
                }
                Stand::Above(depth, level) => {
                    class.above.remove(&(depth, level, at));
                }
            }
            match stand {
                Stand::Out => {}
                Stand::Open(level) => workers[at].spot.position = class.open.insert(level, at),
                Stand::Above(depth, level) => {
                    class.above.insert((depth, level, at));
                }
            }
            workers[at].spot.stand = stand;
        }
        if old.queued.map(|(level, _)| level) != queued {
            if let Some((level, position)) = old.queued
                && let Some(moved) = class.queued.remove(level, position)
            {
                workers[moved].spot.queued = Some((level, position));
            }
            workers[at].spot.queued = queued.map(|level| (level, class.queued.insert(level, at)));
        }
    }
}
