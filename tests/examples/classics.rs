//! The field's classic measurements check what they measure.

use super::{numbers, printed};

#[test]
fn commstime_checks_its_sums_in_every_setting_and_form() {
    let text = printed("commstime", &["500"]);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), 8, "four settings, two forms:\n{text}");
    for (line, form) in lines.iter().zip(["SEQ", "PAR"].into_iter().cycle()) {
        // The numbers from 0, one for each loop, those of the warm-up included.
        let numbers: u64 = if line.contains("OS threads") { 1050 } else { 1500 };
        assert!(line.contains(form) && line.ends_with(&format!("  {}", numbers * (numbers - 1) / 2)), "{line}");
    }
}

#[test]
fn skynet_finds_the_sum_of_its_leaves_both_ways() {
    let text = printed("skynet", &["1000"]);
    assert!(text.starts_with("skynet: 1,000 leaves, 1,111 processes\n"), "{text}");
    assert_eq!(text.matches(" 499,500 ").count(), 2, "{text}");
}

#[test]
fn the_ring_finds_the_sum_of_its_tokens_in_one_task_and_in_many() {
    let text = printed("token_ring", &["3"]);
    for (tokens, sum) in [(1, 1024), (4, 4102), (16, 16_504), (64, 67_552)] {
        let lines: Vec<Vec<u64>> = text.lines().skip(1).map(numbers).filter(|numbers| numbers[0] == tokens).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines.iter().all(|numbers| numbers.last() == Some(&sum)), "{text}");
    }
}

#[test]
fn a_fair_choice_under_stress_serves_all_alike_and_a_prioritised_one_only_the_first() {
    let text = printed("stressed_alt", &["1"]);
    for way in ["anew", "kept"] {
        let counts = |order: &str| {
            let name = format!("{order}, {way}");
            numbers(text.lines().find_map(|line| line.strip_prefix(&name)).unwrap())
        };
        assert_eq!(counts("priority"), [0, 10_000, 10_000], "{text}");
        assert_eq!(counts("fair"), [1250, 1250, 8], "{text}");
        let [least, most, _] = counts("random")[..] else { panic!("{text}") };
        assert!(1000 < least && least < 1250 && 1250 < most && most < 1500, "{text}");
    }
}

#[test]
fn the_darts_are_all_counted_and_hit_the_same_whoever_throws_them() {
    let lines =
        |arguments: &[&str]| -> Vec<Vec<u64>> { printed("pi", arguments).lines().skip(1).map(numbers).collect() };
    let throws = lines(&["7", "1001", "5"]);
    assert_eq!(throws.len(), 2);
    assert_eq!(throws[0][0], 1, "one worker, and then more");
    assert!(throws[1][0] > 1);
    assert_eq!(throws[0][1], 3 * 7 * 1001);
    assert_eq!(throws[0][1..], throws[1][1..]);
    assert_ne!(lines(&["7", "1001", "6"])[0][2], throws[0][2], "another seed, other darts");
    assert_eq!(lines(&["1", "1"])[0][1], 3);
}
