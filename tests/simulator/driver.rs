//! The driver: tells the scheduler, does what it says, and checks that it may say so.

use std::time::Duration;

use aqueduct::cluster::scheduler::{Event, Instruction, JobId, JobOptions, Range, RunId, WorkerId};

use crate::{
    host::Order,
    ledger::Account,
    plan::Items,
    world::{Happening, Said, Sent, World},
};

impl World {
    pub(crate) fn open(&mut self, items: u64, kind: Items, options: JobOptions) -> JobId {
        self.next_job += 1;
        let job = JobId(self.next_job);
        self.accounts.insert(job, Account::new(options.clone(), kind, items));
        self.tell(None, Event::Opened { job, options });
        job
    }

    /// Tells a scheduler, does what it says, and whatever follows from that at once.
    pub(crate) fn tell(&mut self, boss: Option<WorkerId>, event: Event) {
        if let Some(broker) = boss {
            return self.tell_broker(broker, event);
        }
        self.pending.push_back(event);
        while let Some(event) = self.pending.pop_front() {
            self.tell_root(event);
            while let Some(job) = self.dirty.pop() {
                self.push(job);
            }
        }
    }

    fn push(&mut self, job: JobId) {
        let Some(account) = self.accounts.get_mut(&job) else { return };
        while let Some((number, items)) = account.next_chunk() {
            self.pending.push_back(Event::Pushed { job, number, items });
        }
        if account.left == 0 && !account.sealed {
            account.sealed = true;
            self.pending.push_back(Event::Sealed { job });
        }
    }

    fn tell_root(&mut self, event: Event) {
        self.before(&event);
        if let Event::Cancelled { job, .. } = event {
            self.cancelled.insert(job);
        }
        if let Event::Opened { job, .. } = event {
            self.dirty.push(job);
        }
        let mut out = Vec::new();
        let started = std::time::Instant::now();
        self.root.scheduler.handle(Duration::from_nanos(self.now), event, &mut out);
        self.outcome.scheduling += started.elapsed();
        for instruction in out {
            self.obey(instruction);
        }
        self.arm(None);
        self.outcome.steps += 1;
        if self.outcome.steps.is_multiple_of(self.plan.audit_every) {
            self.audit();
        }
    }

    /// Keeps the driver's own books, before the scheduler is told; notes which results are told.
    fn before(&mut self, event: &Event) {
        self.telling = None;
        let (run, count, over) = match *event {
            Event::Returned { run, count, .. } => (run, count, false),
            Event::Failed { run, .. } => (run, 1, false),
            Event::Retracted { run } | Event::Stopped { run } => (run, 0, true),
            Event::Waiting { run } | Event::Resumed { run } => {
                if let Some(sent) = self.root.runs.get_mut(&run) {
                    sent.waits = matches!(event, Event::Waiting { .. });
                }
                return;
            }
            _ => return,
        };
        let Some(sent) = self.root.runs.get_mut(&run) else { return };
        let range = Range { first: sent.told, count, ..sent.range };
        sent.told += count;
        let cancelled = sent.cancelled;
        let rest = Range { first: sent.told, count: sent.range.first + sent.range.count - sent.told, ..range };
        if rest.count == 0 || over {
            self.root.runs.remove(&run);
        }
        let Some(account) = self.accounts.get_mut(&range.job) else { return };
        if !cancelled {
            account.let_go(range);
        }
        if over && !cancelled {
            account.let_go(rest);
        }
        if matches!(event, Event::Failed { .. }) {
            account.excused(range.number, range.first);
        }
        self.telling = Some(range);
    }

