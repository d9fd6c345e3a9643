//! The remote functions of this program: what `#[remote]` registered, found by type, by name and by number.
//!
//! ```text
//! #[remote] fn f       ── Entry (name, type, signature, how to run it) ──┐ gathered by the linker
//! map(f, …)            ── RemoteFn: the type of f ───────────────────────┤
//!                                                                        ▼
//! driver: type → number ══════ number, arguments ══════ worker: number → Entry::run
//! ```
//!
//! Both processes run the same binary, so a function is a number between them: its place among all names in order.
//! The handshake makes sure of that. It compares the [`build_id`]s, and where those may differ the [`Registry::digest`]s;
//! [`describe_difference`] says what is missing.
//!
//! # What the linker leaves out
//! A library whose crate the program never names is not linked, and neither are its remote functions: cargo hands the
//! library to the compiler, but the compiler takes what is mentioned only. One mention is enough: `use tasks as _;`.

mod build;
mod difference;
mod entry;
mod function;
mod glue;
mod lookup;
mod signature;

#[cfg(test)]
mod tests;

pub use build::{BuildIdError, build_id};
pub use difference::describe_difference;
pub use entry::{Entry, TestEntry};
pub use function::{Bound, Function, Later, Plain, RemoteFn, With, with};
#[doc(hidden)]
pub use glue::{Form, Nothing, ViaNothing, ViaPiece, captured, travels, type_id_of};
pub use lookup::{Listed, NotRegistered, Registry, RegistryError, registry};
