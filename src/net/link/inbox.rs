//! The receiving half: frames as they come, messages in batches.

use super::payload::Announced;
use super::{Incoming, LinkError, Shared, Side, Violation, kind};
use crate::net::codec;
use crate::net::frame::{Frame, FrameReader};
use bytes::{Buf, Bytes};
use quinn::{ReadError, RecvStream};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The messages of one batch, at most.
const BATCH: usize = 1_024;

/// The pieces that are taken from QUIC at once; each holds up to a packet.
const PIECES: usize = 64;

/// What came with a header.
#[derive(Debug)]
pub enum Payload {
    /// It is here. It may share its memory with its neighbours: who keeps it for long copies it.
    Here(Bytes),
    /// It is large and comes on its own.
    Apart(Incoming),
}

/// Receives messages, in the order in which they were sent.
///
/// Dropping it closes the link in good order.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
    /// Gone when the inbox is dropped.
    stream: Option<RecvStream>,
    frames: FrameReader,
    /// Why no more messages will come.
    over: Option<LinkError>,
}

impl Inbox {
    pub(super) fn new(shared: Arc<Shared>, stream: RecvStream) -> Self {
        let frames = FrameReader::new(shared.limits.frames());
        Self { shared, stream: Some(stream), frames, over: None }
    }

    /// Waits for a message, then appends all that are there to `batch`, and tells how many.
    ///
    /// # Errors
    /// Why no more messages will come: every time it is called then.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn recv<H: DeserializeOwned>(&mut self, batch: &mut Vec<(H, Payload)>) -> Result<usize, LinkError> {
        loop {
            let count = self.take(batch);
            if count > 0 {
                return Ok(count);
            }
            if let Some(over) = &self.over {
                return Err(over.clone());
            }
            self.read().await;
        }
    }

    /// Moves messages that are here to `batch`.
    fn take<H: DeserializeOwned>(&mut self, batch: &mut Vec<(H, Payload)>) -> usize {
        let mut count = 0;
        while count < BATCH && self.over.is_none() {
            match self.message() {
                Ok(Some(message)) => {
                    batch.push(message);
                    count += 1;
                }
                Ok(None) => break,
                Err(violation) => self.over = Some(self.shared.fail(violation)),
            }
        }
        count
    }

    fn message<H: DeserializeOwned>(&mut self) -> Result<Option<(H, Payload)>, Violation> {
        let Some(Frame { header, payload }) = self.frames.pop()? else { return Ok(None) };
        let (&kind, mut rest) = header.split_first().ok_or(Violation::Kind(u8::MAX))?;
        match kind {
            kind::HERE => Ok(Some((codec::decode(rest)?, Payload::Here(payload)))),
            kind::APART if rest.len() >= 16 && payload.is_empty() => {
                let announced = Announced { number: rest.get_u64_le(), length: rest.get_u64_le() };
                // Decoded first: a header that is none announces nothing.
                let header = codec::decode(rest)?;
                Ok(Some((header, Payload::Apart(Incoming::announce(&self.shared, announced)?))))
            }
            kind::FAREWELL => {
                self.farewell(String::from_utf8_lossy(rest).as_ref());
                Ok(None)
            }
            other => Err(Violation::Kind(other)),
        }
    }

    fn farewell(&mut self, reason: &str) {
        let closed = LinkError::Closed { by: Side::There, reason: reason.into() };
        let mut arrivals = self.shared.arrivals.lock();
        arrivals.farewell = true;
        self.over = Some(self.shared.ended.get_or_init(|| closed).clone());
        self.shared.depart_if_done(&arrivals);
    }

    /// Reads more bytes, or learns that there are none.
    async fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut pieces: [Bytes; PIECES] = std::array::from_fn(|_| Bytes::new());
        self.shared.arrivals.lock().reader_waits = true;
        let read = stream.read_chunks(&mut pieces).await;
        self.shared.arrivals.lock().progressed();
        self.over = match read {
            Ok(Some(count)) => {
                for piece in pieces.into_iter().take(count) {
                    self.frames.push(piece);
                }
                None
            }
            Ok(None) => {
                let violation = self.frames.finish().err().map_or(Violation::NoFarewell, Violation::Frame);
                Some(self.shared.fail(violation))
            }
            Err(ReadError::ConnectionLost(error)) => Some(self.shared.explain(error)),
            Err(_) => Some(self.shared.fail(Violation::ControlCut)),
        };
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        *self.shared.unread.lock() = self.stream.take();
        self.shared.close("the receiving half was dropped");
    }
}
