//! A site's broker: one big worker to its parent, a driver to its own workers.
//!
//! Each run of the parent becomes a job of one chunk in the broker's own scheduler, so that a run can be cancelled by
//! itself. Results flow upwards in the order of the run's items, as the parent expects them.

use std::{collections::BTreeMap, time::Duration};

use aqueduct::cluster::scheduler::{Chunking, Event, Instruction, JobId, JobOptions, Range, RunId, Tags, WorkerId};

use crate::{
    host::{Host, Order},
    world::{Sent, Site, World},
};

/// What came of an item at the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Done,
    Failed,
}

/// A run of the parent.
#[derive(Debug)]
struct Errand {
    range: Range,
    fates: Vec<Fate>,
    told: u32,
}

#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) site: Site,
    errands: BTreeMap<RunId, Errand>,
    workers: Vec<WorkerId>,
}

impl World {
    /// A broker with so many workers of two slots joins.
    pub(crate) fn join_site(&mut self, workers: u32, tags: Tags) {
        let broker = WorkerId(u32::try_from(self.hosts.len()).expect("a small world"));
        self.hosts.push(Host::new(workers * 2, None));
        self.brokers.insert(broker, Broker { site: Site::new(), errands: BTreeMap::new(), workers: Vec::new() });
        for _ in 0..workers {
            let worker = self.join(2, tags, Some(broker));
            self.brokers.get_mut(&broker).expect("just made").workers.push(worker);
        }
        self.tell(None, Event::Joined { worker: broker, slots: workers * 2, tags });
    }

    pub(crate) fn ordered_broker(&mut self, broker: WorkerId, order: Order) {
        match order {
            Order::Run { run, range, priority, depth } => {
                let errand = Errand { range, fates: vec![Fate::Open; range.count as usize], told: 0 };
                self.brokers.get_mut(&broker).expect("looked at").errands.insert(run, errand);
                let chunking = Chunking::Fixed(range.count);
                let options = JobOptions { priority, depth, chunking, deaths: 1, ..JobOptions::default() };
                let job = JobId(run.0);
                self.tell(Some(broker), Event::Opened { job, options });
                self.tell(Some(broker), Event::Pushed { job, number: 0, items: range.count });
                self.tell(Some(broker), Event::Sealed { job });
            }
            Order::Retract(run) => {
                let state = self.brokers.get_mut(&broker).expect("looked at");
                let untouched = state.errands.get(&run).is_some_and(|errand| errand.told == 0);
                if untouched && state.site.scheduler.outstanding(JobId(run.0)) == Some(0) {
                    state.errands.remove(&run);
                    self.tell(Some(broker), Event::Cancelled { job: JobId(run.0), kill: false });
                    self.report(broker, Event::Retracted { run });
                } else if state.errands.contains_key(&run) {
                    self.report(broker, Event::Kept { run });
                }
            }
            Order::Cancel(run) => {
                if self.brokers.get_mut(&broker).expect("looked at").errands.remove(&run).is_some() {
                    self.tell(Some(broker), Event::Cancelled { job: JobId(run.0), kill: false });
                    self.report(broker, Event::Stopped { run });
                }
            }
            Order::Children(_) => {}
            Order::Kill => self.die(broker),
            Order::Goodbye => {
                self.host(broker).alive = false;
                self.sink(broker);
            }
        }
    }

    /// With a broker its site is gone.
    pub(crate) fn sink(&mut self, broker: WorkerId) {
        if let Some(broker) = self.brokers.remove(&broker) {
            for worker in broker.workers {
                self.host(worker).alive = false;
                self.host(worker).trusted = false;
                self.host(worker).die();
            }
        }
    }

    pub(crate) fn tell_broker(&mut self, broker: WorkerId, event: Event) {
        let Some(state) = self.brokers.get_mut(&broker) else { return };
        let busy = state.before(&event);
        let mut out = Vec::new();
        state.site.scheduler.handle(Duration::from_nanos(self.now), event, &mut out);
        for instruction in out {
            self.obey_broker(broker, instruction, busy);
        }
        self.arm(Some(broker));
    }

