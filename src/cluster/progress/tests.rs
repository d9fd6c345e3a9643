use std::{
    env,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Progress,
    board::{Board, Form},
};
use crate::cluster::terminal::{Stream, print_line, tests::Glass};

fn board(bars: bool) -> (Glass, Arc<Board>) {
    let (glass, terminal) = if bars { Glass::with_bars() } else { Glass::without_bars() };
    let form = if bars { Form::Bars } else { Form::Lines };
    (glass, Arc::new(Board::new(Arc::new(terminal), form, false)))
}

#[test]
fn off_a_terminal_there_are_lines_now_and_then_and_one_at_the_end() {
    let (glass, board) = board(false);
    let start = Instant::now();
    let progress = Progress::on(&board, "simu\nlate", Some(1000), start);
    for second in 1..=4 {
        progress.advance(100);
        board.tick(start + Duration::from_secs(second));
    }
    progress.failed(1);
    progress.set_total(800);
    board.tick(start + Duration::from_secs(5));
    assert_eq!(
        glass.rows(),
        ["simu late: 200 of 1,000 (20 %), 100/s, 8 s left", "simu late: 400 of 800 (50 %), 80.0/s, 5 s left, 1 failed"]
    );
    progress.advance(400);
    progress.finish();
    progress.finish();
    drop(progress);
    board.tick(start + Duration::from_secs(99));
    let rows = glass.rows();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[2].starts_with("simu late: 800 in ") && rows[2].ends_with(", 1 failed"), "{rows:?}");
}

#[test]
fn on_a_terminal_there_is_a_bar_and_then_a_line() {
    let (glass, board) = board(true);
    let start = Instant::now();
    let progress = Progress::on(&board, "pi", None, start);
    let other = Progress::on(&board, "e", Some(10), start);
    progress.advance(50);
    progress.set_total(100);
    board.tick(start + Duration::from_secs(5));
    let rows = glass.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].starts_with("pi [=") && rows[0].ends_with("] 50 of 100 (50 %), 10.0/s, 5 s gone, 5 s left"));
    assert!(rows[1].starts_with("e [ ") && rows[1].ends_with("] 0 of 10 (0 %), 5 s gone"));
    drop(progress);
    drop(other);
    let rows = glass.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].starts_with("pi: stopped at 50 of 100 (50 %) after "), "{rows:?}");
    assert!(rows[1].starts_with("e: stopped at 0 of 10 (0 %) after "), "{rows:?}");
}

#[test]
fn what_many_threads_count_is_counted() {
    let (glass, board) = board(false);
    let progress = Progress::on(&board, "m", Some(400_000), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100_000).for_each(|_| progress.advance(1)));
        }
    });
    progress.finish();
    assert!(glass.rows()[0].starts_with("m: 400,000 in "), "{:?}", glass.rows());
}

#[test]
fn the_thread_draws_while_anything_is_in_progress_and_then_ends() {
    let (glass, terminal) = Glass::with_bars();
    let board = Arc::new(Board::new(Arc::new(terminal), Form::Bars, true));
    for round in 0..2 {
        let progress = Progress::on(&board, "m", Some(10), Instant::now());
        progress.advance(7);
        // It shows in time; a thread that does not run hangs the test.
        while !glass.rows().iter().any(|row| row.contains("7 of 10")) {
            std::thread::yield_now();
        }
        progress.advance(3);
        drop(progress);
        // The thread holds the board as long as it runs.
        while Arc::strong_count(&board) > 1 {
            std::thread::yield_now();
        }
        assert_eq!(glass.rows().len(), round + 1, "{:?}", glass.rows());
    }
}

