//! `#[remote]` and the registry, as far as they show in one process: a remote function stays a function, is found by
//! its type, and its name and signature are what they should be.

use std::time::Duration;

use aqueduct::cluster::registry::{Function, RemoteFn, registry};
use aqueduct::cluster::with;
use aqueduct::remote;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[remote]
fn none() -> u64 {
    7
}

#[remote]
fn plain(x: u64) -> f64 {
    x as f64
}

#[remote]
async fn later(x: u64) -> String {
    // Not `Send`, and across an await: it runs on one thread.
    let text = std::rc::Rc::new(x.to_string());
    std::future::ready(()).await;
    text.to_string()
}

#[remote(pure)]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[remote(name = "stable::name")]
async fn two_later(x: u64, y: String) -> Result<String, String> {
    Ok(format!("{x}{y}"))
}

#[remote]
fn pair((a, b): (u64, String)) -> String {
    format!("{a}{b}")
}

#[remote]
#[allow(clippy::too_many_arguments)]
fn eight(a: u8, b: u16, c: u32, d: u64, e: i8, f: i16, mut g: i32, h: i64) -> i64 {
    g += 1;
    i64::from(a) + i64::from(b) + i64::from(c) + d as i64 + i64::from(e) + i64::from(f) + i64::from(g) + h
}

#[remote]
fn with_leading(scale: &Scale, x: f64) -> f64 {
    scale.by * x
}

#[derive(Serialize, Deserialize)]
struct Scale {
    by: f64,
}

#[remote]
impl Scale {
    const UNIT: f64 = 1.0;

    fn new(by: f64) -> Self {
        Self { by: by * Self::UNIT }
    }

    fn apply(&self, x: f64) -> f64 {
        self.by * x
    }

    async fn slow(&self, x: f64) -> f64 {
        std::future::ready(self.by * x).await
    }

    fn both(&self, x: f64, y: f64) -> Option<Self> {
        Some(Self { by: self.by * x * y })
    }

    fn itself(&self) -> f64 {
        self.by
    }
}

/// A user may have names of ours.
mod homonyms {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub(super) struct AqueductRemote;
    #[derive(Serialize, Deserialize)]
    pub(super) struct Piece;

    #[remote]
    pub(super) fn piece(a0: Piece, a1: Option<Piece>, captured: u8, result: u8) -> (Piece, Option<Piece>, u8, u8) {
        (a0, a1, captured, result)
    }

    #[remote]
    pub(super) fn r#type(r#match: u8) -> u8 {
        r#match
    }

    #[remote]
    pub(super) fn a(a: u8, b: u8) -> u8 {
        a + b
    }

    #[remote]
    pub(super) async fn types(inventory: u8, form: u8) -> u8 {
        inventory + form
    }

    pub(super) mod inner {
        #[aqueduct::remote]
        pub(in super::super) fn plain(x: u64) -> u64 {
            x
        }
    }
}

/// What `map` will do: the items decide the arguments, and the function the result.
struct Map;

impl Map {
    fn map<F, A, M>(&self, function: F, _: impl IntoIterator<Item = A>) -> (Function, bool, Vec<F::Output>)
    where
        F: RemoteFn<A, M>,
        A: Serialize,
    {
        (function.function(), function.captured().is_some(), Vec::new())
    }
}

/// The name by which the registry knows it.
fn name<R>((function, ..): &(Function, bool, Vec<R>)) -> &'static str {
    let registry = registry().expect("no two have one name");
    let number = registry.number_of(*function).unwrap();
    registry.by_number(number).unwrap().name
}

fn result_is<R: DeserializeOwned>(_: &(Function, bool, Vec<R>)) {}

#[test]
fn a_remote_function_stays_a_function() {
    assert_eq!(none(), 7);
    assert_eq!([1, 2].map(plain), [1.0, 2.0]);
    assert_eq!(aqueduct::run(async { aqueduct::Outcome::Ok(later(3).await) }).unwrap(), "3");
    assert_eq!([1, 2, 3].into_iter().reduce(add), Some(6));
    assert_eq!(pair((1, "x".into())), "1x");
    assert_eq!(eight(1, 1, 1, 1, 1, 1, 1, 1), 9);
    assert_eq!(Scale::new(2.0).apply(1.5), 3.0);
    assert_eq!(with_leading(&Scale::new(2.0), 1.5), 3.0);
}

