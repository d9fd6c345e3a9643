use std::{
    io::{self, Write},
    sync::Arc,
};

use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use parking_lot::Mutex;

use super::{Stream, Terminal};

const WIDTH: usize = 60;

/// A small terminal in memory: rows of characters and a cursor, wrapping as terminals do.
#[derive(Clone, Debug, Default)]
pub(in crate::cluster) struct Glass(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Glass {
    /// A terminal whose lines and bars are seen here.
    pub(in crate::cluster) fn with_bars() -> (Self, Terminal) {
        let glass = Self::default();
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(glass.clone())));
        let terminal = Terminal::new(Box::new(glass.clone()), Box::new(glass.clone()), true, Some(bars));
        (glass, terminal)
    }

    /// As [`with_bars`](Self::with_bars), but no terminal: it shows lines only.
    pub(in crate::cluster) fn without_bars() -> (Self, Terminal) {
        let glass = Self::default();
        let terminal = Terminal::new(Box::new(glass.clone()), Box::new(glass.clone()), false, None);
        (glass, terminal)
    }

    /// The rows that are not empty.
    pub(in crate::cluster) fn rows(&self) -> Vec<String> {
        let rows = self.0.lock();
        let texts = rows.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned());
        texts.filter(|row| !row.is_empty()).collect()
    }
}

impl Rows {
    fn put(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\n' => (self.row, self.column) = (self.row + 1, 0),
            c => {
                if self.column == WIDTH {
                    (self.row, self.column) = (self.row + 1, 0);
                }
                let cells = self.rows.len().max(self.row + 1);
                self.rows.resize(cells, Vec::new());
                let row = &mut self.rows[self.row];
                row.resize(row.len().max(self.column + 1), ' ');
                row[self.column] = c;
                self.column += 1;
            }
        }
    }
}

