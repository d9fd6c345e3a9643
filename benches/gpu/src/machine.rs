//! What a record must say about where and of what it was taken.

use std::fs;
use std::process::Command;
use std::thread;

use aqueduct::gpu::{Gpu, GpuError};

use crate::Options;

/// How many processes wanted to run, over the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}

fn date() -> String {
    let output = Command::new("date").args(["-u", "+%F %R UTC"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// The version of a crate, from the lock file.
fn locked(name: &str) -> String {
    let wanted = format!("name = \"{name}\"");
    let mut lines = include_str!("../Cargo.lock").lines().skip_while(|line| *line != wanted).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = \""));
    format!("{name} {}", version.map_or("?", |version| version.trim_end_matches('"')))
}

pub(crate) fn heading(options: &Options, gpu: &Result<Gpu, GpuError>) -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([':', '\t', ' ']);
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let device = match gpu.as_ref().map(|gpu| (gpu.name(), gpu.info().cloned())) {
        Ok((name, Some(info))) => format!(
            "{name}, compute capability {}.{}, driver for CUDA {}.{}",
            info.capability / 10,
            info.capability % 10,
            info.driver_version / 1000,
            info.driver_version % 1000 / 10
        ),
        Ok((name, None)) => name,
        Err(error) => format!("no GPU ({error})"),
    };
    let notice = [
        options.driver.notice(),
        if options.quick { "**Quick: sizes too small for a record.**" } else { "" },
        if cfg!(debug_assertions) { "**A debug build: no record.**" } else { "" },
    ];
    let notice: String = notice.iter().filter(|text| !text.is_empty()).map(|text| format!("{text}\n\n")).collect();
    format!(
        "{notice}{}; {device}; {cpus} CPUs ({model}), Linux {}; {} at {}, {}, {}. {} rounds; figures are `median (tenth–ninetieth \
         percentile)` of the rounds. Load at the beginning: {}.\n",
        date(),
        first_line("/proc/sys/kernel/osrelease"),
        locked("aqueduct"),
        // `build` says which.
        option_env!("AQUEDUCT_REVISION").unwrap_or("an unnamed revision"),
        locked("cust"),
        locked("tokio"),
        options.rounds,
        load(),
    )
}
