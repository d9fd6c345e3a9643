//! A model of a worker: a queue, slots, tasks; it follows the protocol and nothing else.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
};

use aqueduct::cluster::scheduler::{Range, RunId, WorkerId};

/// What a driver (or a broker) tells a worker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Run {
        run: RunId,
        range: Range,
        priority: i32,
        depth: u32,
    },
    Retract(RunId),
    Cancel(RunId),
    /// The children of a task of this run have their results.
    Children(RunId),
    Kill,
    Goodbye,
}

/// A run at the worker.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) range: Range,
    /// The next item, counted in the chunk.
    pub(crate) next: u32,
    pub(crate) cancelled: bool,
    /// Its task waits for children.
    pub(crate) waits: bool,
    /// Its children are done: the rest of its task is next.
    pub(crate) resumed: bool,
    /// Tells a plan for it from an earlier one.
    pub(crate) token: u64,
}

/// When a run goes: priority, depth, age.
type Turn = (Reverse<i32>, Reverse<u32>, u64);

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) slots: u32,
    pub(crate) busy: u32,
    /// The broker whose worker it is.
    pub(crate) boss: Option<WorkerId>,
    /// The process runs.
    pub(crate) alive: bool,
    /// The driver takes it for alive.
    pub(crate) trusted: bool,
    /// It stands still until then.
    pub(crate) stopped_until: u64,
    /// Its link is cut until then.
    pub(crate) cut_until: u64,
    /// Whether what is on its way during a cut arrives afterwards.
    pub(crate) cut_keeps: bool,
    queue: BTreeMap<Turn, RunId>,
    waiting_for_slot: HashMap<RunId, (Turn, Range)>,
    /// Tasks that go on as soon as there is a slot; before all others.
    pub(crate) resuming: VecDeque<RunId>,
    pub(crate) tasks: HashMap<RunId, Task>,
    age: u64,
    /// When the last message in each direction arrives: a link keeps its order.
    pub(crate) last_out: u64,
    pub(crate) last_in: u64,
    /// Time that its slots were in use.
    pub(crate) worked: u64,
}

impl Host {
    pub(crate) fn new(slots: u32, boss: Option<WorkerId>) -> Self {
        Self {
            slots,
            busy: 0,
            boss,
            alive: true,
            trusted: true,
            stopped_until: 0,
            cut_until: 0,
            cut_keeps: true,
            queue: BTreeMap::new(),
            waiting_for_slot: HashMap::new(),
            resuming: VecDeque::new(),
            tasks: HashMap::new(),
            age: 0,
            last_out: 0,
            last_in: 0,
            worked: 0,
        }
    }

    pub(crate) fn enqueue(&mut self, run: RunId, range: Range, priority: i32, depth: u32) {
        self.age += 1;
        let turn = (Reverse(priority), Reverse(depth), self.age);
        self.queue.insert(turn, run);
        self.waiting_for_slot.insert(run, (turn, range));
    }

    /// Takes a run out of the queue, if it has not been started.
    pub(crate) fn drop_queued(&mut self, run: RunId) -> bool {
        let queued = self.waiting_for_slot.remove(&run);
        queued.and_then(|(turn, _)| self.queue.remove(&turn)).is_some()
    }

    /// Starts the next run, if there is a slot and a run.
    pub(crate) fn start(&mut self) -> Option<RunId> {
        if self.busy >= self.slots {
            return None;
        }
        let (_, run) = self.queue.pop_first()?;
        let (_, range) = self.waiting_for_slot.remove(&run).expect("it was queued");
        let task = Task { range, next: range.first, cancelled: false, waits: false, resumed: false, token: 0 };
        self.tasks.insert(run, task);
        self.busy += 1;
        Some(run)
    }

    /// The process is gone.
    pub(crate) fn die(&mut self) {
        self.alive = false;
        self.queue.clear();
        self.waiting_for_slot.clear();
        self.resuming.clear();
        self.tasks.clear();
        self.busy = 0;
    }
}
