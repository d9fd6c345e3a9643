//! What the attributes leave behind, for the linker to gather.

use std::{any::TypeId, fmt};

use crate::cluster::worker::Piece;

/// What `#[remote]` leaves behind for a function: how it is called, found and recognised.
pub struct Entry {
    /// `module::path::function`; unique, else starting a cluster fails and names both.
    pub name: &'static str,
    /// Where it stands, for messages: `file:line`.
    pub location: &'static str,
    /// The type of the function item, by which `map(f, …)` finds the entry.
    pub type_id: fn() -> TypeId,
    /// A number that changes when the types of the arguments or of the result do.
    pub signature: fn() -> u64,
    /// Runs a piece of a chunk.
    pub run: fn(&mut Piece<'_>),
    /// Folds encoded results, if the function takes two values of one type to a third.
    pub fold: Option<fn(&mut Piece<'_>)>,
    /// Whether a second copy may run at the same time (`#[remote(pure)]`).
    pub pure: bool,
}

inventory::collect!(Entry);

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("location", &self.location).finish_non_exhaustive()
    }
}

/// What [`worker_entry!`](crate::worker_entry) leaves behind: the test by which a test binary serves as a worker.
#[derive(Debug)]
pub struct TestEntry {
    /// The path of the test function, the name of its crate first.
    #[doc(hidden)]
    pub path: &'static str,
}

inventory::collect!(TestEntry);

impl TestEntry {
    /// The entry of this test binary, if it has one. Of several the first in order of their names: they do the same.
    #[must_use]
    pub fn of_this_program() -> Option<&'static Self> {
        inventory::iter::<Self>().min_by_key(|entry| entry.path)
    }

    /// The name by which the test harness knows it: `program <this> --exact --nocapture` runs it alone.
    #[must_use]
    pub fn exact_name(&self) -> &'static str {
        // The harness leaves the crate out.
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }
}
