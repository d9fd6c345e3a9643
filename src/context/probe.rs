//! The probe: which processes run, and which channel ends they have.
//!
//! It is off unless somebody watches. While it is off, telling it something costs one relaxed load.
//!
//! Processes tell when they start, with the ends in their metadata, and when they end; operations tell which end they
//! use, and so show the ends that came over a channel or in a closure; a channel tells when the last end of one side
//! is gone, before its address can be used again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::end::{EndInfo, EndKey};
use super::{Identity, Kind, Location, with_current};

/// How many watch. Changed under the lock of [`NETWORK`] alone.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

static NETWORK: Mutex<Option<Network>> = Mutex::new(None);

/// What was told since the first of those who watch began. Its lock is the last that anybody takes.
#[derive(Debug, Default)]
struct Network {
    processes: BTreeMap<u64, Process>,
    sides: HashMap<EndKey, Side>,
}

#[derive(Debug)]
struct Process {
    about: About,
    /// Its ends, in the order in which they became known.
    ends: Vec<EndKey>,
}

/// The ends on one side of a channel.
#[derive(Debug)]
struct Side {
    info: EndInfo,
    /// By process, what it calls them; empty if it uses one without a name.
    users: HashMap<u64, Vec<PortName>>,
}

/// What a process calls one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortName {
    pub(crate) base: &'static str,
    /// Its place among several ends.
    pub(crate) index: Option<u32>,
}

/// What is known of a process itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) identity: Identity,
    pub(crate) kind: Kind,
    pub(crate) location: Location,
}

/// The ends of one process: what it calls them, if it has a name for them, and what is known of them.
pub(crate) type Ends = Vec<(Option<PortName>, EndInfo)>;

/// True while somebody watches.
#[inline]
pub(crate) fn watched() -> bool {
    WATCHERS.load(Ordering::Relaxed) != 0
}

/// Watches as long as it lives.
#[derive(Debug)]
pub(crate) struct Watching(());

impl Watching {
    pub(crate) fn begin() -> Self {
        let mut network = NETWORK.lock();
        network.get_or_insert_default();
        WATCHERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// The processes that run now, each with its ends, in the order of their numbers.
    pub(crate) fn look(&self) -> Vec<(About, Ends)> {
        let network = NETWORK.lock();
        let Some(Network { processes, sides }) = &*network else { return Vec::new() };
        let ends_of = |number: u64, process: &Process| {
            let mut ends = Ends::new();
            for key in &process.ends {
                let Some(side) = sides.get(key) else { continue };
                match side.users.get(&number).map(Vec::as_slice) {
                    None => {}
                    Some([]) => ends.push((None, side.info.clone())),
                    Some(names) => ends.extend(names.iter().map(|name| (Some(name.clone()), side.info.clone()))),
                }
            }
            ends
        };
        processes.iter().map(|(&number, process)| (process.about.clone(), ends_of(number, process))).collect()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut network = NETWORK.lock();
        let forgotten = if WATCHERS.fetch_sub(1, Ordering::Relaxed) == 1 { network.take() } else { None };
        drop(network);
        drop(forgotten);
    }
}

/// Changes what is known, if anybody watches still. Nothing in it runs code of the user's.
fn change(change: impl FnOnce(&mut Network)) {
    if let Some(network) = &mut *NETWORK.lock() {
        change(network);
    }
}

impl Network {
    fn process(&mut self, about: About) -> &mut Process {
        let number = about.identity.number();
        self.processes.entry(number).or_insert_with(|| Process { about, ends: Vec::new() })
    }

    fn end(&mut self, number: u64, name: Option<PortName>, info: EndInfo) {
        let key = info.key;
        let side = self.sides.entry(key).or_insert_with(|| Side { info, users: HashMap::new() });
        let mut first = false;
        let names = side.users.entry(number).or_insert_with(|| {
            first = true;
            Vec::new()
        });
        names.extend(name);
        if first && let Some(process) = self.processes.get_mut(&number) {
            process.ends.push(key);
        }
    }
}

/// A process has started, with these ends.
#[cold]
pub(crate) fn started(about: About, ends: impl Iterator<Item = (PortName, EndInfo)>) {
    change(|network| {
        let number = about.identity.number();
        network.process(about);
        for (name, info) in ends {
            network.end(number, Some(name), info);
        }
    });
}

/// A process has ended.
#[cold]
pub(crate) fn ended(number: u64) {
    change(|network| {
        let Some(process) = network.processes.remove(&number) else { return };
        for key in process.ends {
            if let Some(side) = network.sides.get_mut(&key) {
                side.users.remove(&number);
                if side.users.is_empty() {
                    network.sides.remove(&key);
                }
            }
        }
    });
}

/// The process that is running here uses an end. Code outside any process is in no picture.
pub(crate) fn used(info: EndInfo) {
    let Some(about) = with_current(|running| running.context.about(running.kind)) else { return };
    change(|network| {
        let number = about.identity.number();
        network.process(about);
        network.end(number, None, info);
    });
}

/// The last end of one side of a channel is gone.
#[cold]
pub(crate) fn side_gone(key: EndKey) {
    change(|network| {
        let Some(side) = network.sides.remove(&key) else { return };
        for number in side.users.keys() {
            if let Some(process) = network.processes.get_mut(number) {
                process.ends.retain(|end| *end != key);
            }
        }
    });
}
