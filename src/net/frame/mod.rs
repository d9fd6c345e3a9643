//! Bytes to frames and back, without I/O.
//!
//! ```text
//! ┌────────────────┬───────────────┬────────────┬─────────────┐
//! │ header length  │ payload length│ header     │ payload     │
//! │ u32, little end│ u32           │            │             │
//! └────────────────┴───────────────┴────────────┴─────────────┘
//! ```
//!
//! Both lengths are checked when they arrive, before a byte behind them is waited for; memory is taken only for bytes
//! that are there. A frame that lies within one piece of input is cut out of it without a copy.

#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;

/// The bytes in front of the header.
const PREFIX: usize = 8;

/// What one frame may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest header, in bytes.
    pub header: u32,
    /// The longest payload, in bytes.
    pub payload: u32,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload is.
    pub header: Bytes,
    /// The payload.
    pub payload: Bytes,
}

/// Bytes are not a sequence of frames within the limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A header is too long.
    #[error("a frame with a header of {length} bytes; at most {limit} are allowed")]
    Header {
        /// The length claimed or asked for.
        length: usize,
        /// The length allowed.
        limit: u32,
    },
    /// A payload is too long.
    #[error("a frame with a payload of {length} bytes; at most {limit} are allowed")]
    Payload {
        /// The length claimed or asked for.
        length: usize,
        /// The length allowed.
        limit: u32,
    },
    /// The bytes ended inside a frame.
    #[error("the stream ended {missing} bytes before the end of a frame")]
    Truncated {
        /// The bytes that are known to be missing.
        missing: usize,
    },
}

/// Appends frames to bytes.
#[derive(Debug, Clone, Copy)]
pub struct FrameWriter {
    limits: Limits,
}

impl FrameWriter {
    /// A writer of frames that a reader with the same limits accepts.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Appends a frame up to its payload of `payload` bytes; the caller appends those, here or in a piece that follows.
    ///
    /// The header is whatever `header` appends.
    ///
    /// # Errors
    /// As `header`, or if header or payload are longer than the limits. `out` is then as it was.
    pub fn begin<E: From<FrameError>>(
        &self,
        out: &mut Vec<u8>,
        payload: usize,
        header: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = out.len();
        out.extend_from_slice(&[0; PREFIX]);
        let written = header(out).and_then(|()| Ok(self.lengths(out.len() - start - PREFIX, payload)?));
        match written {
            Ok((header, payload)) => {
                out[start..start + 4].copy_from_slice(&header.to_le_bytes());
                out[start + 4..start + PREFIX].copy_from_slice(&payload.to_le_bytes());
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends a whole frame.
    ///
    /// # Errors
    /// If header or payload are longer than the limits. `out` is then as it was.
    pub fn write(&self, out: &mut Vec<u8>, header: &[u8], payload: &[u8]) -> Result<(), FrameError> {
        self.begin(out, payload.len(), |out| {
            out.extend_from_slice(header);
            Ok(())
        })?;
        out.extend_from_slice(payload);
        Ok(())
    }

    fn lengths(&self, header: usize, payload: usize) -> Result<(u32, u32), FrameError> {
        Ok((self.limits.header(header)?, self.limits.payload(payload)?))
    }
}

impl Limits {
    fn header(self, length: usize) -> Result<u32, FrameError> {
        let limit = self.header;
        u32::try_from(length).ok().filter(|&it| it <= limit).ok_or(FrameError::Header { length, limit })
    }

    fn payload(self, length: usize) -> Result<u32, FrameError> {
        let limit = self.payload;
        u32::try_from(length).ok().filter(|&it| it <= limit).ok_or(FrameError::Payload { length, limit })
    }
}

/// Takes frames out of pieces of bytes, however they are cut.
///
/// It holds what was pushed and not yet popped: who pops until there is nothing after each push holds less than one
/// frame.
#[derive(Debug)]
pub struct FrameReader {
    limits: Limits,
    pieces: VecDeque<Bytes>,
    held: usize,
    /// The lengths of the frame whose prefix has been taken.
    lengths: Option<(usize, usize)>,
}

impl FrameReader {
    /// A reader that refuses frames beyond `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, pieces: VecDeque::new(), held: 0, lengths: None }
    }

    /// Takes the next piece of input.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.held += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    /// If the input is no sequence of frames within the limits; it is then of no use any more.
    pub fn pop(&mut self) -> Result<Option<Frame>, FrameError> {
        let (header, payload) = match self.lengths {
            Some(lengths) => lengths,
            None if self.held < PREFIX => return Ok(None),
            None => {
                let mut prefix = self.take(PREFIX);
                let (header, payload) = (prefix.get_u32_le() as usize, prefix.get_u32_le() as usize);
                self.limits.header(header)?;
                self.limits.payload(payload)?;
                *self.lengths.insert((header, payload))
            }
        };
        if self.held < header.saturating_add(payload) {
            return Ok(None);
        }
        self.lengths = None;
        Ok(Some(Frame { header: self.take(header), payload: self.take(payload) }))
    }

    /// Whether the input may end here.
    ///
    /// # Errors
    /// If it ends inside a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        let expected = match self.lengths {
            Some((header, payload)) => header + payload,
            None if self.held == 0 => return Ok(()),
            None => PREFIX,
        };
        Err(FrameError::Truncated { missing: expected.saturating_sub(self.held) })
    }

    /// The next `count` bytes, which are there.
    fn take(&mut self, count: usize) -> Bytes {
        self.held -= count;
        let Some(first) = self.pieces.front_mut() else { return Bytes::new() };
        if first.len() > count {
            return first.split_to(count);
        }
        if first.len() == count {
            return self.pieces.pop_front().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(count);
        while whole.len() < count {
            let Some(mut piece) = self.pieces.pop_front() else { break };
            let part = piece.split_to(piece.len().min(count - whole.len()));
            whole.extend_from_slice(&part);
            if !piece.is_empty() {
                self.pieces.push_front(piece);
            }
        }
        whole.freeze()
    }
}