#[test]
fn the_setting_chooses_the_form_and_an_unknown_word_is_told() {
    assert_eq!(Form::from_setting(None, true), Ok(Form::Bars));
    assert_eq!(Form::from_setting(Some("auto"), false), Ok(Form::Lines));
    assert_eq!(Form::from_setting(Some("plain"), true), Ok(Form::Lines));
    assert_eq!(Form::from_setting(Some("off"), true), Ok(Form::Nothing));
    let why = Form::from_setting(Some("Off"), true).expect_err("an unknown word");
    assert_eq!(why, "aqueduct: AQUEDUCT_PROGRESS is \"Off\"; it may be auto, plain or off (auto is used)");
}

#[test]
fn switched_off_nothing_is_shown() {
    let (glass, terminal) = Glass::with_bars();
    let board = Arc::new(Board::new(Arc::new(terminal), Form::Nothing, true));
    let progress = Progress::on(&board, "m", Some(10), Instant::now());
    progress.advance(10);
    board.tick(Instant::now() + Duration::from_secs(60));
    progress.finish();
    assert_eq!(glass.rows(), [""; 0]);
    assert_eq!(Arc::strong_count(&board), 2, "no thread was started");
}

const CHILD: &str = "AQUEDUCT_TEST_CHILD";

/// One test of this program in a process of its own, whose streams are pipes; `None` if this is that process.
fn in_a_process_of_its_own(test: &str, setting: &str) -> Option<Command> {
    if env::var_os(CHILD).is_some() {
        return None;
    }
    let mut command = Command::new(env::current_exe().expect("a test has a program"));
    command.args([&format!("cluster::progress::tests::{test}"), "--exact", "--nocapture"]);
    command.env(CHILD, "1").env("AQUEDUCT_PROGRESS", setting);
    Some(command)
}

#[test]
fn a_process_shows_its_progress_as_its_setting_says() {
    let outputs = ["plain", "off", "loud"].map(|setting| {
        let command = in_a_process_of_its_own("a_process_shows_its_progress_as_its_setting_says", setting);
        if command.is_none() {
            let progress = Progress::new("pi", Some(10));
            progress.advance(10);
            progress.finish();
        }
        let output = command?.output().expect("the program starts");
        assert!(output.status.success(), "{output:?}");
        Some(String::from_utf8_lossy(&output.stderr).into_owned())
    });
    if let [Some(plain), Some(off), Some(loud)] = outputs {
        assert!(plain.starts_with("pi: 10 in "), "{plain}");
        assert!(!off.contains("pi:"), "{off}");
        assert!(loud.starts_with("aqueduct: AQUEDUCT_PROGRESS is \"loud\"; it may be auto, plain or off"), "{loud}");
        assert!(loud.contains("\npi: 10 in "), "{loud}");
    }
}

#[test]
fn a_process_whose_standard_error_is_closed_goes_on() {
    match in_a_process_of_its_own("a_process_whose_standard_error_is_closed_goes_on", "plain") {
        None => {
            // Until the reader is gone for sure: what is written goes nowhere, and nothing else happens.
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("the parent says when");
            for _ in 0..100 {
                let progress = Progress::new("pi", Some(10));
                progress.advance(10);
            }
        }
        Some(mut command) => {
            let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("the program starts");
            drop(child.stderr.take());
            let mut stdin = child.stdin.take().expect("it is a pipe");
            std::io::Write::write_all(&mut stdin, b"it is closed\n").expect("the program reads");
            assert!(child.wait().expect("it ends").success());
        }
    }
}

#[test]
fn a_program_may_hold_its_standard_streams_locked() {
    match in_a_process_of_its_own("a_program_may_hold_its_standard_streams_locked", "plain") {
        None => {
            let (_out, _err) = (std::io::stdout().lock(), std::io::stderr().lock());
            let printer = std::thread::spawn(|| {
                print_line(Stream::Out, "[worker 1] result");
                Progress::new("pi", Some(10)).advance(10);
            });
            printer.join().expect("it does not panic");
        }
        Some(mut command) => {
            let output = command.output().expect("the program starts");
            assert!(output.status.success(), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("[worker 1] result\n"), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stderr).starts_with("pi: 10 in "), "{output:?}");
        }
    }
}
