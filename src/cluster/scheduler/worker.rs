//! What the scheduler knows of a worker.

use std::collections::BTreeMap;

use super::{
    Tags, WorkerId,
    fleet::{LEVELS, STEPS, Spot},
    run::{InQueue, Rank, Runs},
    slab::{List, NONE},
};

/// So many waiting tasks per slot, and a worker takes only runs that are deeper than they are: each waiting task may
/// hold a thread.
const WAITING_MOST: u32 = 4;

/// Where new runs for a worker may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    /// Only runs deeper than this: what its waiting tasks wait for must always have a way in.
    Above(u32),
    Closed,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) slots: u32,
    pub(super) tags: Tags,
    pub(super) class: u32,
    /// Runs that have a slot, or are believed to.
    pub(super) running: u32,
    /// Runs that were asked back, without an answer yet.
    pub(super) asked: u32,
    /// Runs believed to wait for a slot.
    pub(super) queue: List,
    /// All runs.
    pub(super) held: List,
    /// How many tasks wait for children, by depth.
    waits: BTreeMap<u32, u32>,
    pub(super) waiting: u32,
    /// Suspects that run here alone. More than one only where all but the last wait.
    pub(super) alone: u32,
    pub(super) alone_waiting: u32,
    /// It gets nothing new, until it is empty and a suspect can have it.
    pub(super) draining: bool,
    pub(super) leaving: bool,
    /// Its slots count for what jobs may expect: it neither leaves nor is killed.
    pub(super) counts: bool,
    /// It was told to be killed.
    pub(super) doomed: bool,
    /// What it runs takes much longer than what waits behind it: it gets nothing until it gets on.
    pub(super) stuck: bool,
    /// Jobs with queued work that only this worker may run.
    pub(super) bound: List,
    /// Where it stands in its class (see `fleet`).
    pub(super) spot: Spot,
}

impl Worker {
    pub(super) fn new(id: WorkerId, slots: u32, tags: Tags, class: u32) -> Self {
        Self {
            id,
            slots,
            tags,
            class,
            running: 0,
            asked: 0,
            queue: List::EMPTY,
            held: List::EMPTY,
            waits: BTreeMap::new(),
            waiting: 0,
            alone: 0,
            alone_waiting: 0,
            draining: false,
            leaving: false,
            counts: true,
            doomed: false,
            stuck: false,
            bound: List::EMPTY,
            spot: Spot::OUT,
        }
    }

    /// Runs that have a slot or will want one.
    pub(super) fn load(&self) -> u32 {
        self.running + self.asked + self.queue.len
    }

    /// The load as a number of a bucket.
    pub(super) fn level(&self) -> u32 {
        self.per_slot(self.load())
    }

    /// So many runs in steps per slot.
    pub(super) fn per_slot(&self, runs: u32) -> u32 {
        let steps = u64::from(runs) * u64::from(STEPS) / u64::from(self.slots);
        u32::try_from(steps).map_or(LEVELS - 1, |steps| steps.min(LEVELS - 1))
    }

    pub(super) fn door(&self) -> Door {
        if self.doomed || self.draining || self.stuck || self.alone > self.alone_waiting {
            return Door::Closed;
        }
        let crowded = self.waiting >= self.slots.saturating_mul(WAITING_MOST);
        match self.waits.last_key_value() {
            Some((&depth, _)) if crowded || self.leaving || self.alone > 0 => Door::Above(depth),
            None if self.leaving => Door::Closed,
            _ => Door::Open,
        }
    }

    pub(super) fn wait(&mut self, depth: u32) {
        *self.waits.entry(depth).or_default() += 1;
        self.waiting += 1;
    }

    pub(super) fn wait_no_more(&mut self, depth: u32) {
        if let Some(count) = self.waits.get_mut(&depth) {
            *count -= 1;
            if *count == 0 {
                self.waits.remove(&depth);
            }
        }
        self.waiting -= 1;
    }

    /// Puts a run where the worker will take it: by rank, then by age.
    pub(super) fn enqueue(&mut self, runs: &mut Runs, at: u32) {
        let rank = runs[at].rank;
        let mut before = self.queue.tail;
        if before != NONE && rank > runs[self.queue.head].rank {
            before = NONE;
        }
        while before != NONE && runs[before].rank < rank {
            before = List::before::<_, InQueue>(runs, before);
        }
        self.queue.insert_after::<_, InQueue>(runs, before, at);
    }

    /// Whether a run of this rank finds fewer than `most` runs before it here.
    ///
    /// A worker takes the highest rank first, so what ranks lower does not stand in the way: without this, children
    /// would wait for shallow runs that were sent ahead.
    pub(super) fn has_room(&self, runs: &Runs, rank: Rank, most: u32, ever: u32) -> bool {
        if self.load() < most {
            return true;
        }
        if self.queue.is_empty() || self.load() >= ever || self.running + self.asked >= most {
            return false;
        }
        let room = most - self.running - self.asked;
        let mut at = self.queue.head;
        for _ in 0..room {
            if at == NONE || runs[at].rank < rank {
                return true;
            }
            at = List::after::<_, InQueue>(runs, at);
        }
        false
    }
}
