//! Everything in progress in this process, the form in which it is shown, and the thread that draws it.

use std::{
    env,
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::Shared;
use crate::cluster::terminal::{BarId, Stream, TERMINAL, Terminal, print_line};

/// How often counters are read.
const TICK: Duration = Duration::from_millis(100);

/// In what form progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bars,
    Lines,
    Nothing,
}

impl Form {
    /// What `AQUEDUCT_PROGRESS` asks for; a word that nobody knows is an error with the words that are known.
    pub(super) fn from_setting(setting: Option<&str>, has_bars: bool) -> Result<Self, String> {
        match setting.unwrap_or_default() {
            "" | "auto" if has_bars => Ok(Self::Bars),
            "" | "auto" | "plain" => Ok(Self::Lines),
            "off" => Ok(Self::Nothing),
            other => {
                Err(format!("aqueduct: AQUEDUCT_PROGRESS is {other:?}; it may be auto, plain or off (auto is used)"))
            }
        }
    }
}

/// Everything in progress in this process.
pub(super) static BOARD: LazyLock<Arc<Board>> = LazyLock::new(|| {
    let setting = env::var_os("AQUEDUCT_PROGRESS").map(|setting| setting.to_string_lossy().into_owned());
    let has_bars = TERMINAL.has_bars();
    let form = Form::from_setting(setting.as_deref(), has_bars).unwrap_or_else(|why| {
        print_line(Stream::Err, &why);
        if has_bars { Form::Bars } else { Form::Lines }
    });
    Arc::new(Board::new(TERMINAL.clone(), form, true))
});

#[derive(Debug)]
pub(super) struct Board {
    terminal: Arc<Terminal>,
    form: Form,
    /// Whether a thread ticks; tests tick by hand.
    ticks: bool,
    entries: Mutex<Entries>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Entries {
    shown: Vec<Arc<Shared>>,
    ticking: bool,
}

impl Board {
    pub(super) fn new(terminal: Arc<Terminal>, form: Form, ticks: bool) -> Self {
        Self { terminal, form, ticks, entries: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn add_bar(&self, label: &str) -> Option<BarId> {
        if self.form == Form::Bars { self.terminal.add_bar(label) } else { None }
    }

    pub(super) fn add(self: &Arc<Self>, shared: &Arc<Shared>) {
        if self.form == Form::Nothing {
            return;
        }
        let mut entries = self.entries.lock();
        entries.shown.push(shared.clone());
        if self.ticks && !entries.ticking {
            let board = self.clone();
            let thread = thread::Builder::new().name("aqueduct-progress".to_owned());
            // Without a thread there is still the line at the end.
            entries.ticking = thread.spawn(move || board.run()).is_ok();
        }
    }

    /// The thread: ticks until nothing is in progress.
    fn run(&self) {
        loop {
            let mut entries = self.entries.lock();
            self.changed.wait_for(&mut entries, TICK);
            if entries.shown.is_empty() {
                entries.ticking = false;
                return;
            }
            drop(entries);
            self.tick(Instant::now());
        }
    }

    /// Draws everything. An entry that ends meanwhile stays ended: its bar is gone from the terminal, and its meter
    /// says that no more lines are due.
    pub(super) fn tick(&self, now: Instant) {
        let shown = self.entries.lock().shown.clone();
        for shared in shown {
            let counts = shared.counts();
            let mut meter = shared.meter.lock();
            let reading = meter.read(now, counts);
            match shared.bar {
                Some(bar) => self.terminal.draw(bar, counts.position, counts.known_total(), reading.bar()),
                None if meter.is_due(now) => {
                    self.terminal.print_line(Stream::Err, &format!("{}: {}", meter.label(), reading.line()));
                }
                None => {}
            }
        }
    }

    pub(super) fn end(&self, shared: &Arc<Shared>, now: Instant) {
        let mut entries = self.entries.lock();
        entries.shown.retain(|shown| !Arc::ptr_eq(shown, shared));
        if entries.shown.is_empty() {
            self.changed.notify_all();
        }
        drop(entries);
        let line = shared.meter.lock().end(now, shared.counts());
        match shared.bar {
            Some(bar) => self.terminal.replace_bar(bar, line),
            None if self.form == Form::Lines => self.terminal.print_line(Stream::Err, &line),
            None => {}
        }
    }
}
