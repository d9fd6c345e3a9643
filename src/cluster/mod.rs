//! The distributed map: one function, every core.
//!
//! ```text
//! map (what users call) ── driver ── scheduler (pure)          worker ── piece (runs functions)
//!                            │                                    │
//!                          net::link  ═══════ QUIC ════════  net::link
//!                                        registry (both sides)
//! ```

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

pub use summary::{ConstantsSent, Summary, WorkerSummary};
