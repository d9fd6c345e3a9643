//! Batches through a stage at full speed: throughput where the device is the limit, the host's time where it is not.

use super::{Bench, Pairs, size};
use crate::Outcome;
use crate::cost::each;
use crate::kernel::FLIPPING;
use crate::ours::{self, Channels, Work};
use crate::statistics::{Figures, number};
use crate::table::Table;

const MIB: usize = 1 << 20;

fn race(bench: &Bench<'_>, work: Work) -> Outcome<Pairs> {
    let mut raw = bench.raw(work)?;
    bench.fill_pool(work)?;
    Pairs::run(
        bench.plan.rounds,
        || raw.stream(&[FLIPPING], work.warm, work.batches),
        || ours::stream(&bench.runtime, bench.gpu, work),
    )
}

pub(super) fn throughput(bench: &Bench<'_>) -> Outcome<()> {
    let columns = [
        "batch",
        "slots",
        "channels",
        "raw, µs/batch",
        "ours, µs/batch",
        "ours, GB/s each way",
        "ours ÷ raw, throughput",
    ];
    let mut table = Table::new("Streaming: one stage between a source and a sink (`streaming`)", &columns);
    for (bytes, batches) in [(MIB / 4, 8000), (MIB, 4000), (4 * MIB, 1000), (16 * MIB, 250)] {
        for (slots, channels) in [
            (3, Channels::Rendezvous),
            (3, Channels::Buffered(3)),
            (2, Channels::Rendezvous),
            (4, Channels::Rendezvous),
        ] {
            let work = Work { channels, ..bench.plan.work(bytes, slots, batches) };
            let (raw, ours) = race(bench, work)?.figures(|cost| cost.micros(work.batches));
            let ratio = Figures::paired(&ours, &raw, |ours, raw| raw / ours);
            let ours = Figures::of(ours);
            let speed = bytes as f64 / ours.median() / 1e3;
            let raw = Figures::of(raw).show();
            table.row([
                size(bytes),
                slots.to_string(),
                format!("{channels:?}"),
                raw,
                ours.show(),
                number(speed),
                ratio.show(),
            ]);
        }
    }
    table.print(
        "Goals, with 3 slots: ≥ 0.95 at 1 MiB, ≥ 0.99 at 16 MiB. With a rendezvous a slot is free when its results are received, so \
         the sink's wake-up is part of its time; a channel with room takes it out. Each batch is copied in, computed in place, and copied out; \
         the ratios are of the same round.",
    );
    Ok(())
}

/// The least batches: nobody waits for the device, but for the host.
pub(super) fn host_time(bench: &Bench<'_>) -> Outcome<()> {
    let columns = [
        "batches of 4 KiB, channels",
        "slots",
        "raw, µs/batch",
        "ours, µs/batch",
        "added, µs/batch",
        "raw, processor µs/batch",
        "ours, processor µs/batch",
        "of which the device's thread",
        "queries/batch",
        "waits/batch",
        "made",
    ];
    let mut table = Table::new("The host's time for a batch (`host-time`)", &columns);
    for channels in [Channels::Rendezvous, Channels::Buffered(8), Channels::Buffered(64)] {
        for slots in [3, 8] {
            let work = Work { channels, ..bench.plan.work(4096, slots, 40_000) };
            let pairs = race(bench, work)?;
            let (raw, ours) = pairs.figures(|cost| cost.micros(work.batches));
            let added = Figures::paired(&ours, &raw, |ours, raw| ours - raw);
            let (raw_processor, ours_processor) = pairs.figures(|cost| each(cost.processor, work.batches));
            let (_, thread) = pairs.figures(|cost| each(cost.device_thread, work.batches));
            let counted = |name: &str| {
                let (_, ours) = pairs.figures(|cost| cost.counts.of(name) as f64 / work.batches as f64);
                number(Figures::of(ours).median())
            };
            let made = ["cuMemAlloc_v2", "cuMemHostAlloc", "cuEventCreate", "cuStreamCreate"];
            let made: u64 = pairs.ours.iter().flat_map(|cost| made.map(|name| cost.counts.of(name))).sum();
            table.row([
                format!("{channels:?}"),
                slots.to_string(),
                Figures::of(raw).show(),
                Figures::of(ours).show(),
                added.show(),
                Figures::of(raw_processor).show(),
                Figures::of(ours_processor).show(),
                Figures::of(thread).show(),
                counted("cuEventQuery"),
                counted("cuLaunchHostFunc"),
                made.to_string(),
            ]);
        }
    }
    table.print(
        "Goal: ≤ 2 µs added. *Processor* is what all threads of the process have used together. *Queries* are questions whether \
         a batch is done, *waits* callbacks to a sleeping thread, *made* the memory, streams and events that the driver made \
         while the clock ran, in all rounds: none, if the pools do their work.",
    );
    Ok(())
}
