//! All figures of all rounds, and the tables made of them.

use crate::{cells::Cell, competitor::Who, race::Run};
use std::{collections::BTreeMap, fmt::Write};

/// Whose figures: a competitor, and its way.
pub(crate) type Row = (Who, String);

/// Figures by round, by what they are of.
#[derive(Debug, Default)]
pub(crate) struct Record {
    figures: BTreeMap<(&'static str, Row, String), BTreeMap<u32, f64>>,
    notes: BTreeMap<(&'static str, Who), String>,
}

/// Least, median, most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let median = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
        Some(Self { least, median, most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.least == self.most {
            return f.write_str(&show(self.median));
        }
        write!(f, "{} ({}–{})", show(self.median), show(self.least), show(self.most))
    }
}

/// Three or four digits.
pub(crate) fn show(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 1e7 => format!("{:.1}M", value / 1e6),
        _ if size >= 1e6 => format!("{:.2}M", value / 1e6),
        _ if size >= 1e4 => format!("{:.1}k", value / 1e3),
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if value.fract() == 0.0 => format!("{value}"),
        _ if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

impl Record {
    pub(crate) fn add(&mut self, cell: &Cell, who: Who, round: u32, run: Run) {
        for (way, metric, value) in run.figures {
            self.figures.entry((cell.name, (who, way), metric)).or_default().insert(round, value);
        }
        if let Some(note) = run.note {
            self.notes.insert((cell.name, who), note);
        }
    }

    pub(crate) fn note(&mut self, cell: &Cell, who: Who, note: String) {
        self.notes.insert((cell.name, who), note);
    }

    /// Figures by round; none if there are none.
    pub(crate) fn rounds(&self, cell: &'static str, row: &Row, metric: &str) -> BTreeMap<u32, f64> {
        self.figures.get(&(cell, row.clone(), metric.to_owned())).cloned().unwrap_or_default()
    }

    /// The rows of a cell, in the order of its competitors.
    pub(crate) fn rows(&self, cell: &'static str) -> Vec<Row> {
        let mut rows: Vec<Row> =
            self.figures.keys().filter(|(of, ..)| *of == cell).map(|(_, row, _)| row.clone()).collect();
        rows.dedup();
        rows.sort();
        rows.dedup();
        rows
    }

    /// The table of a cell.
    pub(crate) fn table(&self, cell: &Cell, quick: bool) -> String {
        let mut text = format!("\n### {} (`{}`)\n\n| competitor | how much |", cell.title, cell.name);
        let mut rule = String::from("|---|---|");
        for (_, heading) in cell.metrics {
            let _ = write!(text, " {heading} |");
            rule.push_str("--:|");
        }
        let _ = writeln!(text, " remark |\n{rule}---|");
        let rows = self.rows(cell.name);
        for entry in cell.entries {
            let note = self.notes.get(&(cell.name, entry.who)).map(String::as_str).unwrap_or_default();
            let size = entry.sizes(quick).map(|words| words.join(" ")).unwrap_or_default();
            let mut ways: Vec<&Row> = rows.iter().filter(|(who, _)| *who == entry.who).collect();
            let nothing = (entry.who, String::new());
            if ways.is_empty() {
                ways.push(&nothing);
            }
            for row in ways {
                let way = if row.1.is_empty() { String::new() } else { format!(", {}", row.1) };
                let _ = write!(text, "| {}{way} | {size} |", entry.who.name());
                for (metric, _) in cell.metrics {
                    match Spread::of(self.rounds(cell.name, row, metric).into_values()) {
                        Some(spread) => {
                            let _ = write!(text, " {spread} |");
                        }
                        None => text.push_str(" – |"),
                    }
                }
                let _ = writeln!(text, " {} |", note.replace('|', "/"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { least: 1.0, median: 2.5, most: 4.0 });
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn figures_keep_three_digits() {
        let shown = [0.0, 5.0, 0.9712, 12.34, 123.4, 9_876.0, 12_345.0, 8_090_000.0, 12_345_678.0].map(show);
        assert_eq!(shown, ["0", "5", "0.971", "12.3", "123", "9876", "12.3k", "8.09M", "12.3M"]);
    }
}
