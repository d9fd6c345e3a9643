//! Typed channels between processes.
//!
//! The rules are told in `guide.md` beside this file, which the rustdoc shows as `guide`.

mod error;
mod iter;
mod many;
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
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use recv::{NextFuture, RecvFuture};
pub use send::{ClosedFuture, SendFromFuture, SendFuture};
pub use sender::Sender;
pub use shared::{ChannelEnd, ChannelId, Direction};
pub use sink::SendSink;
pub use stream::RecvStream;
pub(crate) use timed::may_block;
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
    name: Option<std::sync::Arc<str>>,
    hook: Option<Hook<T>>,
    _values: PhantomData<fn(T) -> T>,
}

impl<T> Channel<T> {
    fn with_capacity(capacity: usize) -> Self {
        Self { capacity, name: None, hook: None, _values: PhantomData }
    }

    /// No room: see [`channel`].
    pub fn rendezvous() -> Self {
        Self::with_capacity(0)
    }

    /// Room for some: see [`buffered`].
    pub fn buffered(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }

    /// Room for all: see [`unbounded`].
    pub fn unbounded() -> Self {
        Self::with_capacity(usize::MAX)
    }

    /// Gives the channel a name, for pictures and messages.
    pub fn named(mut self, name: impl Into<std::sync::Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Hands over every value that was sent and can no longer be received.
    ///
    /// The hook runs where the channel ends (in a drop, or in `poison`), under no lock. A panic of the hook surfaces
    /// there, after the other values have been handed over; while the thread unwinds already, it is swallowed.
    pub fn on_undelivered(mut self, hook: impl Fn(T) + Send + Sync + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Makes the channel, with one end on each side.
    #[must_use]
    pub fn open(self) -> (Sender<T>, Receiver<T>) {
        let shared = shared::Shared::new(self.capacity, self.name, self.hook);
        (Sender::new(std::sync::Arc::clone(&shared)), Receiver::new(shared))
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("capacity", &self.capacity)
            .field("name", &self.name)
            .field("on_undelivered", &self.hook.is_some())
            .finish()
    }
}
