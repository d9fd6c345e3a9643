use std::time::{Duration, Instant};

use super::{Counts, Meter};

fn counts(position: u64, total: impl Into<Option<u64>>) -> Counts {
    Counts { position, failed: 0, total: total.into() }
}

fn after(start: Instant, seconds: f64) -> Instant {
    start + Duration::from_secs_f64(seconds)
}

#[test]
fn a_line_tells_position_share_rate_and_time_left() {
    let start = Instant::now();
    let mut meter = Meter::new("simulate".to_owned(), start);
    let reading = meter.read(after(start, 4.952), counts(412_000, 1_000_000));
    assert_eq!(reading.line(), "412,000 of 1,000,000 (41 %), 83.2 k/s, 8 s left");
    assert_eq!(reading.bar(), "412,000 of 1,000,000 (41 %), 83.2 k/s, 4 s gone, 8 s left");
}

#[test]
fn failures_are_told_once_there_are_any() {
    let start = Instant::now();
    let mut meter = Meter::new("simulate".to_owned(), start);
    let counts = Counts { position: 10, failed: 3, total: Some(20) };
    assert_eq!(meter.read(after(start, 10.0), counts).line(), "10 of 20 (50 %), 1.00/s, 10 s left, 3 failed");
    assert_eq!(
        meter.end(after(start, 10.0), counts),
        "simulate: stopped at 10 of 20 (50 %) after 10.0 s, 1.00/s, 3 failed"
    );
}

#[test]
fn without_a_total_there_is_no_share_and_no_time_left() {
    let start = Instant::now();
    let mut meter = Meter::new("read".to_owned(), start);
    assert_eq!(meter.read(after(start, 2.0), counts(5000, None)).line(), "5,000, 2.50 k/s");
    // A total that was exceeded is no total either.
    assert_eq!(meter.read(after(start, 2.0), counts(5000, 4000)).line(), "5,000, 2.50 k/s");
    assert_eq!(meter.end(after(start, 2.0), counts(5000, None)), "read: 5,000 in 2.00 s, 2.50 k/s");
}

#[test]
fn nothing_done_has_no_rate_and_all_done_has_no_time_left() {
    let start = Instant::now();
    let mut meter = Meter::new("m".to_owned(), start);
    assert_eq!(meter.read(after(start, 3.0), counts(0, 10)).line(), "0 of 10 (0 %)");
    assert_eq!(meter.read(after(start, 5.0), counts(10, 10)).line(), "10 of 10 (100 %), 2.00/s, 0 s left");
    assert_eq!(meter.read(start, counts(0, 0)).line(), "0 of 0 (100 %)");
    assert_eq!(meter.end(start, counts(0, 0)), "m: 0 in 0 s");
}

#[test]
fn all_but_one_is_not_yet_a_hundred_percent() {
    let start = Instant::now();
    let mut meter = Meter::new("m".to_owned(), start);
    let line = meter.read(after(start, 1.0), counts(999_999, 1_000_000)).line();
    assert_eq!(line, "999,999 of 1,000,000 (99 %), 1.00 M/s, 1 s left");
}

#[test]
fn no_total_however_large_makes_it_panic() {
    let start = Instant::now();
    let mut meter = Meter::new("m".to_owned(), start);
    let reading = meter.read(after(start, 1000.0), counts(1, u64::MAX - 1));
    assert!(reading.line().starts_with("1 of 18,446,744,073,709,551,614 (0 %), 3.60/h"), "{}", reading.line());
}

#[test]
fn the_rate_is_that_of_the_last_seconds() {
    let start = Instant::now();
    let mut meter = Meter::new("m".to_owned(), start);
    // A minute at 10/s, then half a minute at 100/s.
    for second in 1..=60_u32 {
        meter.read(after(start, f64::from(second)), counts(u64::from(second) * 10, 100_000));
    }
    let mut line = String::new();
    for second in 61..=90_u32 {
        let done = 600 + u64::from(second - 60) * 100;
        line = meter.read(after(start, f64::from(second)), counts(done, 100_000)).line();
    }
    assert_eq!(line, "3,600 of 100,000 (3 %), 100/s, 16 min 04 s left");
    // Then nothing for a while: the rate of the whole time.
    for second in 91..=120 {
        line = meter.read(after(start, f64::from(second)), counts(3600, 100_000)).line();
    }
    assert_eq!(line, "3,600 of 100,000 (3 %), 30.0/s, 53 min 34 s left");
}

#[test]
fn plain_lines_come_ever_more_seldom_and_stop_at_the_end() {
    let start = Instant::now();
    let mut meter = Meter::new("m".to_owned(), start);
    let seconds: Vec<u32> = (0..2400)
        .filter(|&tenth| meter.is_due(after(start, f64::from(tenth) / 10.0)))
        .map(|tenth| tenth / 10)
        .collect();
    assert_eq!(seconds, [2, 5, 9, 16, 26, 41, 64, 94, 124, 154, 184, 214]);
    meter.end(after(start, 240.0), counts(1, 1));
    assert!(!meter.is_due(after(start, 9999.0)));
}
