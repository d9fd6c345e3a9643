//! What workers do: take orders, run tasks, say what came of them.

use std::time::Duration;

use aqueduct::cluster::scheduler::{Event, RunId, Tags, WorkerId};

use crate::{
    host::{Host, Order},
    plan::{Deed, Fault, Items, MS},
    world::{Happening, Said, World},
};

/// Results are told at least so often.
const FLUSH: u64 = MS;

/// The time that a task may take.
const TIMEOUT: u64 = 40 * MS;

impl World {
    pub(crate) fn join(&mut self, slots: u32, tags: Tags, boss: Option<WorkerId>) -> WorkerId {
        let worker = WorkerId(u32::try_from(self.hosts.len()).expect("a small world"));
        self.hosts.push(Host::new(slots, boss));
        self.tell(boss, Event::Joined { worker, slots, tags });
        worker
    }

    fn delay(&mut self) -> u64 {
        let (least, more) = self.plan.delay;
        least + self.rng.u64(0..=more)
    }

    /// Sends an order to a worker.
    pub(crate) fn order(&mut self, host: WorkerId, order: Order) {
        let (now, delay) = (self.now, self.delay());
        let to = self.host(host);
        let mut at = now + delay;
        if to.cut_until > now {
            if !to.cut_keeps {
                return;
            }
            at += to.cut_until - now;
        }
        to.last_out = to.last_out.max(at);
        let at = to.last_out;
        self.at(at, Happening::ToHost(host, order));
    }

    /// Sends word from a worker.
    pub(crate) fn say(&mut self, host: WorkerId, said: Said) {
        let (now, delay) = (self.now, self.delay());
        let from = self.host(host);
        let mut at = now + delay;
        if from.cut_until > now {
            if !from.cut_keeps {
                return;
            }
            at += from.cut_until - now;
        }
        from.last_in = from.last_in.max(at);
        let at = from.last_in;
        self.at(at, Happening::FromHost(host, said));
    }

    pub(crate) fn report(&mut self, host: WorkerId, event: Event) {
        self.say(host, Said::Report(event));
    }

    /// An order arrives.
    pub(crate) fn ordered(&mut self, host: WorkerId, order: Order) {
        if !self.host(host).alive {
            return;
        }
        if self.brokers.contains_key(&host) {
            return self.ordered_broker(host, order);
        }
        let state = self.host(host);
        match order {
            Order::Run { run, range, priority, depth } => state.enqueue(run, range, priority, depth),
            Order::Retract(run) => {
                if state.drop_queued(run) {
                    self.report(host, Event::Retracted { run });
                } else if state.tasks.contains_key(&run) {
                    self.report(host, Event::Kept { run });
                }
            }
            Order::Cancel(run) => {
                if state.drop_queued(run) {
                    self.report(host, Event::Stopped { run });
                } else if let Some(task) = state.tasks.get_mut(&run) {
                    task.cancelled = true;
                    if task.waits {
                        state.tasks.remove(&run);
                        state.resuming.retain(|&other| other != run);
                        self.report(host, Event::Stopped { run });
                    }
                }
            }
            Order::Children(run) => {
                if state.tasks.get(&run).is_some_and(|task| task.waits) {
                    state.resuming.push_back(run);
                }
            }
            Order::Kill => self.die(host),
            Order::Goodbye => {
                assert!(state.tasks.is_empty(), "a worker with tasks is sent away");
                state.alive = false;
            }
        }
        self.pump(host);
    }

    /// Fills free slots.
    pub(crate) fn pump(&mut self, host: WorkerId) {
        loop {
            let state = self.host(host);
            if state.busy < state.slots
                && let Some(run) = state.resuming.pop_front()
            {
                state.busy += 1;
                let task = state.tasks.get_mut(&run).expect("a task that waits is there");
                task.waits = false;
                task.resumed = true;
                self.report(host, Event::Resumed { run });
                self.go_on(host, run);
            } else if let Some(run) = state.start() {
                self.go_on(host, run);
            } else {
                return;
            }
        }
    }

