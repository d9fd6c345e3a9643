//! In the driver: an event of a worker happens once more.

use std::fmt::Write;

use tracing::{dispatcher, subscriber::NoSubscriber};

use super::{Forwarded, Level};
use crate::cluster::terminal::{Stream, print_line};

/// Emits the event with the target `aqueduct::worker`, at its level.
///
/// Where nobody listens to events in this process (no subscriber is set), warnings and errors are printed instead.
pub(crate) fn replay(event: &Forwarded, worker: u32, host: &str) {
    if dispatcher::get_default(|dispatch| dispatch.is::<NoSubscriber>()) {
        if matches!(event.level, Level::Error | Level::Warn) {
            lines(event, worker).for_each(|line| print_line(Stream::Err, &line));
        }
        return;
    }
    // Level and target belong to the place in the source: one place for each level.
    macro_rules! emit {
        ($level:ident) => {
            tracing::event!(
                target: "aqueduct::worker",
                tracing::Level::$level,
                worker,
                host,
                origin = event.target,
                fields = joined(&event.fields),
                spans = event.spans,
                file = event.file,
                line = event.line,
                "{}",
                event.message,
            )
        };
    }
    match event.level {
        Level::Error => emit!(ERROR),
        Level::Warn => emit!(WARN),
        Level::Info => emit!(INFO),
        Level::Debug => emit!(DEBUG),
        Level::Trace => emit!(TRACE),
    }
}

/// `[worker 3] WARN target: message field=value`; a message of several lines has the worker before each.
pub(super) fn lines(event: &Forwarded, worker: u32) -> impl Iterator<Item = String> {
    let level = match event.level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    };
    let mut text = format!("{level} ");
    // Writing to a String does not fail.
    if !event.spans.is_empty() {
        let _ = write!(text, "{}: ", event.spans);
    }
    let _ = write!(text, "{}: {}", event.target, event.message);
    if !event.fields.is_empty() {
        let _ = write!(text, " {}", joined(&event.fields));
    }
    let lines: Vec<_> = text.lines().map(|line| format!("[worker {worker}] {line}")).collect();
    lines.into_iter()
}

fn joined(fields: &[(String, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    fields.join(" ")
}
