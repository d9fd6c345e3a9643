//! The remote functions of this program: what `#[remote]` registered, found by type, by name and by number.

mod entry;

pub use entry::Entry;
