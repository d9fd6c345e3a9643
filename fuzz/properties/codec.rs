//! Whatever the bytes: a value that encodes and decodes to itself, or an error, soon.

use aqueduct::net::codec;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
enum Tree {
    Leaf(i64),
    Text(String),
    Pair(Box<(Self, Self)>),
    Many { children: Vec<Self>, label: Option<char> },
}

#[derive(Serialize, Deserialize)]
struct Record {
    id: u128,
    flags: (bool, bool),
    reals: [f32; 2],
    name: String,
    data: Bytes,
    map: BTreeMap<u16, Vec<()>>,
    maybe: Option<Box<Self>>,
}

/// Checks the bytes as values of several types.
pub(crate) fn check(bytes: &[u8]) {
    value::<u64>(bytes);
    value::<(i8, u16, i32, f64, char, bool)>(bytes);
    value::<Vec<u8>>(bytes);
    value::<Vec<Vec<()>>>(bytes);
    value::<BTreeMap<String, Vec<u64>>>(bytes);
    value::<Tree>(bytes);
    value::<Record>(bytes);
}

fn value<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let mut rest = bytes;
    match codec::decode_next::<T>(&mut rest) {
        Ok(value) => {
            let again = codec::encode(&value).expect("what was decoded can be encoded");
            let value: T = codec::decode(&again).expect("what was encoded can be decoded");
            assert_eq!(codec::encode(&value).expect("as before"), again);
            assert_eq!(codec::decode::<T>(bytes).is_ok(), rest.is_empty());
        }
        Err(error) => {
            assert_eq!(rest, bytes, "a failure took something");
            assert!(error.at <= bytes.len());
        }
    }
}
