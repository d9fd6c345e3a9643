//! Host memory that batches lie in, and where it goes when it is dropped.
//!
//! * A [`Block`] is host memory of one owner: a vector's, or a piece of a [`Home`]'s.
//! * A piece goes back to its home when it is dropped, on whatever thread, and is there for the next batch of its size class.
//!   What a home keeps is given back to the system, or to the driver, when the last of its users is gone.
//!
//! Sizes are rounded up, so that batches that differ a little share their memory.

mod block;
mod home;
mod pinned;

pub(crate) use block::Block;
pub(crate) use home::{CLASSES, Home, Piece, size_class};
pub use pinned::Pinned;
