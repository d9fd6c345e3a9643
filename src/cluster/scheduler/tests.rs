//! The rules of the scheduler, each as a story. The simulator tells longer ones.

use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A scheduler that is audited after each step.
struct Bench {
    scheduler: Scheduler,
    now: Duration,
    out: Vec<Instruction>,
}

impl Bench {
    /// Workers 0, 1, … with so many slots each.
    fn new(slots: &[u32]) -> Self {
        let settings = Settings { prefetch_time: 2 * MS, ..Settings::default() };
        let mut bench = Self { scheduler: Scheduler::new(settings), now: Duration::ZERO, out: Vec::new() };
        for (worker, &slots) in (0..).zip(slots) {
            bench.join(worker, slots);
        }
        bench
    }

    fn join(&mut self, worker: u32, slots: u32) -> Vec<Instruction> {
        self.tell(Event::Joined { worker: WorkerId(worker), slots, tags: Tags::default() })
    }

    fn tell(&mut self, event: Event) -> Vec<Instruction> {
        self.scheduler.handle(self.now, event, &mut self.out);
        self.scheduler.audit().unwrap();
        std::mem::take(&mut self.out).into_iter().filter(|one| !matches!(one, Instruction::Window { .. })).collect()
    }

    fn open(&mut self, job: u64, options: JobOptions) {
        let options = JobOptions { chunking: Chunking::Fixed(1), ..options };
        self.tell(Event::Opened { job: JobId(job), options });
    }

    fn push(&mut self, job: u64, number: u64, items: u32) -> Vec<Instruction> {
        self.tell(Event::Pushed { job: JobId(job), number, items })
    }

    fn seal(&mut self, job: u64) -> Vec<Instruction> {
        self.tell(Event::Sealed { job: JobId(job) })
    }

    fn returned(&mut self, run: u64, count: u32) -> Vec<Instruction> {
        self.tell(Event::Returned { run: RunId(run), count, busy: MS * count })
    }

    fn failed(&mut self, run: u64) -> Vec<Instruction> {
        self.tell(Event::Failed { run: RunId(run), again: true, busy: MS })
    }

    fn lost(&mut self, worker: u32) -> Vec<Instruction> {
        self.tell(Event::Lost { worker: WorkerId(worker) })
    }

    fn at(&mut self, now: Duration) -> Vec<Instruction> {
        self.now = now;
        self.tell(Event::Tick)
    }
}

fn range(job: u64, number: u64, first: u32, count: u32) -> Range {
    Range { job: JobId(job), number, first, count }
}

fn run(run: u64, worker: u32, range: Range, attempt: u32) -> Instruction {
    Instruction::Run { run: RunId(run), worker: WorkerId(worker), range, attempt }
}

fn deliver(range: Range) -> Instruction {
    Instruction::Deliver { range, skip: 0 }
}

fn fail(range: Range, failure: Failure) -> Instruction {
    Instruction::Fail { range, failure }
}

#[test]
fn an_item_is_sent_delivered_and_settled() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    assert_eq!(bench.push(1, 0, 2), [run(1, 0, range(1, 0, 0, 2), 1)]);
    assert_eq!(bench.seal(1), []);
    assert_eq!(bench.returned(1, 1), [deliver(range(1, 0, 0, 1))]);
    assert_eq!(bench.returned(1, 1), [deliver(range(1, 0, 1, 1)), Instruction::Settled { job: JobId(1) }]);
    assert_eq!(bench.scheduler.counts(), Counts { workers: 1, ..Counts::default() });
}

#[test]
fn what_is_said_about_a_run_that_is_over_changes_nothing() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    assert_eq!(bench.tell(Event::Retracted { run: RunId(1) }), [], "it was not asked back");
    assert_eq!(bench.tell(Event::Stopped { run: RunId(1) }), [], "it was not cancelled");
    assert_eq!(bench.scheduler.worker_of(RunId(1)), Some(WorkerId(1)));
    bench.lost(1);
    for event in [
        Event::Returned { run: RunId(1), count: 1, busy: MS },
        Event::Failed { run: RunId(1), again: true, busy: MS },
        Event::Retracted { run: RunId(1) },
        Event::Overdue { run: RunId(1) },
        Event::Waiting { run: RunId(99) },
        Event::Lost { worker: WorkerId(1) },
    ] {
        assert_eq!(bench.tell(event), []);
    }
}

