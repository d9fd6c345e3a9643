//! Whether copies in, kernels and copies out go on at the same time.

use super::{Bench, Pairs, size};
use crate::Outcome;
use crate::kernel::FLIPPING;
use crate::ours;
use crate::statistics::{Figures, number};
use crate::table::Table;

const MIB: usize = 1 << 20;

pub(super) fn run(bench: &Bench<'_>) -> Outcome<()> {
    let columns = [
        "batch",
        "copy in alone, µs",
        "kernel alone, µs",
        "copy out alone, µs",
        "raw ÷ the longest",
        "ours ÷ the longest",
    ];
    let mut table = Table::new("Overlap, with 3 slots (`overlap`)", &columns);
    for (bytes, batches) in [(4 * MIB, 1000), (16 * MIB, 250)] {
        let work = bench.plan.work(bytes, 3, batches);
        let mut raw = bench.raw(work)?;
        bench.fill_pool(work)?;
        let [copy_in, kernel, copy_out] = raw.alone(&[FLIPPING], bench.plan.count(100))?;
        let longest = copy_in.max(kernel).max(copy_out);
        let pairs = Pairs::run(
            bench.plan.rounds,
            || raw.stream(&[FLIPPING], work.warm, work.batches),
            || ours::stream(&bench.runtime, bench.gpu, work),
        )?;
        let (raw, ours) = pairs.figures(|cost| cost.micros(work.batches) / longest);
        table.row([
            size(bytes),
            number(copy_in),
            number(kernel),
            number(copy_out),
            Figures::of(raw).show(),
            Figures::of(ours).show(),
        ]);
    }
    table.print(
        "Goal: ≤ 1.10. *Alone* is the best of three runs of the same operation in one stream, one after the other; 1 would be a \
         device that does its slowest part without a pause.",
    );
    Ok(())
}
