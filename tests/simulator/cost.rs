//! What a run costs: pushed, sent, returned, delivered; without a world around it.

use std::time::{Duration, Instant};

use aqueduct::cluster::scheduler::{
    Chunking, Event, Instruction, JobId, JobOptions, Scheduler, Settings, Tags, WorkerId,
};

const RUNS: u64 = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

/// A scheduler with so many workers, all of them filled from then on.
fn fleet(workers: u32) -> (Scheduler, Vec<Instruction>) {
    let (mut scheduler, mut out) = (Scheduler::new(Settings::default()), Vec::new());
    for worker in 0..workers {
        let event = Event::Joined { worker: WorkerId(worker), slots: 1, tags: Tags::default() };
        scheduler.handle(Duration::ZERO, event, &mut out);
    }
    (scheduler, out)
}

/// Feeds results back, oldest run first, and calls `more` for each delivery until it has nothing.
fn feed(scheduler: &mut Scheduler, mut more: impl FnMut(&mut Scheduler, &mut Vec<Instruction>) -> bool) -> u64 {
    let (mut out, mut runs, mut delivered) = (Vec::new(), std::collections::VecDeque::new(), 0);
    for _ in 0..4_096 {
        more(scheduler, &mut out);
    }
    loop {
        for instruction in out.drain(..) {
            match instruction {
                Instruction::Run { run, .. } => runs.push_back(run),
                Instruction::Deliver { .. } => delivered += 1,
                _ => {}
            }
        }
        let Some(run) = runs.pop_front() else { return delivered };
        let event = Event::Returned { run, count: 1, busy: Duration::from_micros(5) };
        scheduler.handle(Duration::ZERO, event, &mut out);
        more(scheduler, &mut out);
    }
}

fn one_job(workers: u32) -> (u64, f64) {
    let (mut scheduler, mut out) = fleet(workers);
    let (job, chunking) = (JobId(1), Chunking::Fixed(1));
    let options = JobOptions { chunking, ..JobOptions::default() };
    scheduler.handle(Duration::ZERO, Event::Opened { job, options }, &mut out);
    let mut number = 0;
    let started = Instant::now();
    let delivered = feed(&mut scheduler, |scheduler, out| {
        if number < RUNS {
            scheduler.handle(Duration::ZERO, Event::Pushed { job, number, items: 1 }, out);
            number += 1;
        }
        number < RUNS
    });
    (delivered, started.elapsed().as_nanos() as f64 / RUNS as f64)
}

fn a_job_each(workers: u32) -> (u64, f64) {
    let (mut scheduler, _) = fleet(workers);
    let mut number = 0;
    let started = Instant::now();
    let delivered = feed(&mut scheduler, |scheduler, out| {
        if number < RUNS {
            number += 1;
            let job = JobId(number);
            scheduler.handle(Duration::ZERO, Event::Opened { job, options: JobOptions::default() }, out);
            scheduler.handle(Duration::ZERO, Event::Pushed { job, number: 0, items: 1 }, out);
            scheduler.handle(Duration::ZERO, Event::Sealed { job }, out);
        }
        number < RUNS
    });
    (delivered, started.elapsed().as_nanos() as f64 / RUNS as f64)
}

/// Far above what is measured, so that only a wrong order of growth fails here.
const MOST: f64 = if cfg!(debug_assertions) { 1e6 } else { 1e4 };

#[test]
fn a_run_costs_little_with_few_workers_and_with_many_with_one_job_and_with_many() {
    for workers in [2, 64, 10_000] {
        let ((delivered, one), (settled, each)) = (one_job(workers), a_job_each(workers));
        println!("{workers} workers: {one:.0} ns per run of one job, {each:.0} ns per job of one run");
        assert_eq!((delivered, settled), (RUNS, RUNS));
        assert!(one < MOST && each < MOST, "a run costs {one:.0} ns, a job {each:.0} ns, with {workers} workers");
    }
}
