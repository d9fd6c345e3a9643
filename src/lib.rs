//! Processes that share nothing, typed channels between them, and real choice.
//!
//! A program is a network of *processes* that talk over *typed channels*; a process can wait for several things at
//! once, and does exactly one of them: that is *choice*. The same network runs on tasks and on OS threads, inside any
//! tokio runtime or from plain threads.
//!
//! # A network
//!
//! ```
//! use aqueduct::prelude::*;
//!
//! #[process]                                        // an async fn is a task process
//! async fn prefix(first: u64, input: Receiver<u64>, out: Sender<u64>) -> Outcome {
//!     out.send(first).await?;                       // retired: end quietly; poisoned: carry the poison on
//!     while let Some(n) = input.next().await? {     // None: retired
//!         out.send(n).await?;
//!     }
//!     Ok(())
//! }
//!
//! #[process]
//! async fn successor(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
//!     while let Some(n) = input.next().await? {
//!         out.send(n + 1).await?;
//!     }
//!     Ok(())
//! }
//!
//! #[process]
//! async fn delta(input: Receiver<u64>, left: Sender<u64>, right: Sender<u64>) -> Outcome {
//!     while let Some(n) = input.next().await? {
//!         left.send(n).await?;
//!         right.send(n).await?;
//!     }
//!     Ok(())
//! }
//!
//! #[process]                                        // a plain fn has a thread of its own, and may block it
//! fn first(count: usize, input: Receiver<u64>) -> Outcome<Vec<u64>> {
//!     Ok(input.iter().take(count).collect::<Result<_, _>>()?)
//! }
//!
//! fn main() -> Result<(), ProcessError> {
//!     let (a, a_rx) = aqueduct::channel();          // a rendezvous: done when the other side has taken it
//!     let (b, b_rx) = aqueduct::channel();
//!     let (c, c_rx) = aqueduct::channel();
//!     let (d, d_rx) = aqueduct::channel();
//!     let network = par!(prefix(0, c_rx, a), delta(a_rx, b, d), successor(b_rx, c), first(5, d_rx));
//!     let ((), (), (), numbers) = aqueduct::run(network)?;
//!     assert_eq!(numbers, [0, 1, 2, 3, 4]);
//!     Ok(())
//! }
//! ```
//!
//! When `first` has its five numbers it drops its end. That retires the channel; `delta`'s next send finds it
//! retired, `?` ends it, its ends retire in turn, and so the whole network ends in good order. Had `first` failed, or
//! panicked, its end would have *poisoned* the channel, every process would have ended with that poison, and
//! [`run`] would have said: `process first#4 failed: …`.
//!
//! # Where to start
//!
//! * [`channel()`], [`buffered`], [`unbounded`], [`sliding`], [`dropping`], [`latest`]: channels; the forms, their order,
//!   how they end, and what a dropped future does are told in [`guide::channels`].
//! * [`oneshot`], [`calls`], [`watch`], [`broadcast`]: thin forms of them.
//! * [`alt!`], [`alt_blocking!`], [`Alt`], [`AltSet`]: choice, told in [`guide::choice`].
//! * `#[process]`, `#[derive(Process)]`, [`par!`], [`try_par!`], [`Group`], [`Process::spawn`]: processes, told in
//!   [`guide::processes`].
//! * [`toolkit`]: processes that are ready to use, from delta and merge to farms, files and programs of the system.
//! * [`after`], [`at`], [`tick`]: time. [`sync::Barrier`]: meeting without a message.
//! * [`Process::shape`], [`Picture`]: pictures of a network before it runs, and while it does.
//! * `Cluster`, `#[remote]`, `#[aqueduct::main]` (feature `cluster`): a function over an input on worker processes, told in
//!   `guide::cluster`.
//! * `aqueduct::gpu` (features `gpu`, `cuda`): kernels as processes, with and without a GPU, told in `guide::gpu`.
//! * `aqueduct::testing` (feature `testing`): your network under seeded schedules, in virtual time.
//! * [`run`]: from a plain `main`. Inside a tokio program, of either flavour, there is no need for it:
//!   [`guide::processes`] has an example.
//!
//! # What is certain
//!
//! Nothing is lost: a value that was sent is received exactly once, or its sender has it back, or it is counted as
//! undelivered and handed to a hook, whoever is cancelled and whenever. Whoever waits is served in order. A choice
//! commits exactly one of its guards. These are stated as invariants in the source (`src/wait/mod.rs`) and checked by
//! model checkers on the code that ships.
//!
//! # Features
//!
//! * `macros` (default): `#[process]`, `#[derive(Process)]`, [`alt!`], [`alt_blocking!`], and the [`toolkit`].
//! * `cluster`: the distributed map, over QUIC. Brings quinn, rustls, serde, tracing and others, all of them only then.
//! * `gpu`: kernels as processes, on the CPU. `cuda`: and on NVIDIA's GPUs, without a toolkit to build it, and with or without a
//!   driver where it runs; outside this repository that needs one line more (see the README).
//! * `testing`: `aqueduct::testing` runs your networks under seeded schedules and virtual time. For dev-dependencies.
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as aqueduct;

