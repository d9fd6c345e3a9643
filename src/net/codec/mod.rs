//! Values to bytes and back: the only module that knows the wire format.
//!
//! The format is bincode 2 with its standard configuration (little-endian, variable-length integers, no field names).
//! bincode writes and reads each number; the walk over a value is our own, because bincode's has no bounds: it hangs
//! on a `Vec<()>` that claims 2^40 elements, with its limit too, and overflows the stack on a few megabytes of nested
//! boxes. What is refused here, in the time it takes to read the bytes that are there:
//!
//! | refused | because |
//! |---|---|
//! | a length larger than what can follow it | it would make us allocate or count ahead of the data |
//! | more than [`EMPTY_ELEMENTS`] elements that take no bytes, in one value | they cost nothing to claim |
//! | more than [`DEPTH`] levels of nesting | recursion on a stack of 2 MiB must end, in debug builds too |
//! | bytes after the value (`decode`) | the two sides disagree about the type |
//!
//! Encoding has the same bounds where it can see them, so a value that could not be read fails where it was made.
//! Numbers cost a few nanoseconds, and a string or [`Bytes`](bytes::Bytes) one copy; a `Vec<u8>` goes element by
//! element, since serde does not tell a format what the elements are: large byte strings belong in `Bytes`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use decode::{DecodeError, Refused};
pub use encode::EncodeError;

/// The configuration of the wire format.
const FORMAT: Format = bincode::config::standard();
type Format = bincode::config::Configuration;

/// The levels of nesting in one value: structures, variants, options, sequences, maps.
pub const DEPTH: u16 = 128;

/// The elements of sequences and maps that take no bytes, in one value.
pub const EMPTY_ELEMENTS: usize = 1 << 20;

/// Appends the encoding of `value` to `out`.
///
/// # Errors
/// If the value refuses to be serialised, asks for what the format cannot do (a sequence of unknown length), or is
/// nested too deeply. `out` is then as it was.
#[inline]
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode::append(value, out)
}

/// The encoding of `value`.
///
/// # Errors
/// As [`encode_into`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out)
}

/// The value that `bytes` encode, all of them.
///
/// # Errors
/// If the bytes are not exactly one value of this type, within the bounds of this module.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut rest = bytes;
    let value = decode_next(&mut rest)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError { at: bytes.len() - rest.len(), refused: Refused::Trailing { left: rest.len() } })
    }
}

/// Takes one value off the front of `bytes`.
///
/// # Errors
/// If no value of this type, within the bounds of this module, stands there. `bytes` are then as they were.
#[inline]
pub fn decode_next<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, DecodeError> {
    decode::take(bytes)
}
