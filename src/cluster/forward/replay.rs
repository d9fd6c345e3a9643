//! In the driver: an event of a worker happens once more, on a thread of its own.
//!
//! Terminals and users' subscribers may take their time (a pager, a stopped terminal, a slow disk). The thread that
//! receives events must not wait for them, for it also sends the sign of life; so it hands them over without waiting,
//! and what finds no room is counted and told.

use std::{
    fmt::Write,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use tracing::{dispatcher, subscriber::NoSubscriber};

use super::{Forwarded, Level, notice};
use crate::cluster::terminal::{Stream, print_line};

/// So many events may wait.
const ROOM: usize = 1024;

/// Replays events on a thread of its own, in their order. Dropped, it waits until all are replayed.
#[derive(Debug)]
pub(crate) struct Replayer {
    events: Option<SyncSender<Event>>,
    missing: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Event {
    event: Forwarded,
    worker: u32,
    host: Arc<str>,
}

impl Replayer {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub(crate) fn start() -> io::Result<Self> {
        Self::with(|event| replay(&event.event, event.worker, &event.host), ROOM)
    }

    fn with(show: impl Fn(Event) + Send + 'static, room: usize) -> io::Result<Self> {
        let (events, received) = sync_channel(room);
        let missing = Arc::new(AtomicU64::new(0));
        let run = {
            let missing = missing.clone();
            move || show_all(&received, &missing, show)
        };
        let thread = thread::Builder::new().name("aqueduct-events".to_owned()).spawn(run)?;
        Ok(Self { events: Some(events), missing, thread: Some(thread) })
    }

    /// Hands an event over. It never waits.
    pub(crate) fn hand_over(&self, event: Forwarded, worker: u32, host: Arc<str>) {
        let Some(events) = &self.events else { return };
        if events.try_send(Event { event, worker, host }).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        self.events = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn show_all(received: &Receiver<Event>, missing: &AtomicU64, show: impl Fn(Event)) {
    // A subscriber of the user's that panics (the panic hook tells it) costs that event and no other.
    let show = |event| drop(catch_unwind(AssertUnwindSafe(|| show(event))));
    let tell_missing = |worker, host| {
        let missed = missing.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let text = format!("{missed} events of workers are missing: they came faster than they were shown");
            show(Event { event: notice(text), worker, host });
        }
    };
    let mut last = None;
    for event in received {
        let (worker, host) = (event.worker, event.host.clone());
        show(event);
        tell_missing(worker, host.clone());
        last = Some((worker, host));
    }
    // An event may have found no room just before the last ones were taken.
    if let Some((worker, host)) = last {
        tell_missing(worker, host);
    }
}

/// Emits the event with the target `aqueduct::worker`, at its level.
///
/// Where nobody listens to events in this process (no subscriber is set), warnings and errors are printed instead.
fn replay(event: &Forwarded, worker: u32, host: &str) {
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
fn lines(event: &Forwarded, worker: u32) -> impl Iterator<Item = String> {
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

#[cfg(test)]
mod tests;
