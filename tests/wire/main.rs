//! The properties that the fuzz targets check (`fuzz/`), on seeded bytes: no nightly compiler, and the same every time.

#[path = "../../fuzz/properties/codec.rs"]
mod codec;
#[path = "../../fuzz/properties/frames.rs"]
mod frames;

use aqueduct::net::frame::{FrameWriter, Limits};

/// What stands at the borders of the encodings.
const DAMAGE: [u8; 11] = [0, 1, 2, 3, 127, 250, 251, 252, 253, 254, 255];

/// Bytes that are random, or believable and then damaged.
fn inputs(seed: u64, rounds: u32, mut believable: impl FnMut(&mut fastrand::Rng) -> Vec<u8>, check: fn(&[u8])) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds {
        let mut bytes = if random.u8(0..4) == 0 {
            let length = random.usize(0..400);
            (0..length).map(|_| random.u8(..)).collect()
        } else {
            believable(&mut random)
        };
        for _ in 0..random.usize(0..4) {
            if let Some(byte) = random.choice(bytes.iter_mut()) {
                *byte = DAMAGE[usize::from(*byte) % DAMAGE.len()];
            }
        }
        if random.u8(0..4) == 0 {
            bytes.truncate(random.usize(0..=bytes.len()));
        }
        check(&bytes);
    }
}

#[test]
fn frames_hold_their_properties() {
    let writer = FrameWriter::new(Limits { header: 45, payload: 310 });
    let believable = |random: &mut fastrand::Rng| {
        let mut out = vec![random.u8(..)];
        for _ in 0..random.usize(0..6) {
            let header = vec![random.u8(..); random.usize(0..45)];
            let payload = vec![random.u8(..); random.usize(0..310)];
            writer.write(&mut out, &header, &payload).unwrap();
        }
        out
    };
    inputs(1, 20_000, believable, frames::check);
}

#[test]
fn values_hold_their_properties() {
    // Small numbers are lengths, variants and flags, so most of it means something.
    let believable = |random: &mut fastrand::Rng| {
        let length = random.usize(0..300);
        (0..length).map(|_| if random.bool() { random.u8(0..4) } else { random.u8(..) }).collect()
    };
    inputs(2, 20_000, believable, codec::check);
}
