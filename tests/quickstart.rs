//! The quickstart's network counts what the shell counts, whatever the files are like.
#![cfg(unix)]

mod common;
#[allow(dead_code, reason = "the program's own main, options and report are run as a program elsewhere")]
#[path = "../examples/quickstart/main.rs"]
mod quickstart;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use indicatif::ProgressBar;
use quickstart::network::Counted;
use quickstart::options;
use quickstart::text::CHUNK;

/// A new, empty directory.
fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Files that a careless counter gets wrong.
fn awkward_files() -> PathBuf {
    let folder = empty_folder("awkward");
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    write("empty", b"");
    write("no final newline", b"The end of one file\nis not the beginning");
    write("of the next", b"of the next");
    write("one letter", b"a");
    write("one gap", b"\n");
    write("only gaps", &[b'.'; 1000]);
    write("nothing but zeros", &[0; 1000]);
    write("zeros between", b"one\0two\0\0three");
    write("not utf-8", b"caf\xe9 na\xefve \xff\xfe\xc3\x28 caf\xc3\xa9");
    write("every byte", &(0..=255).collect::<Vec<u8>>());
    write("case", b"Word word WORD wOrD");
    write("windows", b"first line\r\nsecond line\r\n");
    write("digits_and_lines", b"x86_64 utf8 don't re-use");
    // Around the size of a chunk: a word ends just before the boundary, at it, goes over it, begins behind it.
    for (name, gap) in [("early", CHUNK - 20), ("at", CHUNK - 8), ("over", CHUNK - 4), ("late", CHUNK)] {
        let mut text = vec![b' '; gap];
        text.extend_from_slice(b"boundary and more\n");
        write(&format!("boundary {name}"), &text);
    }
    for (name, size) in [("one less", CHUNK - 1), ("exact", CHUNK), ("one more", CHUNK + 1), ("twice", 2 * CHUNK)] {
        write(&format!("one word, {name}"), &vec![b'w'; size]);
    }
    let mut huge = b"before ".to_vec();
    huge.resize(3 * CHUNK + 1234, b'H');
    huge.extend_from_slice(b" after");
    write("a huge word", &huge);
    let large: String = (0..200_000).map(|n| format!("{}{} ", ["alpha", "beta", "gamma"][n % 3], n % 7)).collect();
    assert!(large.len() > 4 * CHUNK);
    write("large", large.as_bytes());
    folder
}

/// A copy, because the sources may be edited while the test runs.
fn copy_of_the_sources() -> PathBuf {
    let folder = empty_folder("sources");
    for source in options::own_sources() {
        assert!(Command::new("cp").arg("-R").arg(&source).arg(&folder).status().unwrap().success());
    }
    folder
}

fn count(roots: Vec<PathBuf>, workers: usize) -> Counted {
    common::within(Duration::from_secs(120), move || quickstart::network::count(roots, workers, ProgressBar::hidden()))
        .unwrap()
        .0
}

/// The count of each word in all the files below a directory, by the tools that define it.
fn by_the_shell(folder: &Path) -> HashMap<Vec<u8>, u64> {
    // A newline behind every file: its last word does not go on in the next file.
    let script = r#"
        find "$1" -type f -exec sh -c 'for file; do cat "$file"; echo; done' sh {} + |
        tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | sort | uniq -c
    "#;
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(folder).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut counts = HashMap::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_start();
        // What stands before the first word of all is an empty line.
        if let Some(space) = line.iter().position(|byte| *byte == b' ')
            && !line[space + 1..].is_empty()
        {
            let count = std::str::from_utf8(&line[..space]).unwrap().parse().unwrap();
            assert_eq!(counts.insert(line[space + 1..].to_vec(), count), None);
        }
    }
    counts
}

/// Not `assert_eq!`, which would print a word of a megabyte.
fn assert_same(ours: &HashMap<Vec<u8>, u64>, theirs: &HashMap<Vec<u8>, u64>) {
    for word in ours.keys().chain(theirs.keys()) {
        let shown = String::from_utf8_lossy(&word[..word.len().min(60)]);
        assert_eq!(ours.get(word), theirs.get(word), "{shown:?} ({} letters)", word.len());
    }
}

fn counts_as_the_shell_does(folder: PathBuf) {
    let theirs = by_the_shell(&folder);
    assert!(theirs.len() > 20, "the shell has counted");
    for workers in [1, 2, 8] {
        let counted = count(vec![folder.clone()], workers);
        assert!(counted.problems.is_empty(), "{:?}", counted.problems);
        assert_same(&counted.tally.words, &theirs);
        assert_eq!(counted.tally.total, theirs.values().sum::<u64>());
    }
}

#[test]
fn the_sources_are_counted_as_the_shell_counts_them() {
    counts_as_the_shell_does(copy_of_the_sources());
}

#[test]
fn awkward_files_are_counted_as_the_shell_counts_them() {
    counts_as_the_shell_does(awkward_files());
}

