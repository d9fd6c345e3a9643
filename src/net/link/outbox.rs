//! The sending half: a buffer, the task that writes it, and the one that starts large payloads.
//!
//! The writer is idle only while the buffer is empty, and says so under the buffer's lock; so exactly one send after
//! that wakes it, and none is missed.

use super::error::{DISCARDED, FAREWELL};
use super::{ANNOUNCED, APART, Limits, LinkError, Shared, Side, Violation, kind};
use crate::net::codec;
use crate::net::frame::{FrameError, FrameWriter};
use bytes::Bytes;
use quinn::{SendStream, WriteError};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Payloads up to this length are copied beside their headers; longer ones are pieces of their own.
const COPIED: usize = 4 << 10;

/// The large payloads that are written at once.
const PARALLEL: usize = 8;

/// What waits to be written.
#[derive(Debug)]
pub(super) struct Queue {
    frames: FrameWriter,
    pieces: Vec<Bytes>,
    /// The last piece, still growing.
    tail: Vec<u8>,
    payloads: VecDeque<(u64, Bytes)>,
    next_payload: u64,
    writer_idle: bool,
    payload_writer_idle: bool,
    closing: Option<Arc<str>>,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            frames: FrameWriter::new(limits.frames()),
            pieces: Vec::new(),
            tail: Vec::new(),
            payloads: VecDeque::new(),
            next_payload: 0,
            writer_idle: false,
            payload_writer_idle: false,
            closing: None,
        }
    }

    /// Why this side closes the link, if it does.
    pub(super) fn closing(&self) -> Option<Arc<str>> {
        self.closing.clone()
    }

    /// All pieces; `None` if there are none.
    fn take(&mut self) -> Option<Vec<Bytes>> {
        self.cut();
        (!self.pieces.is_empty()).then(|| std::mem::take(&mut self.pieces))
    }

    /// Ends the last piece.
    fn cut(&mut self) {
        if !self.tail.is_empty() {
            let size = self.tail.len().min(APART);
            self.pieces.push(std::mem::replace(&mut self.tail, Vec::with_capacity(size)).into());
        }
    }
}

/// Sends messages, from any thread, without ever waiting.
///
/// Clones send over the same link, each message whole, in the order of the calls.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

impl Outbox {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Queues one message.
    ///
    /// The buffer has no bound: [`queued`](Self::queued) tells when to hold back.
    ///
    /// # Errors
    /// If the message cannot be sent (the link goes on), or the link is over.
    pub fn send<H: Serialize>(&self, header: &H, payload: Bytes) -> Result<(), LinkError> {
        // Encoded before the lock is taken: it runs code that is not ours.
        let mut head = Vec::with_capacity(64);
        head.push(kind::HERE);
        codec::encode_into(header, &mut head)?;
        if head.len() > super::LONGEST_HEADER as usize {
            return Err(FrameError::Header { length: head.len(), limit: super::LONGEST_HEADER }.into());
        }
        if let Some(ended) = self.shared.ended.get() {
            return Err(ended.clone());
        }
        let apart = payload.len() >= APART;
        if apart {
            self.check_length(&payload)?;
        }
        let mut queue = self.shared.queue.lock();
        let queue = &mut *queue;
        if let Some(reason) = &queue.closing {
            return Err(LinkError::Closed { by: Side::Here, reason: reason.clone() });
        }
        let before = queue.tail.len();
        let length = payload.len();
        let mut wake_payloads = false;
        let mut piece = None;
        if apart {
            if queue.payloads.len() >= ANNOUNCED {
                return Err(LinkError::Full(queue.payloads.len()));
            }
            let number = queue.next_payload;
            queue.frames.begin(&mut queue.tail, 0, |out| {
                out.push(kind::APART);
                out.extend_from_slice(&number.to_le_bytes());
                out.extend_from_slice(&(length as u64).to_le_bytes());
                out.extend_from_slice(&head[1..]);
                Ok::<_, FrameError>(())
            })?;
            queue.next_payload += 1;
            queue.payloads.push_back((number, payload));
            wake_payloads = std::mem::take(&mut queue.payload_writer_idle);
        } else if length <= COPIED {
            queue.frames.write(&mut queue.tail, &head, &payload)?;
        } else {
            queue.frames.begin(&mut queue.tail, length, |out| {
                out.extend_from_slice(&head);
                Ok::<_, FrameError>(())
            })?;
            piece = Some(payload);
        }
        // Counted before the lock is given back, so that what is written is never subtracted first.
        let grown = queue.tail.len() - before + if length > COPIED { length } else { 0 };
        self.shared.queued.fetch_add(grown, Ordering::Relaxed);
        let wake = std::mem::take(&mut queue.writer_idle);
        if let Some(piece) = piece {
            queue.cut();
            queue.pieces.push(piece);
        }
        if wake {
            self.shared.writer.notify_one();
        }
        if wake_payloads {
            self.shared.payload_writer.notify_one();
        }
        Ok(())
    }

    fn check_length(&self, payload: &Bytes) -> Result<(), LinkError> {
        let limit = self.shared.limits.payload;
        if payload.len() as u64 > limit {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            return Err(FrameError::Payload { length: payload.len(), limit }.into());
        }
        Ok(())
    }

