//! One mention of a library brings all its remote functions. (`remote_unmentioned.rs` is without it.)

use aqueduct::cluster::registry::registry;
// The line that the message of the other file says to add.
use aqueduct_test_tasks as _;

#[test]
fn a_library_that_is_mentioned_contributes_all_its_functions() {
    let registry = registry().expect("no two have one name");
    let names: Vec<&str> = registry.listing().iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["aqueduct_test_tasks::double", "aqueduct_test_tasks::inner::add"]);
}
