//! The distributed map: one function, every core.
//!
//! ```text
//! map (what users call) ── driver ── scheduler (pure)          worker ── piece (runs functions)
//!                            │                                    │
//!                          net::link  ═══════ QUIC ════════  net::link
//!                                        registry (both sides)
//! ```

pub mod registry;
pub mod scheduler;
pub mod worker;

pub use registry::{With, with};