    /// The bytes that were sent and not yet given to QUIC.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// Closes the link when all that is queued has arrived, or the other side has gone.
    ///
    /// It returns at once; what is sent after it is refused. The first reason counts.
    pub fn close(&self, reason: &str) {
        self.shared.close(reason);
    }
}

impl Shared {
    pub(super) fn close(&self, reason: &str) {
        let mut queue = self.queue.lock();
        if queue.closing.is_none() {
            queue.closing = Some(reason.into());
            self.writer.notify_one();
            self.payload_writer.notify_one();
        }
    }
}

/// Writes the control stream, then says farewell.
pub(super) async fn write(shared: Arc<Shared>, mut stream: SendStream, payloads: JoinHandle<()>) {
    loop {
        let (pieces, closing) = {
            let mut queue = shared.queue.lock();
            let pieces = queue.take();
            queue.writer_idle = pieces.is_none();
            (pieces, queue.closing.is_some())
        };
        match pieces {
            Some(mut pieces) => {
                let count: usize = pieces.iter().map(Bytes::len).sum();
                let written = stream.write_all_chunks(&mut pieces).await;
                shared.queued.fetch_sub(count, Ordering::Relaxed);
                if let Err(error) = written {
                    write_failed(&shared, error);
                    return;
                }
            }
            None if closing => break,
            None => wake_or_end(&shared, &shared.writer).await,
        }
        if let Some(error) = shared.connection.close_reason() {
            shared.explain(error);
            return;
        }
    }
    // A payload that fails takes the connection with it, so there is nothing to learn here.
    let _ = payloads.await;
    farewell(&shared, &mut stream).await;
}

/// Waits until there is something to do, or the connection is over.
async fn wake_or_end(shared: &Shared, wake: &tokio::sync::Notify) {
    let mut woken = std::pin::pin!(wake.notified());
    let mut ended = std::pin::pin!(shared.connection.closed());
    std::future::poll_fn(|cx| {
        if woken.as_mut().poll(cx).is_ready() { std::task::Poll::Ready(()) } else { ended.as_mut().poll(cx).map(drop) }
    })
    .await;
}

fn write_failed(shared: &Shared, error: WriteError) {
    match error {
        WriteError::ConnectionLost(error) => {
            shared.explain(error);
        }
        _ => {
            shared.fail(Violation::ControlCut);
        }
    }
}

async fn farewell(shared: &Shared, stream: &mut SendStream) {
    let Some(reason) = shared.queue.lock().closing.clone() else { return };
    let mut frame = Vec::new();
    let mut head = vec![kind::FAREWELL];
    head.extend_from_slice(reason.as_bytes());
    head.truncate(super::LONGEST_HEADER as usize);
    let whole = FrameWriter::new(shared.limits.frames()).write(&mut frame, &head, &[]);
    let departed = async {
        if whole.is_ok() && stream.write_all(&frame).await.is_ok() && stream.finish().is_ok() {
            // All that we wrote is acknowledged when this is done.
            let _ = stream.stopped().await;
            // If the other side has said farewell too, nobody is left to wait for.
            if !shared.arrivals.lock().is_over() {
                shared.connection.closed().await;
            }
        }
    };
    // Past the patience, what has arrived is all that will.
    let _ = timeout(shared.limits.patience, departed).await;
    shared.ended.get_or_init(|| LinkError::Closed { by: Side::Here, reason: reason.clone() });
    let short: String = reason.chars().take(256).collect();
    shared.connection.close(FAREWELL, short.as_bytes());
}

/// Starts large payloads in their order, a few at a time, until the link is closed.
pub(super) async fn write_payloads(shared: Arc<Shared>) {
    let mut writing = JoinSet::new();
    loop {
        let (next, closing) = {
            let mut queue = shared.queue.lock();
            let next = queue.payloads.pop_front();
            queue.payload_writer_idle = next.is_none();
            (next, queue.closing.is_some())
        };
        match next {
            Some((number, payload)) => {
                while writing.try_join_next().is_some() {}
                if writing.len() >= PARALLEL {
                    writing.join_next().await;
                }
                let Ok(stream) = shared.connection.open_uni().await else { return };
                writing.spawn(write_payload(shared.clone(), Stream(Some(stream)), number, payload));
            }
            None if closing => break,
            None => wake_or_end(&shared, &shared.payload_writer).await,
        }
        if shared.connection.close_reason().is_some() {
            return;
        }
    }
    while writing.join_next().await.is_some() {}
}

/// A payload's stream, which is reset unless it was finished: quinn would finish it.
struct Stream(Option<SendStream>);

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(stream) = &mut self.0 {
            let _ = stream.reset(DISCARDED);
        }
    }
}

async fn write_payload(shared: Arc<Shared>, mut stream: Stream, number: u64, payload: Bytes) {
    let length = payload.len();
    let mut pieces = [Bytes::copy_from_slice(&number.to_le_bytes()), payload];
    if let Some(open) = &mut stream.0
        && open.write_all_chunks(&mut pieces).await.is_ok()
        && open.finish().is_ok()
    {
        stream.0 = None;
    }
    // An error is that of the connection, which the control stream tells too, or says that nobody wants the payload.
    shared.queued.fetch_sub(length, Ordering::Relaxed);
}
