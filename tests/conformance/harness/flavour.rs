//! The flavours of channel.

use std::fmt;
use std::sync::{Arc, Mutex};

use aqueduct::{Channel, Receiver, Sender};

/// A kind of channel, by its queue policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flavour {
    Rendezvous,
    Buffered(usize),
    Unbounded,
    /// The oldest value makes room.
    Sliding(usize),
    /// The newest value is dropped.
    Dropping(usize),
}

/// The values that a channel has handed to its hook.
pub(crate) type Lost<T> = Arc<Mutex<Vec<T>>>;

impl Flavour {
    pub(crate) const RENDEZVOUS: Self = Self::Rendezvous;
    pub(crate) const BUFFERED_1: Self = Self::Buffered(1);
    pub(crate) const BUFFERED_3: Self = Self::Buffered(3);
    pub(crate) const BUFFERED_64: Self = Self::Buffered(64);
    pub(crate) const UNBOUNDED: Self = Self::Unbounded;
    pub(crate) const SLIDING_3: Self = Self::Sliding(3);
    pub(crate) const DROPPING_3: Self = Self::Dropping(3);
    /// What `aqueduct::latest` makes.
    pub(crate) const LATEST: Self = Self::Sliding(1);

    /// The channel, before it is opened: for a name or a hook.
    pub(crate) fn channel<T>(self) -> Channel<T> {
        match self {
            Self::Rendezvous => Channel::rendezvous(),
            Self::Buffered(capacity) => Channel::buffered(capacity),
            Self::Unbounded => Channel::unbounded(),
            Self::Sliding(1) => Channel::latest(),
            Self::Sliding(capacity) => Channel::sliding(capacity),
            Self::Dropping(capacity) => Channel::dropping(capacity),
        }
    }

    pub(crate) fn open<T>(self) -> (Sender<T>, Receiver<T>) {
        self.channel().open()
    }

    /// A channel, and where to find what it loses.
    pub(crate) fn open_watched<T: Send + 'static>(self) -> (Sender<T>, Receiver<T>, Lost<T>) {
        let lost = Lost::default();
        let hook = Arc::clone(&lost);
        let (tx, rx) = self.channel().on_undelivered(move |value| hook.lock().unwrap().push(value)).open();
        (tx, rx, lost)
    }

    /// How many values have room; `None`: any number.
    pub(crate) fn capacity(self) -> Option<usize> {
        match self {
            Self::Rendezvous => Some(0),
            Self::Buffered(capacity) | Self::Sliding(capacity) | Self::Dropping(capacity) => Some(capacity),
            Self::Unbounded => None,
        }
    }

    /// True if a send waits while the channel is full.
    pub(crate) fn send_can_wait(self) -> bool {
        matches!(self, Self::Rendezvous | Self::Buffered(_))
    }

    /// True if a send never waits and a value goes when the channel is full.
    pub(crate) fn loses(self) -> bool {
        matches!(self, Self::Sliding(_) | Self::Dropping(_))
    }

    /// How many values can lie in the channel, if `most` are sent.
    pub(crate) fn room(self, most: usize) -> usize {
        self.capacity().map_or(most, |capacity| capacity.min(most))
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rendezvous => f.write_str("a rendezvous"),
            Self::Buffered(capacity) => write!(f, "buffered({capacity})"),
            Self::Unbounded => f.write_str("unbounded"),
            Self::Sliding(1) => f.write_str("latest"),
            Self::Sliding(capacity) => write!(f, "sliding({capacity})"),
            Self::Dropping(capacity) => write!(f, "dropping({capacity})"),
        }
    }
}
