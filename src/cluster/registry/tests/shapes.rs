//! A signature changes when the wire would, and not otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeOwned};

use crate::cluster::registry::signature::shape;

/// Declares one type in a module of its own, so that variations of it have the same name.
macro_rules! variation {
    ($module:ident $($item:tt)*) => {
        #[allow(dead_code, reason = "never made, only asked for its shape")]
        mod $module {
            use serde::Deserialize;
            #[derive(Deserialize)]
            $($item)*
        }
    };
}

variation!(base pub(super) struct Point { x: u32, y: f64 });
variation!(same pub(super) struct Point { x: u32, y: f64 });
variation!(reordered pub(super) struct Point { y: f64, x: u32 });
variation!(renamed pub(super) struct Point { x: u32, z: f64 });
variation!(wider pub(super) struct Point { x: u64, y: f64 });
variation!(longer pub(super) struct Point { x: u32, y: f64, z: f64 });
variation!(tuple pub(super) struct Point(u32, f64););
variation!(other_name pub(super) struct Place { x: u32, y: f64 });

#[test]
fn a_struct_is_its_name_and_its_fields_in_order() {
    let base = shape::<base::Point>();
    assert_eq!(base, shape::<same::Point>(), "where it stands does not matter");
    let others = [
        shape::<reordered::Point>(),
        shape::<renamed::Point>(),
        shape::<wider::Point>(),
        shape::<longer::Point>(),
        shape::<tuple::Point>(),
        shape::<other_name::Place>(),
    ];
    for other in &others {
        assert_ne!(*other, base);
    }
    assert_eq!(others.iter().collect::<HashSet<_>>().len(), others.len());
}

variation!(one pub(super) enum Order { Buy(u32), Sell { at: u64 }, Wait });
variation!(two pub(super) enum Order { Sell { at: u64 }, Buy(u32), Wait });
variation!(three pub(super) enum Order { Buy(u32), Sell { at: u64 }, Wait, Stop });
variation!(four pub(super) enum Order { Buy(u32), Sell { at: u32 }, Wait });
variation!(five pub(super) enum Order { Buy(u32), Sell { at: u64 }, Wait(u8) });
variation!(seven pub(super) enum Order { Buy(u32), Sell { at: u64 }, Halt });
variation!(six pub(super) enum Order { Buy(u32), Sell { by: u64 }, Wait });

#[test]
fn an_enum_is_its_variants_in_order_and_what_is_in_each() {
    let shapes = [
        shape::<one::Order>(),
        shape::<two::Order>(),
        shape::<three::Order>(),
        shape::<four::Order>(),
        shape::<five::Order>(),
        shape::<six::Order>(),
        shape::<seven::Order>(),
    ];
    assert_eq!(shapes.iter().collect::<HashSet<_>>().len(), shapes.len(), "{shapes:#?}");
}

#[test]
fn simple_types_are_all_different() {
    let shapes = [
        shape::<()>(),
        shape::<bool>(),
        shape::<u8>(),
        shape::<u16>(),
        shape::<u32>(),
        shape::<u64>(),
        shape::<u128>(),
        shape::<i8>(),
        shape::<i64>(),
        shape::<i128>(),
        shape::<f32>(),
        shape::<f64>(),
        shape::<char>(),
        shape::<String>(),
        shape::<Vec<u8>>(),
        shape::<Vec<u16>>(),
        shape::<Vec<Vec<u8>>>(),
        shape::<Option<u8>>(),
        shape::<Option<Option<u8>>>(),
        shape::<[u8; 2]>(),
        shape::<[u8; 3]>(),
        shape::<(u8, u16)>(),
        shape::<(u16, u8)>(),
        shape::<HashMap<u8, u16>>(),
        shape::<HashMap<u16, u8>>(),
        shape::<Result<u8, u16>>(),
        shape::<Result<u8, u8>>(),
        shape::<(Result<u8, u16>, Result<u32, u64>)>(),
        shape::<(Result<u8, u16>, Result<u32, u32>)>(),
        shape::<(Result<u8, u8>, Result<u32, u64>)>(),
        shape::<Duration>(),
    ];
    assert_eq!(shapes.iter().collect::<HashSet<_>>().len(), shapes.len(), "{shapes:#?}");
    assert_eq!(shape::<Vec<u8>>(), shape::<std::collections::VecDeque<u8>>(), "the wire has the same");
    assert_eq!(shape::<Box<u8>>(), shape::<u8>());
    assert_eq!(shape::<BTreeMap<u8, u16>>(), shape::<HashMap<u8, u16>>());
}

variation!(tree pub(super) struct Tree { value: u8, children: Vec<Self> });
variation!(wide_tree pub(super) struct Tree { value: u16, children: Vec<Self> });
variation!(list pub(super) struct List { next: Option<Box<Self>>, value: u8 });
variation!(wide_list pub(super) struct List { next: Option<Box<Self>>, value: u16 });
variation!(expression pub(super) enum Term { Add(Box<Self>, Box<Self>, u8), Neg(Box<Self>), Number(u32) });
variation!(wide_add pub(super) enum Term { Add(Box<Self>, Box<Self>, u16), Neg(Box<Self>), Number(u32) });
variation!(wide_number pub(super) enum Term { Add(Box<Self>, Box<Self>, u8), Neg(Box<Self>), Number(u64) });
variation!(endless pub(super) struct Endless { inner: Box<Self> });

#[test]
fn a_recursive_type_is_seen_whole() {
    assert_ne!(shape::<tree::Tree>(), shape::<wide_tree::Tree>());
    assert_ne!(shape::<list::List>(), shape::<wide_list::List>(), "behind the recursion too");
    let terms = [shape::<expression::Term>(), shape::<wide_add::Term>(), shape::<wide_number::Term>()];
    assert_eq!(terms.iter().collect::<HashSet<_>>().len(), 3, "{terms:#?}");
    assert!(!shape::<endless::Endless>().is_empty(), "no value of it can exist, and yet this ends");
}

