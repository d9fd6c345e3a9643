use std::{
    io::{self, Read},
    sync::Arc,
};

use super::{LONGEST, Lines, TAIL_LINE_BYTES, TAIL_LINES, Tail, read_lines, relay_to};
use crate::cluster::terminal::{Stream, tests::Glass};

/// The lines of some text that comes in pieces of `size` bytes.
fn lines_of(bytes: &[u8], size: usize) -> Vec<String> {
    let mut shown = Vec::new();
    let mut show = |line: &str| shown.push(line.to_owned());
    let mut lines = Lines::default();
    bytes.chunks(size).for_each(|piece| lines.feed(piece, &mut show));
    lines.end(&mut show);
    shown
}

#[test]
fn lines_are_the_same_however_they_come() {
    let text = "one\ntwo\r\n\nfour\rfive\nsix\r\r\n\u{e4}\u{1f980}\nlast".as_bytes();
    for size in 1..=text.len() {
        assert_eq!(
            lines_of(text, size),
            ["one", "two", "", "four", "five", "six", "", "\u{e4}\u{1f980}", "last"],
            "in pieces of {size}"
        );
    }
}

#[test]
fn nothing_is_no_line_and_an_empty_line_is_one() {
    assert_eq!(lines_of(b"", 1), [""; 0]);
    assert_eq!(lines_of(b"\n", 1), [""]);
    assert_eq!(lines_of(b"\n\n", 2), ["", ""]);
}

#[test]
fn bytes_that_are_no_text_are_shown_as_well_as_can_be() {
    assert_eq!(lines_of(b"a\xff\xfeb\nc\xf0\x9f", 3), ["a\u{fffd}\u{fffd}b", "c\u{fffd}"]);
}

#[test]
fn long_lines_are_cut_between_characters_and_nothing_is_lost() {
    // Two, three and four bytes each, so that cuts fall into characters.
    for (character, lead) in
        [("x", 0), ("\u{e4}", 1), ("\u{20ac}", 1), ("\u{20ac}", 2), ("\u{1f980}", 1), ("\u{1f980}", 3)]
    {
        let line = "-".repeat(lead) + &character.repeat(LONGEST);
        let pieces = lines_of(format!("{line}\nnext").as_bytes(), 5000);
        let (next, pieces) = pieces.split_last().expect("some lines");
        assert_eq!(next, "next");
        assert!(pieces.len() >= line.len() / LONGEST);
        let (last, full) = pieces.split_last().expect("some pieces");
        assert!(full.iter().all(|piece| (LONGEST - 3..=LONGEST).contains(&piece.len())));
        assert!(last.len() <= LONGEST);
        assert_eq!(pieces.concat(), line, "{character} after {lead}");
    }
}

#[test]
fn a_line_that_never_ends_takes_bounded_memory() {
    let mut pieces = 0_usize;
    let mut lines = Lines::default();
    let mut show = |piece: &str| pieces += usize::from(piece.len() <= 3 * LONGEST);
    for _ in 0..4096 {
        lines.feed(&[0x80; 8192], &mut show);
        assert!(lines.line.capacity() <= 4 * LONGEST);
    }
    // The last piece may yet grow.
    assert_eq!(pieces, 4096 * 8192 / LONGEST - 1);
}

#[test]
fn the_tail_keeps_the_last_lines_and_not_all_of_a_long_one() {
    let tail = Tail::default();
    assert_eq!(tail.text(), "");
    (0..TAIL_LINES + 5).for_each(|n| tail.push(&format!("line {n}")));
    let expected: Vec<_> = (5..TAIL_LINES + 5).map(|n| format!("line {n}")).collect();
    assert_eq!(tail.text(), expected.join("\n"));
    (0..TAIL_LINES).for_each(|_| tail.push(&"\u{20ac}".repeat(LONGEST)));
    assert!(tail.text().len() <= TAIL_LINES * (TAIL_LINE_BYTES + 4));
    assert!(tail.text().ends_with("\u{20ac}…"));
}

/// Gives some bytes, is interrupted, gives more, then fails.
struct Failing(u32);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => b"one\nt".as_slice().read(buffer),
            2 => Err(io::ErrorKind::Interrupted.into()),
            3 => b"wo".as_slice().read(buffer),
            _ => Err(io::Error::other("the cable is cut")),
        }
    }
}

#[test]
fn a_reader_that_fails_is_told_after_what_it_gave() {
    let mut shown = Vec::new();
    read_lines(Failing(0), |line| shown.push(line.to_owned()));
    assert_eq!(shown, ["one", "two", "(no more of what it writes can be read: the cable is cut)"]);
}

#[test]
fn lines_have_their_worker_in_front_and_only_standard_error_is_kept() {
    let (glass, terminal) = Glass::without_bars();
    let (terminal, tail) = (Arc::new(terminal), Arc::new(Tail::default()));
    for (text, to) in [("result 1\nresult 2\n", Stream::Out), ("no such file\n\nend", Stream::Err)] {
        let relay = relay_to(terminal.clone(), text.as_bytes(), "worker 3".to_owned(), to, tail.clone());
        relay.expect("a thread").join().expect("it does not panic");
    }
    assert_eq!(
        glass.rows(),
        ["[worker 3] result 1", "[worker 3] result 2", "[worker 3] no such file", "[worker 3]", "[worker 3] end"]
    );
    assert_eq!(tail.text(), "no such file\n\nend");
}