    fn obey(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Run { run, worker, range, attempt } => {
                assert!(attempt >= 1 && range.count >= 1);
                self.outcome.runs += 1;
                let account = self.accounts.get_mut(&range.job).expect("a run of a job that is there");
                account.ordered(range);
                let (priority, depth) = (account.options.priority, account.options.depth);
                assert!(self.root.runs.keys().next_back().is_none_or(|&last| last < run), "a run's number comes again");
                self.root
                    .runs
                    .insert(run, Sent { worker, range, told: range.first, depth, waits: false, cancelled: false });
                self.order(worker, Order::Run { run, range, priority, depth });
            }
            Instruction::Retract { run, worker } => {
                assert_eq!(self.root.runs[&run].told, self.root.runs[&run].range.first, "it is known to run");
                self.order(worker, Order::Retract(run));
            }
            Instruction::Cancel { run, worker } => {
                self.order(worker, Order::Cancel(run));
                if let Some(sent) = self.root.runs.get_mut(&run)
                    && !std::mem::replace(&mut sent.cancelled, true)
                    && let Some(account) = self.accounts.get_mut(&sent.range.job)
                {
                    let count = sent.range.first + sent.range.count - sent.told;
                    account.let_go(Range { first: sent.told, count, ..sent.range });
                }
                self.cancel_children(run);
            }
            Instruction::Kill { worker } => self.order(worker, Order::Kill),
            Instruction::Release { worker } => {
                assert!(self.root.runs.values().all(|sent| sent.worker != worker), "a worker with runs is released");
                self.host(worker).trusted = false;
                self.order(worker, Order::Goodbye);
            }
            Instruction::Deliver { range, skip } => {
                let told = self.telling.take().expect("a delivery without results");
                let end = told.first + told.count;
                assert_eq!((range.job, range.number), (told.job, told.number), "another's results are delivered");
                assert_eq!((range.first, range.first + range.count), (told.first + skip, end), "not what was told");
                self.accounts.get_mut(&range.job).expect("a delivery for a job that is there").delivered(range);
                self.dirty.push(range.job);
            }
            Instruction::Fail { range, failure } => {
                self.accounts.get_mut(&range.job).expect("a failure of a job that is there").failed(range, failure);
                self.dirty.push(range.job);
            }
            Instruction::Window { job, chunks, items } => {
                assert!(chunks > 0 && items > 0);
                self.accounts.get_mut(&job).expect("a window for a job that is there").window = (chunks, items);
                self.dirty.push(job);
            }
            Instruction::Settled { job } => {
                let account = self.accounts.remove(&job).expect("a job is settled once");
                account.check_end(job, self.cancelled.remove(&job));
                let (delivered, failed) = account.outcome();
                self.outcome.delivered += delivered;
                self.outcome.failed += failed;
                self.outcome.end = self.now;
                if let Some((host, run)) = self.parents.remove(&job) {
                    self.children.remove(&run);
                    self.order(host, Order::Children(run));
                }
            }
        }
    }

    /// When a run is given up, so are the jobs that its task has opened.
    fn cancel_children(&mut self, run: RunId) {
        if let Some(&job) = self.children.get(&run) {
            self.pending.push_back(Event::Cancelled { job, kill: false });
        }
    }

    /// Wakes a scheduler when it wants to be.
    pub(crate) fn arm(&mut self, boss: Option<WorkerId>) {
        let now = self.now;
        let Some(site) = self.site(boss) else { return };
        if let Some(due) = site.scheduler.wake_at() {
            let due = u64::try_from(due.as_nanos()).expect("a short story").max(now);
            if due < site.tick {
                site.tick = due;
                self.at(due, Happening::Tick(boss));
            }
        }
    }

    pub(crate) fn audit(&mut self) {
        let seed = self.plan.seed;
        let check = |site: &crate::world::Site| {
            let checked = site.scheduler.audit();
            assert_eq!(checked, Ok(()), "seed {seed}");
        };
        check(&self.root);
        self.brokers.values().for_each(|broker| check(&broker.site));
        // Memory: what the scheduler has is what the driver has given it.
        let counts = self.root.scheduler.counts();
        assert_eq!(counts.jobs, self.accounts.len(), "jobs");
        let under_way: usize = self.accounts.values().map(Account::items_under_way).sum();
        assert!(counts.queued <= under_way, "{} runs are queued, of {under_way} items", counts.queued);
        let cancels = self.plan.jobs.iter().filter(|job| job.cancel.is_some()).count();
        let room = 64 + cancels * 8_192 + 8 * (counts.outstanding + counts.jobs);
        assert!(counts.notes <= room, "{} notes, {} runs", counts.notes, counts.outstanding);
        self.outcome.outstanding = self.outcome.outstanding.max(counts.outstanding);
        self.outcome.queued = self.outcome.queued.max(counts.queued);
    }

    /// A worker has said something, and it has arrived.
    pub(crate) fn said(&mut self, host: WorkerId, said: Said) {
        let boss = self.host(host).boss;
        let trusted = self.host(host).trusted;
        match said {
            Said::Report(event) if trusted => self.tell(boss, event),
            Said::Report(event) if boss.is_none() => self.say_too_late(event),
            Said::Open(run, items, kind) if trusted => {
                let Some(sent) = self.root.runs.get(&run) else { return };
                let Some(account) = self.accounts.get(&sent.range.job) else { return };
                let depth = account.options.depth + 1;
                let options = JobOptions { depth, speculate: false, only: None, ..account.options.clone() };
                let job = self.open(items, kind, options);
                // A job without items is settled by now.
                if self.accounts.contains_key(&job) {
                    self.children.insert(run, job);
                    self.parents.insert(job, (host, run));
                } else {
                    self.order(host, Order::Children(run));
                }
            }
            Said::Report(_) | Said::Open(..) => {}
        }
    }

    /// What a dead worker said reaches the scheduler: nothing may come of it.
    fn say_too_late(&mut self, event: Event) {
        let mut out = Vec::new();
        self.root.scheduler.handle(Duration::from_nanos(self.now), event.clone(), &mut out);
        let harmless = |instruction: &Instruction| matches!(instruction, Instruction::Retract { .. });
        assert!(out.iter().all(harmless), "{event:?} of a dead worker led to {out:?}");
        out.into_iter().for_each(|instruction| self.obey(instruction));
        self.arm(None);
    }

    /// The driver declares a worker dead.
    pub(crate) fn declared(&mut self, worker: WorkerId) {
        if !std::mem::take(&mut self.host(worker).trusted) {
            return;
        }
        let boss = self.host(worker).boss;
        if boss.is_some() {
            self.lost_at_broker(worker);
            return;
        }
        let held: Vec<(RunId, Sent)> =
            self.root.runs.iter().filter(|(_, sent)| sent.worker == worker).map(|(&run, &sent)| (run, sent)).collect();
        for &(run, sent) in &held {
            let rest = Range { first: sent.told, count: sent.range.first + sent.range.count - sent.told, ..sent.range };
            let beside = |&&(other, that): &&(RunId, Sent)| other != run && !that.waits && that.depth <= sent.depth;
            let alone = rest.count == 1 && held.iter().filter(beside).count() == 0;
            if let Some(account) = self.accounts.get_mut(&rest.job) {
                account.bereaved(rest, alone);
                if !sent.cancelled {
                    account.let_go(rest);
                }
            }
            self.root.runs.remove(&run);
        }
        self.tell(None, Event::Lost { worker });
        for (run, _) in held {
            if let Some(&job) = self.children.get(&run) {
                self.tell(None, Event::Cancelled { job, kill: false });
            }
        }
    }
}
