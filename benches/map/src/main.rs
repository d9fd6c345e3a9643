//! The race of the distributed map against its peers; see `README.md` beside this crate.
//!
//! ```text
//! main ── race: runs one competitor in one cell, as a process of its own ── record ── goals
//!           ├── ours         the map (this program again, `--ours CELL`)
//!           ├── raw          quinn alone (`--raw CELL`)
//!           └── peers/*.py   the others
//! ```

mod cells;
mod clock;
mod competitor;
mod goals;
mod killed;
mod machine;
mod ours;
mod race;
mod raw;
mod record;
mod report;
mod sizes;

use cells::{CELLS, Cell};
use competitor::{Python, Who};
use record::Record;
use sizes::Sizes;
use std::{collections::BTreeMap, env, error::Error, process::ExitCode, time::Instant};

const USAGE: &str = "usage: map-race [--quick] [--rounds N] [--only CELL]...";

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Options {
    quick: bool,
    rounds: u32,
    only: Vec<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { quick: false, rounds: 0, only: Vec::new() };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--quick" => options.quick = true,
                "--rounds" => {
                    let text = value()?;
                    let rounds = text.parse().ok().filter(|&rounds| rounds > 0);
                    options.rounds = rounds.ok_or_else(|| format!("`--rounds {text}` is not a number above zero"))?;
                }
                "--only" => options.only.push(value()?),
                _ => return Err(format!("no such option: {word}\n{USAGE}")),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 1 } else { 5 };
        }
        for wanted in &options.only {
            if !CELLS.iter().any(|cell| cell.name == wanted) {
                let names: Vec<_> = CELLS.iter().map(|cell| cell.name).collect();
                return Err(format!("no such cell: {wanted}; there are {}", names.join(", ")));
            }
        }
        Ok(options)
    }

    fn cells(&self) -> Vec<&'static Cell> {
        let wanted = |cell: &&Cell| self.only.is_empty() || self.only.iter().any(|name| name == cell.name);
        CELLS.iter().filter(wanted).collect()
    }
}

/// The race; true if ours did all that it was asked.
fn race(options: &Options) -> Outcome<bool> {
    let python = Python::find();
    let scratch = race::Scratch::new()?;
    let present: BTreeMap<Who, Result<String, String>> =
        Who::PEERS.into_iter().map(|who| (who, python.version(who))).collect();
    let cells = options.cells();
    let load = machine::load();
    let mut record = Record::default();
    let mut good = true;
    for round in 0..options.rounds {
        for cell in &cells {
            // Each round another competitor begins.
            let turn = round as usize % cell.entries.len();
            for entry in cell.entries[turn..].iter().chain(&cell.entries[..turn]) {
                if let Some(Err(reason)) = present.get(&entry.who) {
                    record.note(cell, entry.who, format!("missing: {reason}"));
                    continue;
                }
                let Some(sizes) = entry.sizes(options.quick) else {
                    record.note(cell, entry.who, "left out".into());
                    continue;
                };
                let start = Instant::now();
                let run = race::run(cell, entry, sizes, &python, &scratch)?;
                let said = run.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
                let (of, seconds) = (options.rounds, start.elapsed().as_secs_f64());
                eprintln!("round {} of {of}, {}, {}: {seconds:.1} s{said}", round + 1, cell.name, entry.who.name());
                good &= entry.who != Who::Aqueduct || !run.failed;
                record.add(cell, entry.who, round, run);
            }
        }
    }
    println!("{}", machine::heading(&present, options.rounds, options.quick, &load));
    for cell in &cells {
        print!("{}", record.table(cell, options.quick));
    }
    let names: Vec<_> = cells.iter().map(|cell| cell.name).collect();
    print!("{}", goals::table(&record, &names, options.quick));
    Ok(good)
}

fn main() -> ExitCode {
    // In a worker process this does not return.
    aqueduct::init();
    let words: Vec<String> = env::args().skip(1).collect();
    let part = |rest: &[String], run: fn(&str, &Sizes) -> Outcome<()>| match rest {
        [cell, sizes @ ..] => run(cell, &Sizes::parse(sizes.to_vec())?).map(|()| true),
        [] => Err("which cell?".into()),
    };
    let outcome = match &words[..] {
        [role, rest @ ..] if role == "--ours" => part(rest, ours::run),
        [role, rest @ ..] if role == "--raw" => part(rest, raw::run),
        [role] if role == "--other-side" => raw::other_side().map(|()| true),
        _ => Options::parse(words.into_iter()).map_err(Into::into).and_then(|options| race(&options)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("ours did not do all that it was asked: see the remarks");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
