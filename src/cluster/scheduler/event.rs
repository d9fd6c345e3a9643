//! What a scheduler is told, and what it answers: plain data, no sockets, no clock, no payloads.
//!
//! A *job* is one map, one submit, one fold. Its input arrives in *chunks*: runs of items that were encoded together. A
//! scheduler hands a worker a *run*: a range of items of one chunk, under a number that is never used again, so that
//! whatever is said about a run that is over is recognised and dropped.

use std::time::Duration;

/// A worker process, as long as its connection; a process that comes back is another worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u32);

/// One map, submit or fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// One hand-over of items to a worker; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// Items `first .. first + count` of chunk `number` of `job`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// Whose items.
    pub job: JobId,
    /// Which chunk; a job numbers its chunks from 0, in input order.
    pub number: u64,
    /// The first item, counted in the chunk.
    pub first: u32,
    /// How many items.
    pub count: u32,
}

/// A set of resource tags, one bit each; the driver gives the bits their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags(pub u64);

impl Tags {
    /// Whether all of `needed` are among these.
    #[must_use]
    pub fn cover(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }
}

/// How many items go into a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// As many as take a few milliseconds, by measured duration; one at first.
    Automatic,
    /// Always so many.
    Fixed(u32),
}

/// What a job asks for.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// Greater goes first.
    pub priority: i32,
    /// How many tasks enclose this job: 0 for the driver's own. Among equal priorities the deepest goes first, so that
    /// tasks that wait for their children are few.
    pub depth: u32,
    /// Only workers that have all of these.
    pub needs: Tags,
    /// Only this worker; its death fails the job.
    pub only: Option<WorkerId>,
    /// A task that ran alone when its worker died, and whose workers died more often than this, fails.
    pub deaths: u32,
    /// How often a task that panicked is run again.
    pub retries: u32,
    /// How large chunks shall be.
    pub chunking: Chunking,
    /// Whether a second copy of a slow run may be started (pure functions only).
    pub speculate: bool,
    /// Jobs of one kind (of one function) are expected to take as long as each other, until they show otherwise. A small
    /// number.
    pub kind: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            priority: 0,
            depth: 0,
            needs: Tags::default(),
            only: None,
            deaths: 3,
            retries: 0,
            chunking: Chunking::Automatic,
            speculate: false,
            kind: 0,
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A worker was welcomed.
    Joined {
        /// Its number.
        worker: WorkerId,
        /// How many tasks it runs at once.
        slots: u32,
        /// What it has.
        tags: Tags,
    },
    /// A worker's death was declared: its process ended, or its connection did.
    Lost {
        /// Which.
        worker: WorkerId,
    },
    /// A worker shall leave: it gets no more work, and is released once it has nothing left.
    Leaving {
        /// Which.
        worker: WorkerId,
    },
    /// A job begins.
    Opened {
        /// Its number.
        job: JobId,
        /// What it asks for.
        options: JobOptions,
    },
    /// The next chunk of a job's input is there.
    Pushed {
        /// Whose.
        job: JobId,
        /// Its number: one more than the last.
        number: u64,
        /// How many items it holds; at least one.
        items: u32,
    },
    /// A job's input has ended: no more chunks will come.
    Sealed {
        /// Whose.
        job: JobId,
    },
    /// Nobody wants the job's results any more.
    Cancelled {
        /// Which.
        job: JobId,
        /// Whether workers that run its tasks are to be killed (and replaced) if they would not end them by themselves.
        kill: bool,
    },
    /// The next `count` items of a run have their results.
    Returned {
        /// Of which run.
        run: RunId,
        /// How many more.
        count: u32,
        /// How long they took together.
        busy: Duration,
    },
    /// The next item of a run panicked (or could not be decoded: `again` is false).
    Failed {
        /// Of which run.
        run: RunId,
        /// Whether another try could help.
        again: bool,
        /// How long it took.
        busy: Duration,
    },
    /// A run that was asked back had not been started, and is given back whole.
    Retracted {
        /// Which.
        run: RunId,
    },
    /// A run that was asked back had been started: it stays where it is.
    Kept {
        /// Which.
        run: RunId,
    },
    /// A cancelled run is over: what was not started was dropped, and nothing of it runs any more. (A worker that no
    /// longer knew the run, because it had returned its last result, need not say this.)
    Stopped {
        /// Which.
        run: RunId,
    },
    /// A task of the run waits for its own children: its slot is free meanwhile.
    Waiting {
        /// Which.
        run: RunId,
    },
    /// It goes on.
    Resumed {
        /// Which.
        run: RunId,
    },
    /// The next item of a run has used up its time. What is said about that run later is ignored: a result that was
    /// on its way could not be told from that of the item after it.
    Overdue {
        /// Which.
        run: RunId,
    },
    /// Time has passed; see `Scheduler::wake_at`.
    Tick,
}

/// Why items have no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Too many workers died that ran it.
    Deaths(u32),
    /// Its time was used up.
    Overdue,
    /// It panicked on its last try; the panic is the one just told.
    Panicked,
    /// The only worker that was to run it is gone.
    WorkerGone,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Send these items to a worker.
    Run {
        /// Under this number.
        run: RunId,
        /// To whom.
        worker: WorkerId,
        /// Which items.
        range: Range,
        /// The how-manieth try of the first of them, from 1.
        attempt: u32,
    },
    /// Ask a run back, if it has not been started. Answered by `Retracted` or `Kept` (or by its results).
    Retract {
        /// Which.
        run: RunId,
        /// From whom.
        worker: WorkerId,
    },
    /// Nobody waits for this run any more: tell its tasks, and drop what was not started. Answered by `Stopped` (or by
    /// its last result): until then it holds its slot.
    Cancel {
        /// Which.
        run: RunId,
        /// On whom.
        worker: WorkerId,
    },
    /// Kill the worker's process; `Lost` follows.
    Kill {
        /// Which.
        worker: WorkerId,
    },
    /// The results just told are the first for these items, except for the first `skip` of those told.
    Deliver {
        /// The items that are delivered.
        range: Range,
        /// How many of the results just told were known already.
        skip: u32,
    },
    /// These items will have no result.
    Fail {
        /// Which.
        range: Range,
        /// Why.
        failure: Failure,
    },
    /// How far a job may run ahead.
    Window {
        /// Which job.
        job: JobId,
        /// Chunks that may be under way (pushed and not settled).
        chunks: u32,
        /// Items that the next chunk should hold.
        items: u32,
    },
    /// Every item of a sealed job has been delivered or has failed, or the job was cancelled: it is forgotten. (At a
    /// cancel this comes at once; runs that are still at workers only hold their slots until they are `Stopped`.)
    Settled {
        /// Which.
        job: JobId,
    },
    /// A leaving worker has nothing left: say good-bye.
    Release {
        /// Which.
        worker: WorkerId,
    },
}
