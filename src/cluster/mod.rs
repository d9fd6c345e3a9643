//! The distributed map: one function, every core; told in [`guide::cluster`](crate::guide::cluster).
//!
//! ```text
//! map (what users call) ── driver ── scheduler (pure)          worker ── piece (runs functions)
//!                            │                                    │
//!                          net::link  ═══════ QUIC ════════  net::link
//!                                        registry (both sides)
//! ```

#[expect(clippy::module_inception, reason = "the room is named after what stands in its middle")]
mod cluster;
mod driver;
pub(crate) mod entry_point;
mod error;
mod forward;
mod host;
mod human;
mod keeping;
mod lines;
mod map;
mod progress;
mod protocol;
pub mod registry;
pub mod scheduler;
mod shared;
mod summary;
pub mod task;
mod terminal;
#[doc(hidden)]
pub mod worker;

pub use cluster::{Builder, Cluster, InitOutcome, Worker};
pub use error::{ClusterError, Panic, Place, TaskError, WorkerEnd};
pub use map::{FromIter, FromStream, Input, Map, OnError, TaskHandle, TaskOptions, first, join_all};
pub use registry::{With, with};
pub use shared::Shared;
pub use summary::{ConstantsSent, Summary, WorkerSummary};
#[doc(hidden)]
pub use worker::serve_test_worker;
pub use worker::worker_state;

/// Lets a test binary serve as its own workers: stands once in it, at the top of the file.
///
/// It makes a test of the name `aqueduct_worker_entry`, which a cluster runs alone in each worker process that it
/// starts. In an ordinary run of the tests it passes at once.
///
/// # Examples
/// ```
/// aqueduct::worker_entry!();
///
/// #[aqueduct::remote]
/// fn square(x: u64) -> u64 {
///     x * x
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! worker_entry {
    () => {
        // A test harness has it, and nothing else: a program says `aqueduct::init()`.
        #[cfg(test)]
        #[test]
        fn aqueduct_worker_entry() {
            $crate::cluster::serve_test_worker();
        }

        #[cfg(test)]
        $crate::__private::remote::inventory::submit! {
            $crate::__private::remote::TestEntry {
                path: ::core::concat!(::core::module_path!(), "::aqueduct_worker_entry"),
            }
        }
    };
}
