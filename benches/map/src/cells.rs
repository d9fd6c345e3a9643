//! The cells: what is measured, by whom, and how much of it.

use crate::competitor::Who::{self, Aqueduct, Dask, Mpi, Pool, ProcessPool, Raw, Ray, Scoop};
use std::time::Duration;

/// One table of the record.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Names, as reports have them, and headings.
    pub(crate) metrics: &'static [(&'static str, &'static str)],
    pub(crate) entries: &'static [Entry],
    /// A competitor that takes longer hangs.
    pub(crate) limit: Duration,
}

/// A competitor in a cell. Rates are compared, so that slow ones may have less to do.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) who: Who,
    pub(crate) full: &'static str,
    pub(crate) quick: &'static str,
}

impl Entry {
    /// What the competitor is told; `None` if it is left out.
    pub(crate) fn sizes(&self, quick: bool) -> Option<Vec<String>> {
        let text = if quick { self.quick } else { self.full };
        (text != LEFT_OUT).then(|| text.split(' ').map(str::to_owned).collect())
    }
}

impl Cell {
    pub(crate) fn is_kill(&self) -> bool {
        self.name.starts_with("kill")
    }
}

const fn entry(who: Who, full: &'static str, quick: &'static str) -> Entry {
    Entry { who, full, quick }
}

/// Ray and Dask take seconds to start: a quick run has them in three cells only.
const LEFT_OUT: &str = "";
const LIMIT: Duration = Duration::from_secs(120);
const RATE: &[(&str, &str)] = &[("rate", "tasks/s")];
const KILL: &[(&str, &str)] = &[
    ("begun", "lost work begun elsewhere after, ms"),
    ("longer", "longer than in peace, ms"),
    ("needless", "tasks begun again without cause"),
];

const MILLISECOND: (&str, &str) = ("tasks=2000 micros=1000", "tasks=200 micros=1000");
const TEN: (&str, &str) = ("tasks=400 micros=10000", "tasks=40 micros=10000");
const NAPS: (&str, &str) = ("tasks=200 micros=50000 after=1000", "tasks=40 micros=25000 after=150");
const SHORT_NAPS: (&str, &str) = ("tasks=2000 micros=2000 after=500", "tasks=300 micros=2000 after=100");
const GROWTH: (&str, &str) = ("small=10000 large=10000000 repeats=50", "small=10000 large=500000 repeats=5");

