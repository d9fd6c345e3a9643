//! GPU processes on simulated devices: the driver that this program finds computes, in every order that CUDA allows.
//!
//! With `AQUEDUCT_TEST_GPU=real` the same tests use the machine's driver and its first GPUs; what only a simulation can do
//! (failures on demand, seeds, counts) is left out then, and says so.

#[path = "../common/mod.rs"]
mod common;
#[path = "../gpu/kernels.rs"]
mod kernels;
mod machine;

mod chains;
mod failures;
mod orders;
mod review;
