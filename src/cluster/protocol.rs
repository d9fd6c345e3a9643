//! What driver and workers say to each other, after TLS has said who they are.
//!
//! A worker speaks first (`Hello`), the driver answers (`Answer`), the worker runs its `init` function and says `Ready`;
//! from then on both send when they have something to say. Payloads (encoded arguments, results, constants) travel
//! beside a message, not in it. What is said about a run or job that is over is dropped by whoever gets it: either side
//! may be ahead of the other.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    error::{Panic, TaskError},
    forward::Forwarded,
    registry::Listed,
};

/// Raised whenever the meaning of a message changes; the ALPN name carries the major version.
pub(crate) const PROTOCOL: u32 = 1;

/// Captured data up to this size travel with the job; larger ones become a constant.
pub(crate) const CAPTURED_MOST: usize = 16 << 10;

/// No argument, result or constant has more bytes: a link carries 1 GiB at most, and a chunk may hold a little more than
/// its last item.
pub(crate) const VALUE_MOST: usize = (1 << 30) - (1 << 20);

/// Refuses what could not be sent.
pub(crate) fn check_size(bytes: usize) -> Result<(), String> {
    if bytes <= VALUE_MOST {
        return Ok(());
    }
    Err(format!("it takes {bytes} bytes, and at most {VALUE_MOST} can be sent; hand it over in parts, or as a file"))
}

/// SHA-256 of a constant.
pub(crate) type Digest = [u8; 32];

/// Who the worker is, so that the driver can refuse what does not fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) build: Vec<u8>,
    pub(crate) functions: Vec<Listed>,
    pub(crate) host: String,
    pub(crate) pid: u32,
}

/// The driver's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Welcome(Welcome),
    /// Why not; the text is for people.
    Refused(String),
}

/// What a welcomed worker needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) worker: u32,
    pub(crate) slots: u32,
    /// The driver's functions in its numbering.
    pub(crate) functions: Vec<String>,
    /// Run this before anything else.
    pub(crate) init: Option<u32>,
    /// Which tracing events to send on.
    pub(crate) log: String,
    /// How many bytes of constants to keep.
    pub(crate) constants: u64,
}

/// Data that belongs to a job: the value given to `with(value, function)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Captured {
    Nothing,
    Here(Vec<u8>),
    Constant(Digest),
}

/// What a job does with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// One result for each item.
    Map,
    /// One result for all items returned together: the results folded by this function.
    MapThenFold(u32),
    /// The items are results; fold them.
    Fold,
}

/// What a worker must know of a job, told before the first run of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JobSpec {
    pub(crate) function: u32,
    pub(crate) work: Work,
    pub(crate) captured: Captured,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: i32,
    pub(crate) depth: u32,
}

/// What a job asks of the scheduler; the owner's options as they travel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wishes {
    pub(crate) needs: Vec<String>,
    pub(crate) only: Option<u32>,
    pub(crate) deaths: u32,
    pub(crate) retries: u32,
    pub(crate) chunk: Option<u32>,
    pub(crate) speculate: bool,
}

/// From the driver to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    Answer(Answer),
    /// A job that runs will belong to.
    Job {
        job: u64,
        spec: JobSpec,
    },
    /// No more runs of this job.
    Forget {
        job: u64,
    },
    /// Payload: the whole chunk.
    Run {
        run: u64,
        job: u64,
        first: u32,
        count: u32,
        attempt: u32,
    },
    Retract {
        run: u64,
    },
    Cancel {
        run: u64,
    },
    /// To a task's own job (its number is the worker's): how far it may run ahead.
    Window {
        job: u64,
        chunks: u32,
        items: u32,
    },
    /// Payload: results of a task's own job.
    Arrived {
        job: u64,
        number: u64,
        first: u32,
        count: u32,
        skip: u32,
    },
    Broken {
        job: u64,
        number: u64,
        first: u32,
        count: u32,
        error: TaskError,
    },
    /// The job could not even be opened.
    Unopened {
        job: u64,
        error: TaskError,
    },
    /// Payload: a constant, to be kept, and stored at this path for others of the same host.
    Constant {
        digest: Digest,
        store: Option<PathBuf>,
    },
    /// A constant that another worker of this host has stored.
    ConstantAt {
        digest: Digest,
        path: PathBuf,
    },
    ConstantUnknown {
        digest: Digest,
    },
    ForgetConstant {
        digest: Digest,
    },
    /// Good-bye: end, after what is queued has been sent.
    Leave,
}

/// From a worker to the driver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    Hello(Hello),
    /// `init` is done.
    Ready,
    InitFailed(String),
    /// Payload: the results of the next `count` items. They took `busy` nanoseconds, of which `away` waiting for jobs of
    /// their own.
    Returned {
        run: u64,
        count: u32,
        busy: u64,
        away: u64,
    },
    /// The next item of the run panicked.
    Panicked {
        run: u64,
        panic: Panic,
        busy: u64,
        /// Where its arguments stand in the payload of the run.
        span: (u32, u32),
    },
    /// The next `count` items of the run cannot have results, whoever runs them.
    Unusable {
        run: u64,
        count: u32,
        error: TaskError,
    },
    Retracted {
        run: u64,
    },
    Kept {
        run: u64,
    },
    /// A cancelled run is over.
    Stopped {
        run: u64,
    },
    Waiting {
        run: u64,
    },
    Resumed {
        run: u64,
    },
    /// The next item of the run has used up its time and does not end.
    Overdue {
        run: u64,
    },
    /// A task's own job; the number is the worker's. `parent` is the run whose task opened it. Payload: the captured data, if
    /// they are a constant.
    Open {
        job: u64,
        parent: u64,
        spec: JobSpec,
        wishes: Wishes,
    },
    /// Payload: the chunk.
    Push {
        job: u64,
        number: u64,
        items: u32,
    },
    Seal {
        job: u64,
    },
    Drop {
        job: u64,
        kill: bool,
    },
    Fetch {
        digest: Digest,
        again: bool,
    },
    Stored {
        digest: Digest,
    },
    /// It is here, but could not be stored for the others.
    Unstored {
        digest: Digest,
    },
    Event(Forwarded),
}
