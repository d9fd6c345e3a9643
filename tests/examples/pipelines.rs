//! Pipelines: they grow, sort, and compute on demand.

use super::{failed, numbers, printed};

#[test]
fn the_sieve_finds_the_primes_whatever_the_limit() {
    for (limit, count, last) in [("2", 1, "2"), ("3", 2, "3"), ("12", 5, "11"), ("100", 25, "97"), ("1000", 168, "997")]
    {
        let text = printed("sieve", &[limit]);
        let (pipeline, found) = text.split_once('\n').unwrap();
        assert!(pipeline.starts_with("the pipeline has become  numbers ─▶ 2"), "{text}");
        assert!(pipeline.ends_with(&format!(" ─▶ {last}")), "{text}");
        assert_eq!(numbers(found)[0], count, "{text}");
    }
}

#[test]
fn the_pump_gives_the_same_values_in_order() {
    for count in ["1", "2", "3", "12"] {
        for seed in ["1", "2", "18446744073709551615"] {
            let text = printed("sorting_pump", &[count, seed]);
            let values = |name: &str| numbers(text.lines().find_map(|line| line.strip_prefix(name)).unwrap());
            let (mut given, sorted) = (values("in "), values("out "));
            assert_eq!(given.len().to_string(), count);
            given.sort_unstable();
            assert_eq!(given, sorted, "{text}");
        }
    }
}

#[test]
fn the_power_series_has_the_coefficients_of_the_literature_both_ways() {
    let text = printed("power_series", &["10"]);
    assert!(text.contains("1, 1, 1/2, 1/6, 1/24, 1/120, 1/720, 1/5040, 1/40320, 1/362880\n"), "{text}");
    let right = "1, 1, 3/2, 13/6, 73/24, 167/40, 4051/720, 37633/5040, 43817/4480, 4596553/362880\n";
    assert_eq!(text.matches(right).count(), 2, "{text}");
}

#[test]
fn a_power_series_of_few_terms_stops_there() {
    for terms in 1..5 {
        let text = printed("power_series", &[&terms.to_string()]);
        let series: Vec<&str> = text.lines().filter(|line| line.starts_with("    ")).collect();
        assert_eq!(series.len(), 3, "{text}");
        assert!(series.iter().all(|line| line.split(", ").count() == terms), "{text}");
    }
}

#[test]
fn a_coefficient_that_does_not_fit_fails_its_process_and_the_reader_hears_which() {
    for terms in ["33", "40"] {
        let (text, complaint) = failed("power_series", &[terms]);
        assert!(complaint.starts_with("error: process "), "{complaint}");
        assert!(complaint.ends_with(" failed: a coefficient no longer fits into 128 bits\n"), "{complaint}");
        assert_eq!(text.starts_with("e^x "), terms == "33", "what was found before is printed: {text}");
    }
}