#[test]
fn a_worker_holds_one_run_ahead_per_slot_while_durations_are_unknown() {
    let mut bench = Bench::new(&[2]);
    bench.open(1, JobOptions::default());
    let sent: usize = (0..10).map(|number| bench.push(1, number, 1).len()).sum();
    assert_eq!(sent, 4);
    let load = bench.scheduler.load(WorkerId(0)).unwrap();
    assert_eq!(load, Load { slots: 2, running: 2, queued: 2, waiting: 0 });
}

#[test]
fn short_runs_are_sent_ahead_by_time_and_very_long_ones_not_at_all() {
    for (busy, ahead) in [(Duration::from_micros(100), 20), (MS, 2), (MS * 20, 1), (MS * 500, 0)] {
        let mut bench = Bench::new(&[1]);
        bench.open(1, JobOptions::default());
        (0..50).for_each(|number| drop(bench.push(1, number, 1)));
        for run in 1..3 {
            bench.tell(Event::Returned { run: RunId(run), count: 1, busy });
        }
        let load = bench.scheduler.load(WorkerId(0)).unwrap();
        assert_eq!((load.running, load.queued), (1, ahead), "runs of {busy:?}");
    }
}

#[test]
fn the_least_loaded_worker_is_next() {
    let mut bench = Bench::new(&[1, 2, 4]);
    bench.open(1, JobOptions::default());
    (0..7).for_each(|number| drop(bench.push(1, number, 1)));
    for (worker, slots) in [(0, 1), (1, 2), (2, 4)] {
        assert_eq!(bench.scheduler.load(WorkerId(worker)).unwrap().running, slots);
    }
}

#[test]
fn priority_then_depth_then_turns_then_what_was_tried_then_input_order() {
    let mut bench = Bench::new(&[]);
    let deep = JobOptions { depth: 2, ..JobOptions::default() };
    let high = JobOptions { priority: 1, ..JobOptions::default() };
    for (job, options) in [(1, JobOptions::default()), (2, JobOptions::default()), (3, deep), (4, high)] {
        bench.open(job, options);
        bench.push(job, 0, 1);
        bench.push(job, 1, 1);
    }
    let sent = bench.join(0, 8);
    let jobs: Vec<_> = sent
        .iter()
        .map(|one| match one {
            Instruction::Run { range, .. } => (range.job.0, range.number),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(jobs, [(4, 0), (4, 1), (3, 0), (3, 1), (1, 0), (2, 0), (1, 1), (2, 1)]);
}

#[test]
fn what_panicked_goes_again_before_fresh_chunks_and_then_fails() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions { retries: 1, ..JobOptions::default() });
    bench.push(1, 0, 3);
    bench.push(1, 1, 1);
    bench.push(1, 2, 1);
    bench.push(1, 3, 1);
    bench.returned(1, 1);
    // The run goes on with its third item; the second goes again by itself.
    assert_eq!(bench.failed(1), []);
    assert_eq!(bench.returned(1, 1), [deliver(range(1, 0, 2, 1)), run(4, 0, range(1, 0, 1, 1), 2)]);
    bench.returned(2, 1);
    assert_eq!(bench.failed(4)[0], fail(range(1, 0, 1, 1), Failure::Panicked));
}

#[test]
fn an_idle_worker_is_given_what_waits_elsewhere_and_asks_once() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    bench.push(1, 1, 1);
    let retract = Instruction::Retract { run: RunId(2), worker: WorkerId(0) };
    assert_eq!(bench.join(1, 1), [retract]);
    assert_eq!(bench.join(2, 1), []);
    assert_eq!(bench.tell(Event::Retracted { run: RunId(2) }).len(), 1);
    assert_eq!(bench.scheduler.load(WorkerId(0)).unwrap().queued, 0);
    assert_eq!(bench.tell(Event::Tick), []);
}

#[test]
fn as_many_runs_are_asked_back_as_there_are_idle_slots() {
    let mut bench = Bench::new(&[3]);
    bench.open(1, JobOptions::default());
    (0..6).for_each(|number| drop(bench.push(1, number, 1)));
    let retract = |run| Instruction::Retract { run: RunId(run), worker: WorkerId(0) };
    assert_eq!(bench.join(1, 2), [retract(6), retract(5)], "the last in the queue first");
    assert_eq!(bench.tell(Event::Tick), []);
    assert_eq!(bench.at(MS * 20), [retract(4)], "a question without an answer no longer counts");
}

