//! What the user sees.

use std::cmp::Reverse;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::common::grouped;
use super::text::Tally;

/// The widest word that is printed whole: a line has at most 80 columns.
const WIDEST: usize = 54;

/// A progress bar on standard error; it stays hidden where that is no terminal.
pub(crate) fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The table, the totals and the picture.
pub(crate) fn text(tally: Tally, top: usize, time: Duration, picture: &str) -> String {
    let distinct = tally.words.len();
    let mut words: Vec<_> = tally.words.into_iter().map(|(word, count)| (Reverse(count), word)).collect();
    words.sort_unstable();
    words.truncate(top);

    let mut text = String::new();
    if let Some((Reverse(highest), _)) = words.first() {
        let places = words.len().to_string().len();
        let digits = grouped(*highest).len();
        for (place, (Reverse(count), word)) in (1..).zip(&words) {
            let _ = writeln!(text, "{place:places$}  {:>digits$}  {}", grouped(*count), shortened(word));
        }
        text.push('\n');
    }
    let numbers =
        [("files", tally.files), ("bytes", tally.bytes), ("words", tally.total), ("distinct", distinct as u64)];
    for (name, number) in numbers {
        let _ = writeln!(text, "{name:<8}  {:>15}", grouped(number));
    }
    let _ = writeln!(text, "{:<8}  {:>13.3} s\n", "time", time.as_secs_f64());
    let _ = write!(text, "The network that counted, as a Mermaid flowchart:\n\n{picture}");
    text
}

/// A word that fits into its column.
fn shortened(word: &[u8]) -> String {
    let mut short = String::from_utf8_lossy(&word[..word.len().min(WIDEST)]).into_owned();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}
