//! Messages in order over one connection, large payloads beside them.
//!
//! ```text
//!  dialling side                                                listening side
//!  Outbox ─ control stream (opened by who dials) ─ frames, in order ─────► Inbox
//!         └ payload n ≥ 64 KiB: a stream of its own ─ number, bytes ─────► Incoming
//!  Inbox ◄──────────────────────────── the same, the other way ──────────  Outbox
//! ```
//!
//! A message is a header, which always goes over the control stream and so stays in order, and a payload: in the same
//! frame if it is small, on a stream of its own, at a lower priority, if it is large.
//!
//! * **Sending** never waits. It appends to a buffer; one task per link writes, takes all there is at once, and is
//!   woken only when it is idle. One more starts large payloads, a few at a time.
//! * **Receiving** reads frames where [`Inbox::recv`] is called, and a large payload where its [`Incoming`] is
//!   awaited: nothing is read ahead of its reader, so QUIC's flow control holds back who sends too fast.
//! * **No short messages.** A payload's length is announced with its header; a stream that is cut resets, and one that
//!   holds less or more than was announced is a violation.
//! * **Closing** is a farewell after all that is queued; the side that hears it closes the connection when it has read
//!   everything. QUIC's own close would discard what has not arrived.
//! * **A peer that breaks a rule** gets its connection closed with the [`Violation`] in words. Lengths are checked
//!   before memory is taken, a stream is not read before it was announced, and what can be announced is counted.
//!
//! Why one framed stream and not one per message: measured, 64 B echoes are 7 to 20 times as fast.

mod error;
mod inbox;
mod outbox;
mod payload;
#[cfg(test)]
mod tests;

pub use error::{LinkError, Side, Violation};
pub use inbox::{Inbox, Payload};
pub use outbox::Outbox;
pub use payload::Incoming;

use super::frame;
use error::{FAREWELL, VIOLATION};
use outbox::Queue;
use parking_lot::Mutex;
use payload::Arrivals;
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The first bytes of the control stream, in both directions.
const GREETING: [u8; 8] = *b"aqueduct";

/// From this length on, a payload has a stream of its own.
pub const APART: usize = 64 << 10;

/// The longest header.
pub const LONGEST_HEADER: u32 = 1 << 20;

/// The payloads that may be announced and not yet on their way.
const ANNOUNCED: usize = 1 << 16;

/// The control stream goes before payloads.
const CONTROL_PRIORITY: i32 = 1;

/// The kinds of frames: the first byte of the header.
mod kind {
    /// A message with its payload.
    pub(super) const HERE: u8 = 0;
    /// A message whose payload comes apart: its number and length (`u64`, little-endian), then the header.
    pub(super) const APART: u8 = 1;
    /// The last frame: why the link is closed, in UTF-8.
    pub(super) const FAREWELL: u8 = 2;
}

/// What a link allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload, in bytes.
    pub payload: u64,
    /// How long the other side may take to greet, to say which payload a stream carries, to begin an announced payload
    /// when nothing else is under way, and to hear a farewell.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 1 << 30, patience: Duration::from_secs(10) }
    }
}

impl Limits {
    fn frames(self) -> frame::Limits {
        // The first byte tells the kind, and 16 the number and length of a payload that comes apart.
        frame::Limits { header: LONGEST_HEADER + 17, payload: (APART - 1) as u32 }
    }
}

/// What both directions share.
#[derive(Debug)]
struct Shared {
    connection: Connection,
    limits: Limits,
    queue: Mutex<Queue>,
    /// Bytes that were sent and not yet given to QUIC.
    queued: AtomicUsize,
    writer: Notify,
    payload_writer: Notify,
    arrivals: Mutex<Arrivals>,
    /// The control stream of an inbox that was dropped: without it the other side would see it cut off.
    unread: Mutex<Option<RecvStream>>,
    /// Why the link is over, as soon as this side knows better than the connection would say.
    ended: OnceLock<LinkError>,
}

impl Shared {
    /// Closes the connection because the other side broke a rule.
    fn fail(&self, violation: Violation) -> LinkError {
        let text = violation.to_string();
        let error = self.ended.get_or_init(|| LinkError::Broken(violation)).clone();
        self.connection.close(VIOLATION, text.as_bytes());
        error
    }

