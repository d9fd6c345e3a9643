//! What the diaries of tasks tell about a killed worker.
//!
//! Each task appends `B item pid time` when it begins and `E item pid time` when it ends. The same for all competitors.

use std::{collections::BTreeSet, fs, io, path::Path};

/// A line of a diary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) begins: bool,
    pub(crate) item: u64,
    pub(crate) pid: u32,
    pub(crate) at: u64,
}

/// The whole lines of a diary; a line that is being written is left out.
pub(crate) fn read(diary: &Path) -> io::Result<Vec<Entry>> {
    parse(&fs::read_to_string(diary)?).map_err(io::Error::other)
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().map(|line| entry(line).ok_or_else(|| format!("not a line of a diary: `{line}`"))).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let begins = match words.next()? {
        "B" => true,
        "E" => false,
        _ => return None,
    };
    Some(Entry {
        begins,
        item: words.next()?.parse().ok()?,
        pid: words.next()?.parse().ok()?,
        at: words.next()?.parse().ok()?,
    })
}

/// What a death has cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Tasks that had begun at the victim and not ended.
    pub(crate) lost: usize,
    /// Milliseconds from the kill until the first of them began elsewhere, if it did.
    pub(crate) begun_elsewhere: Option<f64>,
    /// Tasks that were begun once more although nothing had happened to them.
    pub(crate) needless: usize,
}

pub(crate) fn cost(entries: &[Entry], victim: u32, at: u64) -> Cost {
    let ended_there: BTreeSet<u64> =
        entries.iter().filter(|entry| !entry.begins && entry.pid == victim).map(|entry| entry.item).collect();
    let begun_there = entries.iter().filter(|entry| entry.begins && entry.pid == victim).map(|entry| entry.item);
    let lost: BTreeSet<u64> = begun_there.filter(|item| !ended_there.contains(item)).collect();
    let again = entries.iter().filter(|entry| entry.begins && entry.pid != victim && lost.contains(&entry.item));
    let begun_elsewhere = again.map(|entry| entry.at).min().map(|begun| (begun as f64 - at as f64) * 1e-6);

    let mut seen = BTreeSet::new();
    let begun = entries.iter().filter(|entry| entry.begins);
    let repeated: BTreeSet<u64> = begun.filter(|entry| !seen.insert(entry.item)).map(|entry| entry.item).collect();
    Cost { lost: lost.len(), begun_elsewhere, needless: repeated.difference(&lost).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_work_is_what_began_at_the_victim_and_did_not_end() {
        let diary = "B 0 7 100\nB 1 8 110\nE 0 7 200\nB 2 7 210\nB 2 8 3000210\nE 1 8 400\nE 2 8 3000300\n";
        let cost = cost(&parse(diary).unwrap(), 7, 1_000_210);
        assert_eq!(cost, Cost { lost: 1, begun_elsewhere: Some(2.0), needless: 0 });
    }

    #[test]
    fn work_that_was_not_lost_and_begins_again_is_needless() {
        let diary = "B 0 7 100\nE 0 7 200\nB 0 8 300\nE 0 8 400\n";
        assert_eq!(cost(&parse(diary).unwrap(), 7, 250), Cost { lost: 0, begun_elsewhere: None, needless: 1 });
    }

    #[test]
    fn a_line_that_is_being_written_is_left_out() {
        assert_eq!(parse("B 0 7 100\nE 0 7 2").unwrap().len(), 1);
        assert!(parse("B 0 seven 100\n").is_err());
    }
}
