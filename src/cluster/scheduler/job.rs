//! A job: what it asked for, what of it is queued, and how it fares.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    JobId, JobOptions, Range,
    chunking::{Pace, Window},
    run::{Piece, Rank},
    slab::{Link, List, Slab, Strand},
};

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) options: JobOptions,
    pub(super) sealed: bool,
    /// The number of the next chunk.
    pub(super) pushed: u64,
    /// Items pushed whose fate is open.
    pub(super) owed: u64,
    /// Sizes of the chunks that were never sent; the first of them has the number `pushed - fresh.len()`.
    fresh: VecDeque<u32>,
    /// What comes before them: given back, lost, panicked; in input order.
    pub(super) again: BTreeMap<(u64, u32), Piece>,
    /// What must run alone; in input order.
    pub(super) suspects: BTreeMap<(u64, u32), Piece>,
    /// Whether it stands in the ring of its lane (or of its worker).
    pub(super) in_ring: bool,
    /// Whether it stands in its lane's ring of jobs with suspects.
    pub(super) in_suspects: bool,
    /// Turns that it has had in advance, by long runs.
    pub(super) debt: u32,
    /// Its runs at workers, oldest first.
    pub(super) out: List,
    pub(super) pace: Pace,
    /// A task of it has waited for children.
    pub(super) nests: bool,
    /// The window as it was last told.
    pub(super) window: Window,
    /// When its slow runs are looked at.
    pub(super) check: Option<Duration>,
    /// Its place in the list of jobs that are not sealed.
    pub(super) unsealed_at: u32,
    links: [Link; 2],
}

impl Job {
    pub(super) fn new(id: JobId, options: JobOptions) -> Self {
        Self {
            id,
            sealed: false,
            pushed: 0,
            owed: 0,
            fresh: VecDeque::new(),
            again: BTreeMap::new(),
            suspects: BTreeMap::new(),
            in_ring: false,
            in_suspects: false,
            debt: 0,
            out: List::EMPTY,
            pace: Pace::new(options.chunking, options.speculate),
            nests: false,
            window: Window::default(),
            check: None,
            unsealed_at: 0,
            links: [Link::LOOSE; 2],
            options,
        }
    }

    pub(super) fn rank(&self) -> Rank {
        Rank { priority: self.options.priority, depth: self.options.depth }
    }

    pub(super) fn range(&self, number: u64, first: u32, count: u32) -> Range {
        Range { job: self.id, number, first, count }
    }

    /// Runs that wait here for a worker, except suspects.
    pub(super) fn queued(&self) -> usize {
        self.fresh.len() + self.again.len()
    }

    pub(super) fn push(&mut self, items: u32) {
        self.fresh.push_back(items);
        self.pushed += 1;
        self.owed += u64::from(items);
    }

    pub(super) fn again(&mut self, piece: Piece) {
        let before = self.again.insert((piece.number, piece.first), piece);
        debug_assert_eq!(before, None, "an item is queued once");
    }

    /// What goes next: what was tried before, then fresh chunks, in input order.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        if let Some((_, piece)) = self.again.pop_first() {
            return Some(piece);
        }
        let number = self.pushed - self.fresh.len() as u64;
        Some(Piece::fresh(number, self.fresh.pop_front()?))
    }

    /// All that is queued.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        let first = self.pushed - self.fresh.len() as u64;
        let fresh = (first..).zip(&self.fresh).map(|(number, &items)| Piece::fresh(number, items));
        self.again.values().chain(self.suspects.values()).copied().chain(fresh)
    }
}

pub(super) type Jobs = Slab<Job>;

/// The jobs of a lane that have queued work, in turn.
#[derive(Debug)]
pub(super) struct InRing;

/// The jobs of a lane that have suspects.
#[derive(Debug)]
pub(super) struct InSuspects;

impl Strand<Job> for InRing {
    fn link(job: &Job) -> Link {
        job.links[0]
    }

    fn link_mut(job: &mut Job) -> &mut Link {
        &mut job.links[0]
    }
}

impl Strand<Job> for InSuspects {
    fn link(job: &Job) -> Link {
        job.links[1]
    }

    fn link_mut(job: &mut Job) -> &mut Link {
        &mut job.links[1]
    }
}
