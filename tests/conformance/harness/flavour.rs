//! The flavours of channel.

use std::fmt;

use aqueduct::{Channel, Receiver, Sender};

/// A kind of channel, by its queue policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flavour {
    Rendezvous,
    Buffered(usize),
    Unbounded,
}

impl Flavour {
    pub(crate) const RENDEZVOUS: Self = Self::Rendezvous;
    pub(crate) const BUFFERED_1: Self = Self::Buffered(1);
    pub(crate) const BUFFERED_3: Self = Self::Buffered(3);
    pub(crate) const BUFFERED_64: Self = Self::Buffered(64);
    pub(crate) const UNBOUNDED: Self = Self::Unbounded;

    /// The channel, before it is opened: for a name or a hook.
    pub(crate) fn channel<T>(self) -> Channel<T> {
        match self {
            Self::Rendezvous => Channel::rendezvous(),
            Self::Buffered(capacity) => Channel::buffered(capacity),
            Self::Unbounded => Channel::unbounded(),
        }
    }

    pub(crate) fn open<T>(self) -> (Sender<T>, Receiver<T>) {
        self.channel().open()
    }

    /// How many values have room; `None`: any number.
    pub(crate) fn capacity(self) -> Option<usize> {
        match self {
            Self::Rendezvous => Some(0),
            Self::Buffered(capacity) => Some(capacity),
            Self::Unbounded => None,
        }
    }

    /// True if a send waits while the channel is full.
    pub(crate) fn send_can_wait(self) -> bool {
        matches!(self, Self::Rendezvous | Self::Buffered(_))
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
        }
    }
}
