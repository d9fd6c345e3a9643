//! The goals, and whether they are met.
//!
//! What is compared with a peer is compared round by round, since a machine's pace changes between rounds: the ratio is
//! the median of the rounds' ratios.

use crate::{
    cells::CELLS,
    competitor::Who,
    record::{Record, Row, Spread, show},
    sizes::Sizes,
};
use std::{collections::BTreeMap, fmt::Write};

/// What a figure of ours is held against.
#[derive(Clone, Copy, Debug)]
enum Against {
    Fixed(f64),
    /// The best peer's median, times this.
    Best(f64),
    /// Raw quinn's, by this way, times this.
    Raw(&'static str, f64),
    /// 1.5 echoes of raw quinn and two wakes of a thread.
    EchoAndWakes,
    /// The length of a task, and so many milliseconds.
    TaskAnd(f64),
}

use Against::{Best, EchoAndWakes, Fixed, Raw, TaskAnd};

struct Goal {
    text: &'static str,
    cell: &'static str,
    way: &'static str,
    metric: &'static str,
    more_is_better: bool,
    against: Against,
}

const fn more(
    text: &'static str,
    cell: &'static str,
    way: &'static str,
    metric: &'static str,
    against: Against,
) -> Goal {
    Goal { text, cell, way, metric, more_is_better: true, against }
}

const fn less(
    text: &'static str,
    cell: &'static str,
    way: &'static str,
    metric: &'static str,
    against: Against,
) -> Goal {
    Goal { text, cell, way, metric, more_is_better: false, against }
}

const GOALS: &[Goal] = &[
    more("no-op, automatic chunks: ahead of the best peer", "automatic", "ordered", "rate", Best(1.0)),
    more("… 10 M/s", "automatic", "ordered", "rate", Fixed(10e6)),
    more("no-op, one message each, ordered: ahead of the best peer", "single", "ordered", "rate", Best(1.0)),
    more("… 300 k/s", "single", "ordered", "rate", Fixed(300e3)),
    more("no-op, one message each, unordered: ahead of the best peer", "single", "unordered", "rate", Best(1.0)),
    more("… 300 k/s", "single", "unordered", "rate", Fixed(300e3)),
    less("round trip, median, µs: under the best peer's", "round-trip", "awaited", "median", Best(1.0)),
    less("… stretch: 1.5 raw echoes and two wakes", "round-trip", "awaited", "median", EchoAndWakes),
    less("the same from a thread", "round-trip", "from a thread", "median", EchoAndWakes),
    more("1 ms tasks: 0.97 of the ideal", "busy-1ms", "", "share", Fixed(0.97)),
    more("… ahead of the best peer", "busy-1ms", "", "share", Best(1.0)),
    more("10 ms tasks: 0.99 of the ideal", "busy-10ms", "", "share", Fixed(0.99)),
    more("… ahead of the best peer", "busy-10ms", "", "share", Best(1.0)),
    more("arguments of 1 MiB, MB/s: 0.85 of a raw stream", "arguments", "Bytes", "speed", Raw("one process", 0.85)),
    more("… of raw streams to two processes", "arguments", "Bytes", "speed", Raw("two processes", 0.85)),
    more("… as Vec<u8>", "arguments", "Vec<u8>", "speed", Raw("one process", 0.85)),
    more("… ahead of the best peer", "arguments", "Bytes", "speed", Best(1.0)),
    more("results of 1 MiB, MB/s: 0.85 of a raw stream", "results", "Bytes", "speed", Raw("one process", 0.85)),
    more("… of raw streams from two processes", "results", "Bytes", "speed", Raw("two processes", 0.85)),
    more("… as Vec<u8>", "results", "Vec<u8>", "speed", Raw("one process", 0.85)),
    more("… ahead of the best peer", "results", "Bytes", "speed", Best(1.0)),
    less("each of 10 M items ÷ each of 10 k: within 1.1", "growth", "", "ratio", Fixed(1.1)),
    less("memory, MiB above the start, peak over 10 M: within 16", "growth", "", "growth", Fixed(16.0)),
    less("lost work begun elsewhere: within 20 ms", "kill-short", "", "begun", Fixed(20.0)),
    less("… of long tasks", "kill", "", "begun", Fixed(20.0)),
    less("map with a kill, ms longer: a task and 30 ms", "kill", "", "longer", TaskAnd(30.0)),
    less("… of short tasks", "kill-short", "", "longer", TaskAnd(30.0)),
    less("tasks begun again without cause: none", "kill", "", "needless", Fixed(0.0)),
    more("many submits: ahead of the best peer", "submits", "", "rate", Best(1.0)),
    more("map and reduce: ahead of the best peer", "reduce", "", "rate", Best(1.0)),
];

type Rounds = BTreeMap<u32, f64>;

impl Goal {
    /// What ours is to be held against in each round, and how it is called.
    fn bound(&self, record: &Record, ours: &Rounds, quick: bool) -> Option<(Rounds, String)> {
        let everywhere = |value: f64| ours.keys().map(|&round| (round, value)).collect::<Rounds>();
        let raw = |way: &str| record.rounds(self.cell, &(Who::Raw, way.to_owned()), self.metric);
        let scaled = |rounds: Rounds, factor: f64| rounds.into_iter().map(|(round, v)| (round, v * factor)).collect();
        match self.against {
            Fixed(value) => Some((everywhere(value), show(value))),
            TaskAnd(rest) => {
                let cell = CELLS.iter().find(|cell| cell.name == self.cell)?;
                let entry = cell.entries.iter().find(|entry| entry.who == Who::Aqueduct)?;
                let task = Sizes::parse(entry.sizes(quick)?).ok()?.number("micros").ok()?;
                let bound = task as f64 * 1e-3 + rest;
                Some((everywhere(bound), show(bound)))
            }
            Raw(way, factor) => {
                let rounds = raw(way);
                let name = format!("{factor} × raw quinn, {way}: {}", Spread::of(rounds.values().copied())?);
                Some((scaled(rounds, factor), name))
            }
            EchoAndWakes => {
                let (echo, wake) = (raw("echo of 64 bytes"), raw("wake of a thread"));
                let both = echo.iter().filter_map(|(round, echo)| Some((*round, 1.5 * echo + 2.0 * wake.get(round)?)));
                let rounds: Rounds = both.collect();
                let name = format!("1.5 echoes and two wakes: {}", Spread::of(rounds.values().copied())?);
                Some((rounds, name))
            }
            Best(factor) => {
                let peers = record.rows(self.cell).into_iter().filter(|(who, _)| who.is_peer());
                let median =
                    |row: &Row| Some(Spread::of(record.rounds(self.cell, row, self.metric).into_values())?.median);
                let best = peers.filter(|row| median(row).is_some()).max_by(|a, b| {
                    let order = median(a).unwrap_or_default().total_cmp(&median(b).unwrap_or_default());
                    if self.more_is_better { order } else { order.reverse() }
                })?;
                let rounds = record.rounds(self.cell, &best, self.metric);
                let name = format!("{}: {}", best.0.name(), Spread::of(rounds.values().copied())?);
                Some((scaled(rounds, factor), name))
            }
        }
    }

