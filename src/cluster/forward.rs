//! `tracing` across processes: an event in a worker is an event in the driver.
//!
//! ```text
//! worker: tracing event ─▶ Forwarder (level, spans, bounds) ─▶ Forwarded ─ ─ link ─ ─▶ Replayer ─▶ tracing event: driver
//! ```
//!
//! * In a worker the [`Forwarder`] is the global subscriber, unless the user's code has set one before: then that one
//!   hears, and nothing is forwarded.
//! * An event is bounded ([`TEXT_MOST`]), and so are events a second ([`limit`]): what was dropped is counted and told.
//! * What carries the events does not report about itself: events of the transport's crates below a warning, and those
//!   that the sink causes, are left out; else one event would make the next for ever.
//! * `tracing-subscriber` is not needed for this, and is not depended on.

mod limit;
mod replay;
mod spans;
mod text;

use std::{cell::Cell, time::Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};
use tracing_core::span::Current;

use self::{
    limit::{Limit, Verdict},
    spans::Spans,
    text::Fields,
};

#[allow(unused_imports, reason = "until the driver replays")]
pub(crate) use replay::Replayer;

/// The most that the texts of one event (message, fields, spans) take, in bytes.
const TEXT_MOST: usize = 16 * 1024;

/// Crates that carry events: only their warnings are forwarded.
const CARRIERS: [&str; 6] = ["quinn", "quinn_proto", "quinn_udp", "rustls", "tokio", "mio"];

/// How much an event matters; `tracing`'s levels, in a form that travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

/// An event on its way to the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forwarded {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    /// The other fields: name and value.
    pub(crate) fields: Vec<(String, String)>,
    /// The spans it happened in, the outermost first: `job{id=7}:load`.
    pub(crate) spans: String,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// What `AQUEDUCT_LOG` asks for, `info` if it is not set.
///
/// # Errors
/// A word that nobody knows, in a sentence with the words that are known.
pub(crate) fn wanted_level(setting: Option<&str>) -> Result<LevelFilter, String> {
    match setting.unwrap_or_default() {
        "" | "info" => Ok(LevelFilter::INFO),
        "off" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        other => Err(format!("AQUEDUCT_LOG is {other:?}; it may be off, error, warn, info, debug or trace")),
    }
}

/// The subscriber of a worker: hands what happens to a sink.
pub(crate) struct Forwarder<S> {
    level: LevelFilter,
    spans: Spans,
    limit: Mutex<Limit>,
    sink: S,
}

thread_local! {
    /// This thread is in a sink: what happens there is not forwarded.
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

impl<S: Fn(Forwarded) + Send + Sync + 'static> Forwarder<S> {
    /// Forwards every event of the process at `level` and above to `sink`; false if the process has a subscriber
    /// already, which then stays.
    ///
    /// The sink is called on the thread of the event: it should not block.
    pub(crate) fn install(level: LevelFilter, sink: S) -> bool {
        set_global_default(Self::new(level, sink)).is_ok()
    }

    fn new(level: LevelFilter, sink: S) -> Self {
        Self { level, spans: Spans::default(), limit: Mutex::new(Limit::new(Instant::now())), sink }
    }

    fn forward(&self, event: &Event<'_>) {
        let verdict = self.limit.lock().admit(Instant::now(), event.metadata().level());
        let missing = match verdict {
            Verdict::Drop => return,
            Verdict::Pass { missing } => missing,
        };
        if missing > 0 {
            self.hand_over(notice(limit::text(missing)));
        }
        let metadata = event.metadata();
        let mut budget = TEXT_MOST;
        let mut fields = Fields::new(&mut budget);
        event.record(&mut fields);
        let (message, fields) = fields.finish();
        let spans = self.spans.path(event, &mut budget);
        self.hand_over(Forwarded {
            level: metadata.level().into(),
            target: metadata.target().to_owned(),
            message,
            fields,
            spans,
            file: metadata.file().map(str::to_owned),
            line: metadata.line(),
        });
    }

    fn hand_over(&self, event: Forwarded) {
        /// Also where the sink panics.
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                IN_SINK.set(false);
            }
        }
        IN_SINK.set(true);
        let _leave = Leave;
        (self.sink)(event);
    }
}

impl<S: Fn(Forwarded) + Send + Sync + 'static> Subscriber for Forwarder<S> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && (*metadata.level() <= tracing::Level::WARN || !is_carrier(metadata.target()))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.spans.open(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.spans.record(span, values);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if !IN_SINK.get() {
            self.forward(event);
        }
    }

    fn enter(&self, span: &Id) {
        self.spans.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.spans.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.spans.hold(span);
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        self.spans.release(&span)
    }

    fn current_span(&self) -> Current {
        self.spans.current()
    }
}

impl<S> std::fmt::Debug for Forwarder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").field("level", &self.level).finish_non_exhaustive()
    }
}

/// A warning of this module's own.
fn notice(message: String) -> Forwarded {
    Forwarded {
        level: Level::Warn,
        target: "aqueduct::cluster".to_owned(),
        message,
        fields: Vec::new(),
        spans: String::new(),
        file: None,
        line: None,
    }
}

fn is_carrier(target: &str) -> bool {
    let krate = target.split("::").next().unwrap_or(target);
    CARRIERS.contains(&krate) || target == "aqueduct::net" || target.starts_with("aqueduct::net::")
}

#[cfg(test)]
mod tests;