    /// Plans the next items of a run: as many as are told together.
    fn go_on(&mut self, host: WorkerId, run: RunId) {
        let seed = self.plan.seed;
        let state = &mut self.hosts[host.0 as usize];
        let task = state.tasks.get_mut(&run).expect("a run that goes on is there");
        let resumed = std::mem::take(&mut task.resumed);
        let (job, number, end) = (task.range.job, task.range.number, task.range.first + task.range.count);
        let (mut count, mut busy, mut deed) = (0, 0, Deed::Work);
        for item in task.next..end {
            let (duration, does) = match self.accounts.get(&job) {
                Some(account) => {
                    let index = account.index(number, item).unwrap_or(0);
                    account.kind.deed(seed, job.0, index, account.tries(number, item))
                }
                // Nobody wants it any more, and this worker does not know yet.
                None => (MS, Deed::Work),
            };
            let does = if resumed { Deed::Work } else { does };
            if does != Deed::Work && count > 0 {
                break;
            }
            if !resumed && let Some(account) = self.accounts.get_mut(&job) {
                account.begun(number, item);
            }
            (count, busy, deed) = (count + 1, busy + duration, does);
            if does != Deed::Work || busy >= FLUSH || resumed {
                break;
            }
        }
        task.token += 1;
        let token = task.token;
        match deed {
            Deed::Hang => self.at(self.now + TIMEOUT, Happening::Done { host, run, token, count, busy: TIMEOUT, deed }),
            _ => self.at(self.now + busy, Happening::Done { host, run, token, count, busy, deed }),
        }
    }

    /// Some items of a run are done, or did something else.
    pub(crate) fn done(&mut self, host: WorkerId, run: RunId, token: u64, count: u32, busy: u64, deed: Deed) {
        let state = self.host(host);
        let Some(task) = state.tasks.get_mut(&run).filter(|task| task.token == token) else { return };
        let end = task.range.first + task.range.count;
        state.worked += busy;
        let time = Duration::from_nanos(busy);
        match deed {
            Deed::Work | Deed::Panic => {
                task.next += count;
                let (over, cancelled) = (task.next == end, task.cancelled);
                let event = match deed {
                    Deed::Work => Event::Returned { run, count, busy: time },
                    _ => Event::Failed { run, again: true, busy: time },
                };
                if over || cancelled {
                    state.tasks.remove(&run);
                    state.busy -= 1;
                }
                self.report(host, event);
                if cancelled && !over {
                    self.report(host, Event::Stopped { run });
                }
                if !over && !cancelled {
                    self.go_on(host, run);
                }
            }
            Deed::Die => self.die(host),
            Deed::Hang => self.report(host, Event::Overdue { run }),
            Deed::Nest if task.cancelled => {
                state.tasks.remove(&run);
                state.busy -= 1;
                self.report(host, Event::Stopped { run });
            }
            Deed::Nest => {
                task.waits = true;
                let job = task.range.job;
                state.busy -= 1;
                let kind = self.accounts.get(&job).map(|account| account.kind.clone());
                if let Some(kind) = kind {
                    let children = Items { levels: kind.levels - 1, ..kind };
                    let items = self.rng.u64(0..6);
                    self.say(host, Said::Open(run, items, children));
                }
                // Where nobody wants the task any more, its cancel is on its way.
                self.report(host, Event::Waiting { run });
            }
        }
        self.pump(host);
    }

    /// A process ends; whoever looks after it notices soon.
    pub(crate) fn die(&mut self, host: WorkerId) {
        if std::mem::replace(&mut self.host(host).alive, false) {
            self.host(host).die();
            let at = self.now + self.rng.u64(MS / 10..3 * MS);
            self.at(at, Happening::Declared(host));
            self.sink(host);
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        let alive = self.hosts.iter().filter(|host| host.alive).count();
        if let Fault::Join = fault {
            let (slots, tags) = (self.rng.u32(1..5), Tags(self.rng.u64(0..2)));
            self.join(slots, tags, None);
            return;
        }
        if alive == 0 {
            return;
        }
        let which = self.rng.usize(0..alive);
        let (at, _) = self.hosts.iter().enumerate().filter(|(_, host)| host.alive).nth(which).expect("counted");
        let host = WorkerId(u32::try_from(at).expect("a small world"));
        let now = self.now;
        match fault {
            Fault::Kill => self.die(host),
            Fault::Stop(time) => self.host(host).stopped_until = now + time,
            Fault::Partition(time, keeps) => {
                let state = self.host(host);
                (state.cut_until, state.cut_keeps) = (now + time, keeps);
                // The driver declares it dead sooner or later, and then the process gives up.
                let declared = now + self.rng.u64(MS..20 * MS);
                self.at(declared, Happening::Declared(host));
                self.at(declared.max(now + time) + MS, Happening::GivesUp(host));
            }
            Fault::Leave => {
                let boss = self.host(host).boss;
                self.tell(boss, Event::Leaving { worker: host });
            }
            Fault::Join => {}
        }
    }
}