pub(crate) const CELLS: &[Cell] = &[
    Cell {
        name: "automatic",
        title: "No-op tasks, chunks by the library's own choice",
        metrics: RATE,
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "tasks=10000000", "tasks=500000"),
            entry(Pool, "tasks=10000000", "tasks=500000"),
            entry(ProcessPool, "tasks=1000000", "tasks=50000"),
            entry(Mpi, "tasks=500000", "tasks=20000"),
        ],
    },
    Cell {
        name: "single",
        title: "No-op tasks, one message for each",
        metrics: RATE,
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "tasks=1000000", "tasks=30000"),
            entry(Pool, "tasks=200000", "tasks=20000"),
            entry(ProcessPool, "tasks=20000", "tasks=2000"),
            entry(Mpi, "tasks=10000", "tasks=1000"),
            entry(Ray, "tasks=5000", "tasks=300"),
            entry(Dask, "tasks=2000", "tasks=100"),
            entry(Scoop, "tasks=3000", "tasks=300"),
        ],
    },
    Cell {
        name: "round-trip",
        title: "One no-op task at a time: submit, and wait for its result",
        metrics: &[("median", "median, µs"), ("p99", "99th percentile, µs")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "tasks=10000", "tasks=500"),
            entry(Raw, "tasks=10000", "tasks=500"),
            entry(Pool, "tasks=5000", "tasks=300"),
            entry(ProcessPool, "tasks=5000", "tasks=300"),
            entry(Mpi, "tasks=3000", "tasks=200"),
            entry(Ray, "tasks=500", "tasks=50"),
            entry(Dask, "tasks=100", "tasks=10"),
            entry(Scoop, "tasks=300", "tasks=50"),
        ],
    },
    Cell {
        name: "busy-1ms",
        title: "Tasks of 1 ms of processor time",
        metrics: &[("share", "share of the ideal")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, MILLISECOND.0, MILLISECOND.1),
            entry(Pool, MILLISECOND.0, MILLISECOND.1),
            entry(ProcessPool, MILLISECOND.0, MILLISECOND.1),
            entry(Mpi, MILLISECOND.0, MILLISECOND.1),
            entry(Ray, MILLISECOND.0, LEFT_OUT),
            entry(Dask, MILLISECOND.0, LEFT_OUT),
            entry(Scoop, MILLISECOND.0, MILLISECOND.1),
        ],
    },
    Cell {
        name: "busy-10ms",
        title: "Tasks of 10 ms of processor time",
        metrics: &[("share", "share of the ideal")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, TEN.0, TEN.1),
            entry(Pool, TEN.0, TEN.1),
            entry(ProcessPool, TEN.0, TEN.1),
            entry(Mpi, TEN.0, TEN.1),
            entry(Ray, TEN.0, LEFT_OUT),
            entry(Dask, TEN.0, LEFT_OUT),
            entry(Scoop, TEN.0, TEN.1),
        ],
    },
    Cell {
        name: "arguments",
        title: "Arguments of 1 MiB",
        metrics: &[("speed", "MB/s")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "pieces=256", "pieces=16"),
            entry(Raw, "pieces=256", "pieces=16"),
            entry(Pool, "pieces=128", "pieces=16"),
            entry(ProcessPool, "pieces=128", "pieces=16"),
            entry(Mpi, "pieces=256", "pieces=16"),
            entry(Ray, "pieces=64", LEFT_OUT),
            entry(Dask, "pieces=64", LEFT_OUT),
            entry(Scoop, "pieces=64", "pieces=8"),
        ],
    },
    Cell {
        name: "results",
        title: "Results of 1 MiB",
        metrics: &[("speed", "MB/s")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "pieces=256", "pieces=16"),
            entry(Raw, "pieces=256", "pieces=16"),
            entry(Pool, "pieces=128", "pieces=16"),
            entry(ProcessPool, "pieces=128", "pieces=16"),
            entry(Mpi, "pieces=256", "pieces=16"),
            entry(Ray, "pieces=64", LEFT_OUT),
            entry(Dask, "pieces=64", LEFT_OUT),
            entry(Scoop, "pieces=64", "pieces=8"),
        ],
    },
    Cell {
        name: "growth",
        title: "Time of each no-op task, of many and of few; memory of the program that maps",
        metrics: &[
            ("few", "each of few, ns"),
            ("many", "each of many, ns"),
            ("ratio", "many ÷ few"),
            ("before", "memory before, MiB"),
            ("growth", "peak above that, MiB"),
        ],
        limit: LIMIT,
        entries: &[entry(Aqueduct, GROWTH.0, GROWTH.1), entry(Pool, GROWTH.0, GROWTH.1)],
    },
    Cell {
        name: "kill",
        title: "A worker is killed in the middle of a map",
        metrics: KILL,
        limit: Duration::from_secs(30),
        entries: &[
            entry(Aqueduct, NAPS.0, NAPS.1),
            entry(Pool, NAPS.0, NAPS.1),
            entry(ProcessPool, NAPS.0, NAPS.1),
            entry(Mpi, NAPS.0, NAPS.1),
            entry(Ray, NAPS.0, NAPS.1),
            entry(Dask, NAPS.0, NAPS.1),
            entry(Scoop, NAPS.0, NAPS.1),
        ],
    },
    Cell {
        name: "kill-short",
        title: "The same, of short tasks",
        metrics: KILL,
        limit: Duration::from_secs(30),
        entries: &[
            entry(Aqueduct, SHORT_NAPS.0, SHORT_NAPS.1),
            entry(Ray, SHORT_NAPS.0, LEFT_OUT),
            entry(Dask, SHORT_NAPS.0, LEFT_OUT),
        ],
    },
    Cell {
        name: "submits",
        title: "No-op tasks, all submitted at once, one by one, and all awaited",
        metrics: RATE,
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "tasks=20000", "tasks=2000"),
            entry(Pool, "tasks=20000", "tasks=2000"),
            entry(ProcessPool, "tasks=20000", "tasks=2000"),
            entry(Mpi, "tasks=20000", "tasks=1000"),
            entry(Ray, "tasks=20000", LEFT_OUT),
            entry(Dask, "tasks=4000", LEFT_OUT),
        ],
    },
    Cell {
        name: "reduce",
        title: "Map and reduce: the sum of numbers",
        metrics: &[("rate", "numbers/s")],
        limit: LIMIT,
        entries: &[
            entry(Aqueduct, "tasks=1000000", "tasks=100000"),
            entry(Pool, "tasks=1000000", "tasks=100000"),
            entry(ProcessPool, "tasks=1000000", "tasks=20000"),
            entry(Mpi, "tasks=500000", "tasks=10000"),
            entry(Scoop, "tasks=4096", "tasks=256"),
        ],
    },
    Cell {
        name: "tree",
        title: "A binary tree of tasks, each of which maps over its two children",
        metrics: &[("rate", "nodes/s")],
        limit: LIMIT,
        entries: &[entry(Aqueduct, "depth=12", "depth=8"), entry(Scoop, "depth=12", "depth=8")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;

    #[test]
    fn every_competitor_is_told_the_same_kind_of_sizes_in_full_and_in_quick_runs() {
        let names = |words: Vec<String>| -> Vec<String> {
            Sizes::parse(words.clone()).unwrap();
            words.iter().map(|word| word.split('=').next().unwrap().to_owned()).collect()
        };
        for entry in CELLS.iter().flat_map(|cell| cell.entries) {
            let full = names(entry.sizes(false).unwrap());
            assert_eq!(entry.sizes(true).map(names).unwrap_or_else(|| full.clone()), full, "{entry:?}");
        }
    }
}
