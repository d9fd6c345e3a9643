//! Why something ended: shared by everybody whom it reaches, and recognised by its pointer.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Identity;

/// The first cause of a failure: which process, and what happened there.
///
/// A cause is made once, where something goes wrong, and then travels by reference: through poisoned channels,
/// through every process that they end, to the error that `par!` or a handle returns.
pub struct Cause {
    origin: Identity,
    reason: Reason,
}

pub(crate) enum Reason {
    /// Somebody called `poison(cause)` on an end.
    Poisoned(Box<dyn Error + Send + Sync>),
    /// A body returned an error of the user's.
    Error(Box<dyn Error + Send + Sync>),
    /// A body panicked; the message is known once the panic has been caught.
    Panicked(OnceLock<String>),
    /// A process was dropped before it had finished.
    Cancelled,
    /// A body met a retired channel before it had made its value.
    EndedEarly,
    /// There was nowhere to run the process.
    NotStarted(Box<dyn Error + Send + Sync>),
    /// The result of a process was asked for again.
    AlreadyTaken,
}

impl Cause {
    pub(crate) fn new(origin: Identity, reason: Reason) -> Arc<Self> {
        Arc::new(Self { origin, reason })
    }

    /// A cause that started in the process that is running here.
    pub(crate) fn here(reason: Reason) -> Arc<Self> {
        Self::new(super::current(), reason)
    }

    /// The process in which it started.
    #[must_use]
    pub fn origin(&self) -> &Identity {
        &self.origin
    }

    /// True if a process panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.reason, Reason::Panicked(_))
    }

    /// The message of the panic, if this was one, and if it has been caught by now.
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        match &self.reason {
            Reason::Panicked(message) => message.get().map(String::as_str),
            _ => None,
        }
    }

    /// True if a process was dropped before it had finished.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.reason, Reason::Cancelled)
    }

    /// True if a process that should have made a value met a retired channel first.
    #[must_use]
    pub fn is_ended_early(&self) -> bool {
        matches!(self.reason, Reason::EndedEarly)
    }

    /// True if the process never ran, because there was no runtime or no thread to run it on.
    #[must_use]
    pub fn is_not_started(&self) -> bool {
        matches!(self.reason, Reason::NotStarted(_))
    }

    /// The user's own error, if the cause is one: an error returned by a body, or given to `poison`.
    #[must_use]
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match &self.reason {
            Reason::Poisoned(error) | Reason::Error(error) | Reason::NotStarted(error) => Some(&**error),
            _ => None,
        }
    }

    /// True if both are the same failure: one cause, or the one cancellation of one process, which its handle and its
    /// ends learn by different ways.
    pub(crate) fn is_same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let one_cancellation =
            || self.is_cancelled() && other.is_cancelled() && self.origin.number() != 0 && self.origin == other.origin;
        Arc::ptr_eq(self, other) || one_cancellation()
    }

    pub(crate) fn set_panic_message(&self, text: String) {
        if let Reason::Panicked(message) = &self.reason {
            // The first message stays: a second panic while unwinding is a consequence of the first.
            let _ = message.set(text);
        }
    }

    /// What happened, without the process in which it happened.
    pub(crate) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Poisoned(error) => write!(f, "poisoned a channel: {error}"),
            Reason::Error(error) => write!(f, "failed: {error}"),
            Reason::Panicked(message) => match message.get() {
                Some(message) => write!(f, "panicked: {message}"),
                None => f.write_str("panicked"),
            },
            Reason::Cancelled => f.write_str("was cancelled before it had finished"),
            Reason::EndedEarly => f.write_str("ended early: a channel retired before its value was made"),
            Reason::NotStarted(error) => write!(f, "could not be started: {error}"),
            Reason::AlreadyTaken => f.write_str("has given its result away already"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.origin)?;
        self.describe(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A channel was poisoned: its data is not complete, and this is why.
///
/// Two of them are equal when they come from the same first cause.
#[derive(Clone)]
pub struct Poisoned(pub(crate) Arc<Cause>);

impl Poisoned {
    /// The first cause.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0
    }
}

impl PartialEq for Poisoned {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Eq for Poisoned {}

impl fmt::Display for Poisoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the channel was poisoned: {}", self.0)
    }
}

impl fmt::Debug for Poisoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poisoned({})", self.0)
    }
}

impl Error for Poisoned {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error().map(|error| error as &(dyn Error + 'static))
    }
}

/// Why no more values travel over a channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// In good order: every end of the other side is gone, and what they sent has been received.
    #[error("the channel is retired: every end of the other side is gone")]
    Retired,
    /// By a failure: data may be missing.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

impl Ended {
    /// True if the channel ended in good order.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        matches!(self, Self::Retired)
    }

    /// True if the channel was poisoned.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        matches!(self, Self::Poisoned(_))
    }

    /// The first cause, if the channel was poisoned.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Retired => None,
            Self::Poisoned(poisoned) => Some(poisoned.cause()),
        }
    }
}