#[test]
fn a_run_that_was_kept_stays_and_is_not_asked_for_again() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    bench.push(1, 1, 1);
    bench.join(1, 1);
    assert_eq!(bench.tell(Event::Kept { run: RunId(2) }), []);
    assert_eq!(bench.at(MS * 100), []);
    assert_eq!(bench.returned(2, 1), [deliver(range(1, 1, 0, 1))]);
}

#[test]
fn a_poisoned_item_is_found_by_splitting_and_only_it_fails() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions { deaths: 1, ..JobOptions::default() });
    bench.push(1, 0, 20);
    let guilty = 5;
    let (mut worker, mut delivered, mut failed, mut deaths) = (0, 0, Vec::new(), 0);
    let mut orders = vec![run(1, 0, range(1, 0, 0, 20), 1)];
    while let Some(order) = orders.pop() {
        match order {
            Instruction::Run { run, range, .. } if (range.first..range.first + range.count).contains(&guilty) => {
                assert_eq!(bench.scheduler.remaining(run), Some(range.count));
                deaths += 1;
                orders.extend(bench.lost(worker));
                worker += 1;
                orders.extend(bench.join(worker, 1));
            }
            Instruction::Run { run, range, .. } => orders.extend(bench.returned(run.0, range.count)),
            Instruction::Deliver { range, .. } => delivered += range.count,
            Instruction::Fail { range, failure } => failed.push((range, failure)),
            other => panic!("{other:?}"),
        }
    }
    // Once in company, once alone, once in a piece of two, once by itself.
    assert_eq!((delivered, failed, deaths), (19, vec![(range(1, 0, guilty, 1), Failure::Deaths(4))], 4));
}

#[test]
fn a_suspect_has_its_worker_to_itself_and_others_go_on() {
    let mut bench = Bench::new(&[1, 1, 1]);
    bench.open(1, JobOptions::default());
    (0..9).for_each(|number| drop(bench.push(1, number, 1)));
    // Runs 1 to 3 have slots, 4 to 6 wait; the lost two are suspects, the first worker to run empty is theirs.
    bench.lost(0);
    let alone = [1, 4, 2, 5, 3, 6].into_iter().flat_map(|run| bench.returned(run, 1)).collect::<Vec<_>>();
    let suspects: Vec<_> = alone.iter().filter(|one| matches!(one, Instruction::Run { attempt: 2, .. })).collect();
    assert!(!suspects.is_empty(), "{alone:?}");
    let Instruction::Run { worker, .. } = suspects[0] else { unreachable!() };
    let load = bench.scheduler.load(*worker).unwrap();
    assert_eq!((load.running, load.queued), (1, 0));
}

#[test]
fn a_suspect_is_not_alone_once_a_task_that_waited_goes_on() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions { deaths: 0, ..JobOptions::default() });
    bench.push(1, 0, 1);
    bench.lost(0);
    // A task waits on the next worker when the suspect comes.
    bench.tell(Event::Joined { worker: WorkerId(1), slots: 1, tags: Tags(1) });
    bench.open(2, JobOptions { priority: 9, ..JobOptions::default() });
    bench.push(2, 0, 1);
    bench.returned(2, 1);
    bench.push(2, 1, 1);
    bench.tell(Event::Waiting { run: RunId(3) });
    assert_eq!(bench.scheduler.load(WorkerId(1)).unwrap(), Load { slots: 1, running: 1, queued: 0, waiting: 1 });
    bench.tell(Event::Resumed { run: RunId(3) });
    let after = bench.lost(1);
    assert!(!after.iter().any(|one| matches!(one, Instruction::Fail { .. })), "{after:?}");
}

#[test]
fn on_a_worker_with_many_slots_the_second_death_makes_a_suspect() {
    let mut bench = Bench::new(&[4, 4]);
    bench.open(1, JobOptions { deaths: 0, ..JobOptions::default() });
    for number in 0..4 {
        bench.push(1, number, 1);
    }
    let sent = bench.lost(0);
    assert_eq!(sent.len(), 2, "both go again at once, in company: {sent:?}");
    // The second held all four; those that have lost two workers are suspects, and go alone, one after the other.
    assert_eq!(bench.lost(1), []);
    let first = bench.join(2, 4);
    let [Instruction::Run { run, attempt: 3, .. }] = first[..] else { panic!("{first:?}") };
    let second = bench.returned(run.0, 1);
    let [_, Instruction::Run { run, attempt: 3, .. }] = second[..] else { panic!("{second:?}") };
    let rest = bench.returned(run.0, 1);
    let [_, Instruction::Run { attempt: 2, .. }, Instruction::Run { attempt: 2, .. }] = rest[..] else {
        panic!("{rest:?}")
    };
}

