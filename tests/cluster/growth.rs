//! A million small tasks cost little more each than ten thousand.

use std::time::{Duration, Instant};

use crate::support::on;

#[aqueduct::remote]
fn nothing(n: u32) -> u32 {
    n
}

#[test]
fn a_million_small_tasks_cost_no_more_each_than_ten_thousand() {
    on(2, async |cluster| {
        let per_item = |items: u32| {
            let begun = Instant::now();
            let mut next = 0;
            cluster
                .map(nothing, 0..items)
                .for_each_blocking(|n| {
                    assert_eq!(n, next);
                    next += 1;
                })
                .unwrap();
            assert_eq!(next, items);
            begun.elapsed() / items
        };
        per_item(10_000);
        // The best of several: the machine may be busy.
        let few = (0..5).map(|_| per_item(10_000)).min().unwrap_or_default();
        let many = per_item(1_000_000);
        println!("per item: {few:?} of 10,000, {many:?} of 1,000,000");
        assert!(many < few * 3 + Duration::from_nanos(500), "{few:?} of 10,000, {many:?} of 1,000,000");
    });
}
