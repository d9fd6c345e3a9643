//! Order, duplicates, digest.

use std::any::TypeId;

use crate::cluster::registry::{Entry, Function, Registry, RegistryError};

const fn entry(name: &'static str, location: &'static str, type_id: fn() -> TypeId, signature: fn() -> u64) -> Entry {
    Entry { name, location, type_id, signature, run: |_| (), fold: None, pure: false }
}

struct Add;
struct Sub;
static ADD: Entry = entry("tasks::add", "tasks.rs:3", TypeId::of::<Add>, || 1);
static ADD_WIDER: Entry = entry("tasks::add", "tasks.rs:3", TypeId::of::<Add>, || 2);
static ADD_AGAIN: Entry = entry("tasks::add", "more.rs:9", TypeId::of::<Sub>, || 1);
static SUB: Entry = entry("tasks::sub", "tasks.rs:8", TypeId::of::<Sub>, || 1);

#[test]
fn numbers_do_not_depend_on_the_order_of_the_linker() {
    for order in [vec![&ADD, &SUB], vec![&SUB, &ADD]] {
        let registry = Registry::new(order).unwrap();
        assert_eq!(registry.len(), 2);
        assert_eq!(registry.number_of(Function::of::<Add>()), Ok(0));
        assert_eq!(registry.number_of(Function::of::<Sub>()), Ok(1));
        assert_eq!(registry.by_number(1).unwrap().name, "tasks::sub");
        assert_eq!(registry.by_name("tasks::add").map(|(number, _)| number), Some(0));
    }
}

#[test]
fn two_functions_of_one_name_are_an_error_that_names_both() {
    for order in [vec![&ADD, &SUB, &ADD_AGAIN], vec![&ADD_AGAIN, &ADD, &SUB]] {
        let error = Registry::new(order).unwrap_err();
        assert_eq!(error, RegistryError::SameName { name: "tasks::add", first: "more.rs:9", second: "tasks.rs:3" });
        let text = error.to_string();
        for part in ["`tasks::add`", "more.rs:9", "tasks.rs:3", "#[remote(name = \"…\")]"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn the_digest_depends_on_names_and_signatures_alone() {
    let digest = |entries: Vec<&'static Entry>| Registry::new(entries).unwrap().digest();
    assert_eq!(digest(vec![&ADD, &SUB]), digest(vec![&SUB, &ADD]));
    assert_ne!(digest(vec![&ADD, &SUB]), digest(vec![&ADD]));
    assert_ne!(digest(vec![&ADD, &SUB]), digest(vec![&ADD_WIDER, &SUB]));
    assert_ne!(digest(vec![&ADD]), digest(vec![&SUB]));
    assert_ne!(digest(vec![]), digest(vec![&ADD]));
}

#[test]
fn an_empty_registry_knows_nothing() {
    let registry = Registry::new(Vec::new()).unwrap();
    assert!(registry.is_empty() && registry.by_number(0).is_none() && registry.by_name("").is_none());
    let error = registry.number_of(Function::of::<Add>()).unwrap_err();
    assert!(error.type_name.ends_with("::Add"));
}
