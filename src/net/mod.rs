//! Links between processes: identity, wire format, QUIC.
//!
//! ```text
//! link      messages in order, large payloads on streams of their own
//! endpoint  QUIC settings, who listens and who dials
//! identity  the authority of a run, certificates
//! frame     bytes to frames and back (no I/O)
//! codec     values to bytes and back, bounded
//! ```
//!
//! Everything here is `pub` for the fuzz targets and benchmarks of this repository, which is why it is a hidden
//! module; no program should.

pub mod codec;
pub mod endpoint;
pub mod frame;
pub mod identity;
pub mod link;

#[cfg(test)]
mod testing;
