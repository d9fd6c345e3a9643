//! The example programs, run as programs: what they print, and how they exit.

mod classics;
mod clusters;
mod command_lines;
mod gpu;
#[path = "../common/gpu_examples.rs"]
mod gpu_examples;
mod pictures;
mod pipelines;
mod quickstart;
mod stories;

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
            .args(["build", "--quiet", "--offline", "--examples", "--profile", profile, "--target-dir"])
            .arg(built.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the examples can be built");
        built.join("examples")
    })
}

fn run(program: &str, arguments: &[&str]) -> Output {
    // What is printed is the program's own: progress has tests of its own.
    Command::new(programs().join(program)).args(arguments).env("AQUEDUCT_PROGRESS", "off").output().unwrap()
}

/// What a program printed that must succeed and have nothing to complain about.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a program printed and complained of that must fail.
fn failed(program: &str, arguments: &[&str]) -> (String, String) {
    let output = run(program, arguments);
    assert_eq!(output.status.code(), Some(1), "{program} {arguments:?}: {output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The numbers in a text, those with separators included.
fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.replace(',', "").parse().ok()).collect()
}