#[test]
fn every_file_and_every_byte_counts_once() {
    let folder = empty_folder("totals");
    fs::create_dir_all(folder.join("a/b/c")).unwrap();
    for (name, size) in [("empty", 0), ("a/small", 10), ("a/b/exact", CHUNK), ("a/b/c/large", 3 * CHUNK + 7)] {
        fs::write(folder.join(name), b"12 days ".repeat(size / 8 + 1).get(..size).unwrap()).unwrap();
    }
    let tally = count(vec![folder], 3).tally;
    assert_eq!(tally.files, 4);
    assert_eq!(tally.bytes, (10 + CHUNK + 3 * CHUNK + 7) as u64);
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let folder = files_of_many_sizes();
    let one = count(vec![folder.clone()], 1);
    let eight = count(vec![folder], 8);
    assert!(one.tally.total > 1000);
    assert!(one.tally == eight.tally);
}

/// Fifty files: several for each of the workers, with words in common.
fn files_of_many_sizes() -> PathBuf {
    let folder = empty_folder("workers");
    for index in 0..50 {
        let text: String = (0..2000 + 100 * index).map(|n| format!("w{} ", "x".repeat(n % (index + 2)))).collect();
        fs::write(folder.join(format!("{index}")), text).unwrap();
    }
    folder
}

#[test]
fn what_cannot_be_read_is_told_by_name_and_the_rest_is_counted() {
    let folder = empty_folder("unreadable");
    fs::write(folder.join("good"), "good words").unwrap();
    fs::write(folder.join("also good"), "more good words").unwrap();
    symlink("good", folder.join("link to a file")).unwrap();
    symlink("nowhere", folder.join("dangling")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    symlink(".", folder.join("link to its own folder")).unwrap();
    let fifo = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let missing = folder.join("missing");

    let counted = count(vec![missing.clone(), folder.clone()], 2);
    let mut told: Vec<_> = counted.problems.iter().map(|problem| problem.path.clone()).collect();
    told.sort();
    let mut expected = vec![folder.join("dangling"), folder.join("loop"), missing.clone(), fifo];
    expected.sort();
    assert_eq!(told, expected);
    for problem in &counted.problems {
        let told = problem.to_string();
        assert!(told.contains(problem.path.to_str().unwrap()) && told.contains(&problem.reason.to_string()), "{told}");
    }
    // "link to a file" is a file; the link to the folder leads nowhere new.
    assert_eq!(counted.tally.files, 3);
    assert_eq!(counted.tally.words[b"good".as_slice()], 3);
    assert_eq!(counted.tally.words[b"more".as_slice()], 1);
}

#[test]
fn a_file_without_permission_is_told_where_permissions_hold() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = empty_folder("forbidden");
    let secret = folder.join("secret");
    fs::write(folder.join("open"), "open").unwrap();
    fs::write(&secret, "secret").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let allowed_all_the_same = fs::read(&secret).is_ok();
    let counted = count(vec![folder], 1);
    assert_eq!(counted.problems.len(), usize::from(!allowed_all_the_same));
    assert_eq!(counted.tally.files, if allowed_all_the_same { 2 } else { 1 });
}

#[test]
fn nothing_to_count_gives_an_empty_result() {
    let counted = count(vec![empty_folder("nothing")], 4);
    assert_eq!(counted.tally.files, 0);
    assert!(counted.tally.words.is_empty() && counted.problems.is_empty());
}

#[test]
fn the_picture_shows_every_process_and_channel() {
    let (_, picture) = quickstart::network::count(vec![empty_folder("picture")], 3, ProgressBar::hidden()).unwrap();
    for part in [
        "[[\"find_files\"]]",
        "[[\"read_files\"]]",
        "[\"farm of 3\"]",
        "[\"merge\"]",
        "[[\"show_progress\"]]",
        "|\"files (64)\"|",
        "|\"chunks (16)\"|",
        "|\"tallies (16)\"|",
        "|\"problems\"|",
        "|\"found (64)\"|",
        "|\"counted (64)\"|",
    ] {
        assert!(picture.contains(part), "{part} in\n{picture}");
    }
}

#[test]
fn the_command_line_is_read_as_its_help_says() {
    let parse = |line: &str| options::parse(line.split_whitespace().map(Into::into));
    let Ok(options::Command::Count { roots, workers, top }) = parse("--top 5 a --workers 3 b -- --top") else {
        panic!("it is right");
    };
    assert_eq!((roots, workers, top), (["a", "b", "--top"].map(PathBuf::from).to_vec(), 3, 5));
    assert_eq!(parse("a --help"), Ok(options::Command::Help));
    for (line, message) in [
        ("--top", "--top needs a number after it"),
        ("--top many", "--top takes a whole number, not \"many\""),
        ("--top -1", "--top takes a whole number, not \"-1\""),
        ("--workers 0", "--workers takes a number from 1 to 1024, not 0"),
        ("--workers 99999", "--workers takes a number from 1 to 1024, not 99999"),
        ("--tpo 5", "there is no option \"--tpo\" (a file of this name goes after `--`)"),
    ] {
        assert_eq!(parse(line), Err(message.to_owned()));
    }
}