/// A language with many forms, most of which hold others; and a node with many neighbours.
macro_rules! language {
    ($module:ident $last:ty) => {
        #[allow(dead_code, reason = "never made, only asked for its shape")]
        mod $module {
            use serde::Deserialize;

            #[derive(Deserialize)]
            pub(super) enum Term {
                Add(Box<Self>, Box<Self>),
                Sub(Box<Self>, Box<Self>),
                Mul(Box<Self>, Box<Self>),
                Div(Box<Self>, Box<Self>),
                If(Box<Self>, Box<Self>, Box<Self>),
                Call(Vec<Self>, Option<Box<Self>>),
                Loop(Box<Self>, Vec<(Self, Self)>),
                Let { name: String, value: Box<Self>, inside: Box<Self> },
                And(Box<Self>, Box<Self>),
                Or(Box<Self>, Box<Self>),
                Not(Box<Self>),
                Number(f64),
                Text(String),
                Last(Box<Self>, Box<Self>, $last),
            }

            #[derive(Deserialize)]
            pub(super) struct Node {
                neighbours: [Option<Box<Self>>; 12],
                more: Vec<Self>,
                others: Vec<(Self, Self)>,
                last: $last,
            }
        }
    };
}

language!(narrow u8);
language!(broad u16);

#[test]
fn a_large_recursive_type_is_seen_to_its_end() {
    assert_ne!(shape::<narrow::Term>(), shape::<broad::Term>());
    assert_ne!(shape::<narrow::Node>(), shape::<broad::Node>());
}

#[allow(dead_code, reason = "never made, only asked for its shape")]
mod deep {
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub(super) enum Outer<T> {
        First,
        Second(Inner<T>),
        Third { inner: Vec<Inner<(T, T)>> },
    }

    #[derive(Deserialize)]
    pub(super) enum Inner<T> {
        Empty,
        Full(Option<T>),
    }
}

#[test]
fn variants_inside_variants_are_seen() {
    assert_ne!(shape::<deep::Outer<u8>>(), shape::<deep::Outer<u16>>());
    assert_ne!(shape::<Vec<deep::Outer<u8>>>(), shape::<Vec<deep::Outer<u16>>>());
    assert_ne!(shape::<Vec<Option<Result<u8, u16>>>>(), shape::<Vec<Option<Result<u8, u32>>>>());
}

/// Takes nothing but a text that no probe has.
#[derive(Debug)]
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "an unlikely text" { Ok(Self) } else { Err(D::Error::custom("not that one")) }
    }
}

/// Asks what comes, which the wire does not say.
#[derive(Debug)]
struct Curious;

impl<'de> Deserialize<'de> for Curious {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Curious;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Curious, A::Error> {
                Ok(Curious)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Panics on what it does not like.
#[derive(Debug)]
struct Rude;

impl<'de> Deserialize<'de> for Rude {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = u32::deserialize(deserializer)?;
        assert!(size > 0, "asked for nothing");
        Ok(Self)
    }
}

#[test]
fn visitors_that_refuse_are_passed_over() {
    assert_eq!(shape::<Picky>(), shape::<Picky>());
    assert_ne!(shape::<Picky>(), shape::<String>(), "that it refuses shows");
    assert_ne!(shape::<(u8, Picky)>(), shape::<(u16, Picky)>());
    assert_ne!(shape::<Result<Picky, u8>>(), shape::<Result<Picky, u16>>(), "the other variant is still seen");
    assert_ne!(shape::<(Vec<Picky>, u8)>(), shape::<(Vec<Picky>, u16)>(), "an empty one lets the rest be seen");
    assert_ne!(shape::<(Curious, u8)>(), shape::<Curious>());
    assert_ne!(shape::<(NonZeroU32, u8)>(), shape::<(NonZeroU32, u16)>(), "the next candidate is not zero");
    assert_ne!(shape::<(IpAddr, u8)>(), shape::<(IpAddr, u16)>());
    let fine: [fn() -> String; 4] =
        [shape::<SocketAddr>, shape::<SystemTime>, shape::<Vec<Picky>>, shape::<HashMap<Picky2, String>>];
    for fine in fine {
        assert!(fine().len() < 4000, "{}", fine());
    }
    assert_ne!(shape::<(Rude, u8)>(), shape::<(Rude, u16)>(), "a panic is a refusal");
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(try_from = "u8")]
struct Picky2(u8);

impl TryFrom<u8> for Picky2 {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number > 100 { Ok(Self(number)) } else { Err("too small") }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code, reason = "never made, only asked for its shape")]
enum Untagged {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "never made, only asked for its shape")]
struct Flat {
    a: u8,
    #[serde(flatten)]
    rest: HashMap<String, u8>,
}

/// Ends whatever comes: types that the wire cannot carry, wide enums, long arrays, ten recursive fields, fifty refusals.
#[test]
fn exploring_ends() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "never made, only asked for its shape")]
    struct Bush([Option<Box<Self>>; 10], Vec<Self>, HashMap<u8, Self>);

    fn ends<T: DeserializeOwned>() {
        let text = shape::<T>();
        assert!(!text.is_empty() && text.len() < 1_000_000, "{}", text.len());
        assert_eq!(text, shape::<T>(), "and is the same each time");
    }
    ends::<Untagged>();
    ends::<Flat>();
    ends::<Bush>();
    ends::<[[[u64; 32]; 32]; 32]>();
    ends::<[(u8, Picky); 32]>();
    ends::<Vec<Result<Result<Result<Result<u8, Picky>, Picky>, Picky>, Picky>>>();
}