    /// What an error of the connection means.
    fn explain(&self, error: ConnectionError) -> LinkError {
        let ended = || match (self.queue.lock().closing(), LinkError::from_connection(error)) {
            // The other side closes the connection when it has heard our farewell.
            (Some(reason), LinkError::Closed { .. }) => LinkError::Closed { by: Side::Here, reason },
            (_, ended) => ended,
        };
        self.ended.get_or_init(ended).clone()
    }

    /// Closes the connection if the other side has said farewell and everything of it has been read.
    fn depart_if_done(&self, arrivals: &Arrivals) {
        if arrivals.farewell && arrivals.unfinished == 0 && self.queue.lock().closing().is_none() {
            self.connection.close(FAREWELL, b"farewell");
        }
    }
}

/// Makes a link of a connection that this side dialled.
///
/// It is done when the listening side has accepted us and greeted back. To be called inside a tokio runtime.
///
/// # Errors
/// If the connection fails, also because the other side refuses our certificate, or something else listens there.
pub async fn open(connection: Connection, limits: Limits) -> Result<(Outbox, Inbox), LinkError> {
    let streams = async {
        let (mut send, mut recv) = connection.open_bi().await.map_err(LinkError::from_connection)?;
        greet(&connection, &mut send).await?;
        expect_greeting(&connection, &mut recv).await?;
        Ok((send, recv))
    };
    start(&connection, limits, within(&connection, limits, streams).await?)
}

/// Makes a link of a connection that this side accepted.
///
/// To be called inside a tokio runtime.
///
/// # Errors
/// If the connection fails, or the other side does not speak this protocol.
pub async fn accept(connection: Connection, limits: Limits) -> Result<(Outbox, Inbox), LinkError> {
    let streams = async {
        let (mut send, mut recv) = connection.accept_bi().await.map_err(LinkError::from_connection)?;
        expect_greeting(&connection, &mut recv).await?;
        greet(&connection, &mut send).await?;
        Ok((send, recv))
    };
    start(&connection, limits, within(&connection, limits, streams).await?)
}

type Streams = (SendStream, RecvStream);

async fn within(
    connection: &Connection,
    limits: Limits,
    streams: impl Future<Output = Result<Streams, LinkError>>,
) -> Result<Streams, LinkError> {
    timeout(limits.patience, streams).await.unwrap_or_else(|_| Err(refuse(connection, Violation::Greeting)))
}

fn refuse(connection: &Connection, violation: Violation) -> LinkError {
    match connection.close_reason() {
        Some(reason) => LinkError::from_connection(reason),
        None => {
            connection.close(VIOLATION, violation.to_string().as_bytes());
            LinkError::Broken(violation)
        }
    }
}

async fn greet(connection: &Connection, send: &mut SendStream) -> Result<(), LinkError> {
    send.write_all(&GREETING).await.map_err(|_| refuse(connection, Violation::ControlCut))
}

async fn expect_greeting(connection: &Connection, recv: &mut RecvStream) -> Result<(), LinkError> {
    let mut found = [0; GREETING.len()];
    match recv.read_exact(&mut found).await {
        Ok(()) if found == GREETING => Ok(()),
        _ => Err(refuse(connection, Violation::Greeting)),
    }
}

fn start(connection: &Connection, limits: Limits, (send, recv): Streams) -> Result<(Outbox, Inbox), LinkError> {
    // It fails only if the stream is over already, and then the first write says why.
    let _ = send.set_priority(CONTROL_PRIORITY);
    let shared = Arc::new(Shared {
        connection: connection.clone(),
        limits,
        queue: Mutex::new(Queue::new(limits)),
        queued: AtomicUsize::new(0),
        writer: Notify::new(),
        payload_writer: Notify::new(),
        arrivals: Mutex::default(),
        unread: Mutex::default(),
        ended: OnceLock::new(),
    });
    let payloads = tokio::spawn(outbox::write_payloads(shared.clone()));
    tokio::spawn(outbox::write(shared.clone(), send, payloads));
    tokio::spawn(payload::accept_streams(shared.clone()));
    tokio::spawn(payload::refuse_second_control(shared.clone()));
    Ok((Outbox::new(shared.clone()), Inbox::new(shared, recv)))
}
