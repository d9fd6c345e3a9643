//! Whose turn it is: queued jobs by what they need, by rank, and in turn.
//!
//! Jobs with the same needs make a *front*; in a front those with the same rank make a *lane*, a ring that they leave when
//! nothing of theirs is queued. Whoever is first in a front and finds no worker holds up all behind it there: would
//! others be let past, short runs sent ahead could fill every place that a long one waits for.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    Tags,
    job::{InRing, InSuspects, Jobs},
    run::Rank,
    slab::List,
};

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) ring: List,
    pub(super) suspects: List,
    /// The pass of `dispatch` in which no worker was found for its suspects.
    pub(super) tried: u64,
}

#[derive(Debug)]
pub(super) struct Front {
    pub(super) needs: Tags,
    pub(super) lanes: BTreeMap<Reverse<Rank>, Lane>,
    /// When something of it was sent last; the one that has waited longest goes first among equals.
    pub(super) served: u64,
    /// The pass of `dispatch` in which no worker was found for its first.
    pub(super) blocked: u64,
}

/// So many lanes or fronts may stand empty, so that a job that comes and goes does not build them anew.
const EMPTY_MOST: usize = 4;

impl Front {
    /// The first rank that has something to offer in this pass.
    pub(super) fn top(&self, pass: u64) -> Option<Rank> {
        let offers = |lane: &Lane| !lane.ring.is_empty() || (!lane.suspects.is_empty() && lane.tried != pass);
        self.lanes.iter().find(|(_, lane)| offers(lane)).map(|(rank, _)| rank.0)
    }

    pub(super) fn lane(&mut self, rank: Rank) -> &mut Lane {
        let empty = Lane { ring: List::EMPTY, suspects: List::EMPTY, tried: 0 };
        self.lanes.entry(Reverse(rank)).or_insert(empty)
    }
}

/// All fronts, in no particular order.
#[derive(Debug, Default)]
pub(super) struct Fronts {
    pub(super) all: Vec<Front>,
}

impl Fronts {
    pub(super) fn front(&mut self, needs: Tags) -> &mut Front {
        let at = self.all.iter().position(|front| front.needs == needs).unwrap_or_else(|| {
            self.all.push(Front { needs, lanes: BTreeMap::new(), served: 0, blocked: 0 });
            self.all.len() - 1
        });
        &mut self.all[at]
    }

    /// Puts a job at the end of its ring, if it is not in it.
    pub(super) fn enter(&mut self, jobs: &mut Jobs, at: u32) {
        let job = &mut jobs[at];
        if !std::mem::replace(&mut job.in_ring, true) {
            let (needs, rank) = (job.options.needs, job.rank());
            self.front(needs).lane(rank).ring.push_back::<_, InRing>(jobs, at);
        }
    }

    /// Takes a job out of its ring, if it is in it.
    pub(super) fn leave(&mut self, jobs: &mut Jobs, at: u32) {
        let job = &mut jobs[at];
        if std::mem::take(&mut job.in_ring) {
            let (needs, rank) = (job.options.needs, job.rank());
            self.front(needs).lane(rank).ring.remove::<_, InRing>(jobs, at);
            self.clean(needs, rank);
        }
    }

    pub(super) fn enter_suspects(&mut self, jobs: &mut Jobs, at: u32) {
        let job = &mut jobs[at];
        if !std::mem::replace(&mut job.in_suspects, true) {
            let (needs, rank) = (job.options.needs, job.rank());
            self.front(needs).lane(rank).suspects.push_back::<_, InSuspects>(jobs, at);
        }
    }

    pub(super) fn leave_suspects(&mut self, jobs: &mut Jobs, at: u32) {
        let job = &mut jobs[at];
        if std::mem::take(&mut job.in_suspects) {
            let (needs, rank) = (job.options.needs, job.rank());
            self.front(needs).lane(rank).suspects.remove::<_, InSuspects>(jobs, at);
            self.clean(needs, rank);
        }
    }

    /// Forgets a lane and a front that have become empty, unless they are among the last few.
    fn clean(&mut self, needs: Tags, rank: Rank) {
        let Some(at) = self.all.iter().position(|front| front.needs == needs) else { return };
        let front = &mut self.all[at];
        let empty = |lane: &Lane| lane.ring.is_empty() && lane.suspects.is_empty();
        if front.lanes.len() > EMPTY_MOST && front.lanes.get(&Reverse(rank)).is_some_and(empty) {
            front.lanes.remove(&Reverse(rank));
        }
        if self.all.len() > EMPTY_MOST
            && self.all[at].lanes.len() <= EMPTY_MOST
            && self.all[at].lanes.values().all(empty)
        {
            self.all.swap_remove(at);
        }
    }
}