    fn obey_broker(&mut self, broker: WorkerId, instruction: Instruction, busy: Duration) {
        // It may have gone home at the last of these.
        let Some(state) = self.brokers.get_mut(&broker) else { return };
        match instruction {
            Instruction::Run { run, worker, range, .. } => {
                state
                    .site
                    .runs
                    .insert(run, Sent { worker, range, told: range.first, depth: 0, waits: false, cancelled: false });
                let errand = &state.errands[&RunId(range.job.0)];
                let first = errand.range.first + range.first;
                let range = Range { first, count: range.count, ..errand.range };
                self.order(worker, Order::Run { run, range, priority: 0, depth: 0 });
            }
            Instruction::Retract { run, worker } => self.order(worker, Order::Retract(run)),
            Instruction::Cancel { run, worker } => self.order(worker, Order::Cancel(run)),
            Instruction::Kill { worker } => self.order(worker, Order::Kill),
            Instruction::Release { worker } => {
                self.host(worker).trusted = false;
                self.order(worker, Order::Goodbye);
                self.close_if_deserted(broker);
            }
            Instruction::Deliver { range, .. } => self.reached(broker, range, Fate::Done, busy),
            Instruction::Fail { range, .. } => self.reached(broker, range, Fate::Failed, busy),
            Instruction::Window { .. } | Instruction::Settled { .. } => {}
        }
    }

    /// Items have met their fate: what is next in its run goes upwards.
    fn reached(&mut self, broker: WorkerId, range: Range, fate: Fate, busy: Duration) {
        let run = RunId(range.job.0);
        let Some(state) = self.brokers.get_mut(&broker) else { return };
        let Some(errand) = state.errands.get_mut(&run) else { return };
        for item in &mut errand.fates[range.first as usize..(range.first + range.count) as usize] {
            assert_eq!(*item, Fate::Open, "a site tells the fate of an item twice");
            *item = fate;
        }
        let mut events = Vec::new();
        while let Some(&fate) = errand.fates.get(errand.told as usize)
            && fate != Fate::Open
        {
            let same = errand.fates[errand.told as usize..].iter().take_while(|&&other| other == fate).count();
            let count = if fate == Fate::Done { u32::try_from(same).expect("a run is short") } else { 1 };
            errand.told += count;
            events.push(match fate {
                Fate::Done => Event::Returned { run, count, busy: busy * count },
                _ => Event::Failed { run, again: true, busy },
            });
        }
        if errand.told as usize == errand.fates.len() {
            state.errands.remove(&run);
        }
        for event in events {
            self.report(broker, event);
        }
    }

    /// A worker of a site is declared dead by its broker.
    pub(crate) fn lost_at_broker(&mut self, worker: WorkerId) {
        let Some(broker) = self.host(worker).boss else { return };
        let Some(state) = self.brokers.get_mut(&broker) else { return };
        let held: Vec<(RunId, Sent)> =
            state.site.runs.iter().filter(|(_, sent)| sent.worker == worker).map(|(&run, &sent)| (run, sent)).collect();
        for (run, sent) in held {
            state.site.runs.remove(&run);
            let Some(errand) = state.errands.get(&RunId(sent.range.job.0)) else { continue };
            let count = sent.range.first + sent.range.count - sent.told;
            let rest = Range { first: errand.range.first + sent.told, count, ..errand.range };
            if let Some(account) = self.accounts.get_mut(&rest.job) {
                account.bereaved(rest, false);
            }
        }
        self.tell(Some(broker), Event::Lost { worker });
        self.close_if_deserted(broker);
    }

    /// A broker without workers goes home.
    fn close_if_deserted(&mut self, broker: WorkerId) {
        let deserted = |state: &Broker| state.workers.iter().all(|worker| !self.hosts[worker.0 as usize].trusted);
        if self.brokers.get(&broker).is_some_and(deserted) {
            self.die(broker);
        }
    }
}

impl Broker {
    /// Keeps the broker's own books; returns how long an item took.
    fn before(&mut self, event: &Event) -> Duration {
        let (run, count, over, busy) = match *event {
            Event::Returned { run, count, busy } => (run, count, false, busy / count),
            Event::Failed { run, busy, .. } => (run, 1, false, busy),
            Event::Retracted { run } | Event::Stopped { run } => (run, 0, true, Duration::ZERO),
            _ => return Duration::ZERO,
        };
        if let Some(sent) = self.site.runs.get_mut(&run) {
            sent.told += count;
            if over || sent.told == sent.range.first + sent.range.count {
                self.site.runs.remove(&run);
            }
        }
        busy
    }
}
