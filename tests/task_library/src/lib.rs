//! Remote functions in a crate of their own: they are in a program's registry if the program mentions this crate.

/// Doubles it.
#[aqueduct::remote]
pub fn double(x: u64) -> u64 {
    2 * x
}

/// Functions in a module.
pub mod inner {
    /// Adds them.
    #[aqueduct::remote]
    pub fn add(x: u64, y: u64) -> u64 {
        x + y
    }
}
