//! Typed channels between processes.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod error;
mod held;
mod iter;
mod many;
mod owned;
mod queue;
mod receiver;
mod recv;
mod send;
mod sender;
mod shared;
mod sink;
mod stream;
mod timed;
mod weak;

use std::fmt;
use std::marker::PhantomData;

use crate::wait::Hook;

pub(crate) use error::Carried;
pub use error::{Refused, SendError, SendWaitError, TryRecvError, TrySendError, WaitError};
pub use held::{Held, RecvHeldFuture};
pub use iter::{IntoIter, Iter, TryIter};
pub(crate) use owned::{OwnedRecv, OwnedSend};
pub use queue::Overflow;
pub use receiver::Receiver;
pub use recv::{NextFuture, RecvFuture};
pub use send::{ClosedFuture, SendFromFuture, SendFuture};
pub use sender::Sender;
pub use shared::{ChannelEnd, ChannelId, Direction};
pub use sink::SendSink;
pub use stream::RecvStream;
pub(crate) use timed::{Limit, may_block};
pub use weak::{WeakReceiver, WeakSender};

/// A rendezvous channel: a send completes when a receiver has taken the value.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// aqueduct::run(async {
///     let (tx, rx) = aqueduct::channel();
///     par!(
///         aqueduct::task("ask", async move {
///             tx.send(6 * 7).await?;
///             Ok(())
///         }),
///         aqueduct::task("tell", async move {
///             assert_eq!(rx.recv().await?, 42);
///             Ok(())
///         }),
///     )
///     .await?;
///     Outcome::Ok(())
/// })
/// .unwrap();
/// ```
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    Channel::rendezvous().open()
}

/// A channel with room for `capacity` values; a send completes when its value has a place.
///
/// `buffered(0)` is a rendezvous. Room is made as it is needed, so a very large capacity costs nothing until it is
/// used; `usize::MAX` is the same as [`unbounded`].
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::buffered(2);
/// tx.try_send('a')?;
/// tx.try_send('b')?;
/// assert!(tx.try_send('c').unwrap_err().is_full());
/// assert_eq!(rx.try_recv()?, 'a');
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn buffered<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Channel::buffered(capacity).open()
}

/// A channel with room for everything; a send never waits.
///
/// A producer that is faster than its consumer fills the memory: prefer [`buffered`] where you can name a limit.
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::unbounded();
/// for n in 0..1000 {
///     tx.try_send(n).unwrap();
/// }
/// drop(tx);
/// assert_eq!(rx.iter().map(Result::unwrap).sum::<u32>(), 499_500);
/// ```
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    Channel::unbounded().open()
}

/// A channel with room for `capacity` values, in which the oldest makes room for the newest; a send never waits.
///
/// For a reader who wants the last few values, however fast they come. What is dropped is counted
/// ([`undelivered`](Receiver::undelivered)) and handed to the hook, if there is one. With capacity 0 a value reaches a
/// receiver that waits, or is dropped.
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::sliding(2);
/// for n in 0..5 {
///     tx.try_send(n)?;
/// }
/// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [3, 4]);
/// assert_eq!(rx.undelivered(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn sliding<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Channel::sliding(capacity).open()
}

/// A channel with room for `capacity` values, which drops what comes while it is full; a send never waits.
///
/// For a reader who wants the first values of a burst. What is dropped is counted
/// ([`undelivered`](Receiver::undelivered)) and handed to the hook, if there is one. With capacity 0 a value reaches a
/// receiver that waits, or is dropped.
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::dropping(2);
/// for n in 0..5 {
///     tx.try_send(n)?;
/// }
/// assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0, 1]);
/// assert_eq!(rx.undelivered(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn dropping<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    Channel::dropping(capacity).open()
}

/// A channel that holds the latest value only: [`sliding`] with room for one.
///
/// Each value is received at most once. For many readers that each see the latest one, see [`watch`](crate::watch).
///
/// # Examples
/// ```
/// let (tx, rx) = aqueduct::latest();
/// tx.try_send("red")?;
/// tx.try_send("green")?;
/// assert_eq!(rx.try_recv()?, "green");
/// assert!(rx.try_recv().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn latest<T>() -> (Sender<T>, Receiver<T>) {
    Channel::latest().open()
}

/// A channel to be: its queue policy, its name, its hook.
///
/// # Examples
/// ```
/// use std::sync::{Arc, Mutex};
/// use aqueduct::Channel;
///
/// let lost = Arc::new(Mutex::new(Vec::new()));
/// let hook = Arc::clone(&lost);
/// let (tx, rx) = Channel::buffered(8)
///     .named("numbers")
///     .on_undelivered(move |n| hook.lock().unwrap().push(n))
///     .open();
/// tx.try_send(1)?;
/// tx.try_send(2)?;
/// assert_eq!(rx.try_recv()?, 1);
/// drop(rx);
/// assert_eq!(*lost.lock().unwrap(), [2]);
/// assert_eq!(tx.undelivered(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a channel exists once it is opened"]
pub struct Channel<T> {
    capacity: usize,
    overflow: Overflow,
    name: Option<std::sync::Arc<str>>,
    hook: Option<Hook<T>>,
    _values: PhantomData<fn(T) -> T>,
}

impl<T> Channel<T> {
    fn with(capacity: usize, overflow: Overflow) -> Self {
        Self { capacity, overflow, name: None, hook: None, _values: PhantomData }
    }

    /// No room: see [`channel`].
    pub fn rendezvous() -> Self {
        Self::with(0, Overflow::Wait)
    }

    /// Room for some: see [`buffered`].
    pub fn buffered(capacity: usize) -> Self {
        Self::with(capacity, Overflow::Wait)
    }

    /// Room for all: see [`unbounded`].
    pub fn unbounded() -> Self {
        Self::with(usize::MAX, Overflow::Wait)
    }

    /// Room for some, of which the oldest goes: see [`sliding`].
    pub fn sliding(capacity: usize) -> Self {
        Self::with(capacity, Overflow::DropOldest)
    }

    /// Room for some, beyond which the newest goes: see [`dropping`].
    pub fn dropping(capacity: usize) -> Self {
        Self::with(capacity, Overflow::DropNewest)
    }

    /// Room for the latest: see [`latest`].
    pub fn latest() -> Self {
        Self::sliding(1)
    }

    /// Gives the channel a name, for pictures and messages.
    pub fn named(mut self, name: impl Into<std::sync::Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Hands over every value that was sent and can no longer be received.
    ///
    /// The hook runs where the value goes: where the channel ends (in a drop, or in `poison`), or in the send for which
    /// it had to make room; under no lock. A panic of the hook surfaces there, after the other values have been handed
    /// over; while the thread unwinds already, it is swallowed.
    pub fn on_undelivered(mut self, hook: impl Fn(T) + Send + Sync + 'static) -> Self {
        self.hook = Some(std::sync::Arc::new(hook));
        self
    }

    /// Makes the channel, with one end on each side.
    #[must_use]
    pub fn open(self) -> (Sender<T>, Receiver<T>) {
        self.open_another()
    }

    /// Makes a channel of this kind, and keeps the kind for others.
    pub(crate) fn open_another(&self) -> (Sender<T>, Receiver<T>) {
        let queue = queue::Queue::new(self.capacity, self.overflow);
        let shared = shared::Shared::new(queue, self.name.clone(), self.hook.clone());
        (Sender::new(std::sync::Arc::clone(&shared)), Receiver::new(shared))
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("capacity", &self.capacity)
            .field("overflow", &self.overflow)
            .field("name", &self.name)
            .field("on_undelivered", &self.hook.is_some())
            .finish()
    }
}
