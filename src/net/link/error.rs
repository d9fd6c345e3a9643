//! Why a link is over, and who ended it.

use crate::net::codec::{DecodeError, EncodeError};
use crate::net::frame::FrameError;
use quinn::{ConnectionError, VarInt};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The code of a close that was agreed upon.
pub(super) const FAREWELL: VarInt = VarInt::from_u32(0);
/// The code of a close because the other side broke the rules.
pub(super) const VIOLATION: VarInt = VarInt::from_u32(1);
/// The code that stops or resets a payload's stream.
pub(super) const DISCARDED: VarInt = VarInt::from_u32(2);

/// One of the two ends of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This one.
    Here,
    /// The other one.
    There,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here => "this side",
            Self::There => "the other side",
        })
    }
}

/// A message cannot be sent, or no more can be received.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// One side closed the link in good order.
    #[error("{by} closed the link: {reason}")]
    Closed {
        /// Who.
        by: Side,
        /// Why, in its words.
        reason: Arc<str>,
    },
    /// The other side gave no sign of life for the idle timeout.
    #[error("the other side has gone silent")]
    Silent,
    /// The other side's process was started anew.
    #[error("the other side does not know this link any more (it was restarted)")]
    Forgotten,
    /// The other side broke the protocol; the link was closed.
    #[error("the other side broke the protocol: {0}")]
    Broken(#[source] Violation),
    /// The other side says that we broke the protocol.
    #[error("the other side closed the link, saying that we broke the protocol: {0}")]
    Accused(Arc<str>),
    /// The handshake was refused, or QUIC failed.
    #[error("the connection failed: {0}")]
    Connection(#[source] ConnectionError),
    /// The header cannot be encoded; the link goes on.
    #[error("the message's header cannot be sent")]
    Header(#[from] EncodeError),
    /// The message is too long; the link goes on.
    #[error("the message cannot be sent")]
    TooLong(#[from] FrameError),
    /// Too many large payloads are queued; the link goes on.
    #[error("{0} large payloads are queued already; send slower")]
    Full(usize),
}

/// What the other side did that no honest peer does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// It does not speak this protocol.
    #[error("the first bytes of its control stream are not those of this protocol")]
    Greeting,
    /// Its control stream is no sequence of frames.
    #[error("its control stream is damaged: {0}")]
    Frame(#[from] FrameError),
    /// Its control stream ended without a farewell.
    #[error("its control stream ended without a farewell")]
    NoFarewell,
    /// It stopped reading our control stream, or reset its own.
    #[error("it cut off the control stream")]
    ControlCut,
    /// A frame of no known kind.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// A frame whose header is not what it should be.
    #[error("a message with a header that is none: {0}")]
    Header(#[from] DecodeError),
    /// A stream of a kind that is not used.
    #[error("it opened a second stream in both directions")]
    SecondControl,
    /// A payload was announced out of order.
    #[error("payload {found} was announced where {expected} was due")]
    OutOfOrder {
        /// The number found.
        found: u64,
        /// The number due.
        expected: u64,
    },
    /// A payload is too long.
    #[error("a payload of {length} bytes was announced; at most {limit} are allowed")]
    PayloadTooLong {
        /// The length announced.
        length: u64,
        /// The length allowed.
        limit: u64,
    },
    /// More payloads are announced than may be.
    #[error("more than {0} payloads were announced before they were sent")]
    TooManyAnnounced(usize),
    /// A payload was announced and did not come.
    #[error("payload {number} was announced and did not come for {waited:?}")]
    Missing {
        /// Which.
        number: u64,
        /// For so long nothing else came either.
        waited: Duration,
    },
    /// A payload was begun and does not go on.
    #[error("a payload was begun, and nothing has come for {waited:?}")]
    Stalled {
        /// For so long.
        waited: Duration,
    },
    /// A stream for a payload that nobody announced.
    #[error("a stream for payload {0}, which was not announced")]
    Unannounced(u64),
    /// A second stream for a payload.
    #[error("a second stream for payload {0}")]
    Repeated(u64),
    /// A stream that does not say which payload it carries.
    #[error("a stream that does not say which payload it carries")]
    Nameless,
    /// A payload's stream does not hold as many bytes as were announced.
    #[error("payload {number} has {got} bytes where {announced} were announced")]
    Length {
        /// Which.
        number: u64,
        /// The length announced.
        announced: u64,
        /// The bytes that came, at least.
        got: u64,
    },
}

impl LinkError {
    pub(super) fn from_connection(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason).into();
                if close.error_code == VIOLATION {
                    Self::Accused(reason)
                } else {
                    Self::Closed { by: Side::There, reason }
                }
            }
            ConnectionError::LocallyClosed => Self::Closed { by: Side::Here, reason: "dropped".into() },
            ConnectionError::TimedOut => Self::Silent,
            ConnectionError::Reset => Self::Forgotten,
            other => Self::Connection(other),
        }
    }
}