    fn line(&self, record: &Record, quick: bool) -> String {
        let ours = record.rounds(self.cell, &(Who::Aqueduct, self.way.to_owned()), self.metric);
        let Some(spread) = Spread::of(ours.values().copied()) else {
            return format!("| {} | not measured | | | |\n", self.text);
        };
        let Some((bound, name)) = self.bound(record, &ours, quick) else {
            return format!("| {} | {spread} | nobody to compare with | | |\n", self.text);
        };
        // A bound of 0 is met by 0 alone.
        let ratio = |ours: f64, bound: f64| if ours == bound { 1.0 } else { ours / bound };
        let ratios = ours.iter().filter_map(|(round, value)| Some(ratio(*value, *bound.get(round)?)));
        let Some(ratios) = Spread::of(ratios) else {
            return format!("| {} | {spread} | {name} | no round with both | |\n", self.text);
        };
        // Of what is below zero no ratio says anything: only that the bound is kept.
        let met = if self.more_is_better { ratios.median >= 1.0 } else { ratios.median <= 1.0 };
        format!("| {} | {spread} | {name} | {ratios} | {} |\n", self.text, if met { "yes" } else { "**no**" })
    }
}

pub(crate) fn table(record: &Record, cells: &[&'static str], quick: bool) -> String {
    let mut text = String::from("\n### Goals\n\n");
    let _ = writeln!(text, "| goal | ours | held against | ours ÷ that, round by round | met |\n|---|--:|---|--:|---|");
    for goal in GOALS.iter().filter(|goal| cells.contains(&goal.cell)) {
        text.push_str(&goal.line(record, quick));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::Run;

    fn record(cell: &str, rounds: &[&[(Who, &str, &str, f64)]]) -> Record {
        let cell = CELLS.iter().find(|known| known.name == cell).unwrap();
        let mut record = Record::default();
        for (round, figures) in (0..).zip(rounds) {
            for &(who, way, metric, value) in *figures {
                let figures = vec![(way.to_owned(), metric.to_owned(), value)];
                record.add(cell, who, round, Run { figures, ..Run::default() });
            }
        }
        record
    }

    fn met(record: &Record, text: &str, cell: &str) -> bool {
        let goal = GOALS.iter().find(|goal| goal.text.starts_with(text) && goal.cell == cell).unwrap();
        let line = goal.line(record, false);
        assert!(line.ends_with("| yes |\n") || line.ends_with("| **no** |\n"), "{line}");
        line.ends_with("| yes |\n")
    }

    #[test]
    fn goals_are_about_figures_that_there_are() {
        for goal in GOALS {
            let cell = CELLS.iter().find(|cell| cell.name == goal.cell).unwrap();
            assert!(cell.metrics.iter().any(|(metric, _)| *metric == goal.metric), "{}", goal.text);
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The second round was twice as slow for everybody.
        let rate = "rate";
        let record = record(
            "single",
            &[
                &[(Who::Aqueduct, "ordered", rate, 100.0), (Who::Pool, "", rate, 90.0)],
                &[(Who::Aqueduct, "ordered", rate, 50.0), (Who::Pool, "", rate, 45.0)],
                &[(Who::Aqueduct, "ordered", rate, 80.0), (Who::Pool, "", rate, 120.0)],
            ],
        );
        assert!(met(&record, "no-op, one message each, ordered", "single"));
    }

    #[test]
    fn a_peer_that_is_better_is_noticed_in_both_directions() {
        let slow = record("single", &[&[(Who::Aqueduct, "ordered", "rate", 9.0), (Who::Dask, "", "rate", 10.0)]]);
        assert!(!met(&slow, "no-op, one message each, ordered", "single"));
        let late = record(
            "round-trip",
            &[&[
                (Who::Aqueduct, "awaited", "median", 11.0),
                (Who::Pool, "", "median", 10.0),
                (Who::Ray, "", "median", 99.0),
            ]],
        );
        assert!(!met(&late, "round trip", "round-trip"));
    }

    #[test]
    fn what_runs_in_the_main_process_is_no_peer() {
        let record = record("single", &[&[(Who::Aqueduct, "ordered", "rate", 9.0), (Who::Scoop, "", "rate", 10.0)]]);
        let goal = GOALS.iter().find(|goal| goal.cell == "single").unwrap();
        assert!(goal.line(&record, false).contains("nobody to compare with"));
    }

    #[test]
    fn the_cost_of_a_death_is_held_against_the_length_of_a_task() {
        let longer = |value| record("kill", &[&[(Who::Aqueduct, "", "longer", value)]]);
        assert!(met(&longer(80.0), "map with a kill", "kill"));
        assert!(!met(&longer(80.1), "map with a kill", "kill"));
    }
}
