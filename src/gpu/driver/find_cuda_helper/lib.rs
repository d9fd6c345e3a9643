//! Stands in for the crate of this name, which the build scripts of `cust` ask where the CUDA toolkit is.
//!
//! No toolkit is needed: Aqueduct defines the driver's functions itself, and finds the driver when the program runs
//! (see `src/gpu/driver/forward`). So there is nothing to look for and nothing to link.

/// Tells the linker nothing.
pub fn include_cuda() {}
