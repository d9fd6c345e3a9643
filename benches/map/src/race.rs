//! Runs one competitor in one cell: a process, its output, its end.

use crate::{
    cells::{Cell, Entry},
    competitor::Python,
    killed,
    report::Report,
};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    error::Error,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Figures by way and metric.
pub(crate) type Figures = Vec<(String, String, f64)>;

/// What one run gave: figures, and what is to be said about it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) figures: Figures,
    pub(crate) note: Option<String>,
    /// It did not do what was asked.
    pub(crate) failed: bool,
}

/// A folder for this run's files; it goes with this value.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("map-race-{}", process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

enum End {
    Exited(ExitStatus),
    Hung,
}

/// Runs a program in a process group of its own, of which nothing is left afterwards.
fn run_to_end(mut command: Command, limit: Duration) -> std::io::Result<End> {
    let mut child = command.process_group(0).stdin(Stdio::null()).spawn()?;
    let group = Pid::from_child(&child);
    let (tell, told) = mpsc::channel();
    let waiter = thread::spawn(move || tell.send(child.wait()));
    let end = told.recv_timeout(limit);
    // What is left of the group, if anything is.
    let _ = kill_process_group(group, Signal::KILL);
    let _ = waiter.join();
    match end {
        Ok(status) => Ok(End::Exited(status?)),
        Err(_) => Ok(End::Hung),
    }
}

pub(crate) fn run(
    cell: &Cell,
    entry: &Entry,
    mut sizes: Vec<String>,
    python: &Python,
    scratch: &Scratch,
) -> Result<Run, Box<dyn Error>> {
    let diary = scratch.0.join("diary");
    let calm = scratch.0.join("diary.calm");
    if cell.is_kill() {
        for old in [&diary, &calm] {
            if old.exists() {
                fs::remove_file(old)?;
            }
        }
        sizes.push(format!("diary={}", diary.display()));
    }
    let (out, err) = (scratch.0.join("out"), scratch.0.join("err"));
    let mut command = python.command(entry.who, cell.name, &sizes)?;
    command.stdout(File::create(&out)?).stderr(File::create(&err)?);
    // The pool's `map` hangs when a worker dies: bounded by a few times what it takes in peace.
    command.env("POOL_LIMIT", if cell.is_kill() { "12" } else { "100" });
    let end = run_to_end(command, cell.limit)?;

    let out = String::from_utf8_lossy(&fs::read(out)?).into_owned();
    let reports: Vec<Report> =
        out.lines().filter(|line| line.starts_with("{\"is\"")).map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut run = Run::default();
    for report in &reports {
        if let Report::Figure { way, metric, value } = report {
            run.figures.push((way.clone(), metric.clone(), *value));
        }
    }
    let trouble = match end {
        End::Exited(status) if status.success() => None,
        End::Exited(status) => {
            let said = String::from_utf8_lossy(&fs::read(err)?).into_owned();
            // The last line with words in it.
            let last = said.lines().rev().find(|line| line.contains(char::is_alphabetic)).unwrap_or_default();
            Some(format!("{status}: {}", last.trim().chars().take(120).collect::<String>()))
        }
        End::Hung => Some(format!("no end within {} s", cell.limit.as_secs())),
    };
    if cell.is_kill() {
        judge_kill(&mut run, &reports, trouble, &diary)?;
    } else {
        run.failed = trouble.is_some();
        run.note = trouble;
    }
    Ok(run)
}

/// What the death of a worker did.
fn judge_kill(run: &mut Run, reports: &[Report], trouble: Option<String>, diary: &Path) -> Result<(), Box<dyn Error>> {
    let calm = reports.iter().find_map(|report| match report {
        Report::Calm { seconds } => Some(*seconds),
        _ => None,
    });
    let killed = reports.iter().find_map(|report| match report {
        Report::Killed { pid, at } => Some((*pid, *at)),
        _ => None,
    });
    let ended = reports.iter().find_map(|report| match report {
        Report::Ended { seconds, outcome } => Some((*seconds, outcome.as_str())),
        _ => None,
    });
    run.failed = true;
    let (Some(calm), Some((victim, at))) = (calm, killed) else {
        run.note = Some(trouble.unwrap_or_else(|| "no worker was killed".into()));
        return Ok(());
    };
    let mut note = |text: String| run.note = Some(text);
    match ended {
        Some((seconds, "complete")) => {
            let cost = killed::cost(&killed::read(diary)?, victim, at);
            let mut figure = |metric: &str, value| run.figures.push((String::new(), metric.into(), value));
            if let Some(begun) = cost.begun_elsewhere {
                figure("begun", begun);
            }
            figure("longer", (seconds - calm) * 1e3);
            figure("needless", cost.needless as f64);
            run.failed = trouble.is_some();
            run.note = trouble;
        }
        Some((seconds, "TimeoutError")) => note(format!("hangs: no end within {seconds:.0} s")),
        Some((_, outcome)) => note(format!("fails: {outcome}")),
        None => note(format!("the whole program ends: {}", trouble.unwrap_or_else(|| "no reason given".into()))),
    }
    Ok(())
}
