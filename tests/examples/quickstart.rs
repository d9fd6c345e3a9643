//! Quickstart counts words. (What it counts is compared with the shell in `tests/quickstart.rs`.)

use std::path::{Path, PathBuf};

use super::{printed, run};

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
    assert!(picture.contains("flowchart LR\n") && picture.contains("-->|chunks|"), "{picture}");
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
