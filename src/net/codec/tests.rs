use super::*;
use bytes::Bytes;
use serde::{Deserialize, Serializer};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Newtype(Option<Box<Self>>),
    Tuple(u8, i64),
    Struct { name: String, sizes: Vec<(u16, f32)> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    letter: char,
    small: (u8, i8, u16, i16),
    large: (u32, i32, u64, i64, u128, i128),
    reals: (f32, f64),
    text: String,
    bytes: Bytes,
    maybe: [Option<u64>; 2],
    unit: (),
    shapes: Vec<Shape>,
    map: BTreeMap<String, Vec<u8>>,
    duration: Duration,
}

fn everything() -> Everything {
    Everything {
        flag: true,
        letter: 'ß',
        small: (255, -128, 65_535, -32_768),
        large: (u32::MAX, i32::MIN, u64::MAX, i64::MIN, u128::MAX, i128::MIN),
        reals: (-0.5, f64::MIN_POSITIVE),
        text: "größer 🦀".to_owned(),
        bytes: Bytes::from_static(&[0, 255, 3]),
        maybe: [None, Some(300)],
        unit: (),
        shapes: vec![
            Shape::Nothing,
            Shape::Newtype(Some(Box::new(Shape::Newtype(None)))),
            Shape::Tuple(1, -70_000),
            Shape::Struct { name: String::new(), sizes: vec![(1, 2.5)] },
        ],
        map: BTreeMap::from([("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![])]),
        duration: Duration::new(3, 7),
    }
}

#[test]
fn values_of_every_kind_come_back() {
    let value = everything();
    assert_eq!(decode::<Everything>(&encode(&value).unwrap()).unwrap(), value);
}

/// So a program built on bincode itself can read what we write, and the other way round.
#[test]
fn the_bytes_are_those_of_bincode() {
    let value = everything();
    let theirs = bincode::serde::encode_to_vec(&value, FORMAT).unwrap();
    assert_eq!(encode(&value).unwrap(), theirs);
    assert_eq!(decode::<Everything>(&theirs).unwrap(), value);
}

#[test]
fn values_are_taken_one_after_another() {
    let mut bytes = Vec::new();
    for number in [0u64, 250, 251, 65_535, 65_536, u64::MAX] {
        encode_into(&number, &mut bytes).unwrap();
    }
    let mut rest = &bytes[..];
    let mut back = Vec::new();
    while !rest.is_empty() {
        back.push(decode_next::<u64>(&mut rest).unwrap());
    }
    assert_eq!(back, [0, 250, 251, 65_535, 65_536, u64::MAX]);
}

#[test]
fn a_failure_takes_nothing_and_appends_nothing() {
    let bytes = encode(&(1u8, "text")).unwrap();
    let mut rest = &bytes[..bytes.len() - 1];
    let before = rest;
    assert!(decode_next::<(u8, String)>(&mut rest).is_err());
    assert_eq!(rest, before);
    let mut out = vec![1, 2, 3];
    encode_into(&("a part of it", NoLength), &mut out).unwrap_err();
    assert_eq!(out, [1, 2, 3]);
}

struct NoLength;

impl Serialize for NoLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        serializer.serialize_seq(None)?.end()
    }
}

#[test]
fn what_the_format_cannot_carry_is_refused_where_it_is_made() {
    assert_eq!(encode(&NoLength), Err(EncodeError::UnknownLength));

    #[derive(Serialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<u8>,
    }
    let error = encode(&Skips { field: None }).unwrap_err();
    assert!(error.to_string().contains("`field`"), "{error}");
    encode(&Skips { field: Some(1) }).unwrap();

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        #[allow(dead_code, reason = "it is never decoded")]
        Number(u8),
    }
    let error = decode::<Untagged>(&[1]).unwrap_err();
    assert_eq!(error.refused, Refused::NotSelfDescribing("deserialize_any"));
}