#[test]
fn a_map_finds_the_function_by_its_type_and_infers_the_items() {
    let map = Map;
    let found = map.map(none, [()]);
    assert_eq!(name(&found), "remote_functions::none");
    let found = map.map(plain, 0..10);
    result_is::<f64>(&found);
    assert_eq!(name(&found), "remote_functions::plain");
    let found = map.map(later, vec![1]);
    result_is::<String>(&found);
    assert_eq!(name(&found), "remote_functions::later");
    let found = map.map(two_later, [(1, String::new())]);
    result_is::<Result<String, String>>(&found);
    assert_eq!(name(&found), "stable::name");
    let found = map.map(pair, [(1, String::new())]);
    assert_eq!(name(&found), "remote_functions::pair");
    let found = map.map(eight, [(1, 2, 3, 4, 5, 6, 7, 8)]);
    assert_eq!(name(&found), "remote_functions::eight");
    assert_eq!(name(&map.map(homonyms::r#type, [1])), "remote_functions::homonyms::type");
    assert_eq!(name(&map.map(homonyms::inner::plain, 0..3)), "remote_functions::homonyms::inner::plain");
    let items = [(homonyms::Piece, None, 1, 2)];
    assert_eq!(name(&map.map(homonyms::piece, items)), "remote_functions::homonyms::piece");
    assert_eq!(name(&map.map(homonyms::a, [(1, 2)])), "remote_functions::homonyms::a");
    assert_eq!(name(&map.map(homonyms::types, [(1, 2)])), "remote_functions::homonyms::types");
    let _ = homonyms::AqueductRemote;
}

#[test]
fn captured_data_is_told_apart_from_items() {
    let map = Map;
    assert!(!map.map(plain, 0..10).1, "a plain function captures nothing");
    let scale = || Scale { by: 2.0 };
    let found = map.map(with(scale(), Scale::apply), [1.0]);
    assert!(found.1);
    assert_eq!(name(&found), "remote_functions::Scale::apply");
    let found = map.map(with(scale(), Scale::slow), [1.0]);
    result_is::<f64>(&found);
    assert_eq!(name(&found), "remote_functions::Scale::slow");
    let found = map.map(with(scale(), Scale::both), [(1.0, 2.0)]);
    result_is::<Option<Scale>>(&found);
    assert_eq!(name(&found), "remote_functions::Scale::both");
    let found = map.map(with(scale(), Scale::itself), [()]);
    assert_eq!(name(&found), "remote_functions::Scale::itself");
    assert_eq!(name(&map.map(with(scale(), with_leading), [1.0])), "remote_functions::with_leading");
    assert_eq!(name(&map.map(Scale::new, [1.0])), "remote_functions::Scale::new");
    let data = with(scale(), Scale::apply);
    assert_eq!(RemoteFn::<f64, _>::captured(&data).map(|scale| scale.by), Some(2.0));
}

#[test]
fn what_is_not_registered_is_refused_with_the_fix() {
    fn forgotten(x: u64) -> u64 {
        x
    }
    fn generic<T>(x: T) -> T {
        x
    }
    let registry = registry().expect("no two have one name");
    let refused = |function| registry.number_of(function).unwrap_err().to_string();
    let map = Map;

    let text = refused(map.map(forgotten, [1]).0);
    assert!(text.contains("forgotten` is not a remote function: put `#[aqueduct::remote]` on it"), "{text}");
    let y = 1;
    let text = refused(map.map(move |x: u64| x + y, [1]).0);
    assert!(text.contains("is a closure") && text.contains("with(data, function)"), "{text}");
    let text = refused(map.map(plain as fn(u64) -> f64, [1]).0);
    assert!(text.contains("is a pointer") && text.contains("by its name"), "{text}");
    let text = refused(map.map(generic::<u64>, [1]).0);
    assert!(text.contains("generic<u64>` is generic"), "{text}");
}

#[test]
fn entries_say_what_they_are() {
    let registry = registry().expect("no two have one name");
    let entry = |name| registry.by_name(name).unwrap().1;
    assert!(entry("remote_functions::add").pure && !entry("remote_functions::plain").pure);
    assert!(entry("remote_functions::add").fold.is_some(), "it takes two numbers to a third");
    for other in ["remote_functions::plain", "remote_functions::pair", "remote_functions::Scale::both"] {
        assert!(entry(other).fold.is_none(), "{other}");
    }
    assert!(entry("remote_functions::plain").location.starts_with("tests/remote_functions.rs:"));
}

#[test]
fn numbers_and_names_agree() {
    let registry = registry().expect("no two have one name");
    assert!(registry.listing().is_sorted());
    for (number, listed) in (0..).zip(registry.listing()) {
        let entry = registry.by_number(number).unwrap();
        assert_eq!(entry.name, listed.name);
        assert_eq!((entry.signature)(), listed.signature, "it is the same each time");
        assert_eq!(registry.by_name(&listed.name).map(|(number, _)| number), Some(number));
    }
    let count = u32::try_from(registry.listing().len()).unwrap();
    assert!(registry.by_number(count).is_none() && registry.by_number(u32::MAX).is_none());
    assert!(registry.by_name("remote_functions::nobody").is_none());
}

#[test]
fn signatures_tell_functions_of_other_types_apart() {
    #[remote]
    fn narrow(x: u32) -> Duration {
        Duration::from_secs(x.into())
    }
    #[remote]
    fn wide(x: u64) -> Duration {
        Duration::from_secs(x)
    }
    #[remote]
    fn as_wide(other: u64) -> Duration {
        Duration::from_millis(other)
    }
    #[remote]
    fn captures(x: &u64) -> Duration {
        Duration::from_secs(*x)
    }
    let second = Duration::from_secs(1);
    assert_eq!([narrow(1), wide(1), as_wide(1000), captures(&1)], [second; 4]);
    let registry = registry().expect("no two have one name");
    let signature = |name: &str| (registry.by_name(&format!("remote_functions::{name}")).unwrap().1.signature)();
    assert_ne!(signature("narrow"), signature("wide"));
    assert_ne!(signature("captures"), signature("wide"));
    assert_eq!(signature("as_wide"), signature("wide"));
}

/// As `worker_entry!` does it.
mod harness {
    use aqueduct::__private::remote::TestEntry;

    #[test]
    fn aqueduct_worker_entry() {
        println!("the entry ran");
    }

    aqueduct::__private::remote::inventory::submit! {
        TestEntry { path: concat!(module_path!(), "::aqueduct_worker_entry") }
    }

    #[test]
    fn a_test_binary_finds_its_entry_and_runs_it_alone() {
        let entry = TestEntry::of_this_program().expect("it is submitted above");
        let run = std::process::Command::new(std::env::current_exe().expect("it runs"))
            .args([entry.exact_name(), "--exact", "--nocapture"])
            .output()
            .expect("a test binary starts");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && said.contains("the entry ran") && said.contains("1 passed"), "{said}");
    }
}
