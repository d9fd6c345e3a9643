//! A worker: a process that runs pieces of chunks.

mod piece;

pub use piece::Piece;
