//! A first record of the core: CommsTime, ping-pong, choice, and memory per blocked process.
//!
//! `cargo bench` prints one table. Each figure is the median of the samples, with the smallest and the largest. No
//! thresholds: see `benches/README.md` for the method and for what was measured so far.

mod choice;
mod commstime;
mod memory;
mod pingpong;

use std::time::Duration;

/// Takes `samples` samples of a measurement, whose figure is in `unit`, and prints a line of the table.
pub(crate) fn sample(
    name: impl std::fmt::Display,
    unit: &'static str,
    samples: usize,
    mut measure: impl FnMut() -> f64,
) {
    let mut figures: Vec<f64> = (0..samples).map(|_| measure()).collect();
    figures.sort_by(f64::total_cmp);
    let (least, median, most) = (figures[0], figures[samples / 2], figures[samples - 1]);
    println!("| {name:<44} | {median:>9.1} | {:>19} | {unit:<13} |", format!("{least:.1} – {most:.1}"));
}

/// Nanoseconds for each of `count` things.
pub(crate) fn nanos_each(elapsed: Duration, count: u64) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

/// A runtime like a user's.
pub(crate) fn runtime(workers: usize) -> tokio::runtime::Runtime {
    let mut builder = match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.build().expect("a runtime can be made")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, processes] = &arguments[..]
        && flag == "--memory-of-tasks"
    {
        return memory::run_tasks(processes.parse().expect("a number of processes"));
    }
    // `cargo test --benches` passes `--test`: everything runs once, small.
    let quick = arguments.iter().any(|argument| argument == "--test");
    println!("| {:<44} | {:>9} | {:>19} | {:<13} |", "cell", "median", "least – most", "unit");
    println!("|{:-<46}|{:->11}|{:->21}|{:-<15}|", "", ":", ":", "");
    let samples = if quick { 1 } else { 7 };
    let scale = if quick { 100 } else { 1 };
    commstime::run(samples, 300_000 / scale);
    pingpong::run(samples, 300_000 / scale);
    choice::run(samples, 300_000 / scale);
    memory::run(if quick { 1_000 } else { 300_000 });
}
