//! Text files as sources and sinks, with real files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

use crate::{cause, on_runtime};

/// A file of this test's own, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("aqueduct-toolkit-{}-{}.txt", std::process::id(), NUMBER.fetch_add(1, SeqCst));
        Self(std::env::temp_dir().join(name))
    }

    fn with(bytes: &[u8]) -> Self {
        let scratch = Self::new();
        std::fs::write(&scratch.0, bytes).unwrap();
        scratch
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Reads a file to its end: the lines that came, and how it ended.
fn lines_of(path: &Path, limit: Option<usize>) -> (Vec<String>, Result<(), ProcessError>) {
    let path = path.to_owned();
    on_runtime(async move {
        let (tx, rx) = aqueduct::unbounded();
        let lines = aqueduct::task("lines", async move {
            let mut lines = Vec::new();
            while let Ok(line) = rx.recv().await {
                lines.push(line);
            }
            Ok(lines)
        })
        .spawn();
        let result = match limit {
            None => read_lines(path, tx).await,
            Some(limit) => read_lines_within(limit, path, tx).await,
        };
        (lines.await.unwrap(), result)
    })
}

/// The user's own error that a process ended with.
fn file_error(error: &ProcessError) -> &FileError {
    error.cause().error().and_then(|error| error.downcast_ref()).expect("a FileError")
}

#[test]
fn lines_have_no_ends_and_the_last_one_needs_none() {
    for (text, lines) in [
        ("", vec![]),
        ("\n", vec![""]),
        ("one", vec!["one"]),
        ("one\ntwo\n", vec!["one", "two"]),
        ("one\r\ntwo\r\n\r\nthree", vec!["one", "two", "", "three"]),
        ("carriage\rreturn\r\r\nlast\r", vec!["carriage\rreturn\r", "last\r"]),
        ("grüße\n\u{1F980}\n", vec!["grüße", "\u{1F980}"]),
    ] {
        let file = Scratch::with(text.as_bytes());
        let (read, result) = lines_of(file.path(), None);
        result.unwrap();
        assert_eq!(read, lines, "{text:?}");
        // A limit that is as long as the longest line changes nothing.
        let longest = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let (read, result) = lines_of(file.path(), Some(longest));
        result.unwrap();
        assert_eq!(read, lines, "{text:?}, with a limit of {longest}");
        if longest > 0 {
            let (_, result) = lines_of(file.path(), Some(longest - 1));
            assert!(matches!(file_error(&result.unwrap_err()), FileError::TooLong { .. }), "{text:?}");
        }
    }
}

#[test]
fn long_lines_and_long_files_come_whole() {
    let expected: Vec<String> = (0..2000).map(|n| "x".repeat(n * 7 % 20_000)).collect();
    let file = Scratch::with(expected.join("\r\n").as_bytes());
    let (read, result) = lines_of(file.path(), Some(20_000));
    result.unwrap();
    assert!(read == expected);
}

#[test]
fn an_error_names_the_file_and_the_line() {
    let file = Scratch::with(b"one\ntwo\n\xff\xfe\nfour\n");
    let (read, result) = lines_of(file.path(), None);
    assert_eq!(read.len().min(2), read.len(), "nothing after the line that is not text");
    let error = result.unwrap_err();
    assert!(matches!(file_error(&error), FileError::NotUtf8 { line: 3, .. }));
    assert!(error.to_string().contains(&format!("line 3 of `{}` is not UTF-8", file.path().display())), "{error}");

    let file = Scratch::with(b"short\nthis one is too long\n");
    let error = lines_of(file.path(), Some(10)).1.unwrap_err();
    assert!(error.to_string().contains("line 2 of"), "{error}");
    assert!(error.to_string().contains("more than 10 bytes"), "{error}");

    let error = lines_of(Path::new("/no/such/file"), None).1.unwrap_err();
    assert!(matches!(file_error(&error), FileError::Open { .. }));
    assert!(error.to_string().contains("cannot open `/no/such/file`"), "{error}");
}

#[test]
fn a_failure_of_the_source_is_not_the_end_of_the_file() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let reading = read_lines("/no/such/file", tx).spawn();
        assert!(cause(rx.recv().await).contains("/no/such/file"));
        assert!(reading.await.is_err());
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_and_an_endless_line_are_errors() {
    let error = lines_of(Path::new("/"), None).1.unwrap_err();
    assert!(matches!(file_error(&error), FileError::Read { line: 1, .. } | FileError::Open { .. }), "{error}");
    // No line ends in it, ever: without the limit this would take all memory.
    let error = lines_of(Path::new("/dev/zero"), Some(1_000_000)).1.unwrap_err();
    assert!(matches!(file_error(&error), FileError::TooLong { line: 1, limit: 1_000_000, .. }), "{error}");
}

#[test]
fn a_source_ends_with_its_output() {
    let file = Scratch::with("line\n".repeat(100_000).as_bytes());
    let path = file.path().to_owned();
    on_runtime(async move {
        let (tx, rx) = aqueduct::channel();
        let lines = par!(read_lines(path.clone(), tx), collect_first(3, rx)).await.unwrap().1;
        assert_eq!(lines, ["line"; 3]);
        let (tx, rx) = aqueduct::channel();
        rx.poison("out of paper");
        assert!(read_lines(path, tx).await.unwrap_err().to_string().contains("out of paper"));
    });
}

#[test]
fn what_is_written_is_read_again_and_what_is_appended_comes_after() {
    let file = Scratch::with(b"something old");
    let path = file.path().to_owned();
    on_runtime(async move {
        let text: Vec<String> = (0..1000).map(|n| format!("line {n}")).collect();
        let (tx, rx) = aqueduct::channel();
        assert_eq!(par!(generate(text.clone(), tx), write_lines(path.clone(), rx)).await.unwrap().1, 1000);
        let (tx, rx) = aqueduct::channel();
        assert_eq!(par!(generate(["last".to_owned()], tx), append_lines(path.clone(), rx)).await.unwrap().1, 1);
        let (tx, rx) = aqueduct::channel();
        let read = par!(read_lines(path.clone(), tx), collect(rx)).await.unwrap().1;
        assert_eq!(read[..1000], text);
        assert_eq!(read[1000..], ["last"]);
    });
}

#[test]
fn a_sink_that_waits_has_flushed() {
    let file = Scratch::new();
    let path = file.path().to_owned();
    on_runtime(async move {
        let (tx, rx) = aqueduct::channel();
        let writing = write_lines(path.clone(), rx).spawn();
        for n in 1..=3 {
            tx.send("line".to_owned()).await.unwrap();
            // It is in the file although the channel is open; only not at once.
            while std::fs::read_to_string(&path).unwrap() != "line\n".repeat(n) {
                tokio::task::yield_now().await;
            }
        }
        tx.poison("out of paper");
        assert!(writing.await.unwrap_err().to_string().contains("out of paper"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "line\n".repeat(3));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_that_reaches_the_source() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: there is no /dev/full here");
        return;
    }
    on_runtime(async {
        for lines in [1, 100_000] {
            let (tx, rx) = aqueduct::channel();
            let writing = write_lines("/dev/full", rx).spawn();
            let feeding = generate((0..lines).map(|n| n.to_string()), tx).spawn();
            let error = writing.await.unwrap_err();
            assert!(matches!(file_error(&error), FileError::Write { .. }), "{error}");
            assert!(error.to_string().contains("cannot write to `/dev/full`"), "{error}");
            if lines > 1 {
                assert!(feeding.await.unwrap_err().same_cause(&error));
            }
        }
    });
}

#[test]
fn a_sink_that_cannot_open_its_file_poisons_its_input() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let writing = write_lines("/no/such/directory/file", rx).spawn();
        assert!(cause::<()>(Err(tx.closed().await)).contains("cannot open `/no/such/directory/file`"));
        assert!(writing.await.is_err());
    });
}
