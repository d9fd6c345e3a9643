//! A worker: a process that runs pieces of chunks.
//!
//! ```text
//! serve ── the process: identity, connection, messages (I/O thread; nothing of the user's runs there)
//!   ├── pool ── task threads, and the runs that wait for them
//!   │     └── piece ── decode, call, encode, for each item        running ── what both threads know of a run
//!   ├── client ── jobs of the tasks themselves
//!   └── constants
//! desk ── where all of them hand in what is for the driver
//! ```

mod block_on;
mod client;
mod constants;
mod desk;
mod init;
mod panics;
mod piece;
mod pool;
mod running;
mod serve;
mod state;
pub(crate) mod task_scope;

pub use init::{init, serve_test_worker};
pub use piece::Piece;
pub use state::worker_state;

pub(crate) use block_on::block_on;
pub(crate) use constants::digest_of;
pub(crate) use init::refuse_in_worker;
pub(crate) use serve::{BEGIN, BEGIN_WANTED, MARK, SENTINEL, architecture, host_name};
pub(crate) use task_scope::Scope;
