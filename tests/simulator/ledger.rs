//! What has become of every item, kept apart from the scheduler, and what may become of it.

use std::collections::HashMap;

use aqueduct::cluster::scheduler::{Failure, JobId, JobOptions, Range};

use crate::plan::Items;

/// The fate of one item.
#[derive(Clone, Copy, Debug, Default)]
struct Item {
    /// How often it was begun.
    begun: u8,
    /// How often it may be begun once more: declared deaths, panics, copies.
    excuses: u8,
    /// How many runs that are outstanding hold it.
    held: u8,
    /// Deaths of workers that held it.
    deaths: u8,
    /// It was the only item at the worker whose death was declared last.
    alone: bool,
    settled: bool,
}

/// One job, as the driver sees it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) options: JobOptions,
    pub(crate) kind: Items,
    /// Items that were not pushed yet.
    pub(crate) left: u64,
    pub(crate) sealed: bool,
    pub(crate) window: (u32, u32),
    next_chunk: u64,
    /// Chunks under way: where their items begin, and how many have an open fate.
    chunks: HashMap<u64, (u64, u32)>,
    items: Vec<Item>,
    delivered: u64,
    failed: u64,
    total: u64,
}

impl Account {
    pub(crate) fn new(options: JobOptions, kind: Items, total: u64) -> Self {
        Self {
            options,
            kind,
            left: total,
            sealed: false,
            window: (0, 1),
            next_chunk: 0,
            chunks: HashMap::new(),
            items: Vec::new(),
            delivered: 0,
            failed: 0,
            total,
        }
    }

    /// The next chunk, if there is one and the window lets it.
    pub(crate) fn next_chunk(&mut self) -> Option<(u64, u32)> {
        if self.left == 0 || self.chunks.len() >= self.window.0 as usize {
            return None;
        }
        let items = u32::try_from(self.left.min(u64::from(self.window.1))).expect("a window is a u32");
        let number = self.next_chunk;
        self.next_chunk += 1;
        self.left -= u64::from(items);
        self.chunks.insert(number, (self.items.len() as u64, items));
        self.items.resize(self.items.len() + items as usize, Item::default());
        Some((number, items))
    }

    pub(crate) fn items_under_way(&self) -> usize {
        self.chunks.values().map(|&(_, open)| open as usize).sum()
    }

    fn slice(&mut self, range: Range) -> &mut [Item] {
        let &(base, _) =
            self.chunks.get(&range.number).unwrap_or_else(|| panic!("chunk of {range:?} is not under way"));
        let first = base as usize + range.first as usize;
        &mut self.items[first..first + range.count as usize]
    }

    /// The number of an item in its job.
    pub(crate) fn index(&self, number: u64, item: u32) -> Option<u64> {
        self.chunks.get(&number).map(|&(base, _)| base + u64::from(item))
    }

    /// A run of these items was ordered.
    pub(crate) fn ordered(&mut self, range: Range) {
        let speculate = self.options.speculate;
        for item in self.slice(range) {
            assert!(!item.settled, "{range:?}: an item with a known fate is sent");
            // A run, its copy, and one more: a copy passes over an item that has panicked and goes again by itself.
            assert!(item.held == 0 || (speculate && item.held <= 2), "{range:?}: an item is in too many runs");
            item.excuses += u8::from(item.held > 0);
            item.held += 1;
        }
    }

    /// A run has ended for the scheduler, and with it these items of it, except those that were settled.
    pub(crate) fn let_go(&mut self, range: Range) {
        if self.chunks.contains_key(&range.number) {
            for item in self.slice(range) {
                item.held -= 1;
            }
        }
    }

    /// The death of a worker that held these items was declared.
    pub(crate) fn bereaved(&mut self, range: Range, alone: bool) {
        if self.chunks.contains_key(&range.number) {
            for item in self.slice(range) {
                // A copy elsewhere may have settled it, and a broker that does not know yet tries it again.
                item.excuses += 1;
                if !item.settled {
                    item.deaths += 1;
                    item.alone = alone;
                }
            }
        }
    }

    pub(crate) fn excused(&mut self, number: u64, item: u32) {
        if let Some(index) = self.index(number, item) {
            self.items[index as usize].excuses += 1;
        }
    }

    /// How often an item was begun so far.
    pub(crate) fn tries(&self, number: u64, item: u32) -> u8 {
        self.index(number, item).map_or(0, |index| self.items[index as usize].begun)
    }

    /// An item is begun at a worker.
    pub(crate) fn begun(&mut self, number: u64, item: u32) {
        // An item may be begun when its fate is known: by a copy, or by a worker that was declared dead.
        let Some(index) = self.index(number, item) else { return };
        let item = &mut self.items[index as usize];
        assert!(item.begun <= item.excuses, "item {index} runs again without a cause: {item:?}");
        item.begun += 1;
    }

    fn settle(&mut self, range: Range) {
        for item in self.slice(range) {
            assert!(!item.settled, "{range:?}: the fate of an item is told twice");
            item.settled = true;
        }
        let (_, open) = self.chunks.get_mut(&range.number).expect("looked at above");
        *open -= range.count;
        if *open == 0 {
            self.chunks.remove(&range.number);
        }
    }

    pub(crate) fn delivered(&mut self, range: Range) {
        self.delivered += u64::from(range.count);
        self.settle(range);
    }

    pub(crate) fn failed(&mut self, range: Range, failure: Failure) {
        self.failed += u64::from(range.count);
        if failure == Failure::WorkerGone {
            assert!(self.options.only.is_some(), "{range:?} fails for a worker that it does not need");
        }
        if let Failure::Deaths(told) = failure {
            let most = self.options.deaths;
            let item = self.slice(range)[0];
            assert_eq!(range.count, 1, "only single items fail for deaths");
            assert!(item.alone, "{range:?} fails for a death in which it was not alone");
            assert!(told > most, "{range:?} fails after {told} deaths, where {most} are allowed");
            assert!(told <= u32::from(item.deaths), "{range:?}: {told} deaths are told, {} happened", item.deaths);
        }
        self.settle(range);
    }

    /// The job was settled: was it time?
    pub(crate) fn check_end(&self, job: JobId, cancelled: bool) {
        assert!(cancelled || self.left == 0 && self.chunks.is_empty(), "{job:?} is settled too early: {self:?}");
        assert!(cancelled || self.delivered + self.failed == self.total, "{job:?} has lost items");
    }

    pub(crate) fn outcome(&self) -> (u64, u64) {
        (self.delivered, self.failed)
    }
}
