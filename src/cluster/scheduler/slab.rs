//! Numbered places for entries, and lists that run through them.
//!
//! Runs and jobs are members of several lists at once (of their worker, of their job, of a queue) and leave them from the
//! middle. Links inside the entries make that one step each, without an allocation per run.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::{Index, IndexMut},
};

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// A vector whose free places are used again.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, entry: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.entries[at as usize] = Some(entry);
            return at;
        }
        let at = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries fit into memory");
        self.entries.push(Some(entry));
        at
    }

    pub(super) fn remove(&mut self, at: u32) -> T {
        let entry = self.entries[at as usize].take().expect("the place is taken");
        self.free.push(at);
        entry
    }

    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.entries.get(at as usize)?.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.entries).filter_map(|(at, entry)| Some((at, entry.as_ref()?)))
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        self.entries[at as usize].as_ref().expect("the place is taken")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        self.entries[at as usize].as_mut().expect("the place is taken")
    }
}

/// An entry's neighbours in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    before: u32,
    after: u32,
}

impl Link {
    pub(super) const LOOSE: Self = Self { before: NONE, after: NONE };
}

/// Which of an entry's links belongs to this list.
pub(super) trait Strand<T> {
    fn link(entry: &T) -> Link;
    fn link_mut(entry: &mut T) -> &mut Link;
}

/// A list through a slab.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push_back<T, S: Strand<T>>(&mut self, slab: &mut Slab<T>, at: u32) {
        self.insert_after::<T, S>(slab, self.tail, at);
    }

    /// Puts `at` behind `before`, or in front of all where that is `NONE`.
    pub(super) fn insert_after<T, S: Strand<T>>(&mut self, slab: &mut Slab<T>, before: u32, at: u32) {
        let after = if before == NONE { self.head } else { S::link(&slab[before]).after };
        *S::link_mut(&mut slab[at]) = Link { before, after };
        match before {
            NONE => self.head = at,
            _ => S::link_mut(&mut slab[before]).after = at,
        }
        match after {
            NONE => self.tail = at,
            _ => S::link_mut(&mut slab[after]).before = at,
        }
        self.len += 1;
    }

    pub(super) fn remove<T, S: Strand<T>>(&mut self, slab: &mut Slab<T>, at: u32) {
        let Link { before, after } = std::mem::replace(S::link_mut(&mut slab[at]), Link::LOOSE);
        match before {
            NONE => self.head = after,
            _ => S::link_mut(&mut slab[before]).after = after,
        }
        match after {
            NONE => self.tail = before,
            _ => S::link_mut(&mut slab[after]).before = before,
        }
        self.len -= 1;
    }

    /// Moves the first to the end.
    pub(super) fn rotate<T, S: Strand<T>>(&mut self, slab: &mut Slab<T>) {
        if self.len > 1 {
            let first = self.head;
            self.remove::<T, S>(slab, first);
            self.push_back::<T, S>(slab, first);
        }
    }

    pub(super) fn after<T, S: Strand<T>>(slab: &Slab<T>, at: u32) -> u32 {
        S::link(&slab[at]).after
    }

    pub(super) fn before<T, S: Strand<T>>(slab: &Slab<T>, at: u32) -> u32 {
        S::link(&slab[at]).before
    }

    pub(super) fn iter<'a, T, S: Strand<T>>(&self, slab: &'a Slab<T>) -> impl Iterator<Item = u32> + use<'a, T, S> {
        let mut at = self.head;
        std::iter::from_fn(move || {
            let this = at;
            if this == NONE {
                return None;
            }
            at = Self::after::<T, S>(slab, this);
            Some(this)
        })
    }
}

/// A map by number. The numbers are the driver's own, so nobody can choose them to collide; and nothing ever walks
/// through such a map, so its order cannot leak into a decision.
pub(super) type ById<K> = HashMap<K, u32, BuildHasherDefault<IdHasher>>;

/// Spreads consecutive numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}
