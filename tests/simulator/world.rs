//! The world: virtual time, and what happens in it, in order.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use aqueduct::cluster::scheduler::{Event, JobId, Range, RunId, Scheduler, Settings, WorkerId};
use fastrand::Rng;

use crate::{
    broker::Broker,
    host::{Host, Order},
    ledger::Account,
    plan::{Deed, Fault, GPU, Items, Plan},
};

/// What a worker says, beyond events.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Report(Event),
    /// A task opens a job for its children.
    Open(RunId, u64, Items),
}

#[derive(Clone, Debug)]
pub(crate) enum Happening {
    ToHost(WorkerId, Order),
    FromHost(WorkerId, Said),
    /// Some items of a run are done.
    Done {
        host: WorkerId,
        run: RunId,
        token: u64,
        count: u32,
        busy: u64,
        deed: Deed,
    },
    Tick(Option<WorkerId>),
    Fault(Fault),
    Declared(WorkerId),
    /// A process that was cut off gives up.
    GivesUp(WorkerId),
    Opens(usize),
    Cancels(JobId, bool),
}

/// Something that happens at a time; among equal times what was planned first.
pub(crate) struct Entry {
    at: u64,
    age: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.age).cmp(&(other.at, other.age))
    }
}

/// A run as its sender knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) worker: WorkerId,
    pub(crate) range: Range,
    pub(crate) told: u32,
    pub(crate) depth: u32,
    pub(crate) waits: bool,
    /// It was cancelled: its items are no longer its own.
    pub(crate) cancelled: bool,
}

/// A scheduler and what its owner keeps beside it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) scheduler: Scheduler,
    pub(crate) runs: BTreeMap<RunId, Sent>,
    pub(crate) tick: u64,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { scheduler: Scheduler::new(Settings::default()), runs: BTreeMap::new(), tick: u64::MAX }
    }
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) steps: u64,
    pub(crate) runs: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    /// When the last job was settled, in nanoseconds.
    pub(crate) end: u64,
    /// Time that slots were in use.
    pub(crate) worked: u64,
    /// Most runs that were at workers at an audit, and most that were queued.
    pub(crate) outstanding: usize,
    pub(crate) queued: usize,
    /// Time that the scheduler itself took, of the real clock.
    pub(crate) scheduling: Duration,
}

impl Outcome {
    /// What a second run of the same seed must show too.
    pub(crate) fn story(&self) -> Self {
        Self { scheduling: Duration::ZERO, ..self.clone() }
    }
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) now: u64,
    pub(crate) age: u64,
    pub(crate) happenings: BinaryHeap<Reverse<Entry>>,
    pub(crate) root: Site,
    pub(crate) brokers: HashMap<WorkerId, Broker>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) accounts: HashMap<JobId, Account>,
    pub(crate) cancelled: HashSet<JobId>,
    /// Jobs opened by tasks, and by which.
    pub(crate) children: HashMap<RunId, JobId>,
    pub(crate) parents: HashMap<JobId, (WorkerId, RunId)>,
    pub(crate) next_job: u64,
    /// What the driver does as soon as it has read an answer.
    pub(crate) pending: VecDeque<Event>,
    pub(crate) dirty: Vec<JobId>,
    /// The results that are just told.
    pub(crate) telling: Option<Range>,
    pub(crate) outcome: Outcome,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let rng = Rng::with_seed(plan.seed ^ 0x5EED);
        let mut world = Self {
            rng,
            now: 0,
            age: 0,
            happenings: BinaryHeap::new(),
            root: Site::new(),
            brokers: HashMap::new(),
            hosts: Vec::new(),
            accounts: HashMap::new(),
            cancelled: HashSet::new(),
            children: HashMap::new(),
            parents: HashMap::new(),
            next_job: 0,
            pending: VecDeque::new(),
            dirty: Vec::new(),
            telling: None,
            outcome: Outcome::default(),
            plan,
        };
        for (at, (slots, tags)) in world.plan.workers.clone().into_iter().enumerate() {
            if at < world.plan.brokers {
                world.join_site(slots, tags);
            } else {
                world.join(slots, tags, None);
            }
        }
        for job in 0..world.plan.jobs.len() {
            world.at(world.plan.jobs[job].at, Happening::Opens(job));
        }
        for (at, fault) in world.plan.faults.clone() {
            world.at(at, Happening::Fault(fault));
        }
        world
    }

    /// Lets everything happen, and checks at the end that nothing is left.
    pub(crate) fn run(mut self) -> Outcome {
        while let Some(Reverse(Entry { at, what, .. })) = self.happenings.pop() {
            self.now = self.now.max(at);
            self.happen(what);
            if self.happenings.is_empty() {
                self.rescue();
            }
        }
        self.audit();
        assert!(self.accounts.is_empty(), "jobs never ended: {:?}\n{:#?}", self.accounts.keys(), self.root.scheduler);
        let counts = self.root.scheduler.counts();
        assert_eq!((counts.jobs, counts.queued, counts.outstanding), (0, 0, 0), "something is left: {counts:?}");
        assert!(counts.notes == 0, "notes are left: {counts:?}");
        self.outcome.worked = self.hosts.iter().map(|host| host.worked).sum();
        self.outcome
    }

    /// Where a job waits for workers that are no more, one joins; so every world must come to an end.
    fn rescue(&mut self) {
        if !self.accounts.is_empty() && self.root.scheduler.slots(GPU) == 0 {
            self.join(2, GPU, None);
        }
    }

    pub(crate) fn at(&mut self, at: u64, what: Happening) {
        self.age += 1;
        self.happenings.push(Reverse(Entry { at, age: self.age, what }));
    }

    fn happen(&mut self, what: Happening) {
        if let Happening::ToHost(host, _) | Happening::Done { host, .. } = what
            && self.host(host).stopped_until > self.now
        {
            let at = self.host(host).stopped_until;
            return self.at(at, what);
        }
        match what {
            Happening::ToHost(host, order) => self.ordered(host, order),
            Happening::FromHost(host, said) => self.said(host, said),
            Happening::Done { host, run, token, count, busy, deed } => self.done(host, run, token, count, busy, deed),
            Happening::Tick(boss) => {
                if let Some(site) = self.site(boss) {
                    site.tick = u64::MAX;
                    self.tell(boss, Event::Tick);
                }
            }
            Happening::Fault(fault) => self.fault(fault),
            Happening::Declared(host) => self.declared(host),
            Happening::GivesUp(host) => self.die(host),
            Happening::Opens(plan) => {
                let plan = self.plan.jobs[plan].clone();
                let job = self.open(plan.items, plan.kind, plan.options);
                if let Some((at, kill)) = plan.cancel {
                    self.at(self.now + at, Happening::Cancels(job, kill));
                }
            }
            Happening::Cancels(job, kill) => self.tell(None, Event::Cancelled { job, kill }),
        }
    }

    pub(crate) fn host(&mut self, host: WorkerId) -> &mut Host {
        &mut self.hosts[host.0 as usize]
    }

    pub(crate) fn site(&mut self, boss: Option<WorkerId>) -> Option<&mut Site> {
        match boss {
            None => Some(&mut self.root),
            Some(broker) => self.brokers.get_mut(&broker).map(|broker| &mut broker.site),
        }
    }
}
