//! A simulated CUDA driver that computes, for tests of everything above the driver where there is no GPU.
//!
//! [`answer`] gives the functions of the driver by their names; whoever calls them drives a simulated machine with several
//! devices. It interprets PTX, checks every argument, counts, fails when it is told to, and does what is queued in streams
//! in any order that CUDA allows, which one a seed decides. A wait that is missing in the code under test gives wrong
//! results under some seed, mostly under every second one.
//!
//! ```no_run
//! use aqueduct_simulated_gpu::{Settings, Simulator};
//!
//! let gpu = Simulator::start(Settings::seed(7).devices(2));
//! // … use the driver …
//! assert_eq!(gpu.calls("cuMemAlloc_v2"), 3);
//! gpu.finish();
//! ```
//!
//! What it does not model: the legacy stream (refused), memory that several devices map, graphs, and the speed of anything.

#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "the functions of the driver get pointers")]
#[allow(clippy::cast_possible_truncation, reason = "numbers of the driver's are what they are")]
mod driver;
mod ptx;
mod random;
mod settings;
mod simulator;

pub use driver::check::Live;
pub use driver::functions as cuda;
pub use driver::functions::answer_symbol as answer;
pub use driver::world::Traffic;
pub use settings::Settings;
pub use simulator::Simulator;
