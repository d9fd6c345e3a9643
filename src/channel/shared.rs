//! What the ends of one channel share.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use super::queue::{Overflow, Queue};
use crate::context::{self, EndInfo, EndKey, Poisoned, probe};
use crate::wait::{AtomicU32, Exchange, Extras, Hook, Ordering, Reach, Store};

/// One channel: its exchange, and how many ends each side has.
pub(crate) struct Shared<T> {
    exchange: Exchange<T, Queue<T>>,
    senders: AtomicU32,
    receivers: AtomicU32,
}

impl<T> Shared<T> {
    /// A channel with one end on each side, which the caller makes.
    pub(super) fn new(queue: Queue<T>, name: Option<Arc<str>>, hook: Option<Hook<T>>) -> Arc<Self> {
        let extras = (hook.is_some() || name.is_some()).then(|| Box::new(Extras { hook, name }));
        Arc::new(Self {
            exchange: Exchange::new(queue, extras),
            senders: AtomicU32::new(1),
            receivers: AtomicU32::new(1),
        })
    }

    pub(super) fn exchange(&self) -> &Exchange<T, Queue<T>> {
        &self.exchange
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        let capacity = self.exchange.with_store(Store::capacity);
        (capacity != usize::MAX).then_some(capacity)
    }

    pub(super) fn overflow(&self) -> Overflow {
        self.exchange.with_store(Queue::overflow)
    }

    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.exchange.name()
    }

    /// Tells channels apart while they live.
    pub(super) fn id(&self) -> ChannelId {
        ChannelId(self.exchange.address())
    }

    /// What is known of an end on one side.
    pub(super) fn end_info(&self, sends: bool) -> EndInfo {
        EndInfo {
            key: EndKey { channel: self.exchange.address(), sends },
            name: self.name().cloned(),
            payload: std::any::type_name::<T>,
            capacity: self.exchange.with_store(Store::capacity),
        }
    }
}

/// The identity of a channel, as long as one of its ends lives.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(usize);

impl ChannelId {
    /// The channel at this address.
    pub(crate) fn at(address: usize) -> Self {
        Self(address)
    }
}

/// One side's count of ends.
pub(super) trait Side {
    const SENDS: bool;
    fn count<T>(shared: &Shared<T>) -> &AtomicU32;
    /// The last end of this side is gone.
    fn retire<T>(shared: &Shared<T>);

    /// One more end joins.
    fn join<T>(shared: &Shared<T>) {
        // As for `Arc`: so many ends cannot exist unless they are leaked.
        if Self::count(shared).fetch_add(1, Ordering::Relaxed) > i32::MAX as u32 {
            std::process::abort();
        }
    }

    /// One more end joins, unless all are gone.
    fn rejoin<T>(shared: &Shared<T>) -> bool {
        let count = Self::count(shared);
        let mut ends = count.load(Ordering::Relaxed);
        while ends != 0 {
            if ends > i32::MAX as u32 {
                std::process::abort();
            }
            match count.compare_exchange_weak(ends, ends + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => ends = now,
            }
        }
        false
    }

    /// An end leaves: retires the channel if it was the last one, poisons it if its process is failing.
    fn leave<T>(shared: &Shared<T>) {
        let quiet = RETIRING.get() == shared.id().0 && RETIRING.take() != 0;
        if !quiet && let Some(cause) = context::failing() {
            shared.exchange.poison(Poisoned(cause));
        }
        // AcqRel: whoever retires has seen what the others did.
        if Self::count(shared).fetch_sub(1, Ordering::AcqRel) == 1 {
            Self::retire(shared);
            if probe::watched() {
                probe::side_gone(EndKey { channel: shared.id().0, sends: Self::SENDS });
            }
        }
    }
}

thread_local! {
    /// The channel whose end retires although its process may be failing.
    static RETIRING: Cell<usize> = const { Cell::new(0) };
}

/// Drops an end as if its process were not failing; what else is dropped by that goes its own way.
pub(super) fn retire_quietly<End: ChannelEnd>(end: End) {
    RETIRING.set(end.channel_id().0);
    drop(end);
}

