//! One worker's connection, from the first packet to the last.
//!
//! What is said of one run (or of one nested job) is handled in the order in which it was said, also when a payload comes
//! on a stream of its own and later than the messages after it: those wait for it. Other runs do not.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Shared, seat::Seat, start::Expected};
use crate::{
    cluster::{
        error::Place,
        forward::Replayer,
        protocol::{Answer, FromWorker, Hello, PROTOCOL, ToWorker, Welcome},
        registry::{self, Registry, describe_difference},
        scheduler::Tags,
        worker::architecture,
    },
    net::link::{self, Inbox, Limits, LinkError, Outbox, Payload},
};

/// How long a process that connected may take to say who it is.
const HELLO_TIME: Duration = Duration::from_secs(10);

/// What every welcomed worker is told.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) init: Option<u32>,
    pub(super) log: String,
    pub(super) constants: u64,
    /// Whether another build of the same functions will do.
    pub(super) compatible: bool,
}

/// Serves one connection to its end; gives the reason of the end.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    terms: &Terms,
    replayer: &Replayer,
    expected: &Expected,
    connection: quinn::Connection,
) -> Result<(), String> {
    let welcomed = tokio::time::timeout(HELLO_TIME, welcome(terms, expected, connection)).await;
    let (outbox, mut inbox, hello, early) = match welcomed {
        Ok(Ok(welcomed)) => welcomed,
        Ok(Err(reason)) => return Err(reason),
        Err(_) => return Err(format!("it did not say who it is within {HELLO_TIME:?}")),
    };
    let worker = expected.worker;
    let place = Place { worker, host: hello.host, pid: hello.pid };
    let host: Arc<str> = place.host.as_str().into();
    let (slots, tags, shares) = (expected.slots, expected.tags, expected.shares_files);
    let mut desk = Some(Seat::new(outbox, place.clone(), slots, tags, shares));
    let incoming = Arc::new(Incoming { shared: Arc::clone(shared), worker, lines: Mutex::default() });
    let mut batch: Vec<(FromWorker, Payload)> = early;
    loop {
        for (message, payload) in batch.drain(..) {
            match (message, &mut desk) {
                (FromWorker::Ready, _) if expected.has_ended() => return Err("its process has ended".into()),
                (FromWorker::Ready, seat) => {
                    if let Some(seat) = seat.take() {
                        tracing::debug!(worker, host = %place.host, pid = place.pid, slots, "worker joined");
                        shared.with(|core| core.joined(worker, seat));
                        expected.joined();
                    }
                }
                (FromWorker::InitFailed(reason), _) => {
                    expected.init_failed(reason.clone());
                    return Err(format!("its init function failed: {reason}"));
                }
                (FromWorker::Event(event), _) => replayer.hand_over(event, worker, Arc::clone(&host)),
                (FromWorker::Hello(_), _) => return Err("it said hello twice".into()),
                (_, Some(_)) => return Err("it spoke of work before it was ready".into()),
                (message, None) => incoming.receive(message, payload),
            }
        }
        incoming.flush();
        match inbox.recv(&mut batch).await {
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

type Welcomed = (Outbox, Inbox, Hello, Vec<(FromWorker, Payload)>);

async fn welcome(terms: &Terms, expected: &Expected, connection: quinn::Connection) -> Result<Welcomed, String> {
    let text = |error: LinkError| error.to_string();
    let (outbox, mut inbox) = link::accept(connection, Limits::default()).await.map_err(text)?;
    let mut batch = Vec::new();
    inbox.recv::<FromWorker>(&mut batch).await.map_err(text)?;
    let mut batch = batch.into_iter();
    let Some((FromWorker::Hello(hello), _)) = batch.next() else {
        return Err("it did not begin with hello".into());
    };
    let registry = registry::registry().map_err(|error| error.to_string())?;
    if let Some(reason) = objection(terms, registry, &hello) {
        let _ = outbox.send(&ToWorker::Answer(Answer::Refused(reason.clone())), Bytes::new());
        outbox.close("refused");
        expected.refused(reason.clone());
        return Err(reason);
    }
    let welcome = Welcome {
        worker: expected.worker,
        slots: expected.slots,
        functions: registry.listing().iter().map(|listed| listed.name.clone()).collect(),
        init: terms.init,
        log: terms.log.clone(),
        constants: terms.constants,
    };
    outbox.send(&ToWorker::Answer(Answer::Welcome(welcome)), Bytes::new()).map_err(text)?;
    Ok((outbox, inbox, hello, batch.collect()))
}

/// What speaks against a worker.
fn objection(terms: &Terms, registry: &Registry, hello: &Hello) -> Option<String> {
    if hello.protocol != PROTOCOL {
        return Some(format!(
            "it speaks protocol {} of aqueduct {}, the driver protocol {PROTOCOL} of aqueduct {}; build both with one version",
            hello.protocol,
            hello.version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    if hello.architecture != architecture() {
        return Some(format!("it is {}, the driver is {}", hello.architecture, architecture()));
    }
    // What is missing says more than that something is different.
    if let Some(difference) = describe_difference(registry.listing(), &hello.functions) {
        return Some(difference);
    }
    let build = match registry::build_id() {
        Ok(build) => build,
        Err(error) => return Some(error.to_string()),
    };
    if !terms.compatible && hello.build != build {
        return Some(format!(
            "it is another build of the program (its build id is {}, the driver's {}): the same function might do \
             something else there. Start workers from the driver's own program, or allow it with \
             `Builder::compatible_builds`",
            hex(&hello.build),
            hex(build)
        ));
    }
    None
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What messages belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Line {
    Run(u64),
    Job(u64),
}

fn line_of(message: &FromWorker) -> Option<Line> {
    match message {
        FromWorker::Returned { run, .. }
        | FromWorker::Panicked { run, .. }
        | FromWorker::Unusable { run, .. }
        | FromWorker::Stopped { run }
        | FromWorker::Overdue { run } => Some(Line::Run(*run)),
        FromWorker::Open { job, .. }
        | FromWorker::Push { job, .. }
        | FromWorker::Seal { job }
        | FromWorker::Drop { job, .. } => Some(Line::Job(*job)),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Lines {
    /// Lines whose next payload is on its way, and what waits behind it.
    held: HashMap<Line, VecDeque<(FromWorker, Payload)>>,
    /// What can be told to the core now.
    due: Vec<(FromWorker, Bytes)>,
}

/// Puts messages back in order.
#[derive(Debug)]
struct Incoming {
    shared: Arc<Shared>,
    worker: u32,
    lines: Mutex<Lines>,
}

impl Incoming {
    fn receive(self: &Arc<Self>, message: FromWorker, payload: Payload) {
        let mut lines = self.lines.lock();
        self.sort(&mut lines, message, payload);
    }

    fn sort(self: &Arc<Self>, lines: &mut Lines, message: FromWorker, payload: Payload) {
        let line = line_of(&message);
        if let Some(waiting) = line.and_then(|line| lines.held.get_mut(&line)) {
            waiting.push_back((message, payload));
            return;
        }
        match (payload, line) {
            (Payload::Here(bytes), _) => lines.due.push((message, bytes)),
            (Payload::Apart(payload), Some(line)) => {
                lines.held.insert(line, VecDeque::new());
                let this = Arc::clone(self);
                tokio::spawn(async move {
                    // Cut short: the connection ends, and whatever it was runs again elsewhere.
                    let Ok(bytes) = payload.read().await else { return };
                    let mut lines = this.lines.lock();
                    lines.due.push((message, bytes));
                    let waiting = lines.held.remove(&line).unwrap_or_default();
                    for (message, payload) in waiting {
                        this.sort(&mut lines, message, payload);
                    }
                    drop(lines);
                    this.flush();
                });
            }
            // Nothing else has a payload.
            (Payload::Apart(_), None) => {}
        }
    }

    /// Tells the core what is due, under one lock.
    fn flush(&self) {
        let due = std::mem::take(&mut self.lines.lock().due);
        if due.is_empty() {
            return;
        }
        self.shared.with(|core| {
            for (message, payload) in due {
                core.heard(self.worker, message, payload);
            }
        });
    }
}

/// The tags as bits, for a worker that is expected.
pub(super) fn tags_of(shared: &Shared, names: &[String]) -> Option<Tags> {
    shared.with(|core| core.bits(names))
}
