//! Cutting bytes into lines.

use std::io::{self, BufRead, Write};

/// Why there is no next line.
#[derive(Debug)]
pub enum LineError {
    Read(io::Error),
    NotUtf8,
    TooLong(usize),
}

/// The lines of a reader, and the number of the one read last.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    limit: usize,
    /// The number of the line that was read last, or that could not be read; the first is 1.
    pub(super) number: u64,
}

impl<R: BufRead> Lines<R> {
    /// A line may have `limit` bytes, its end not counted.
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, number: 0 }
    }

    /// The next line, without its end (`\n` or `\r\n`); `None` after the last. The last one needs no end.
    pub(super) fn next(&mut self) -> Result<Option<String>, LineError> {
        self.number += 1;
        let mut line = Vec::new();
        loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LineError::Read(error)),
            };
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let (taken, used) = match end {
                Some(end) => (end, end + 1),
                None => (bytes.len(), bytes.len()),
            };
            let at_end = end.is_some() || bytes.is_empty();
            // One byte more than the limit may be the first of the line's end.
            let room = self.limit.saturating_add(1) - line.len();
            line.extend_from_slice(&bytes[..taken.min(room)]);
            self.reader.consume(used);
            if end.is_some() && line.last() == Some(&b'\r') && taken <= room {
                line.pop();
            }
            if taken > room || (at_end && line.len() > self.limit) {
                return Err(LineError::TooLong(self.limit));
            }
            if at_end {
                if end.is_none() && line.is_empty() {
                    return Ok(None);
                }
                return String::from_utf8(line).map(Some).map_err(|_| LineError::NotUtf8);
            }
        }
    }
}

impl<R: BufRead> Lines<R> {
    /// The next bytes, as many as there are, and bounded; `None` after the last.
    fn piece(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            match self.reader.fill_buf() {
                Ok([]) => return Ok(None),
                Ok(bytes) => {
                    let piece = bytes.to_vec();
                    self.reader.consume(piece.len());
                    return Ok(Some(piece));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LineError::Read(error)),
            }
        }
    }
}

/// What a standard stream of a program carries: `String`, a line without its end; or `Vec<u8>`, bytes as they come.
pub trait Portion: Piecewise + Send + 'static {}

impl Portion for String {}
impl Portion for Vec<u8> {}

/// How a portion is read and written.
pub trait Piecewise: Sized {
    /// Reads the next one; `None` after the last.
    fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<Self>, LineError>;
    /// Writes this one.
    fn write(&self, to: &mut dyn Write) -> io::Result<()>;
}

impl Piecewise for String {
    fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<Self>, LineError> {
        lines.next()
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(self.as_bytes())?;
        to.write_all(b"\n")
    }
}

impl Piecewise for Vec<u8> {
    fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<Self>, LineError> {
        lines.piece()
    }

    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(self)
    }
}
