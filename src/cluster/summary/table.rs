//! The table: columns as wide as what stands in them, 80 in all at most.

use std::{cmp::Ordering, fmt};

use super::{Summary, WorkerSummary, efficiency};
use crate::cluster::human::{bytes, count, counted, duration, percent, rate};

/// A terminal's width.
const WIDTH: usize = 80;
/// So many workers have a row each; of more, the best and the worst few.
const ALL: usize = 16;
const FEW: usize = 5;
/// Only the host's column is cut, to this at least; the others are as wide as their numbers.
const NARROWEST_HOST: usize = 4;

const COLUMNS: usize = 7;
const HEAD: [&str; COLUMNS] = ["worker", "host", "pid", "slots", "tasks", "busy", "efficiency"];
const HOST: usize = 1;

pub(super) fn write(summary: &Summary, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if !summary.workers.is_empty() {
        write_workers(&summary.workers, f)?;
    }
    let (work, trouble) = figures(summary);
    write!(f, "{},\n{}", wrapped(&work), wrapped(&trouble))
}

/// What was done, and what it took.
pub(super) fn figures(summary: &Summary) -> (String, String) {
    let mut work = format!(
        "{} in {} on {}",
        counted(summary.tasks, "task", "tasks"),
        duration(summary.elapsed),
        counted(summary.workers.len() as u64, "worker", "workers"),
    );
    let speed = summary.rate().filter(|_| summary.tasks > 0).map(rate);
    let share = summary.efficiency().map(|share| format!("efficiency {}", percent(share)));
    let more: Vec<_> = speed.into_iter().chain(share).collect();
    if !more.is_empty() {
        work = format!("{work}: {}", more.join(", "));
    }
    let mut trouble = Vec::new();
    if summary.failed > 0 {
        trouble.push(format!("{} failed", count(summary.failed)));
    }
    trouble.push(counted(summary.retried, "retry", "retries"));
    trouble.push(counted(summary.deaths, "death", "deaths"));
    trouble.push(format!("{} sent", bytes(summary.bytes_sent)));
    if summary.constants_sent.count > 0 {
        let constants = counted(summary.constants_sent.count, "constant", "constants");
        trouble.push(format!("{constants} of {}", bytes(summary.constants_sent.bytes)));
    }
    trouble.push(format!("{} received", bytes(summary.bytes_received)));
    (work, trouble.join(", "))
}

fn write_workers(workers: &[WorkerSummary], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut order: Vec<&WorkerSummary> = workers.iter().collect();
    let (first, rest, last) = if order.len() <= ALL {
        order.sort_by_key(|worker| worker.worker);
        (&order[..], &[][..], &[][..])
    } else {
        order.sort_by(|a, b| by_efficiency(b, a).then(a.worker.cmp(&b.worker)));
        let (first, others) = order.split_at(FEW);
        let (rest, last) = others.split_at(others.len() - FEW);
        (first, rest, last)
    };
    let widths = widths(first.iter().chain(last).map(|worker| cells(worker)));
    write_row(&HEAD.map(str::to_owned), &widths, f)?;
    for worker in first {
        write_worker(worker, &widths, f)?;
    }
    if !rest.is_empty() {
        let tasks = rest.iter().map(|worker| worker.tasks).sum();
        let share = efficiency(rest.iter().copied()).map_or(String::new(), |s| format!(", efficiency {}", percent(s)));
        let ended = match rest.iter().filter(|worker| worker.ended.is_some()).count() {
            0 => String::new(),
            n => format!(", {} ended", count(n as u64)),
        };
        writeln!(f, "   ...  {} more: {}{share}{ended}", count(rest.len() as u64), counted(tasks, "task", "tasks"))?;
    }
    for worker in last {
        write_worker(worker, &widths, f)?;
    }
    Ok(())
}

/// Who was there for no time at all is the least efficient.
fn by_efficiency(a: &WorkerSummary, b: &WorkerSummary) -> Ordering {
    let of = |worker: &WorkerSummary| worker.efficiency().unwrap_or(-1.0);
    of(a).total_cmp(&of(b))
}

fn cells(worker: &WorkerSummary) -> [String; COLUMNS] {
    [
        worker.worker.to_string(),
        plain(&worker.host),
        worker.pid.to_string(),
        worker.slots.to_string(),
        count(worker.tasks),
        duration(worker.busy),
        worker.efficiency().map_or("-".to_owned(), percent),
    ]
}

fn widths(rows: impl Iterator<Item = [String; COLUMNS]>) -> [usize; COLUMNS] {
    let mut widths = HEAD.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let others = widths.iter().sum::<usize>() - widths[HOST] + 2 * (COLUMNS - 1);
    widths[HOST] = widths[HOST].min(WIDTH.saturating_sub(others).max(NARROWEST_HOST));
    widths
}

fn write_worker(worker: &WorkerSummary, widths: &[usize; COLUMNS], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write_row(&cells(worker), widths, f)?;
    let Some(ended) = &worker.ended else { return Ok(()) };
    let indent = widths[0] + 2;
    writeln!(f, "{:indent$}{}", "", cut(&plain(ended), WIDTH - indent))
}

fn write_row(cells: &[String; COLUMNS], widths: &[usize; COLUMNS], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (column, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        let gap = if column == 0 { "" } else { "  " };
        match column {
            HOST => write!(f, "{gap}{:<width$}", cut(cell, width))?,
            _ => write!(f, "{gap}{cell:>width$}")?,
        }
    }
    writeln!(f)
}

/// Text of another host, on one line.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Broken after a comma where it is too long.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for part in text.split_inclusive(", ") {
        let length = part.chars().count();
        if column > 0 && column + length > WIDTH {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            column = 0;
        }
        lines.push_str(part);
        column += length;
    }
    lines
}

/// At most so many characters, with a sign where some are missing.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
