//! The distributed map: one function, every core.
//!
//! ```text
//! map (what users call) ── driver ── scheduler (pure)          worker ── piece (runs functions)
//!                            │                                    │
//!                          net::link  ═══════ QUIC ════════  net::link
//!                                        registry (both sides)
//! ```

pub(crate) mod entry_point;
#[allow(dead_code, reason = "until workers install it and the driver replays")]
mod forward;
mod human;
#[allow(dead_code, reason = "until the launcher relays the streams of its workers")]
mod lines;
#[allow(dead_code, reason = "until a map shows it")]
mod progress;
pub mod registry;
pub mod scheduler;
mod summary;
#[allow(dead_code, reason = "until progress, lines and forward are used")]
mod terminal;
pub mod worker;

pub use registry::{With, with};

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
pub use summary::{ConstantsSent, Summary, WorkerSummary};