/// What both kinds of ends offer alike.
macro_rules! both_ends {
    ($End:ident, $name:literal) => {
        impl<T> $End<T> {
            /// The number of values in the channel that wait to be received.
            ///
            /// A rendezvous holds none, except one that came back because its receiver was cancelled.
            #[must_use]
            pub fn len(&self) -> usize {
                self.shared.exchange().len()
            }

            /// True if nothing in the channel waits to be received. (A sender may be waiting.)
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// True if there is no room: a send completes only with a receiver's help. Always so for a rendezvous; never
            /// for a channel that drops what it has no room for.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.shared.exchange().is_full()
            }

            /// How many values there is room for; `None` if unbounded.
            #[must_use]
            pub fn capacity(&self) -> Option<usize> {
                self.shared.capacity()
            }

            /// What becomes of a value for which there is no room.
            #[must_use]
            pub fn overflow(&self) -> $crate::Overflow {
                self.shared.overflow()
            }

            /// How many values were sent and can never be received: dropped for want of room, or left behind when the
            /// channel ended.
            #[must_use]
            pub fn undelivered(&self) -> u64 {
                self.shared.exchange().undelivered()
            }

            /// True if both are ends of one channel.
            #[must_use]
            pub fn same_channel(&self, other: &impl ChannelEnd) -> bool {
                self.channel_id() == other.channel_id()
            }

            /// The name given to [`Channel::named`](super::Channel::named).
            #[must_use]
            pub fn name(&self) -> Option<&str> {
                self.shared.name().map(|name| &**name)
            }
        }

        impl<T> ChannelEnd for $End<T> {
            fn channel_id(&self) -> ChannelId {
                self.shared.id()
            }

            fn channel_name(&self) -> Option<&Arc<str>> {
                self.shared.name()
            }

            fn direction(&self) -> Direction {
                Direction::$End
            }

            fn end_info(&self) -> EndInfo {
                self.shared.end_info(Direction::$End == Direction::Sender)
            }
        }

        impl<T> fmt::Debug for $End<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(&self.shared).finish()
            }
        }
    };
}
pub(super) use both_ends;

/// An end of a channel, whatever its direction and payload.
pub trait ChannelEnd {
    /// Tells channels apart while one of their ends lives.
    #[doc(hidden)]
    fn channel_id(&self) -> ChannelId;
    /// The channel's name, if it was given one.
    #[doc(hidden)]
    fn channel_name(&self) -> Option<&Arc<str>>;
    /// Which end it is.
    fn direction(&self) -> Direction;
    /// What a picture says of it.
    #[doc(hidden)]
    fn end_info(&self) -> EndInfo;
}

/// Which end of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Values go in here.
    Sender,
    /// Values come out here.
    Receiver,
}

pub(super) struct Senders;
pub(super) struct Receivers;

impl Side for Senders {
    const SENDS: bool = true;

    fn count<T>(shared: &Shared<T>) -> &AtomicU32 {
        &shared.senders
    }

    fn retire<T>(shared: &Shared<T>) {
        shared.exchange.retire_senders();
    }
}

impl Side for Receivers {
    const SENDS: bool = false;

    fn count<T>(shared: &Shared<T>) -> &AtomicU32 {
        &shared.receivers
    }

    fn retire<T>(shared: &Shared<T>) {
        shared.exchange.retire_receivers();
    }
}

impl<T> Reach for &Shared<T> {
    type Item = T;
    type Store = Queue<T>;

    #[inline]
    fn exchange(&self) -> &Exchange<T, Queue<T>> {
        &self.exchange
    }
}

impl<T> Reach for Arc<Shared<T>> {
    type Item = T;
    type Store = Queue<T>;

    fn exchange(&self) -> &Exchange<T, Queue<T>> {
        &self.exchange
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Channel");
        if let Some(name) = self.name() {
            out.field("name", &name);
        }
        out.field("len", &self.exchange.len());
        match self.capacity() {
            Some(capacity) => out.field("capacity", &capacity),
            None => out.field("capacity", &"unbounded"),
        };
        if self.overflow() != Overflow::Wait {
            out.field("overflow", &self.overflow());
        }
        out.field("ended", &self.exchange.sending_ended()).finish()
    }
}
