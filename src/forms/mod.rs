//! Thin forms of channels: one value, a request with its reply, a state that is watched, one value for everybody.
//!
//! They are made of the channels below and nothing else: what they promise about order, ending and cancelled futures
//! is what channels promise, and their receiving sides stand in a choice like any other.

mod broadcast;
mod call;
mod oneshot;
mod watch;

pub use broadcast::{BroadcastSender, broadcast};
pub use call::{Call, CallError, Caller, Reply, calls};
pub use oneshot::{OneshotFuture, OneshotReceiver, OneshotSender, oneshot};
pub use watch::{WatchReceiver, WatchSender, watch};
