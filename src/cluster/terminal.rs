//! The terminal, which bars and lines share: everything that the cluster shows goes through here.
//!
//! Bars are drawn on standard error. A line must not tear them: under one lock the bars are cleared, the line is
//! written whole, and the bars are drawn again, at most twenty times a second, so that a flood of lines costs a write
//! each and no more.
//!
//! * Nobody else touches indicatif's bars: it has no thread here (no steady tick), and its `suspend`, which panics when
//!   standard error is closed, is not used.
//! * Standard output that is no terminal has a lock of its own: where a slow reader holds it up, bars and errors go on.
//! * Lines do not pass through the locks of `std`'s streams, nor does the end of a bar wait for ever: a program may hold
//!   `stdout().lock()` over a whole map and write its results there, or stand before a terminal that was stopped.
//! * A closed stream (`EPIPE`) is no reason to end a computation: what cannot be written is dropped.

use std::{
    io::{self, IsTerminal, Write},
    mem,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
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
    Arc::new(Terminal::new(unlocked(io::stdout()), unlocked(io::stderr()), io::stdout().is_terminal(), bars))
});

/// The same file as a stream of `std`, without its lock and its buffer.
#[cfg(unix)]
fn unlocked<S: Write + Send + std::os::fd::AsFd + 'static>(stream: S) -> Box<dyn Write + Send> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(file) => Box::new(std::fs::File::from(file)),
        Err(_) => Box::new(stream),
    }
}

#[cfg(not(unix))]
fn unlocked<S: Write + Send + 'static>(stream: S) -> Box<dyn Write + Send> {
    Box::new(stream)
}

/// Bars are drawn again after a line only if that was not done for so long; else the next tick does it.
const REDRAW: Duration = Duration::from_millis(50);
/// Who ends a bar waits so long for the terminal; then the next who draws or prints shows the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Two streams, and the bars below their lines.
pub(crate) struct Terminal {
    /// Taken after `screen`, if that is taken at all.
    out: Mutex<Box<dyn Write + Send>>,
    /// Lines on standard output pass over the bars too; they do not where it is a file.
    out_is_terminal: bool,
    screen: Mutex<Screen>,
    /// What the next holder of the screen has to do first.
    news: Mutex<Vec<News>>,
    next: AtomicU64,
    bars: Option<MultiProgress>,
}

enum News {
    Added(BarId, String),
    /// The line stays in its place.
    Ended(BarId, String),
}

struct Screen {
    err: Box<dyn Write + Send>,
    bars: Vec<Bar>,
    /// Bars may be on the screen now.
    drawn: bool,
    last_drawn: Option<Instant>,
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
        let screen = Screen { err, bars: Vec::new(), drawn: false, last_drawn: None };
        Self {
            out: Mutex::new(out),
            out_is_terminal,
            screen: Mutex::new(screen),
            news: Mutex::default(),
            next: AtomicU64::new(0),
            bars,
        }
    }

    /// Whether it can show bars.
    pub(crate) fn has_bars(&self) -> bool {
        self.bars.is_some()
    }

    pub(crate) fn print_line(&self, to: Stream, line: &str) {
        if to == Stream::Out && !self.out_is_terminal {
            write_line(&mut **self.out.lock(), line);
        } else {
            let mut screen = self.screen.lock();
            self.hear(&mut screen);
            self.print_over_bars(&mut screen, to, line);
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
        let id = BarId(self.next.fetch_add(1, Ordering::Relaxed));
        self.news.lock().push(News::Added(id, label.to_owned()));
        Some(id)
    }

    /// Takes a bar away and leaves a line in its place.
    pub(crate) fn replace_bar(&self, id: BarId, line: String) {
        self.news.lock().push(News::Ended(id, line));
        if let Some(mut screen) = self.screen.try_lock_for(PATIENCE) {
            self.hear(&mut screen);
        }
    }

    fn hear(&self, screen: &mut Screen) {
        let news = mem::take(&mut *self.news.lock());
        for news in news {
            match news {
                News::Added(id, label) => screen.bars.push(Bar { id, label, bar: None, total: None }),
                News::Ended(id, line) => {
                    let Some(at) = screen.bars.iter().position(|shown| shown.id == id) else { continue };
                    let shown = screen.bars.remove(at);
                    if let (Some(multi), Some(bar)) = (&self.bars, &shown.bar) {
                        multi.remove(bar);
                    }
                    self.print_over_bars(screen, Stream::Err, &line);
                    screen.redraw();
                }
            }
        }
    }

    /// Shows where a bar stands.
    pub(crate) fn draw(&self, id: BarId, position: u64, total: Option<u64>, text: String) {
        let Some(multi) = &self.bars else { return };
        let mut screen = self.screen.lock();
        self.hear(&mut screen);
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
        // An end may have lost its patience with this very draw.
        self.hear(&mut screen);
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
