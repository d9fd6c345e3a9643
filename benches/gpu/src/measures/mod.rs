//! The measures. In each round every competitor has its turn, and each round another one begins.

mod chain;
pub(crate) mod cpu_body;
mod overlap;
mod round_trip;
mod streaming;

use aqueduct::gpu::Gpu;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::cost::Cost;
use crate::ours::{self, Channels, Work};
use crate::raw::Raw;

pub(crate) const STREAMING: &str = "streaming";
pub(crate) const HOST_TIME: &str = "host-time";
pub(crate) const OVERLAP: &str = "overlap";
pub(crate) const ROUND_TRIP: &str = "round-trip";
pub(crate) const CHAIN: &str = "chain";
pub(crate) const CPU_BODY: &str = "cpu-body";

pub(crate) const NAMES: [&str; 6] = [STREAMING, HOST_TIME, OVERLAP, ROUND_TRIP, CHAIN, CPU_BODY];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    /// There are results to check.
    pub(crate) computes: bool,
}

impl Plan {
    /// A number of batches, or what is left of it in a quick run.
    fn count(&self, batches: usize) -> usize {
        if self.quick { (batches / 20).max(20) } else { batches }
    }

    /// The work of a cell.
    fn work(&self, bytes: usize, slots: usize, batches: usize) -> Work {
        let batches = self.count(batches);
        Work {
            length: bytes / size_of::<f32>(),
            slots,
            warm: batches / 10 + slots,
            batches,
            channels: Channels::Rendezvous,
            computes: self.computes,
        }
    }
}

/// Measures, and prints its table.
type Measure = fn(&Bench<'_>) -> Outcome<()>;

/// What every measure on the device needs.
struct Bench<'a> {
    plan: &'a Plan,
    gpu: &'a Gpu,
    runtime: Runtime,
}

/// What is measured where there is a GPU, or a stand-in for one.
pub(crate) fn on_device(plan: &Plan, gpu: &Gpu, wanted: &dyn Fn(&str) -> bool) -> Outcome<()> {
    let bench = Bench { plan, gpu, runtime: ours::runtime()? };
    let all: [(&str, Measure); 5] = [
        (STREAMING, streaming::throughput),
        (HOST_TIME, streaming::host_time),
        (OVERLAP, overlap::run),
        (ROUND_TRIP, round_trip::run),
        (CHAIN, chain::run),
    ];
    for (name, measure) in all {
        if wanted(name) {
            measure(&bench)?;
        }
    }
    Ok(())
}

impl Bench<'_> {
    fn raw(&self, work: Work) -> Outcome<Raw> {
        Raw::open(self.gpu, work.slots, work.length, work.computes)
    }

    /// As many buffers as can be out at a time, and a few.
    fn fill_pool(&self, work: Work) -> Outcome<()> {
        let queued = match work.channels {
            Channels::Rendezvous => 0,
            Channels::Buffered(room) => 2 * room,
        };
        ours::fill_pool(&self.runtime, self.gpu, work.length, 2 * work.slots + queued + 6)
    }
}

/// The costs of the rounds, of the raw loop and ours.
#[derive(Debug, Default)]
struct Pairs {
    raw: Vec<Cost>,
    ours: Vec<Cost>,
}

impl Pairs {
    /// Runs the rounds; each round the other begins.
    fn run(
        rounds: usize,
        mut raw: impl FnMut() -> Outcome<Cost>,
        mut ours: impl FnMut() -> Outcome<Cost>,
    ) -> Outcome<Self> {
        let mut pairs = Self::default();
        for round in 0..rounds {
            if round.is_multiple_of(2) {
                pairs.raw.push(raw()?);
            }
            pairs.ours.push(ours()?);
            if !round.is_multiple_of(2) {
                pairs.raw.push(raw()?);
            }
        }
        Ok(pairs)
    }

    /// A figure of each round, of the raw loop and ours.
    fn figures(&self, figure: impl Fn(&Cost) -> f64) -> (Vec<f64>, Vec<f64>) {
        (self.raw.iter().map(&figure).collect(), self.ours.iter().map(&figure).collect())
    }
}

/// For people: `256 KiB`.
fn size(bytes: usize) -> String {
    match bytes {
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}
