//! Every program explains itself, and refuses what makes no sense with exit code 2.

use super::{printed, run};

/// Those that take nothing but numbers, and how many of them.
const BY_NUMBERS: [(&str, usize); 20] = [
    ("cluster_service", 3),
    ("dining_philosophers", 3),
    ("game_of_life", 3),
    ("gpu_mandelbrot", 2),
    ("gpu_map", 2),
    ("gpu_monte_carlo_pi", 2),
    ("gpu_pipeline", 2),
    ("gpu_reduce", 1),
    ("gpu_saxpy", 2),
    ("nested_tree", 2),
    ("onemax", 3),
    ("pi", 3),
    ("pi_map", 2),
    ("power_series", 1),
    ("santa_claus", 2),
    ("sieve", 1),
    ("sorting_pump", 2),
    ("stressed_alt", 1),
    ("token_ring", 1),
    ("tree_search", 3),
];

fn refused(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    assert_eq!(output.status.code(), Some(2), "{program} {arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn help_tells_each_number_its_limits_and_its_default() {
    for (program, numbers) in BY_NUMBERS {
        for option in ["--help", "-h"] {
            let text = printed(program, &[option]);
            assert!(text.starts_with(&format!("usage: {program} [")), "{text}");
            assert_eq!(text.matches("(default: ").count(), numbers, "{text}");
        }
    }
    for (program, option) in [
        ("quickstart", "--workers N"),
        ("mandelbrot", "--out FILE"),
        ("image_tiles", "--tile N"),
        ("word_count", "[DIRECTORY [WORKERS]]"),
    ] {
        assert!(printed(program, &["--help"]).contains(option), "{program}");
    }
}

#[test]
fn what_is_no_number_or_out_of_its_limits_is_refused_with_the_limits() {
    for (program, numbers) in BY_NUMBERS {
        for bad in ["", "many", "-1", "1.5", "99999999999999999999", "--size"] {
            let complaint = refused(program, &[bad]);
            assert!(complaint.starts_with("error: ") && complaint.contains(&format!("{bad:?}")), "{complaint}");
            assert!(
                complaint.contains(" takes a whole number from ") && complaint.contains("\nusage: "),
                "{complaint}"
            );
        }
        let too_many = vec!["1"; numbers + 1];
        assert!(refused(program, &too_many).starts_with("error: there is no place for \"1\"\n"), "{program}");
    }
    for (program, size) in [("sieve", "1"), ("dining_philosophers", "0"), ("sorting_pump", "0"), ("power_series", "41")]
    {
        assert!(refused(program, &[size]).contains(" takes a whole number from "), "{program}");
    }
    assert!(refused("game_of_life", &["1", "33"]).contains("STRIPS takes a whole number from 1 to 32"));
}

#[test]
fn commstime_and_skynet_refuse_sizes_that_make_no_sense() {
    for (program, size) in
        [("commstime", "0"), ("commstime", "many"), ("skynet", "7"), ("skynet", "1"), ("skynet", "-10")]
    {
        assert!(refused(program, &[size]).starts_with("usage: "), "{program} {size}");
    }
}

#[test]
fn mandelbrot_refuses_what_it_does_not_know() {
    for (arguments, complaint) in [
        (&["--colour"][..], "there is no option \"--colour\""),
        (&["17"], "there is no option \"17\""),
        (&["--size"], "--size needs a number after it"),
        (&["--out"], "--out needs a file after it"),
        (&["--size", "2"], "--size takes a whole number from 3 to 16384, not \"2\""),
        (&["--workers", "0"], "--workers takes a whole number from 1 to 1024, not \"0\""),
        (&["--iterations", "x"], "--iterations takes a whole number from 1 to 1000000, not \"x\""),
    ] {
        let told = refused("mandelbrot", arguments);
        assert!(told.starts_with(&format!("error: {complaint}\n\nusage: mandelbrot ")), "{told}");
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_refused_and_do_not_panic() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    for program in ["sieve", "santa_claus", "mandelbrot"] {
        let output = std::process::Command::new(super::programs().join(program))
            .arg(OsStr::from_bytes(b"\xff"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
