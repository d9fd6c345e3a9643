//! One batch of 4 KiB at a time, there and back.

use std::time::Duration;

use super::Bench;
use crate::Outcome;
use crate::cost::each;
use crate::kernel::FLIPPING;
use crate::ours::{self, Work};
use crate::statistics::Figures;
use crate::table::Table;

/// Medians and ninety-ninth percentiles of the rounds.
#[derive(Default)]
struct Trips {
    median: Vec<f64>,
    late: Vec<f64>,
}

impl Trips {
    fn add(&mut self, trips: Vec<Duration>) {
        let figures = Figures::of(trips.into_iter().map(|trip| each(trip, 1)));
        self.median.push(figures.median());
        self.late.push(figures.quantile(0.99));
    }
}

pub(super) fn run(bench: &Bench<'_>) -> Outcome<()> {
    let work = Work { slots: 1, ..bench.plan.work(4096, 1, 4000) };
    let mut raw = bench.raw(work)?;
    bench.fill_pool(work)?;
    let (runtime, gpu) = (&bench.runtime, bench.gpu);
    let mut trips = [const { Trips { median: Vec::new(), late: Vec::new() } }; 3];
    for round in 0..bench.plan.rounds {
        for turn in 0..3 {
            let who = (round + turn) % 3;
            trips[who].add(match who {
                0 => raw.round_trips(&[FLIPPING], work.batches)?,
                1 => ours::round_trips(runtime, gpu, work)?,
                _ => ours::calls(runtime, gpu, work)?,
            });
        }
    }
    let columns = ["4 KiB there and back", "median, µs", "99th percentile, µs", "added to raw, median, µs"];
    let mut table = Table::new("One batch at a time (`round-trip`)", &columns);
    let names = ["raw: copy, launch, copy, synchronise", "a stage with one slot: send, receive", "`gpu.call`"];
    for (name, of) in names.iter().zip(&trips) {
        table.row([
            (*name).to_owned(),
            Figures::of(of.median.clone()).show(),
            Figures::of(of.late.clone()).show(),
            Figures::paired(&of.median, &trips[0].median, |ours, raw| ours - raw).show(),
        ]);
    }
    table.print(
        "Goals: ≤ 3 µs added where the threads are awake, ≤ 15 µs where they sleep, as here: between two batches nobody has \
         anything to do, and each message wakes the thread of the device, and its results the thread that waits for them.",
    );
    Ok(())
}
