//! The distributed map: one function, every core.
//!
//! ```text
//! map (what users call) ── driver ── scheduler (pure)          worker ── piece (runs functions)
//!                            │                                    │
//!                          net::link  ═══════ QUIC ════════  net::link
//!                                        registry (both sides)
//! ```

mod human;
#[allow(dead_code, reason = "the driver shows it")]
mod progress;
pub mod registry;
pub mod scheduler;
#[allow(dead_code, reason = "progress and lines print through it")]
mod terminal;
pub mod worker;
