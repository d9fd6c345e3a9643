//! What happened in the workshop: checked, and told.

use std::collections::VecDeque;
use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Reindeer,
    Elf,
}

impl Kind {
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Reindeer => {
                &["Dasher", "Dancer", "Prancer", "Vixen", "Comet", "Cupid", "Donner", "Blitzen", "Rudolph"]
            }
            Self::Elf => &["Alma", "Birk", "Cora", "Dorn", "Elva", "Finn", "Gerda", "Holm", "Ilka", "Jory"],
        }
    }

    /// How many of them see Santa together.
    pub(crate) fn party(self) -> usize {
        match self {
            Self::Reindeer => 9,
            Self::Elf => 3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) kind: Kind,
    pub(crate) number: usize,
}

impl Visitor {
    fn name(self) -> &'static str {
        self.kind.names()[self.number]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A group is complete, and now waits at Santa's door.
    Gathered(Kind),
    Enters(Visitor),
    /// Santa begins: to deliver with the reindeer, to talk with the elves.
    Begins(Kind),
    Ends(Kind),
    Leaves(Visitor),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) hour: u64,
    pub(crate) event: Event,
}

/// The visit of one group, from its gathering on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) kind: Kind,
    pub(crate) gathered: u64,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) who: Vec<Visitor>,
    /// Reindeer, who went before elves that waited, too.
    pub(crate) contested: bool,
}

/// How far a visit has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Entering,
    Working,
    Leaving,
}

/// The visits; or, if something has happened that may not, what. Santa sees nine reindeer or three elves, never others,
/// one group after the other, and no elves while the reindeer wait.
pub(crate) fn check(trace: &[Entry]) -> Result<Vec<Visit>, String> {
    let mut visits: Vec<Visit> = Vec::new();
    // Since when groups wait: of reindeer, of elves.
    let mut waiting = [VecDeque::new(), VecDeque::new()];
    let mut inside: Vec<Visitor> = Vec::new();
    let mut stage = Stage::Leaving;
    for &Entry { hour, event } in trace {
        let wrong = |what: &str| Err(format!("hour {hour}: {event:?}, {what}"));
        let visit = visits.last_mut();
        match (event, stage, visit) {
            (Event::Gathered(kind), ..) => waiting[kind as usize].push_back(hour),
            (Event::Enters(visitor), Stage::Leaving, _) if inside.is_empty() => {
                let kind = visitor.kind;
                let Some(gathered) = waiting[kind as usize].pop_front() else {
                    return wrong("but no group has gathered");
                };
                let others = waiting[1 - kind as usize].front();
                // In the hour in which the last reindeer comes, Santa may have seen the elves just before.
                if kind == Kind::Elf && others.is_some_and(|since| *since < hour) {
                    return wrong("but the reindeer wait");
                }
                let contested = kind == Kind::Reindeer && others.is_some();
                visits.push(Visit { kind, gathered, began: hour, ended: hour, who: vec![visitor], contested });
                inside.push(visitor);
                stage = Stage::Entering;
            }
            (Event::Enters(visitor), Stage::Entering, Some(visit)) => {
                if visitor.kind != visit.kind || inside.contains(&visitor) {
                    return wrong("but is not one of this group");
                }
                visit.who.push(visitor);
                inside.push(visitor);
            }
            (Event::Begins(kind), Stage::Entering, Some(visit)) => {
                if kind != visit.kind || inside.len() != kind.party() {
                    return wrong(&format!("but there are {} {:?}", inside.len(), visit.kind));
                }
                stage = Stage::Working;
            }
            (Event::Ends(kind), Stage::Working, Some(visit)) if kind == visit.kind => {
                visit.ended = hour;
                stage = Stage::Leaving;
            }
            (Event::Leaves(visitor), Stage::Leaving, Some(_)) if inside.contains(&visitor) => {
                inside.retain(|other| *other != visitor);
            }
            (_, stage, visit) => return wrong(&format!("at the stage {stage:?} of {visit:?}")),
        }
    }
    if stage == Stage::Leaving && inside.is_empty() {
        Ok(visits)
    } else {
        Err("the last group has not left".to_owned())
    }
}

/// A line for each visit.
pub(crate) fn timeline(visits: &[Visit]) -> String {
    let mut text = String::new();
    for Visit { kind, gathered, began, ended, who, contested } in visits {
        let who = match kind {
            Kind::Reindeer => "THE SLEIGH IS OUT, with all nine reindeer".to_owned(),
            Kind::Elf => format!("elves: {}", who.iter().map(|elf| elf.name()).collect::<Vec<_>>().join(", ")),
        };
        let mut notes = Vec::new();
        if began > gathered {
            notes.push(format!("waited {}", began - gathered));
        }
        if *contested {
            notes.push("went before elves".to_owned());
        }
        let line = format!("hours {began:>4} to {ended:>4}   {who:<44}{}", notes.join(", "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
