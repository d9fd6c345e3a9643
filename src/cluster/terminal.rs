//! The terminal, which bars and lines share: everything that the cluster shows goes through here.
//!
//! Bars are drawn on standard error. A line must not tear them: under one lock the bars are cleared, the line is
//! written whole, and the bars are drawn again, at most twenty times a second, so that a flood of lines costs a write
//! each and no more.
//!
//! * Nobody else touches indicatif's bars: it has no thread here (no steady tick), and its `suspend`, which panics when
//!   standard error is closed, is not used.
//! * Standard output that is no terminal has a lock of its own: where a slow reader holds it up, bars and errors go on.
//! * A closed stream (`EPIPE`) is no reason to end a computation: what cannot be written is dropped.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

/// One of the two streams that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Prints one line, above the bars if there are any. It never panics.
pub(crate) fn print_line(to: Stream, line: &str) {
    TERMINAL.print_line(to, line);
}

/// The terminal of this process.
pub(crate) static TERMINAL: LazyLock<Arc<Terminal>> = LazyLock::new(|| {
    // indicatif hides bars where there is no terminal, or a dumb one.
    let multi = MultiProgress::new();
    let bars = (!multi.is_hidden()).then_some(multi);
    Arc::new(Terminal::new(Box::new(io::stdout()), Box::new(io::stderr()), io::stdout().is_terminal(), bars))
});

/// Bars are drawn again after a line only if that was not done for so long; else the next tick does it.
const REDRAW: Duration = Duration::from_millis(50);

/// Two streams, and the bars below their lines.
pub(crate) struct Terminal {
    /// Taken after `screen`, if that is taken at all.
    out: Mutex<Box<dyn Write + Send>>,
    /// Lines on standard output pass over the bars too; they do not where it is a file.
    out_is_terminal: bool,
    screen: Mutex<Screen>,
    bars: Option<MultiProgress>,
}

struct Screen {
    err: Box<dyn Write + Send>,
    bars: Vec<Bar>,
    /// Bars may be on the screen now.
    drawn: bool,
    last_drawn: Option<Instant>,
    next: u64,
}

/// Names a bar of a [`Terminal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BarId(u64);

struct Bar {
    id: BarId,
    label: String,
    /// From its first draw on: what ends sooner never flashes up.
    bar: Option<ProgressBar>,
    total: Option<u64>,
}

impl Terminal {
    pub(crate) fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        out_is_terminal: bool,
        bars: Option<MultiProgress>,
    ) -> Self {
        let screen = Screen { err, bars: Vec::new(), drawn: false, last_drawn: None, next: 0 };
        Self { out: Mutex::new(out), out_is_terminal, screen: Mutex::new(screen), bars }
    }

    /// Whether it can show bars.
    pub(crate) fn has_bars(&self) -> bool {
        self.bars.is_some()
    }

    pub(crate) fn print_line(&self, to: Stream, line: &str) {
        if to == Stream::Out && !self.out_is_terminal {
            write_line(&mut **self.out.lock(), line);
        } else {
            self.print_over_bars(&mut self.screen.lock(), to, line);
        }
    }

    fn print_over_bars(&self, screen: &mut Screen, to: Stream, line: &str) {
        if screen.drawn
            && let Some(multi) = &self.bars
        {
            let _ = multi.clear();
            screen.drawn = false;
        }
        match to {
            Stream::Out => write_line(&mut **self.out.lock(), line),
            Stream::Err => write_line(&mut *screen.err, line),
        }
        if screen.last_drawn.is_none_or(|last| last.elapsed() >= REDRAW) {
            screen.redraw();
        }
    }

    /// Adds a bar below the others; it is first seen at its first [`draw`](Self::draw).
    pub(crate) fn add_bar(&self, label: &str) -> Option<BarId> {
        self.bars.as_ref()?;
        let mut screen = self.screen.lock();
        let id = BarId(screen.next);
        screen.next += 1;
        screen.bars.push(Bar { id, label: label.to_owned(), bar: None, total: None });
        Some(id)
    }

    /// Shows where a bar stands.
    pub(crate) fn draw(&self, id: BarId, position: u64, total: Option<u64>, text: String) {
        let mut screen = self.screen.lock();
        let Some(multi) = &self.bars else { return };
        let Some(shown) = screen.bars.iter_mut().find(|shown| shown.id == id) else { return };
        let known_before = shown.total.is_some();
        let bar = shown.bar.get_or_insert_with(|| {
            multi.add(ProgressBar::no_length().with_style(style(known_before)).with_prefix(shown.label.clone()))
        });
        // The forms that begin with `with` draw nothing; one draw is enough.
        let bar = bar.clone().with_position(position).with_message(text);
        if known_before != total.is_some() {
            bar.set_style(style(total.is_some()));
        }
        match total {
            Some(total) if shown.total != Some(total) => bar.set_length(total),
            _ => bar.tick(),
        }
        shown.total = total;
        screen.drawn = true;
        screen.last_drawn = Some(Instant::now());
    }

    /// Takes a bar away and leaves a line in its place.
    pub(crate) fn replace_bar(&self, id: BarId, line: &str) {
        let mut screen = self.screen.lock();
        let Some(at) = screen.bars.iter().position(|shown| shown.id == id) else { return };
        let shown = screen.bars.remove(at);
        if let (Some(multi), Some(bar)) = (&self.bars, &shown.bar) {
            multi.remove(bar);
        }
        self.print_over_bars(&mut screen, Stream::Err, line);
        screen.redraw();
    }
}

impl Screen {
    fn redraw(&mut self) {
        // Whichever of them is told to, all are drawn.
        let Some(bar) = self.bars.iter().find_map(|shown| shown.bar.as_ref()) else { return };
        bar.force_draw();
        self.drawn = true;
        self.last_drawn = Some(Instant::now());
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("has_bars", &self.has_bars()).finish_non_exhaustive()
    }
}

/// One write, so that lines of other processes on the same terminal do not come between; what fails is dropped.
fn write_line(stream: &mut dyn Write, line: &str) {
    let text = format!("{line}\n");
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// With a known total a bar, else a spinner.
fn style(total_known: bool) -> ProgressStyle {
    let (template, bar) = if total_known {
        ("{prefix} [{wide_bar}] {msg}", ProgressStyle::default_bar())
    } else {
        ("{prefix} {spinner} {msg}", ProgressStyle::default_spinner())
    };
    match bar.clone().template(template) {
        Ok(style) => style.progress_chars("=> "),
        // The templates above are right (a test draws both); a bar of indicatif's own form is no harm.
        Err(_) => bar,
    }
}

#[cfg(test)]
pub(super) mod tests;