#[test]
fn an_overdue_item_fails_at_once_and_its_neighbours_are_not_suspected() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions { deaths: 0, ..JobOptions::default() });
    bench.push(1, 0, 3);
    bench.push(1, 1, 1);
    bench.returned(1, 1);
    let kill = Instruction::Kill { worker: WorkerId(0) };
    assert_eq!(bench.tell(Event::Overdue { run: RunId(1) }), [fail(range(1, 0, 1, 1), Failure::Overdue), kill]);
    assert_eq!(bench.returned(1, 1), [], "nothing counts that is said about it later");
    assert_eq!(bench.lost(0), []);
    // Both at once: neither is a suspect.
    assert_eq!(bench.join(1, 1), [run(3, 1, range(1, 0, 2, 1), 2), run(4, 1, range(1, 1, 0, 1), 2)]);
}

#[test]
fn a_slow_run_is_copied_once_and_the_first_result_counts() {
    let mut bench = Bench::new(&[1, 1, 1]);
    bench.open(1, JobOptions { speculate: true, ..JobOptions::default() });
    bench.push(1, 0, 1);
    bench.push(1, 1, 3);
    bench.seal(1);
    bench.returned(1, 1);
    bench.returned(2, 1);
    assert_eq!(bench.at(MS * 9), []);
    assert_eq!(bench.at(MS * 10), [run(3, 2, range(1, 1, 1, 2), 2)]);
    assert_eq!(bench.at(MS * 40), []);
    assert_eq!(bench.returned(3, 1), [deliver(range(1, 1, 1, 1))]);
    // The first tells of the same item and one more.
    assert_eq!(
        bench.tell(Event::Returned { run: RunId(2), count: 2, busy: MS }),
        [
            Instruction::Deliver { range: range(1, 1, 2, 1), skip: 1 },
            Instruction::Cancel { run: RunId(3), worker: WorkerId(2) },
            Instruction::Settled { job: JobId(1) },
        ]
    );
}

#[test]
fn the_death_of_one_copy_is_nothing_while_the_other_lives() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions { speculate: true, deaths: 0, ..JobOptions::default() });
    bench.push(1, 0, 1);
    bench.push(1, 1, 1);
    bench.seal(1);
    bench.returned(1, 1);
    assert_eq!(bench.at(MS * 10).len(), 1);
    assert_eq!(bench.lost(0), []);
    assert_eq!(bench.returned(3, 1), [deliver(range(1, 1, 0, 1)), Instruction::Settled { job: JobId(1) }]);
}

#[test]
fn a_leaving_worker_finishes_what_it_runs_and_is_released() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    bench.push(1, 1, 1);
    let worker = WorkerId(0);
    assert_eq!(bench.tell(Event::Leaving { worker }), [Instruction::Retract { run: RunId(2), worker }]);
    assert_eq!(bench.tell(Event::Retracted { run: RunId(2) }), []);
    assert_eq!(bench.returned(1, 1), [deliver(range(1, 0, 0, 1)), Instruction::Release { worker }]);
    assert_eq!(bench.join(1, 1), [run(3, 1, range(1, 1, 0, 1), 1)]);
}

#[test]
fn a_leaving_worker_takes_the_children_of_its_own_tasks() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    bench.tell(Event::Leaving { worker: WorkerId(0) });
    bench.tell(Event::Waiting { run: RunId(1) });
    bench.open(2, JobOptions { depth: 1, ..JobOptions::default() });
    assert_eq!(bench.push(2, 0, 1), [run(2, 0, range(2, 0, 0, 1), 1)]);
}

#[test]
fn what_is_bound_to_a_worker_fails_with_it() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions { only: Some(WorkerId(1)), ..JobOptions::default() });
    for number in 0..3 {
        bench.push(1, number, 1);
    }
    assert_eq!(bench.scheduler.load(WorkerId(0)).unwrap().running, 0);
    let failures = bench.lost(1);
    assert!(failures.iter().all(|one| matches!(one, Instruction::Fail { failure: Failure::WorkerGone, .. })));
    assert_eq!(failures.len(), 3);
    assert_eq!(bench.push(1, 3, 1), [fail(range(1, 3, 0, 1), Failure::WorkerGone)]);
    assert_eq!(bench.seal(1), [Instruction::Settled { job: JobId(1) }]);
}

