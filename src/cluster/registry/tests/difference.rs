//! What two processes tell each other about their functions.

use crate::cluster::registry::{Listed, describe_difference};

fn listing(functions: &[(&str, u64)]) -> Vec<Listed> {
    functions.iter().map(|(name, signature)| Listed { name: (*name).into(), signature: *signature }).collect()
}

#[test]
fn equal_programs_have_no_difference() {
    let ours = listing(&[("a::f", 1), ("a::g", 2)]);
    let theirs = listing(&[("a::g", 2), ("a::f", 1)]);
    assert_eq!(describe_difference(&ours, &theirs), None);
    assert_eq!(describe_difference(&[], &[]), None);
}

#[test]
fn a_missing_function_comes_with_the_line_to_add() {
    let ours = listing(&[("a::f", 1), ("tasks::inner::add", 2)]);
    let theirs = listing(&[("a::f", 1)]);
    let text = describe_difference(&ours, &theirs).unwrap();
    assert!(text.contains("`tasks::inner::add` is missing in the other process"), "{text}");
    assert!(text.contains("add `use tasks as _;`"), "{text}");
    assert!(!text.contains("a::f"), "{text}");
    let text = describe_difference(&theirs, &ours).unwrap();
    assert!(text.contains("`tasks::inner::add` is missing in this process"), "{text}");
}

#[test]
fn another_signature_is_named_with_both() {
    let text = describe_difference(&listing(&[("a::f", 0x12)]), &listing(&[("a::f", 0x34)])).unwrap();
    assert!(text.contains("`a::f` has other types"), "{text}");
    assert!(text.contains("0000000000000012 here") && text.contains("0000000000000034 there"), "{text}");
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let names: Vec<String> = (0..50).map(|n| format!("tasks::f{n:02}")).collect();
    let ours: Vec<Listed> = names.iter().map(|name| Listed { name: name.clone(), signature: 1 }).collect();
    let text = describe_difference(&ours, &[]).unwrap();
    assert!(text.contains("tasks::f19") && !text.contains("tasks::f20") && text.contains("and 30 more"), "{text}");
    let text = describe_difference(&ours[..20], &[]).unwrap();
    assert!(!text.contains(" more"), "{text}");
}

#[test]
fn names_from_elsewhere_are_shown_harmless() {
    let text = describe_difference(&[], &listing(&[("evil\u{1b}[2J\n::f", 1), ("bare", 1)])).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("evil\\u{1b}[2J\\n::f"), "{text}");
    assert!(text.contains("`bare` is missing"), "{text}");
    let text = describe_difference(&listing(&[("\u{1b}::f", 1)]), &listing(&[("\u{1b}::f", 2)])).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}::f` has other types"), "{text}");
}
