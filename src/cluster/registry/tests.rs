//! The registry's own: duplicates, differences, signatures, build ids.

mod build;
mod difference;
mod lookup;
mod shapes;
