//! Which of any number of children are ready: ready sets of 64, and ready sets of ready sets.
//!
//! A leaf's parent waker is the waker of its place in the set above; the top's is the task's. So a child that is
//! woken marks its leaf, the leaf its parent, and only the first in a quiet group wakes the task.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};

use crate::wait::{CHILDREN, ReadySet};

/// How often one set is looked at again before its siblings get their turn.
const ROUNDS: u32 = 16;

pub(super) struct Tree {
    /// `levels[0]` are the leaves; the last level has one set.
    levels: Vec<Vec<Set>>,
}

struct Set {
    ready: ReadySet,
    /// Where the next look begins: a poll that runs out of budget goes on there, so nobody starves.
    next: AtomicU32,
}

impl Set {
    fn new() -> Self {
        Self { ready: ReadySet::new(), next: AtomicU32::new(0) }
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// Makes room for child `index`, the next one, and marks it as ready.
    pub(super) fn add(&mut self, index: usize) {
        self.ensure(0, index / CHILDREN);
        self.mark(0, index);
    }

    /// Makes a set that does not exist yet, and the ones above it.
    fn ensure(&mut self, level: usize, set: usize) {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        while self.levels[level].len() <= set {
            self.levels[level].push(Set::new());
            let last = self.levels[level].len() - 1;
            if last == 0 {
                continue;
            }
            self.ensure(level + 1, last / CHILDREN);
            if last == 1 {
                // The first set was the top until now.
                self.adopt(level, 0);
            }
            self.adopt(level, last);
        }
    }

    /// Makes a set wake its place in the level above, which looks at it once.
    fn adopt(&mut self, level: usize, set: usize) {
        let waker = self.levels[level + 1][set / CHILDREN].ready.waker(set % CHILDREN);
        self.levels[level][set].ready.set_parent(&waker);
        self.mark(level + 1, set);
    }

    /// Marks a place as ready, and the sets above it; the task wakes itself.
    fn mark(&mut self, level: usize, place: usize) {
        let (mut level, mut place) = (level, place);
        while level < self.levels.len() {
            self.levels[level][place / CHILDREN].ready.mark(1 << (place % CHILDREN));
            place /= CHILDREN;
            level += 1;
        }
    }

    /// Polls the children that are ready until none is, or until `poll` breaks off.
    ///
    /// `poll` is given the child's index and a context with its waker. After a break the task has been woken.
    pub(super) fn poll(&mut self, waker: &Waker, mut poll: impl FnMut(usize, &mut Context<'_>) -> ControlFlow<()>) {
        let Some(top) = self.levels.len().checked_sub(1) else { return };
        self.levels[top][0].ready.set_parent(waker);
        if self.visit(top, 0, &mut Visit { poll: &mut poll, stopped: false }) {
            waker.wake_by_ref();
        }
    }

    /// True if something in this set is still ready.
    fn visit(&self, level: usize, set: usize, visit: &mut Visit<'_>) -> bool {
        let Set { ready, next } = &self.levels[level][set];
        let session = ready.session();
        let mut rounds = if level + 1 == self.levels.len() { u32::MAX } else { ROUNDS };
        let mut left = 0;
        while rounds > 0 && !visit.stopped {
            rounds -= 1;
            let mut bits = session.take() | std::mem::take(&mut left);
            if bits == 0 {
                break;
            }
            while bits != 0 && !visit.stopped {
                let first = next.load(Ordering::Relaxed);
                let bit = (bits.rotate_right(first).trailing_zeros() + first) as usize % CHILDREN;
                bits &= !(1 << bit);
                next.store((bit as u32 + 1) % CHILDREN as u32, Ordering::Relaxed);
                let place = set * CHILDREN + bit;
                if level == 0 {
                    visit.stopped = session.with_waker(bit, |cx| (visit.poll)(place, cx)).is_break();
                } else if self.visit(level - 1, place, visit) {
                    left |= 1 << bit;
                }
            }
            left |= bits;
        }
        left |= session.take();
        drop(session);
        if left != 0 {
            ready.mark(left);
        }
        left != 0
    }
}

/// What is the same for all sets of one poll.
struct Visit<'a> {
    poll: &'a mut dyn FnMut(usize, &mut Context<'_>) -> ControlFlow<()>,
    stopped: bool,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("levels", &self.levels.len()).finish()
    }
}
