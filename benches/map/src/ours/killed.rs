//! A worker is killed in the middle of a map.

use crate::{clock, killed, report::Report, sizes::Sizes};
use aqueduct::Cluster;
use std::{
    error::Error,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

/// One line of the diary, in one write, so that lines of several processes do not mix.
fn write_line(diary: &str, mark: char, item: u64) -> io::Result<()> {
    let line = format!("{mark} {item} {} {}\n", process::id(), clock::now());
    OpenOptions::new().create(true).append(true).open(diary)?.write_all(line.as_bytes())
}

/// Notes when it begins and when it ends; sleeps in between.
#[aqueduct::remote]
fn nap(diary: String, item: u64, micros: u64) -> u64 {
    write_line(&diary, 'B', item).expect("the diary can be written");
    thread::sleep(Duration::from_micros(micros));
    write_line(&diary, 'E', item).expect("the diary can be written");
    item
}

pub(super) async fn run(cluster: &Cluster, sizes: &Sizes) -> Result<(), Box<dyn Error>> {
    let (tasks, micros) = (sizes.number("tasks")?, sizes.number("micros")?);
    let after = Duration::from_millis(sizes.number("after")?);
    let diary = sizes.text("diary")?.to_owned();
    let calm = format!("{diary}.calm");

    let naps = |diary: &str| (0..tasks).map(|item| (diary.to_owned(), item, micros)).collect::<Vec<_>>();
    let start = Instant::now();
    let items: Vec<u64> = cluster.map(nap, naps(&calm)).collect().await?;
    Report::Calm { seconds: start.elapsed().as_secs_f64() }.print();
    assert!(items.into_iter().eq(0..tasks), "results out of order");

    let input = naps(&diary);
    let killer = thread::spawn(move || kill_one(&PathBuf::from(diary), after));
    let start = Instant::now();
    let outcome: Result<Vec<u64>, _> = cluster.map(nap, input).collect().await;
    let seconds = start.elapsed().as_secs_f64();
    killer.join().map_err(|_| "the killer panicked")??;
    let outcome = match outcome {
        Ok(items) if items.iter().copied().eq(0..tasks) => "complete".into(),
        Ok(_) => "wrong results".into(),
        Err(error) => error.to_string(),
    };
    Report::Ended { seconds, outcome }.print();
    Ok(())
}

/// Kills the process that began a task last.
fn kill_one(diary: &Path, after: Duration) -> io::Result<()> {
    thread::sleep(after);
    let entries = killed::read(diary)?;
    let last = entries.iter().rfind(|entry| entry.begins).ok_or_else(|| io::Error::other("no task has begun"))?;
    let pid = rustix::process::Pid::from_raw(last.pid as i32).ok_or_else(|| io::Error::other("no such process"))?;
    let at = clock::now();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
    Report::Killed { pid: last.pid, at }.print();
    Ok(())
}
