//! GPU processes on simulated devices: the driver that this program finds computes, in every order that CUDA allows.
//!
//! With `AQUEDUCT_TEST_GPU=real` the same tests use the machine's driver and its first GPUs; what only a simulation can do
//! (failures on demand, seeds, counts) is left out then, and says so. Without a driver they fail then.

#[path = "../gpu/kernels.rs"]
mod kernels;
mod machine;

mod bad_input;
mod chains;
mod ends;
mod failures;
mod lost;
mod memory;
mod orders;
mod review;
mod waits;
