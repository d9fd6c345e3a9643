//! A run: some items of a chunk, at one worker.

use std::time::Duration;

use super::{
    RunId,
    slab::{Link, Slab, Strand},
};

/// Who goes first: the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) priority: i32,
    pub(super) depth: u32,
}

/// Items that are together, and what they have been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) number: u64,
    pub(super) first: u32,
    pub(super) count: u32,
    /// The how-manieth try this is, from 1.
    pub(super) attempt: u32,
    /// How many workers have died that held it, and were not killed on purpose.
    pub(super) deaths: u32,
    /// How often it panicked; only a single item has.
    pub(super) panics: u32,
}

impl Piece {
    pub(super) fn fresh(number: u64, count: u32) -> Self {
        Self { number, first: 0, count, attempt: 1, deaths: 0, panics: 0 }
    }

    pub(super) fn end(&self) -> u32 {
        self.first + self.count
    }

    /// What is left of it from `first` on.
    pub(super) fn from(self, first: u32) -> Self {
        debug_assert!((self.first..=self.end()).contains(&first));
        Self { first, count: self.end() - first, ..self }
    }
}

/// Where a run is at its worker, as far as the scheduler knows: between queue and slot it believes what follows from the
/// order in which workers take runs, until the worker says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Waits for a slot.
    Queued,
    /// Waited for a slot when it was asked back.
    Asked,
    /// Has a slot.
    Running,
    /// Was started, and waits for children without a slot.
    Waiting,
}

/// One hand-over.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) worker: u32,
    /// `None`: nobody wants its results; it only holds its slot.
    pub(super) job: Option<u32>,
    pub(super) rank: Rank,
    pub(super) piece: Piece,
    /// The item that the worker tells of next.
    pub(super) next: u32,
    /// The first item whose fate is open; a twin may have settled items that this run has yet to reach.
    pub(super) open: u32,
    pub(super) place: Place,
    /// When it came to its place.
    pub(super) since: Duration,
    /// It ran alone from the start, because it is suspected.
    pub(super) alone: bool,
    /// Its item was overdue: nothing that is said about it counts any more.
    pub(super) void: bool,
    /// It was asked back for an idle worker, and while that is so, one question less is open to others.
    pub(super) counted: bool,
    /// The other copy of the same items.
    pub(super) twin: Option<u32>,
    /// How long its items took so far.
    pub(super) busy: Duration,
    links: [Link; 3],
}

impl Run {
    #[expect(clippy::too_many_arguments, reason = "a record of what is known at a hand-over")]
    pub(super) fn new(
        id: RunId,
        worker: u32,
        job: u32,
        rank: Rank,
        piece: Piece,
        place: Place,
        since: Duration,
        alone: bool,
    ) -> Self {
        Self {
            id,
            worker,
            job: Some(job),
            rank,
            piece,
            next: piece.first,
            open: piece.first,
            place,
            since,
            alone,
            void: false,
            counted: false,
            twin: None,
            busy: Duration::ZERO,
            links: [Link::LOOSE; 3],
        }
    }
}

pub(super) type Runs = Slab<Run>;

macro_rules! strand {
    ($(#[$doc:meta])* $name:ident, $number:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $name;

        impl Strand<Run> for $name {
            fn link(run: &Run) -> Link {
                run.links[$number]
            }

            fn link_mut(run: &mut Run) -> &mut Link {
                &mut run.links[$number]
            }
        }
    };
}

strand! {
    /// All runs at a worker.
    OfWorker, 0
}
strand! {
    /// All runs of a job.
    OfJob, 1
}
strand! {
    /// The runs that wait for a slot at a worker, in the order in which it takes them.
    InQueue, 2
}