mod channel;
mod choice;
#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
pub mod cluster;
mod context;
mod forms;
#[cfg(feature = "gpu")]
#[cfg_attr(docsrs, doc(cfg(feature = "gpu")))]
pub mod gpu;
#[cfg(feature = "cluster")]
#[doc(hidden)]
pub mod net;
#[doc(hidden)]
pub mod process;
pub mod sync;
#[cfg(all(feature = "testing", not(any(aqueduct_loom, aqueduct_shuttle))))]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod time;
#[cfg(feature = "macros")]
pub mod toolkit;
#[allow(unsafe_code, reason = "the protocol, and the only home of unsafe code")]
mod wait;

pub use channel::{
    Channel, ChannelEnd, ClosedFuture, Direction, Held, IntoIter, Iter, NextFuture, Overflow, Receiver, RecvFuture,
    RecvHeldFuture, RecvStream, Refused, SendError, SendFromFuture, SendFuture, SendSink, SendWaitError, Sender,
    TryIter, TryRecvError, TrySendError, WaitError, WeakReceiver, WeakSender, buffered, channel, dropping, latest,
    sliding, unbounded,
};
pub use choice::{Alt, AltSet, Exhausted, Key, Offer};
#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
pub use cluster::{Cluster, worker::init};
pub use context::{Cause, Ended, Identity, Kind as ProcessKind, Meta, Poisoned, current};
pub use forms::{
    BroadcastSender, Call, CallError, Caller, OneshotFuture, OneshotReceiver, OneshotSender, Reply, WatchReceiver,
    WatchSender, broadcast, calls, oneshot, watch,
};
pub use process::{
    ChannelShape, Dot, Exit, Group, Handle, IntoOutcome, Join, Outcome, Par, Picture, PortList, PortShape, Ports,
    Process, ProcessError, ProcessShape, Run, RunBlocking, RunLocal, RunTask, RunThread, Shape, Task, Thread, run,
    task, thread,
};
pub use time::{After, NextTick, Tick, after, at, now, tick};

#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
pub use aqueduct_macros::main;
/// ```
/// use aqueduct::cluster::registry::registry;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Circle {
///     radius: f64,
/// }
///
/// #[aqueduct::remote]
/// fn area(circle: Circle) -> f64 {
///     circle.radius * circle.radius * std::f64::consts::PI
/// }
///
/// // It is called as ever …
/// assert!(area(Circle { radius: 1.0 }) > 3.0);
/// // … and every process of the program knows it by its name.
/// let (_, entry) = registry()?.by_name(concat!(module_path!(), "::area")).expect("it is registered");
/// # let _ = entry;
/// # Ok::<(), aqueduct::cluster::registry::RegistryError>(())
/// ```
#[cfg(feature = "cluster")]
#[cfg_attr(docsrs, doc(cfg(feature = "cluster")))]
pub use aqueduct_macros::remote;
#[cfg(feature = "macros")]
pub use aqueduct_macros::{Process, process};

/// What most programs use.
pub mod prelude {
    pub use crate::{
        Alt, AltSet, Call, Caller, Channel, Ended, Exit, Group, Outcome, Poisoned, Process, ProcessError, Receiver,
        Run, RunBlocking, RunLocal, Sender, after, at, par, tick, try_par,
    };
    #[cfg(feature = "macros")]
    pub use crate::{alt, alt_blocking, process};
}

