//! What a value costs to encode and to decode.

use crate::{LARGE, Scale};
use aqueduct::net::codec;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::hint::black_box;
use std::time::Instant;

pub(crate) fn run(scale: &Scale) {
    let numbers = 1_000_000;
    let mut out = Vec::with_capacity(9 * numbers as usize);
    for (name, first) in [("small u64", 0u64), ("large u64", 1 << 40)] {
        scale.sample(&format!("codec: encode_into, {name}"), "ns", |_| {
            out.clear();
            let start = Instant::now();
            for number in 0..numbers {
                codec::encode_into(black_box(&(first | (number & 0x7f))), &mut out).expect("a number");
            }
            start.elapsed().as_nanos() as f64 / numbers as f64
        });
        out.clear();
        for number in 0..numbers {
            codec::encode_into(&(first | (number & 0x7f)), &mut out).expect("a number");
        }
        scale.sample(&format!("codec: decode_next, {name}"), "ns", |_| {
            let mut rest = &out[..];
            let start = Instant::now();
            let mut sum = 0u64;
            while !rest.is_empty() {
                sum = sum.wrapping_add(codec::decode_next::<u64>(&mut rest).expect("a number"));
            }
            let elapsed = start.elapsed();
            assert_eq!(sum, (0..numbers).map(|number| first | (number & 0x7f)).fold(0, u64::wrapping_add));
            elapsed.as_nanos() as f64 / numbers as f64
        });
    }
    large(scale, "Bytes", &Bytes::from(vec![7; LARGE]));
    large(scale, "Vec<u8>", &vec![7u8; LARGE]);
    large(scale, "Vec<f64>", &vec![0.5f64; LARGE / 8]);
    large(scale, "String", &"x".repeat(LARGE));
}

fn large<T: Serialize + DeserializeOwned + PartialEq>(scale: &Scale, name: &str, value: &T) {
    let megabytes = |start: Instant| 1e-6 * LARGE as f64 / start.elapsed().as_secs_f64();
    let mut out = Vec::with_capacity(LARGE + 9);
    scale.sample(&format!("codec: encode_into, 1 MiB {name}"), "MB/s", |_| {
        out.clear();
        let start = Instant::now();
        codec::encode_into(black_box(value), &mut out).expect("plain data");
        megabytes(start)
    });
    let bytes = codec::encode(value).expect("plain data");
    scale.sample(&format!("codec: decode, 1 MiB {name}"), "MB/s", |_| {
        let start = Instant::now();
        let back: T = codec::decode(black_box(&bytes)).expect("what was encoded");
        let figure = megabytes(start);
        assert!(back == *value);
        figure
    });
}