impl Write for Glass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_str(std::str::from_utf8(bytes).map_err(io::Error::other)?)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TermLike for Glass {
    fn width(&self) -> u16 {
        WIDTH as u16
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.lock().row -= n;
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.lock().row += n;
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.lock().column += n;
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.lock().column -= n;
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut rows = self.0.lock();
        text.chars().for_each(|c| rows.put(c));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut rows = self.0.lock();
        rows.column = 0;
        let row = rows.row;
        if let Some(row) = rows.rows.get_mut(row) {
            row.clear();
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_stand_above_the_bars_and_tear_nothing() {
    let (glass, terminal) = Glass::with_bars();
    let first = terminal.add_bar("one").expect("this terminal has bars");
    let second = terminal.add_bar("two").expect("this terminal has bars");
    for step in 0..5 {
        terminal.draw(first, step * 25, Some(100), format!("{step} steps"));
        terminal.draw(second, step, None, format!("{step} so far"));
        terminal.print_line(Stream::Err, &format!("error {step}"));
        terminal.print_line(Stream::Out, &format!("output {step}"));
    }
    terminal.draw(first, 100, Some(100), "the end".to_owned());
    let rows = glass.rows();
    let printed: Vec<_> = (0..5).flat_map(|step| [format!("error {step}"), format!("output {step}")]).collect();
    assert_eq!(rows[..10], printed);
    assert!(rows[10].starts_with("one [====") && rows[10].ends_with("=] the end"), "{rows:?}");
    assert!(rows[11].starts_with("two ") && rows[11].ends_with(" 4 so far"), "{rows:?}");
    assert_eq!(rows.len(), 12, "{rows:?}");
}

#[test]
fn a_bar_that_ends_becomes_a_line_and_the_others_stay() {
    let (glass, terminal) = Glass::with_bars();
    let first = terminal.add_bar("one").expect("this terminal has bars");
    let second = terminal.add_bar("two").expect("this terminal has bars");
    terminal.draw(first, 1, Some(2), "half".to_owned());
    terminal.draw(second, 1, Some(2), "half".to_owned());
    terminal.replace_bar(first, "one is done".to_owned());
    let rows = glass.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0], "one is done");
    assert!(rows[1].starts_with("two [===") && rows[1].ends_with("] half"), "{rows:?}");
    // What is said of a bar that is gone is not shown.
    terminal.draw(first, 2, Some(2), "late".to_owned());
    terminal.replace_bar(second, "two is done".to_owned());
    assert_eq!(glass.rows(), ["one is done", "two is done"]);
}

#[test]
fn a_bar_that_was_never_drawn_is_never_seen() {
    let (glass, terminal) = Glass::with_bars();
    let first = terminal.add_bar("one").expect("this terminal has bars");
    let second = terminal.add_bar("two").expect("this terminal has bars");
    terminal.print_line(Stream::Err, "a line");
    terminal.draw(second, 1, Some(2), "half".to_owned());
    terminal.print_line(Stream::Err, "another");
    terminal.draw(second, 1, Some(2), "half".to_owned());
    assert_eq!(glass.rows().len(), 3, "{:?}", glass.rows());
    assert!(glass.rows()[2].starts_with("two ["), "{:?}", glass.rows());
    terminal.replace_bar(first, "one is done".to_owned());
    assert_eq!(glass.rows()[..3], ["a line", "another", "one is done"]);
    assert!(glass.rows()[3].starts_with("two ["), "{:?}", glass.rows());
}

#[test]
fn output_that_is_held_up_holds_up_nothing_else() {
    /// A pipe whose reader takes its time: a write waits until it is let go.
    struct Slow(std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(()).map_err(io::Error::other)?;
            self.1.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (writes, written) = std::sync::mpsc::channel();
    let (let_go, goes) = std::sync::mpsc::channel();
    let glass = Glass::default();
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(glass.clone())));
    let terminal = Terminal::new(Box::new(Slow(writes, goes)), Box::new(glass.clone()), false, Some(bars));
    std::thread::scope(|scope| {
        scope.spawn(|| terminal.print_line(Stream::Out, "for the pipe"));
        written.recv().expect("the write has begun");
        terminal.print_line(Stream::Err, "for the terminal");
        let bar = terminal.add_bar("one").expect("this terminal has bars");
        terminal.draw(bar, 1, None, "step".to_owned());
        assert_eq!(glass.rows().len(), 2, "{:?}", glass.rows());
        let_go.send(()).expect("the write still waits");
    });
}

#[test]
fn a_bar_ends_though_the_terminal_stands_still_and_is_seen_to_end_later() {
    let (glass, terminal) = Glass::with_bars();
    let bar = terminal.add_bar("one").expect("this terminal has bars");
    std::thread::scope(|scope| {
        let stopped = glass.0.lock();
        let drawing = scope.spawn(|| terminal.draw(bar, 1, Some(2), "half".to_owned()));
        // The bar is on its way to the terminal once the screen is taken.
        while !terminal.screen.is_locked() {
            std::thread::yield_now();
        }
        let other = terminal.add_bar("two").expect("adding does not wait");
        terminal.replace_bar(bar, "one is done".to_owned());
        drop(stopped);
        drawing.join().expect("it does not panic");
        assert_eq!(glass.rows(), ["one is done"]);
        terminal.draw(other, 1, Some(2), "half".to_owned());
        assert!(glass.rows()[1].starts_with("two ["), "{:?}", glass.rows());
    });
}

#[test]
fn a_closed_stream_is_no_reason_to_panic() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let glass = Glass::default();
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(glass)));
    let terminal = Terminal::new(Box::new(Closed), Box::new(Closed), true, Some(bars));
    let bar = terminal.add_bar("one").expect("this terminal has bars");
    terminal.draw(bar, 1, Some(2), "half".to_owned());
    terminal.print_line(Stream::Out, "nobody reads this");
    terminal.replace_bar(bar, "nor this".to_owned());
}
