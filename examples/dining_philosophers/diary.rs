//! What happened on the evening: checked, and drawn.

use std::fmt::Write;
use std::iter::zip;

pub(crate) const GUESTS: usize = 5;
pub(crate) const NAMES: [&str; GUESTS] = ["Diotima", "Hypatia", "Plato", "Zeno", "Aspasia"];

/// The widest timeline that is drawn whole.
const WIDEST: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Thinks,
    /// Waits for a seat.
    Hungry,
    /// Waits for forks.
    Seated,
    Eats,
    Leaves,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) hour: u64,
    pub(crate) seat: usize,
    pub(crate) mood: Mood,
}

/// Nobody could go on; what had happened until then.
#[derive(Debug, thiserror::Error)]
#[error("deadlock: everybody who is seated waits for a fork that a neighbour holds")]
pub(crate) struct Stuck(pub(crate) Vec<Entry>);

/// One guest's evening.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) meals: u64,
    pub(crate) longest_hunger: u64,
}

/// Looks whether all of this may happen; the error says what may not.
pub(crate) fn check(entries: &[Entry], seats: usize) -> Result<[Guest; GUESTS], String> {
    let mut guests = [Guest::default(); GUESTS];
    let mut moods = [Mood::Leaves; GUESTS];
    let mut hungry_since = [0; GUESTS];
    for &Entry { hour, seat, mood } in entries {
        let before = std::mem::replace(&mut moods[seat], mood);
        let told = format!("hour {hour}: {}", NAMES[seat]);
        match (before, mood) {
            (Mood::Leaves, Mood::Thinks) | (Mood::Eats, Mood::Leaves) => {}
            (Mood::Thinks, Mood::Hungry) => hungry_since[seat] = hour,
            (Mood::Hungry, Mood::Seated) => {
                if moods.iter().filter(|mood| matches!(mood, Mood::Seated | Mood::Eats)).count() > seats {
                    return Err(format!("{told} sits down, and there are only {seats} seats"));
                }
            }
            (Mood::Seated, Mood::Eats) => {
                for neighbour in [(seat + 1) % GUESTS, (seat + GUESTS - 1) % GUESTS] {
                    if moods[neighbour] == Mood::Eats {
                        return Err(format!("{told} eats with a fork that {} has", NAMES[neighbour]));
                    }
                }
                guests[seat].meals += 1;
                guests[seat].longest_hunger = guests[seat].longest_hunger.max(hour - hungry_since[seat]);
            }
            (before, mood) => return Err(format!("{told} goes from {before:?} to {mood:?}")),
        }
    }
    Ok(guests)
}

/// A line for each guest, a column for each hour.
pub(crate) fn timeline(entries: &[Entry]) -> String {
    let end = entries.last().map_or(0, |entry| entry.hour as usize + 1);
    let mut text = format!("{:<12}", "hour");
    for hour in (0..end.min(WIDEST)).step_by(10) {
        let _ = write!(text, "{hour:<10}");
    }
    text = text.trim_end().to_owned() + "\n";
    for (seat, name) in NAMES.iter().enumerate() {
        let changes: Vec<Entry> = entries.iter().filter(|entry| entry.seat == seat).copied().collect();
        let ends = changes.iter().skip(1).map(|entry| entry.hour as usize).chain([end]);
        let mut line = String::new();
        for (change, until) in zip(&changes, ends) {
            let sign = match change.mood {
                Mood::Thinks => "·",
                Mood::Hungry => "!",
                Mood::Seated => "?",
                Mood::Eats => "█",
                Mood::Leaves => " ",
            };
            line += &sign.repeat(until - change.hour as usize);
        }
        let mut shown: String = line.chars().take(WIDEST).collect();
        if end > WIDEST {
            shown.push('…');
        }
        let _ = writeln!(text, "{name:<12}{}", shown.trim_end());
    }
    text + "\n· thinks   ! waits for a seat   ? waits for forks   █ eats\n"
}
