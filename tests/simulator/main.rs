//! The scheduler in a simulated world: virtual time, a network with delays, workers that follow the protocol, and
//! misfortunes, all from a seed; each step is checked against books that the world keeps itself.
//!
//! A failure names its seed; `AQUEDUCT_SIMULATED_SEED=<seed>` runs that one story alone. `AQUEDUCT_SIMULATED_STORIES`
//! says how many seeds are tried, `AQUEDUCT_SIMULATED_TASKS` how large the large worlds are (an optimised build has a
//! million tasks on 10,000 workers).

mod broker;
mod cost;
mod driver;
mod host;
mod ledger;
mod plan;
mod workers;
mod world;

use std::{env, panic};

use aqueduct::cluster::scheduler::{Chunking, Tags};

use crate::{
    plan::{Fault, Items, JobPlan, MS, Plan, US},
    world::{Outcome, World},
};

/// Runs a plan; a failure names it.
fn story(plan: Plan) -> Outcome {
    let seed = plan.seed;
    panic::catch_unwind(|| World::new(plan).run()).unwrap_or_else(|cause| {
        eprintln!("the story of seed {seed} failed; AQUEDUCT_SIMULATED_SEED={seed} tells it again");
        panic::resume_unwind(cause)
    })
}

/// The seeds to run: all of these, or the one that was asked for.
fn seeds(count: u64) -> Vec<u64> {
    match env::var("AQUEDUCT_SIMULATED_SEED") {
        Ok(seed) => vec![seed.parse().expect("AQUEDUCT_SIMULATED_SEED is a number")],
        Err(_) => {
            let more = env::var("AQUEDUCT_SIMULATED_STORIES").ok();
            (0..more.map_or(count, |more| more.parse().expect("AQUEDUCT_SIMULATED_STORIES is a number"))).collect()
        }
    }
}

fn stories(plan: impl Fn(u64) -> Plan, count: u64) -> Outcome {
    let mut all = Outcome::default();
    for seed in seeds(count) {
        let one = story(plan(seed));
        all.delivered += one.delivered;
        all.failed += one.failed;
        all.runs += one.runs;
        all.steps += one.steps;
    }
    all
}

#[test]
fn each_item_has_one_fate_whatever_happens() {
    let all = stories(Plan::stormy, 300);
    assert!(all.delivered > all.failed, "{all:?}");
}

#[test]
fn a_seed_replays() {
    for seed in seeds(20) {
        assert_eq!(story(Plan::stormy(seed)).story(), story(Plan::stormy(seed)).story());
    }
}

/// Sites behind brokers, with deaths of workers, of brokers, and panics.
#[test]
fn a_broker_is_one_big_worker() {
    let plan = |seed| {
        let mut plan = Plan::stormy(seed);
        plan.brokers = 2;
        plan.workers = vec![(3, Tags(1)), (2, Tags(1)), (2, Tags(1)), (1, Tags(0))];
        for job in &mut plan.jobs {
            (job.kind.parents, job.kind.endless, job.kind.poison) = (0, 0, 0);
        }
        plan
    };
    let all = stories(plan, 100);
    assert!(all.delivered > all.failed, "{all:?}");
}

/// One worker with one slot finishes any nesting.
#[test]
fn one_worker_finishes_any_nesting() {
    let plan = |seed| {
        let mut plan = Plan::calm(seed, 1, 1, 30, Items { parents: 700_000, levels: 5, ..Items::plain(100 * US) });
        plan.audit_every = 1;
        plan
    };
    stories(plan, 30);
}

/// Equal tasks on equal workers, and no faults: nobody is idle for long, and nothing runs twice.
#[test]
fn equal_tasks_keep_equal_workers_busy() {
    for (duration, items) in [(20 * US, 200_000), (MS, 8_000), (10 * MS, 3_200), (200 * MS, 320)] {
        let outcome = story(Plan::calm(7, 8, 2, items, Items::plain(duration)));
        let busy = outcome.worked as f64 / (outcome.end as f64 * 16.0);
        assert_eq!((outcome.delivered, outcome.failed), (items, 0));
        assert!(busy >= 0.95, "tasks of {duration} ns keep workers {:.1} % busy: {outcome:?}", busy * 100.0);
    }
}

/// A worker that stands still does not hold up a job that may be copied.
#[test]
fn a_copy_overtakes_a_worker_that_stands_still() {
    let plan = |speculate| {
        let mut plan = Plan::calm(3, 4, 1, 4_000, Items::plain(MS));
        plan.jobs[0].options.speculate = speculate;
        plan.faults = vec![(500 * MS, Fault::Stop(20_000 * MS))];
        story(plan)
    };
    let (with, without) = (plan(true), plan(false));
    assert!(with.end < 2_000 * MS, "with copies: {with:?}");
    assert!(without.end > 20_000 * MS, "without: {without:?}");
}

/// The size of the large worlds: a million tasks on 10,000 workers in an optimised build, less in a debug build.
fn large() -> (usize, u64) {
    let tasks = env::var("AQUEDUCT_SIMULATED_TASKS").map(|tasks| tasks.parse().expect("a number of tasks"));
    match tasks {
        Ok(tasks) => (10_000, tasks),
        Err(_) if cfg!(debug_assertions) => (500, 20_000),
        Err(_) => (10_000, 1_000_000),
    }
}

fn tell(name: &str, outcome: &Outcome) {
    let per_step = outcome.scheduling.as_nanos() as f64 / outcome.steps as f64;
    println!("{name}: {outcome:?}; the scheduler took {per_step:.0} ns per event");
}

#[test]
fn many_workers_share_a_large_map_with_misfortunes() {
    let (workers, items) = large();
    let kind = Items { slow: 100, panics: 100, poison: 5, ..Items::plain(20 * MS) };
    let mut plan = Plan::calm(11, workers, 1, items, kind);
    plan.jobs[0].options.chunking = Chunking::Fixed(1);
    plan.jobs[0].options.retries = 1;
    plan.delay = (50 * US, 500 * US);
    let faults = [Fault::Kill, Fault::Stop(300 * MS), Fault::Partition(50 * MS, true), Fault::Leave, Fault::Join];
    plan.faults = (0..workers as u64 / 10).map(|n| (n * MS / 2, faults[n as usize % faults.len()])).collect();
    let outcome = story(plan);
    tell("one map", &outcome);
    assert_eq!(outcome.delivered + outcome.failed, items);
}

#[test]
fn many_workers_share_many_small_jobs() {
    let (workers, items) = large();
    let mut plan = Plan::calm(12, workers, 1, 0, Items::plain(MS));
    let job = JobPlan { items: 1, ..plan.jobs[0].clone() };
    plan.jobs = (0..items / 10).map(|_| job.clone()).collect();
    let outcome = story(plan);
    tell("many jobs", &outcome);
    assert_eq!(outcome.delivered, items / 10);
}
