//! Large payloads: announced on the control stream, carried by streams of their own.
//!
//! Announcement and stream may come in either order. A stream waits unread until it is announced, so that it holds no
//! memory but QUIC's window; an announcement waits until its stream comes. Both are counted, and what waits in vain is
//! a violation: an announcement when no payload is under way, a stream when the control stream has been read to its
//! end, bytes of a payload when nothing at all arrives, each for the patience of the link.

use super::error::DISCARDED;
use super::{ANNOUNCED, LinkError, Shared, Violation};
use crate::net::endpoint::PAYLOAD_STREAMS;
use bytes::Bytes;
use quinn::{ReadError, RecvStream};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Memory that is taken for a payload before its bytes are there.
const AHEAD: u64 = 1 << 20;

/// The pieces that are taken from QUIC at once.
const PIECES: usize = 64;

/// What the control stream says of a payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announced {
    pub(super) number: u64,
    pub(super) length: u64,
}

/// The payloads that are on their way to this side.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// The number that is announced next.
    next: u64,
    /// Announced, and their streams have not come.
    waiting: BTreeMap<u64, oneshot::Sender<RecvStream>>,
    /// Their streams have come, and they are not announced.
    early: BTreeMap<u64, RecvStream>,
    /// Streams that are announced and open.
    open: usize,
    /// Announced, and neither read nor dropped.
    pub(super) unfinished: usize,
    /// The other side has said farewell.
    pub(super) farewell: bool,
    /// All of the control stream that has come has been read.
    pub(super) reader_waits: bool,
    /// The payloads whose readers wait for bytes.
    readers: usize,
    /// Grows with everything that is read.
    progress: u64,
    /// The connection is over; nothing arrives any more.
    over: bool,
}

/// What the other side owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Debt {
    Stream(u64),
    Announcement(u64),
    Rest,
}

impl Arrivals {
    pub(super) fn is_over(&self) -> bool {
        self.farewell && self.unfinished == 0
    }

    /// The control stream was read.
    pub(super) fn progressed(&mut self) {
        self.reader_waits = false;
        self.progress += 1;
    }

    fn debt(&self) -> Option<Debt> {
        if self.open > 0 {
            return (self.readers > 0).then_some(Debt::Rest);
        }
        match (self.early.first_key_value(), self.waiting.first_key_value()) {
            (Some((&number, _)), _) if self.reader_waits => Some(Debt::Announcement(number)),
            (None, Some((&number, _))) => Some(Debt::Stream(number)),
            _ => None,
        }
    }

    fn arrived(&mut self, number: u64, stream: RecvStream) -> Result<(), Violation> {
        if number < self.next {
            let Some(waiting) = self.waiting.remove(&number) else {
                // At the end nothing waits any more.
                return if self.over { Ok(()) } else { Err(Violation::Repeated(number)) };
            };
            self.open += 1;
            if let Err(unwanted) = waiting.send(stream) {
                self.open -= 1;
                discard(unwanted);
            }
        } else if number - self.next > ANNOUNCED as u64 || self.early.len() >= PAYLOAD_STREAMS as usize {
            return Err(Violation::Unannounced(number));
        } else if self.early.insert(number, stream).is_some() {
            return Err(Violation::Repeated(number));
        }
        Ok(())
    }
}

fn discard(mut stream: RecvStream) {
    let _ = stream.stop(DISCARDED);
}

/// A large payload on its way; await it to have it.
///
/// It is read while it is awaited. Dropped, it is discarded, and the other side stops sending it. Some dozens may be
/// under way at once: who holds many without awaiting or dropping them holds back those behind.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
    announced: Announced,
    /// Gone when it has been taken.
    stream: Option<oneshot::Receiver<RecvStream>>,
    open: bool,
    /// It waits for bytes.
    reading: bool,
}

impl Incoming {
    pub(super) fn announce(shared: &Arc<Shared>, announced: Announced) -> Result<Self, Violation> {
        let Announced { number, length } = announced;
        let limit = shared.limits.payload;
        if length > limit {
            return Err(Violation::PayloadTooLong { length, limit });
        }
        let mut arrivals = shared.arrivals.lock();
        if number != arrivals.next {
            return Err(Violation::OutOfOrder { found: number, expected: arrivals.next });
        }
        // Those under way count as announced until their streams are accepted.
        let most = ANNOUNCED + PAYLOAD_STREAMS as usize;
        if arrivals.waiting.len() >= most {
            return Err(Violation::TooManyAnnounced(most));
        }
        let (arrived, stream) = oneshot::channel();
        arrivals.waiting.insert(number, arrived);
        arrivals.next += 1;
        arrivals.unfinished += 1;
        if let Some(early) = arrivals.early.remove(&number) {
            arrivals.arrived(number, early)?;
        } else if arrivals.over {
            arrivals.waiting.remove(&number);
        }
        Ok(Self { shared: shared.clone(), announced, stream: Some(stream), open: false, reading: false })
    }