#[test]
fn a_cancelled_job_is_forgotten_and_its_runs_hold_their_slots_until_they_stop() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    (0..3).for_each(|number| drop(bench.push(1, number, 1)));
    let cancel = |run| Instruction::Cancel { run: RunId(run), worker: WorkerId(0) };
    let settled = Instruction::Settled { job: JobId(1) };
    assert_eq!(bench.tell(Event::Cancelled { job: JobId(1), kill: false }), [cancel(1), cancel(2), settled]);
    assert_eq!(bench.returned(1, 1), []);
    assert_eq!(bench.tell(Event::Stopped { run: RunId(2) }), []);
    assert_eq!(bench.scheduler.counts(), Counts { workers: 1, ..Counts::default() });
}

#[test]
fn a_cancel_with_force_kills_what_has_not_stopped_after_a_grace() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions::default());
    (0..2).for_each(|number| drop(bench.push(1, number, 1)));
    bench.tell(Event::Cancelled { job: JobId(1), kill: true });
    bench.tell(Event::Stopped { run: RunId(1) });
    assert_eq!(bench.scheduler.wake_at(), Some(MS * 100));
    assert_eq!(bench.at(MS * 99), []);
    assert_eq!(bench.at(MS * 100), [Instruction::Kill { worker: WorkerId(0) }]);
    assert_eq!(bench.scheduler.wake_at(), None);
}

#[test]
fn a_task_that_waits_frees_its_slot_and_its_children_pass_what_was_sent_ahead() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    (0..40).for_each(|number| drop(bench.push(1, number, 1)));
    for run in 1..10 {
        bench.tell(Event::Returned { run: RunId(run), count: 1, busy: Duration::from_micros(50) });
    }
    assert!(bench.scheduler.load(WorkerId(0)).unwrap().queued > 20);
    bench.tell(Event::Waiting { run: RunId(10) });
    bench.open(2, JobOptions { depth: 1, ..JobOptions::default() });
    assert!(matches!(bench.push(2, 0, 1)[..], [Instruction::Run { range: Range { job: JobId(2), .. }, .. }]));
}

#[test]
fn children_get_past_a_shallow_job_of_higher_priority() {
    let mut bench = Bench::new(&[1]);
    bench.open(1, JobOptions::default());
    bench.push(1, 0, 1);
    bench.tell(Event::Leaving { worker: WorkerId(0) });
    bench.tell(Event::Waiting { run: RunId(1) });
    bench.open(2, JobOptions { priority: 9, ..JobOptions::default() });
    assert_eq!(bench.push(2, 0, 1), []);
    bench.open(3, JobOptions { depth: 1, ..JobOptions::default() });
    assert_eq!(bench.push(3, 0, 1).len(), 1);
}

#[test]
fn chunks_grow_eightfold_at_most_and_shrink_at_once() {
    let mut bench = Bench::new(&[1]);
    let options = JobOptions::default();
    let mut out = Vec::new();
    bench.scheduler.handle(Duration::ZERO, Event::Opened { job: JobId(1), options }, &mut out);
    let (mut sizes, mut items, mut ran) = (Vec::new(), 1, 0);
    for number in 0..9 {
        // Items take 100 ns, and from the eighth chunk on 1 ms.
        let each = if number < 7 { Duration::from_nanos(100) } else { MS };
        bench.scheduler.handle(Duration::ZERO, Event::Pushed { job: JobId(1), number, items }, &mut out);
        ran += 1;
        let busy = each * items;
        bench.scheduler.handle(Duration::ZERO, Event::Returned { run: RunId(ran), count: items, busy }, &mut out);
        for one in out.drain(..) {
            if let Instruction::Window { items: now, .. } = one {
                items = now;
            }
        }
        sizes.push(items);
    }
    assert_eq!(sizes[..5], [8, 64, 512, 4096, 20_000]);
    assert!(sizes[7] <= 4, "{sizes:?}");
}

