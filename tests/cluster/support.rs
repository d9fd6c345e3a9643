//! What the files share: a cluster for one test, a directory where tasks and tests meet, signals.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use aqueduct::{
    Cluster,
    cluster::{Builder, Summary, Worker, task},
};
use futures::executor::block_on;
use serde::{Deserialize, Serialize};

use crate::common::within;

/// No test takes so long, however busy the machine is.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test with a cluster of so many workers; then nothing of the cluster is left.
pub(crate) fn on(workers: usize, test: impl AsyncFnOnce(Cluster) + Send + 'static) {
    on_built(Cluster::builder().workers(workers), test);
}

/// The same with a cluster that is made otherwise.
pub(crate) fn on_built(builder: Builder, test: impl AsyncFnOnce(Cluster) + Send + 'static) {
    within(LIMIT, move || {
        // No async runtime at all: a cluster needs none.
        block_on(async {
            let cluster = builder.start().await.expect("the cluster starts");
            test(cluster.clone()).await;
            finish(cluster).await;
        });
    });
}

/// Shuts a cluster down; none of its workers is left.
pub(crate) async fn finish(cluster: Cluster) -> Summary {
    let summary = cluster.clone().shutdown().await;
    for worker in &summary.workers {
        assert!(!is_alive(worker.pid), "worker {} (pid {}) is left behind", worker.worker, worker.pid);
    }
    assert!(cluster.workers().is_empty(), "a cluster that was shut down has no workers");
    summary
}

/// A process that has not ended (a zombie has).
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])))
}

/// The processes that have this in their environment.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != process::id())
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()))
        })
        .filter(|pid| is_alive(*pid))
        .collect()
}

/// Sends a signal (`KILL`, `STOP`, …) to a process that the test owns.
pub(crate) fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("there is `kill`");
    assert!(status.success(), "signal {name} to {pid}");
}

/// Waits for something that others do.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < LIMIT / 2, "this never came: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The command that starts this binary as a worker, for tests that change something about it.
pub(crate) fn worker_command() -> Command {
    this_binary("aqueduct_worker_entry")
}

/// This binary, running one of its tests alone.
pub(crate) fn this_binary(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test has a path"));
    command.args([test, "--exact", "--nocapture", "--quiet", "--test-threads", "1"]);
    command
}

/// Workers that have something in their environment by which all of them are found.
pub(crate) fn marked_workers(mark: &'static str, value: &str) -> Worker {
    let value = value.to_owned();
    Worker::new().command(move || {
        let mut command = worker_command();
        command.env(mark, &value);
        command
    })
}

/// A directory where tasks and tests leave marks for each other; gone with the test.
#[derive(Debug)]
pub(crate) struct Room {
    place: Place,
}

impl Room {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("aqueduct-test-{}-{}", process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a directory for the test");
        Self { place: Place { path } }
    }

    /// What tasks are given of it.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }
}

impl std::ops::Deref for Room {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Tasks that were killed may be writing still.
        let _ = fs::remove_dir_all(&self.place.path);
    }
}

/// The same directory as tasks know it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn mark(&self, name: &str) {
        fs::write(self.path.join(name), "").expect("the mark is left");
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Waits for a mark. In a task it also ends when the room is gone, so that no worker waits for ever.
    pub(crate) fn wait(&self, name: &str) {
        until(name, || self.has(name) || !self.path.exists());
    }

    /// Adds a line to the log, whole, whoever else does the same.
    pub(crate) fn note(&self, line: &str) {
        let log = OpenOptions::new().create(true).append(true).open(self.path.join("log"));
        log.and_then(|mut log| log.write_all(format!("{line}\n").as_bytes())).expect("the line is noted");
    }

    /// The same with the number of the try and the process in front.
    pub(crate) fn note_task(&self, line: &str) {
        let attempt = task::current().map_or(0, |task| task.attempt());
        self.note(&format!("{line} {attempt} {}", process::id()));
    }

    pub(crate) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path.join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