#[test]
fn an_error_says_what_and_where() {
    let text = |bytes: &[u8]| decode::<(u8, bool)>(bytes).unwrap_err().to_string();
    assert_eq!(text(&[1]), "cannot decode, at byte 1: the bytes end here, in the middle of a value");
    assert_eq!(text(&[1, 7]), "cannot decode, at byte 2: 7 is not a bool");
    let error = decode::<(u8, bool)>(&[1, 0, 5, 5]).unwrap_err();
    assert_eq!(error, DecodeError { at: 2, refused: Refused::Trailing { left: 2 } });
    assert!(matches!(decode::<Shape>(&[4]).unwrap_err().refused, Refused::Value(_)));
    assert!(matches!(decode::<Option<u8>>(&[2]).unwrap_err().refused, Refused::Value(_)));
    assert!(matches!(decode::<String>(&[1, 0xff]).unwrap_err().refused, Refused::Value(_)));
    assert!(matches!(decode::<u8>(&[]).unwrap_err().refused, Refused::Ended));
}

/// Runs what must be refused at once, and checks that it was.
fn promptly<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    assert!(start.elapsed() < Duration::from_secs(5), "it took {:?}", start.elapsed());
    done
}

#[test]
fn lengths_beyond_the_bytes_are_refused_at_once() {
    let claim = encode(&(1u64 << 40)).unwrap();
    let length = Refused::Length { claimed: 1 << 40, left: 0 };
    promptly(|| {
        assert_eq!(decode::<Vec<u8>>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<Vec<u64>>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<Vec<()>>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<String>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<Bytes>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<HashMap<u8, u8>>(&claim).unwrap_err().refused, length);
        assert_eq!(decode::<BTreeMap<(), ()>>(&claim).unwrap_err().refused, length);
    });
    let most = encode(&u64::MAX).unwrap();
    assert!(matches!(decode::<Vec<u8>>(&most).unwrap_err().refused, Refused::Length { .. }));
}

#[test]
fn elements_that_take_no_bytes_are_counted_over_the_whole_value() {
    let exactly = encode(&(EMPTY_ELEMENTS as u64)).unwrap();
    assert_eq!(decode::<Vec<()>>(&exactly).unwrap().len(), EMPTY_ELEMENTS);
    // Each inner sequence claims no more than bytes are left; all of them together take forever.
    let mut flood = encode(&300_000u64).unwrap();
    for _ in 0..300_000 {
        encode_into(&60_000u64, &mut flood).unwrap();
    }
    let error = promptly(|| decode::<Vec<Vec<()>>>(&flood).unwrap_err());
    assert_eq!(error.refused, Refused::TooManyEmpty { limit: EMPTY_ELEMENTS });
    let maps = promptly(|| decode::<Vec<BTreeMap<(), ()>>>(&flood).unwrap_err());
    assert_eq!(maps.refused, Refused::TooManyEmpty { limit: EMPTY_ELEMENTS });
    assert!(matches!(encode(&vec![(); EMPTY_ELEMENTS + 1]), Err(EncodeError::TooManyEmpty { .. })));
    encode(&vec![(); EMPTY_ELEMENTS]).unwrap();
}

#[derive(Debug, Serialize, Deserialize)]
enum Nested {
    Leaf,
    Boxed(Box<Self>),
    Named { inner: Option<Vec<Self>> },
}

fn nested(levels: usize) -> Nested {
    (0..levels).fold(Nested::Leaf, |inner, _| Nested::Boxed(Box::new(inner)))
}

#[test]
fn deep_nesting_is_refused_on_a_small_stack() {
    // A worker's threads have 2 MiB, and the test runs with all the checks of a debug build.
    let work = || {
        let deepest = encode(&nested(DEPTH as usize)).unwrap();
        decode::<Nested>(&deepest).unwrap();
        assert_eq!(encode(&nested(DEPTH as usize + 1)).unwrap_err(), EncodeError::TooDeep { limit: DEPTH });
        let hostile = vec![1; 2_000_000];
        let error = decode::<Nested>(&hostile).unwrap_err();
        assert_eq!(error.refused, Refused::TooDeep { limit: DEPTH });
        // Variant, option and sequence of one element each, again and again.
        let hostile: Vec<u8> = [2, 1, 1].repeat(1_000_000);
        let error = decode::<Nested>(&hostile).unwrap_err();
        assert_eq!(error.refused, Refused::TooDeep { limit: DEPTH });
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn honest_large_values_are_not_refused() {
    let bytes = vec![7u8; 8 << 20];
    assert!(decode::<Vec<u8>>(&encode(&bytes).unwrap()).unwrap() == bytes);
    let reals: Vec<f64> = (0..100_000).map(f64::from).collect();
    assert!(decode::<Vec<f64>>(&encode(&reals).unwrap()).unwrap() == reals);
}
