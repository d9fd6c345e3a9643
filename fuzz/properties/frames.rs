//! Whatever the bytes, and however they are cut: frames within the limits, each one what was sent, or an error.

use aqueduct::net::frame::{Frame, FrameError, FrameReader, FrameWriter, Limits};
use bytes::Bytes;

/// The first byte says how the others are cut.
pub(crate) fn check(bytes: &[u8]) {
    let Some((&cut, input)) = bytes.split_first() else { return };
    let limits = Limits { header: 40, payload: 300 };
    let whole = read(limits, input, input.len().max(1));
    let cut = read(limits, input, usize::from(cut).max(1));
    assert_eq!(whole, cut, "the cutting made a difference");
    let (frames, end) = whole;
    let mut again = Vec::new();
    for Frame { header, payload } in &frames {
        FrameWriter::new(limits).write(&mut again, header, payload).expect("frames that are read can be written");
    }
    assert!(input.starts_with(&again), "a frame is not what was sent");
    if end.is_ok() {
        assert_eq!(again.len(), input.len(), "bytes were dropped without a word");
    }
}

fn read(limits: Limits, input: &[u8], cut: usize) -> (Vec<Frame>, Result<(), FrameError>) {
    let mut reader = FrameReader::new(limits);
    let mut frames = Vec::new();
    for piece in input.chunks(cut) {
        reader.push(Bytes::copy_from_slice(piece));
        loop {
            match reader.pop() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    let end = reader.finish();
    (frames, end)
}
