//! The example programs, run as programs: what they print, and how they exit.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The directory of the example programs, built like this test.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // This test is <target>/<profile>/deps/<test>.
        let test = std::env::current_exe().unwrap();
        let built = test.parent().and_then(Path::parent).unwrap();
        let profile = match built.file_name().and_then(|name| name.to_str()).unwrap() {
            "debug" => "dev",
            other => other,
        };
        // `cargo test` has built them already; `cargo test --test examples` has not, or not the latest.
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--profile", profile, "--target-dir"])
            .arg(built.parent().unwrap())
            .args(["--example", "quickstart", "--example", "commstime", "--example", "skynet"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the examples can be built");
        built.join("examples")
    })
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(programs().join(program)).args(arguments).output().unwrap()
}

/// What a program printed that must succeed and have nothing to complain about.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A new directory with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    folder
}

#[test]
fn quickstart_prints_the_table_the_totals_and_the_picture() {
    let folder = folder("table", &[("one", "b a c a"), ("two", "c b d C! E-e")]);
    let text = printed("quickstart", &["--top", "4", "--workers", "2", folder.to_str().unwrap()]);
    let (table, rest) = text.split_once("\n\n").unwrap();
    // By count, and by the alphabet where the counts are the same.
    assert_eq!(table, "1  3  c\n2  2  a\n3  2  b\n4  2  e");
    let (totals, picture) = rest.split_once("\n\n").unwrap();
    let totals: Vec<&str> = totals.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(totals[..4], ["2", "19", "10", "5"], "files, bytes, words, distinct words");
    assert!(picture.contains("flowchart LR\n") && picture.contains("-->|\"chunks (16)\"|"), "{picture}");
}

#[test]
fn quickstart_counts_the_sources_of_this_library_when_nothing_is_named() {
    let text = printed("quickstart", &[]);
    assert_eq!(text.split("\n\n").next().unwrap().lines().count(), 20);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "it fits a terminal:\n{text}");
}

#[test]
fn quickstart_prints_a_huge_word_within_the_width_of_a_terminal() {
    let folder = folder("huge", &[("word", &"z".repeat(1_000_000))]);
    let text = printed("quickstart", &[folder.to_str().unwrap()]);
    assert!(text.starts_with("1  1  zzz") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn quickstart_reports_what_it_cannot_read_and_counts_the_rest() {
    let folder = folder("partly", &[("good", "good")]);
    let missing = folder.join("missing");
    let output = run("quickstart", &[missing.to_str().unwrap(), folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("cannot read ") && told.contains(missing.to_str().unwrap()), "{told}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("1  1  good\n"));
}

#[test]
fn quickstart_fails_when_nothing_could_be_counted() {
    let folder = folder("nothing", &[]);
    for named in [folder.clone(), folder.join("missing")] {
        let output = run("quickstart", &[named.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().ends_with("error: no file could be counted\n"));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn quickstart_explains_itself_and_refuses_what_it_does_not_know() {
    assert!(printed("quickstart", &["--help"]).contains("--workers N"));
    let output = run("quickstart", &["--colour"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: there is no option \"--colour\""));
}

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
fn commstime_and_skynet_refuse_sizes_that_make_no_sense() {
    for (program, size) in
        [("commstime", "0"), ("commstime", "many"), ("skynet", "7"), ("skynet", "1"), ("skynet", "-10")]
    {
        let output = run(program, &[size]);
        assert_eq!(output.status.code(), Some(2), "{program} {size}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: "), "{program} {size}");
    }
}
