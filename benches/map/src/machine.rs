//! What a record must say about where and of what it was taken.

use crate::competitor::Who;
use std::{collections::BTreeMap, fmt::Write, fs, process::Command, thread};

fn first_line(path: &str) -> String {
    fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// How many processes wanted to run, over the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The version of a crate, from the lock file.
fn locked(name: &str) -> String {
    let wanted = format!("name = \"{name}\"");
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != wanted).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = \""));
    format!("{name} {}", version.map_or("?", |version| version.trim_end_matches('"')))
}

pub(crate) fn heading(
    present: &BTreeMap<Who, Result<String, String>>,
    rounds: u32,
    quick: bool,
    load_before: &str,
) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([':', '\t', ' ']);
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let mut text = String::new();
    if quick {
        text.push_str("**Quick: sizes too small for a record.**\n\n");
    }
    let _ = writeln!(
        text,
        "{}; {cpus} CPUs ({model}), Linux {}; {}, aqueduct at {}{}, {}, {}, {}. {rounds} rounds, 2 workers each. Load before \
         {load_before}, after {}.",
        said_by("date", &["-u", "+%F %R UTC"]),
        first_line("/proc/sys/kernel/osrelease"),
        said_by("rustc", &["--version"]),
        said_by("git", &["rev-parse", "--short", "HEAD"]),
        if cfg!(debug_assertions) { " (DEBUG build)" } else { "" },
        locked("quinn"),
        locked("rustls"),
        locked("tokio"),
        load(),
    );
    let mut versions: Vec<&str> = present.values().filter_map(|found| found.as_deref().ok()).collect();
    versions.dedup();
    let _ = write!(text, "Peers: {}.", versions.join(", "));
    for (who, reason) in present.iter().filter_map(|(who, found)| Some((who, found.as_ref().err()?))) {
        let _ = write!(text, " {} is missing: {reason}.", who.name());
    }
    text
}