#[test]
fn a_window_covers_the_workers_and_is_told_again_only_when_it_changes_by_a_quarter() {
    let mut bench = Bench::new(&[8, 8]);
    bench.open(1, JobOptions::default());
    let windows = |bench: &mut Bench, worker, slots| {
        let event = Event::Joined { worker: WorkerId(worker), slots, tags: Tags::default() };
        bench.scheduler.handle(Duration::ZERO, event, &mut bench.out);
        std::mem::take(&mut bench.out).len()
    };
    assert_eq!(windows(&mut bench, 2, 1), 0);
    assert_eq!(windows(&mut bench, 3, 8), 1);
}

#[test]
fn short_runs_behind_one_that_does_not_end_are_asked_back() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions::default());
    (0..40).for_each(|number| drop(bench.push(1, number, 1)));
    // Worker 1 shows that items are short, and gets through all that it is given; worker 0 has shown nothing.
    let held = |bench: &Bench, worker| bench.scheduler.load(WorkerId(worker)).unwrap();
    loop {
        let next = (1..=80).find(|&run| bench.scheduler.worker_of(RunId(run)) == Some(WorkerId(1)));
        let Some(run) = next else { break };
        bench.tell(Event::Returned { run: RunId(run), count: 1, busy: Duration::from_micros(1) });
    }
    assert!(held(&bench, 0).queued > 0, "short runs were sent ahead to the worker that does not end its first");
    let wake = bench.scheduler.wake_at().expect("somebody is idle, and something waits");
    let asked = bench.at(wake);
    assert!(matches!(asked[..], [Instruction::Retract { worker: WorkerId(0), .. }]), "{asked:?}");
}

#[test]
fn a_job_of_a_known_function_is_sent_ahead_at_once() {
    let mut bench = Bench::new(&[1]);
    let of_kind = |kind| JobOptions { kind, ..JobOptions::default() };
    let submit = |bench: &mut Bench, job, kind| {
        bench.open(job, of_kind(kind));
        let sent = bench.push(job, 0, 1).len();
        bench.seal(job);
        sent
    };
    assert_eq!(
        [1, 2, 3].map(|job| submit(&mut bench, job, 7)),
        [1, 1, 0],
        "nothing is known: one waits behind the first"
    );
    bench.tell(Event::Returned { run: RunId(1), count: 1, busy: Duration::from_micros(1) });
    assert_eq!([4, 5, 6].map(|job| submit(&mut bench, job, 7)), [1, 1, 1], "they are short");
    assert_eq!(submit(&mut bench, 7, 8), 0, "of another function nothing is known");
}

#[test]
fn a_worker_that_does_not_get_on_gives_back_what_waits_and_gets_nothing_until_it_does() {
    let mut bench = Bench::new(&[1, 1]);
    bench.open(1, JobOptions::default());
    let mut number = 0;
    let mut push = |bench: &mut Bench| {
        number += 1;
        bench.push(1, number - 1, 1)
    };
    (0..8).for_each(|_| drop(push(&mut bench)));
    let of =
        |bench: &Bench, worker| (1..=400).find(|&run| bench.scheduler.worker_of(RunId(run)) == Some(WorkerId(worker)));
    // Input does not end: worker 1 is never idle, and gets through its runs; worker 0 stays with its first.
    let held = of(&bench, 0).unwrap();
    let mut asked = Vec::new();
    for ms in 1..60 {
        let run = of(&bench, 1).unwrap();
        bench.now = MS * ms;
        bench.tell(Event::Returned { run: RunId(run), count: 1, busy: MS });
        push(&mut bench);
        push(&mut bench);
        if bench.scheduler.wake_at().is_some_and(|at| at <= bench.now) {
            asked.extend(bench.tell(Event::Tick).into_iter().filter(|one| matches!(one, Instruction::Retract { .. })));
        }
    }
    assert!(
        !asked.is_empty() && asked.iter().all(|one| matches!(one, Instruction::Retract { worker: WorkerId(0), .. }))
    );
    for one in asked {
        let Instruction::Retract { run, .. } = one else { continue };
        let sent = bench.tell(Event::Retracted { run });
        assert!(!sent.iter().any(|one| matches!(one, Instruction::Run { worker: WorkerId(0), .. })), "{sent:?}");
    }
    // It gets on.
    bench.tell(Event::Returned { run: RunId(held), count: 1, busy: MS * 60 });
    assert!(bench.scheduler.load(WorkerId(0)).unwrap().running > 0);
}
