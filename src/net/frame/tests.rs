use super::*;

const LIMITS: Limits = Limits { header: 100, payload: 1_000 };

fn sample() -> (Vec<u8>, Vec<Frame>) {
    let mut bytes = Vec::new();
    let mut frames = Vec::new();
    for (header, payload) in [(0, 0), (1, 0), (0, 1), (100, 1_000), (7, 300), (0, 0)] {
        let frame = Frame {
            header: (0..header).map(|n| n as u8).collect(),
            payload: (0..payload).map(|n| (n % 251) as u8).collect(),
        };
        FrameWriter::new(LIMITS).write(&mut bytes, &frame.header, &frame.payload).unwrap();
        frames.push(frame);
    }
    (bytes, frames)
}

#[test]
fn frames_come_back_however_the_bytes_are_cut() {
    let (bytes, frames) = sample();
    for size in 1..=bytes.len() {
        let mut reader = FrameReader::new(LIMITS);
        let mut back = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(Bytes::copy_from_slice(piece));
            while let Some(frame) = reader.pop().unwrap() {
                back.push(frame);
            }
        }
        reader.finish().unwrap();
        assert_eq!(back, frames, "in pieces of {size}");
    }
}

#[test]
fn a_frame_within_one_piece_is_not_copied() {
    let (bytes, _) = sample();
    let bytes = Bytes::from(bytes);
    let within = bytes.as_ptr_range();
    let mut reader = FrameReader::new(LIMITS);
    reader.push(bytes.clone());
    let mut count = 0;
    while let Some(frame) = reader.pop().unwrap() {
        for part in [frame.header, frame.payload] {
            assert!(part.is_empty() || within.contains(&part.as_ptr()));
        }
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn lengths_beyond_the_limits_are_refused_when_they_arrive() {
    let mut reader = FrameReader::new(LIMITS);
    reader.push(Bytes::copy_from_slice(&[101, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(reader.pop(), Err(FrameError::Header { length: 101, limit: 100 }));
    let mut reader = FrameReader::new(LIMITS);
    reader.push(Bytes::copy_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
    assert_eq!(reader.pop(), Err(FrameError::Payload { length: u32::MAX as usize, limit: 1_000 }));
}

#[test]
fn a_writer_refuses_what_a_reader_would_and_leaves_no_trace() {
    let writer = FrameWriter::new(LIMITS);
    let mut out = vec![1, 2, 3];
    assert_eq!(writer.write(&mut out, &[0; 101], &[]), Err(FrameError::Header { length: 101, limit: 100 }));
    assert_eq!(writer.write(&mut out, &[], &[0; 1_001]), Err(FrameError::Payload { length: 1_001, limit: 1_000 }));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn an_end_inside_a_frame_is_an_error_at_every_byte() {
    let mut bytes = Vec::new();
    FrameWriter::new(LIMITS).write(&mut bytes, b"head", b"payload").unwrap();
    for end in 0..bytes.len() {
        let mut reader = FrameReader::new(LIMITS);
        reader.push(Bytes::copy_from_slice(&bytes[..end]));
        assert_eq!(reader.pop(), Ok(None));
        assert_eq!(reader.finish().is_err(), end > 0, "at {end}");
    }
}
