//! The processes of local workers: started, watched, replaced, killed.
//!
//! A worker's death is seen by `wait`, within a millisecond or two; the connection would take seconds to notice. What
//! the worker had sent before it died is still read: its loss is declared a moment later.

use std::{
    io::{self, Write},
    process::{ChildStdin, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use shared_child::SharedChild;

use crate::{
    cluster::{
        lines::{Tail, after_mark, relay},
        registry::TestEntry,
        terminal::Stream,
        worker::{BEGIN, BEGIN_WANTED, MARK, SENTINEL},
    },
    net::{codec, identity::Identity},
};

/// So long a dead worker's last lines are waited for.
const LAST_LINES: Duration = Duration::from_millis(50);

/// A worker's process.
#[derive(Debug)]
pub(super) struct Process {
    child: Arc<SharedChild>,
    /// Kept open: its end tells the worker that the driver is gone.
    stdin: Mutex<Option<ChildStdin>>,
    pub(super) tail: Arc<Tail>,
}

impl Process {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn kill(&self) {
        // It fails if the process has ended already.
        let _ = self.child.kill();
    }

    /// Tells the worker that nobody needs it any more.
    pub(super) fn let_go(&self) {
        self.stdin.lock().take();
    }
}

/// The command that starts this program as a worker.
pub(super) fn this_program() -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    match TestEntry::of_this_program() {
        // A test harness would refuse the sentinel.
        Some(entry) => {
            command.args([entry.exact_name(), "--exact", "--nocapture", "--quiet", "--test-threads", "1"]);
        }
        None => {
            command.arg(SENTINEL);
        }
    }
    Ok(command)
}

/// Starts a worker; `ended` is called, on a thread of its own, when its process has.
pub(super) fn start(
    mut command: Command,
    worker: u32,
    program: Option<&str>,
    identity: &Identity,
    ended: impl FnOnce(io::Result<ExitStatus>) + Send + 'static,
) -> io::Result<Process> {
    let identity = codec::encode(identity).map_err(io::Error::other)?;
    let mark = match program {
        Some(program) => format!("{worker}:{program}"),
        None => worker.to_string(),
    };
    command.env(MARK, mark).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let in_harness = command.get_args().any(|argument| argument == "--exact");
    if in_harness {
        command.env(BEGIN_WANTED, "1");
    }
    let child = Arc::new(SharedChild::spawn(&mut command)?);
    let mut stdin = child.take_stdin();
    let tail = Arc::new(Tail::default());
    let label = format!("worker {worker}");
    if let Some(stdout) = child.take_stdout() {
        let tail = Arc::clone(&tail);
        if in_harness {
            relay(after_mark(stdout, BEGIN), label.clone(), Stream::Out, tail)?;
        } else {
            relay(stdout, label.clone(), Stream::Out, tail)?;
        }
    }
    let complaints =
        child.take_stderr().map(|stderr| relay(stderr, label, Stream::Err, Arc::clone(&tail))).transpose()?;
    let watched = Arc::clone(&child);
    let watching = thread::Builder::new().name("aqueduct-wait".into()).stack_size(256 << 10).spawn(move || {
        let status = watched.wait();
        // What it wrote last says why it died; a process that it started may hold the pipe open for longer.
        let patience = Instant::now() + LAST_LINES;
        while complaints.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < patience {
            thread::sleep(Duration::from_micros(200));
        }
        ended(status);
    });
    if let Err(error) = watching {
        let _ = child.kill();
        return Err(error);
    }
    if let Some(stdin) = &mut stdin {
        let length = u32::try_from(identity.len()).map_err(io::Error::other)?;
        // A pipe takes this much without a reader. If the worker is gone already, its end says so.
        let _ = stdin.write_all(&length.to_le_bytes()).and_then(|()| stdin.write_all(&identity));
        let _ = stdin.flush();
    }
    Ok(Process { child, stdin: Mutex::new(stdin), tail })
}