    /// Its length, in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.announced.length
    }

    /// The payload.
    ///
    /// # Errors
    /// If the link ends before it is here.
    ///
    /// # Cancel safety
    /// Dropping the future discards the payload.
    pub async fn read(mut self) -> Result<Bytes, LinkError> {
        let Some(stream) = self.stream.as_mut() else { return Err(self.lost().await) };
        let Ok(mut stream) = stream.await else { return Err(self.lost().await) };
        self.stream = None;
        self.open = true;
        let read = self.read_from(&mut stream).await;
        if read.is_err() {
            discard(stream);
        }
        read
    }

    fn waits(&mut self, reading: bool) {
        let mut arrivals = self.shared.arrivals.lock();
        arrivals.readers = arrivals.readers + usize::from(reading) - usize::from(self.reading);
        arrivals.progress += u64::from(!reading);
        self.reading = reading;
    }

    async fn lost(&self) -> LinkError {
        let error = self.shared.connection.closed().await;
        self.shared.explain(error)
    }

    async fn read_from(&mut self, stream: &mut RecvStream) -> Result<Bytes, LinkError> {
        let Announced { number, length } = self.announced;
        let shared = self.shared.clone();
        let wrong = |got: usize| shared.fail(Violation::Length { number, announced: length, got: got as u64 });
        let mut whole = Vec::with_capacity(length.min(AHEAD) as usize);
        loop {
            let mut pieces: [Bytes; PIECES] = std::array::from_fn(|_| Bytes::new());
            self.waits(true);
            let read = stream.read_chunks(&mut pieces).await;
            self.waits(false);
            match read {
                Ok(Some(count)) => {
                    for piece in &pieces[..count] {
                        if (whole.len() + piece.len()) as u64 > length {
                            return Err(wrong(whole.len() + piece.len()));
                        }
                        grow(&mut whole, piece.len(), length as usize);
                        whole.extend_from_slice(piece);
                    }
                }
                Ok(None) if whole.len() as u64 == length => return Ok(whole.into()),
                Ok(None) | Err(ReadError::Reset(_)) => return Err(wrong(whole.len())),
                Err(ReadError::ConnectionLost(error)) => return Err(self.shared.explain(error)),
                Err(_) => return Err(wrong(whole.len())),
            }
        }
    }
}

/// Doubles what is there, never beyond what was announced.
fn grow(whole: &mut Vec<u8>, more: usize, length: usize) {
    if whole.capacity() - whole.len() < more {
        let double = whole.capacity().min(length - whole.capacity().min(length));
        whole.reserve_exact(double.max(more));
    }
}

impl IntoFuture for Incoming {
    type Output = Result<Bytes, LinkError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut arrivals = self.shared.arrivals.lock();
        if let Some(mut stream) = self.stream.take() {
            // It arrived and was not looked at; if it arrives later, nobody takes it.
            if let Ok(arrived) = stream.try_recv() {
                discard(arrived);
                self.open = true;
            }
        }
        arrivals.open -= usize::from(self.open);
        arrivals.readers -= usize::from(self.reading);
        arrivals.unfinished -= 1;
        self.shared.depart_if_done(&arrivals);
    }
}

/// Takes the streams that the other side opens, until the connection is over.
pub(super) async fn accept_streams(shared: Arc<Shared>) {
    let mut owed: Option<((Debt, u64), Instant)> = None;
    let patience = shared.limits.patience;
    loop {
        match timeout(patience / 4, shared.connection.accept_uni()).await {
            Ok(Ok(stream)) => {
                tokio::spawn(take_stream(shared.clone(), stream));
            }
            Ok(Err(error)) => {
                shared.explain(error);
                // Who waits for a stream learns that none comes.
                let mut arrivals = shared.arrivals.lock();
                arrivals.over = true;
                arrivals.waiting.clear();
                return;
            }
            Err(_) => {}
        }
        let debt = {
            let arrivals = shared.arrivals.lock();
            arrivals.debt().map(|debt| (debt, arrivals.progress))
        };
        owed = match (debt, owed) {
            (Some(debt), Some((same, since))) if debt == same => {
                if since.elapsed() >= patience {
                    shared.fail(debt.0.violation(since.elapsed()));
                }
                owed
            }
            (debt, _) => debt.map(|debt| (debt, Instant::now())),
        };
    }
}

impl Debt {
    fn violation(self, waited: Duration) -> Violation {
        match self {
            Self::Stream(number) => Violation::Missing { number, waited },
            Self::Announcement(number) => Violation::Unannounced(number),
            Self::Rest => Violation::Stalled { waited },
        }
    }
}

/// Reads which payload a stream carries.
async fn take_stream(shared: Arc<Shared>, mut stream: RecvStream) {
    let mut number = [0; 8];
    let named = timeout(shared.limits.patience, stream.read_exact(&mut number)).await;
    let violation = match named {
        Ok(Ok(())) => shared.arrivals.lock().arrived(u64::from_le_bytes(number), stream).err(),
        _ if shared.connection.close_reason().is_some() => None,
        _ => Some(Violation::Nameless),
    };
    if let Some(violation) = violation {
        shared.fail(violation);
    }
}

/// A second stream in both directions is of no use to anybody.
pub(super) async fn refuse_second_control(shared: Arc<Shared>) {
    if shared.connection.accept_bi().await.is_ok() {
        shared.fail(Violation::SecondControl);
    }
}
