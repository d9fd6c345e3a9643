use std::time::Duration;

use super::{bytes, count, counted, duration, percent, rate, whole};

#[test]
fn counts_have_thousands_and_agree_with_their_noun() {
    assert_eq!(count(0), "0");
    assert_eq!(count(1_000_000), "1,000,000");
    assert_eq!(counted(1, "retry", "retries"), "1 retry");
    assert_eq!(counted(0, "retry", "retries"), "0 retries");
    assert_eq!(counted(1200, "retry", "retries"), "1,200 retries");
}

#[test]
fn bytes_have_three_digits_and_never_a_thousand_of_a_unit() {
    let written = [0, 999, 1000, 12_400_000, 999_499, 999_500, u64::MAX].map(bytes);
    assert_eq!(written, ["0 B", "999 B", "1.00 kB", "12.4 MB", "999 kB", "1.00 MB", "18.4 EB"]);
}

#[test]
fn rates_choose_a_unit_in_which_there_is_something_to_see() {
    let written = [0.0, 1.0, 83_210.0, 999.6, 10_400_000.0, 0.5, 1.0 / 60.0, 0.001].map(rate);
    assert_eq!(written, ["0/s", "1.00/s", "83.2 k/s", "1.00 k/s", "10.4 M/s", "30.0/min", "1.00/min", "3.60/h"]);
}

#[test]
fn durations_go_from_microseconds_to_days() {
    let written =
        [0.0, 0.000_085, 0.312, 0.999_6, 4.21, 99.96, 7500.0, 273_600.0].map(|s| duration(Duration::from_secs_f64(s)));
    assert_eq!(written, ["0 s", "85.0 µs", "312 ms", "1.00 s", "4.21 s", "1 min 40 s", "2 h 05 min", "3 d 4 h"]);
    assert_eq!(whole(Duration::from_millis(7900)), "7 s");
    assert_eq!(whole(Duration::from_secs(72)), "1 min 12 s");
}

#[test]
fn a_share_is_told_in_tenths_of_a_percent() {
    assert_eq!(percent(0.9712), "97.1 %");
    assert_eq!(percent(1.0), "100.0 %");
}
