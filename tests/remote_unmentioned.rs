//! A library that a program depends on, and never mentions, is not linked: its remote functions are not there, and the
//! message says which line brings them. (`remote_mentioned.rs` is the same program with that line.)
//!
//! This file must not mention `aqueduct_test_tasks` in its code.

use aqueduct::cluster::registry::{Listed, describe_difference, registry};

#[aqueduct::remote]
fn own(x: u64) -> u64 {
    x
}

#[test]
fn a_library_that_is_not_mentioned_contributes_nothing() {
    assert_eq!(own(1), 1);
    let registry = registry().expect("no two have one name");
    let names: Vec<&str> = registry.listing().iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["remote_unmentioned::own"]);
}

#[test]
fn the_message_brings_the_line_that_links_it() {
    let registry = registry().expect("no two have one name");
    let mut drivers = registry.listing().to_vec();
    drivers.push(Listed { name: "aqueduct_test_tasks::inner::add".to_owned(), signature: 1 });
    let text = describe_difference(&drivers, registry.listing()).expect("they differ");
    assert!(text.contains("`aqueduct_test_tasks::inner::add` is missing"), "{text}");
    assert!(text.contains("add `use aqueduct_test_tasks as _;`"), "{text}");
}