/// The rules, told at length.
pub mod guide {
    pub mod channels {
        #![doc = include_str!("channel/guide.md")]
        #[allow(unused_imports, reason = "names for the links")]
        use crate::*;
    }
    #[cfg(feature = "macros")]
    pub mod choice {
        #![doc = include_str!("choice/guide.md")]
        #[allow(unused_imports, reason = "names for the links")]
        use crate::*;
    }
    #[cfg(feature = "cluster")]
    pub mod cluster {
        #![doc = include_str!("cluster/guide.md")]
        #[allow(unused_imports, reason = "names for the links")]
        use crate::{cluster::*, *};
    }
    #[cfg(feature = "gpu")]
    pub mod gpu {
        #![doc = include_str!("gpu/guide.md")]
        #[allow(unused_imports, reason = "names for the links")]
        use crate::{gpu::*, *};
    }
    pub mod processes {
        #![doc = include_str!("process/guide.md")]
        #[allow(unused_imports, reason = "names for the links")]
        use crate::*;
    }
}

/// For the expansions of the macros.
#[doc(hidden)]
pub mod __private {
    pub use crate::channel::ChannelId;
    pub use crate::choice::{
        Arm, Ending, Offered, SwallowNothing, SwallowPoison, Swallowed, ViaEvent, ViaExchange, ViaFuture, ViaNothing,
    };
    pub use crate::context::Meta;
    pub use crate::context::{EndInfo, Kind as ProcessKind};
    pub use crate::process::{
        Derived, LocalBody, Parameter, Port, Sketch, TaskBody, ThreadBody, ViaEnd, ViaOther, derived_local,
        derived_task, derived_thread, sendable, spawn_local, spawn_task, spawn_thread,
    };
    pub use crate::wait::{Chosen, Exchanging, Guarded, Guards, Kind};
    pub use core::pin::pin;
    pub use core::{concat, file, line, stringify};

    #[cfg(feature = "macros")]
    pub use aqueduct_macros::{alt, alt_blocking};

    #[cfg(feature = "cluster")]
    pub use crate::cluster::entry_point::{drive, drive_alone};
    /// For `#[remote]` and `worker_entry!`.
    #[cfg(feature = "cluster")]
    pub mod remote {
        pub use crate::cluster::registry::{
            Entry, Form, Nothing, TestEntry, ViaNothing, ViaPiece, captured, travels, type_id_of,
        };
        pub use crate::cluster::worker::Piece;
        pub use inventory;
    }
}

/// Waits for one of several guards, and runs its arm.
///
/// ```text
/// alt! { [alt;]
///     pattern = guard [, if condition] => expression,
///     …
///     [default => expression,]
///     [complete => expression,]
/// }
/// ```
///
/// The guards, the patterns, the order and what is certain are told in [`guide::choice`]. It is an expression; its
/// arms may use the ends in its guards, `?`, `break` and `.await`. Up to sixteen guards; for more, or for a number
/// known at run time, use [`Alt::offer`].
///
/// # Cancel safety
/// Dropped while it waits, every guard is taken back by its own rule: nothing is lost, except the value of an
/// unchosen `send(value)`, which is dropped. `send_from(&mut slot)` keeps it.
///
/// # Panics
/// If every guard is disabled and there is neither `complete` nor `default`. The macro refuses to compile where it
/// can see that this is possible.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use std::time::Duration;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::buffered(1);
/// tx.send("news").await?;
/// let said = alt! {
///     Ok(text) = rx.recv() => text.to_owned(),
///     _ = after(Duration::from_secs(1)) => "silence".to_owned(),
/// };
/// assert_eq!(said, "news");
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[cfg(feature = "macros")]
#[macro_export]
macro_rules! alt {
    ($($arms:tt)*) => {
        $crate::__private::alt! { ($crate) $($arms)* }
    };
}

/// As [`alt!`], on a thread: it blocks instead of awaiting.
///
/// # Panics
/// As [`alt!`]; and inside a task, where blocking would stall the runtime's worker (not with `default`, which does
/// not block).
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// let (tx, rx) = aqueduct::channel::<u32>();
/// let (_quit_tx, quit) = aqueduct::channel::<()>();
/// std::thread::spawn(move || tx.send_blocking(5));
/// let n = alt_blocking! {
///     r = rx.recv() => r.unwrap(),
///     _ = quit.recv() => 0,
/// };
/// assert_eq!(n, 5);
/// ```
#[cfg(feature = "macros")]
#[macro_export]
macro_rules! alt_blocking {
    ($($arms:tt)*) => {
        $crate::__private::alt_blocking! { ($crate) $($arms)* }
    };
}
