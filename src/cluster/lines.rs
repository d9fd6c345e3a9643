//! What a worker writes to its standard output and error, line by line, with the worker's name in front.
//!
//! A worker may write anything: a line without an end, a gigabyte of it, bytes that are no text. One thread per stream
//! reads; it holds one line of at most [`LONGEST`] bytes (longer ones are shown in pieces), so that its memory is
//! bounded. It reads no faster than the terminal takes lines; a worker that writes more has to wait, as it would if it
//! wrote there itself.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read},
    str,
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;

use super::terminal::{Stream, TERMINAL, Terminal};

/// Longer lines are cut in pieces.
const LONGEST: usize = 64 * 1024;
/// A [`Tail`] keeps so many lines, and of each so many bytes.
const TAIL_LINES: usize = 20;
const TAIL_LINE_BYTES: usize = 1024;

/// The last lines that a worker wrote to its standard error: they often say why it died.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: Mutex<VecDeque<String>>,
}

impl Tail {
    /// The last lines, the oldest first; empty if there were none.
    pub(crate) fn text(&self) -> String {
        self.lines.lock().make_contiguous().join("\n")
    }

    fn push(&self, line: &str) {
        let kept = &line[..line.floor_char_boundary(TAIL_LINE_BYTES)];
        let text = if kept.len() < line.len() { format!("{kept}…") } else { kept.to_owned() };
        let mut lines = self.lines.lock();
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}

/// Prints what comes from `reader` as lines `[label] …` until it ends; lines of standard error are kept in `tail` too.
///
/// Join the thread to be sure that all was printed: it ends when every process that has the other side of the pipe has
/// closed it, which a grandchild may delay.
///
/// # Errors
/// If no thread could be started.
pub(crate) fn relay(
    reader: impl Read + Send + 'static,
    label: String,
    to: Stream,
    tail: Arc<Tail>,
) -> io::Result<JoinHandle<()>> {
    relay_to(TERMINAL.clone(), reader, label, to, tail)
}

fn relay_to(
    terminal: Arc<Terminal>,
    reader: impl Read + Send + 'static,
    label: String,
    to: Stream,
    tail: Arc<Tail>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("aqueduct-lines".to_owned()).spawn(move || {
        read_lines(reader, |line| {
            if to == Stream::Err {
                tail.push(line);
            }
            terminal.print_line(to, &format!("[{label}] {line}"));
        });
    })
}

/// What a test harness prints before a worker of its binary serves is nobody's output: gives what comes after the line
/// `mark`, or everything if that does not come.
pub(crate) fn after_mark<R: Read>(mut reader: R, mark: &'static str) -> impl Read {
    const MOST: usize = 4096;
    let line = format!("{mark}\n").into_bytes();
    let mut preface = Vec::new();
    let mut buffer = [0; 512];
    // Read by whoever reads first: the thread that relays.
    let mut begun = false;
    ReadBy(move |out: &mut [u8]| {
        while !begun {
            let count = reader.read(&mut buffer)?;
            preface.extend_from_slice(&buffer[..count]);
            if let Some(at) = preface.windows(line.len()).position(|window| window == line) {
                preface.drain(..at + line.len());
                begun = true;
            } else if count == 0 || preface.len() > MOST {
                begun = true;
            }
        }
        if preface.is_empty() {
            return reader.read(out);
        }
        let count = preface.len().min(out.len());
        out[..count].copy_from_slice(&preface[..count]);
        preface.drain(..count);
        Ok(count)
    })
}

struct ReadBy<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for ReadBy<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0(out)
    }
}

/// Hands each line to `show`, and at last, if it came to that, why no more could be read.
fn read_lines(mut reader: impl Read, mut show: impl FnMut(&str)) {
    let mut lines = Lines::default();
    let mut buffer = [0; 8192];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return lines.end(&mut show),
            Ok(n) => lines.feed(&buffer[..n], &mut show),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                lines.end(&mut show);
                return show(&format!("(no more of what it writes can be read: {error})"));
            }
        }
    }
}

/// Bytes in, lines out.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    /// The last byte was a carriage return: a newline that follows ends no second line.
    returned: bool,
}

impl Lines {
    /// Lines end at `\n`, `\r\n` and `\r`: a worker that draws over its line shows each state as a line of its own.
    fn feed(&mut self, mut bytes: &[u8], show: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
            let (part, rest) = bytes.split_at(end);
            self.extend(part, show);
            let second_half = self.returned && rest[0] == b'\n' && part.is_empty();
            if !second_half {
                self.flush(show);
            }
            self.returned = rest[0] == b'\r';
            bytes = &rest[1..];
        }
        self.extend(bytes, show);
        self.returned &= bytes.is_empty();
    }

    /// A last line may lack its end.
    fn end(&mut self, show: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.flush(show);
        }
    }

    fn extend(&mut self, mut part: &[u8], show: &mut impl FnMut(&str)) {
        while self.line.len() + part.len() > LONGEST {
            let (now, later) = part.split_at(LONGEST - self.line.len());
            self.line.extend_from_slice(now);
            // A character that is not whole yet goes into the next piece.
            let whole = whole_characters(&self.line);
            let rest = self.line.split_off(whole);
            self.flush(show);
            self.line = rest;
            part = later;
        }
        self.line.extend_from_slice(part);
    }

    fn flush(&mut self, show: &mut impl FnMut(&str)) {
        show(&String::from_utf8_lossy(&self.line));
        self.line.clear();
    }
}

/// How many of the bytes are left if one leaves out a character at the end that is only begun.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    // A character begins with any byte but 10xxxxxx, and has four at most.
    let Some(start) = (last..bytes.len()).rev().find(|&at| bytes[at] & 0b1100_0000 != 0b1000_0000) else {
        return bytes.len();
    };
    match str::from_utf8(&bytes[start..]) {
        // No error length: it is not wrong, only not finished.
        Err(error) if error.error_len().is_none() => start,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests;
