//! Ten stages, between which batches stay on the device, against ten launches in one stream.

use super::{Bench, Pairs, size};
use crate::Outcome;
use crate::cost::each;
use crate::kernel::{CHAIN, FLIPPING};
use crate::ours::{self, Channels, Work};
use crate::statistics::{Figures, number};
use crate::table::Table;

pub(super) fn run(bench: &Bench<'_>) -> Outcome<()> {
    let columns = [
        "batch, channels",
        "raw, µs/batch",
        "ours, µs/batch",
        "added for each stage, µs",
        "raw, processor µs/batch",
        "ours, processor µs/batch",
        "a launch's call alone, µs",
        "ours: copies/batch in, out",
        "launches/batch",
        "made",
    ];
    let mut table = Table::new("A chain of ten stages on the device (`chain`)", &columns);
    let cells = [
        (4096, 5000, Channels::Rendezvous),
        (4096, 5000, Channels::Buffered(64)),
        (1 << 20, 2500, Channels::Rendezvous),
    ];
    for (bytes, batches, channels) in cells {
        let work = Work { channels, ..bench.plan.work(bytes, 3, batches) };
        let mut raw = bench.raw(work)?;
        bench.fill_pool(work)?;
        let call = raw.launch_call(FLIPPING, bench.plan.count(1000))?;
        let pairs = Pairs::run(
            bench.plan.rounds,
            || raw.stream(&CHAIN, work.warm, work.batches),
            || ours::chain(&bench.runtime, bench.gpu, work),
        )?;
        let (raw, ours) = pairs.figures(|cost| cost.micros(work.batches));
        let added = Figures::paired(&ours, &raw, |ours, raw| (ours - raw) / CHAIN.len() as f64);
        let (raw_processor, ours_processor) = pairs.figures(|cost| each(cost.processor, work.batches));
        let counted = |name: &str| {
            let (_, ours) = pairs.figures(|cost| cost.counts.of(name) as f64 / work.batches as f64);
            number(Figures::of(ours).median())
        };
        let made = ["cuMemAlloc_v2", "cuMemHostAlloc", "cuEventCreate", "cuStreamCreate"];
        let made: u64 = pairs.ours.iter().flat_map(|cost| made.map(|name| cost.counts.of(name))).sum();
        table.row([
            format!("{}, {channels:?}", size(bytes)),
            Figures::of(raw).show(),
            Figures::of(ours).show(),
            added.show(),
            Figures::of(raw_processor).show(),
            Figures::of(ours_processor).show(),
            number(call),
            format!("{}, {}", counted("cuMemcpyHtoDAsync_v2"), counted("cuMemcpyDtoHAsync_v2")),
            counted("cuLaunchKernel"),
            made.to_string(),
        ]);
    }
    table.print(
        "Goal: the raw launches and ≤ 1 µs for each stage. One copy in and one out for each batch: between the stages none, by \
         count. *Made* as above.",
    );
    Ok(())
}
