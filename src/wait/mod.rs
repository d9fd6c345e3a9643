//! The wait protocol: how an operation on a channel, or a choice among several, meets its peer.
//!
//! This folder is the only home of unsafe code in the core. Everything above it (channels, choice, processes) is
//! safe code over four things: an [`Exchange`] where the two sides meet, an [`Operation`] on it, a [`Select`] over
//! several operations and futures, and a [`ReadySet`] of the children of one task.
//!
//! # Objects
//!
//! ```text
//! Exchange   lock ── store, returned values, and the lists of waiting senders, receivers and watchers
//! Node       one operation's place in a list, with its value; part of the operation, pinned
//! Claim      one word and one waker for each waiting operation or choice
//! ```
//!
//! Whoever meets a waiting peer *commits* it under the channel's lock: it moves the value between its own slot and
//! the peer's, marks the peer's claim TAKEN, and wakes it after unlocking. The peer finds its result ready; it does
//! not look again, so a rendezvous costs one wake and one poll, and nobody barges in between. A task and a thread
//! wait in the same way and differ in their waker alone (`park`).
//!
//! # Invariants
//!
//! * **I1** A node is linked only while its claim is armed or was armed and not yet left (a kept choice's: as K1 to K4
//!   in `kept` say); whoever holds the list's lock links and unlinks it, nobody else.
//! * **I2** A claim leaves ARMED exactly once for each arming. A plain operation: under its one lock. A choice: by
//!   compare-and-swap, of one peer that holds the lock of the guard's list, or of the owner that withdraws.
//! * **I3** Nothing of the user's runs under a lock: no waker is cloned, woken or dropped there, no value and no
//!   error is dropped there.
//! * **I4** After it has stored TAKEN, a peer touches neither the claim nor the node.
//! * **I5** A plain operation holds one lock at most. A choice takes several in rising order of address, each once.
//! * **I6** Identity is the claim: never the thread, and never the task. A choice is linked nowhere while it
//!   looks for peers, so it cannot meet itself, even if it offers both directions of one channel.
//! * **I7** Nodes and claims are pinned (`PhantomPinned`), and leave their lists before their memory is given up. A
//!   node never points to memory that its future does not own: a future that is leaked after it was polled leaks
//!   its node with it, and peers may still meet it there.
//! * **I8** What a peer has committed stays committed. A send is delivered. A received value that its operation
//!   drops goes back into the channel, at its place in the order.
//!
//! # Why this and not that
//!
//! *Wake and retry* (flume, async-channel) needs two wakes and two polls, loses a place in the queue, and lets a
//! value rest where its receiver no longer is. *Two-phase select* (crossbeam) spins while the peer fetches the
//! packet: unacceptable if the peer is a task that is not running. *Optimistic claims of both sides* (Parallel CML)
//! leave dead entries behind, which need a collector. *Go's select* is nearest: all locks by address, intrusive
//! queues; we add pass 1, one lock at a time, and a claim that a peer can win without our locks.

mod budget;
mod claim;
mod exchange;
mod kept;
mod node;
mod operation;
mod park;
mod primitives;
mod ready;
mod select;
mod wakes;

#[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
pub(crate) use budget::ask_next;
pub(crate) use budget::{on_runtime_worker, poll_proceed};
pub(crate) use exchange::{Direction, Exchange, Extras, Hook, Pushed, Receiving, Sending, Step, Store};
pub(crate) use kept::{Kept, KeptGuards};
pub(crate) use operation::{Operation, Reach, Settled, Watch};
pub(crate) use park::{Noted, block_on};
pub(crate) use primitives::{AtomicU32, Ordering};
pub(crate) use ready::{CHILDREN, ReadySet};
pub(crate) use select::{Arrange, Select, sealed::Sealed};
pub use select::{Chosen, Exchanging, Guarded, Guards, Kind};
