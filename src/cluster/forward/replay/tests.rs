use std::sync::{
    atomic::{AtomicU64, Ordering},
    mpsc::{channel, sync_channel},
};

use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;

use super::{Replayer, lines, replay};
use crate::cluster::forward::{
    Forwarded, Level,
    tests::{forwarded_by, in_a_process_of_its_own},
};

fn example(level: Level) -> Forwarded {
    Forwarded {
        level,
        target: "model".to_owned(),
        message: "no weights\nnone at all".to_owned(),
        fields: vec![("seed".to_owned(), "3".to_owned()), ("path".to_owned(), "a b".to_owned())],
        spans: "job{id=7}".to_owned(),
        file: Some("src/model.rs".to_owned()),
        line: Some(12),
    }
}

#[test]
fn replayed_it_is_an_event_of_the_driver() {
    let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
    let (events, _) = forwarded_by(LevelFilter::TRACE, || {
        levels.iter().for_each(|&level| replay(&example(level), 3, "node7"));
    });
    assert_eq!(events.iter().map(|event| event.level).collect::<Vec<_>>(), levels);
    for event in events {
        assert_eq!(event.target, "aqueduct::worker");
        assert_eq!(event.message, "no weights\nnone at all");
        let fields: Vec<_> = event.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            fields,
            [
                "worker: 3",
                "host: node7",
                "origin: model",
                "fields: seed=3 path=a b",
                "spans: job{id=7}",
                "file: src/model.rs",
                "line: 12"
            ]
        );
    }
}

#[test]
fn printed_it_has_the_worker_before_every_line() {
    let printed: Vec<_> = lines(&example(Level::Warn), 3).collect();
    assert_eq!(printed, ["[worker 3] WARN job{id=7}: model: no weights", "[worker 3] none at all seed=3 path=a b"]);
    let bare =
        Forwarded { spans: String::new(), fields: Vec::new(), message: "gone".to_owned(), ..example(Level::Error) };
    assert_eq!(lines(&bare, 12).collect::<Vec<_>>(), ["[worker 12] ERROR model: gone"]);
}

#[test]
fn with_no_subscriber_warnings_are_printed_and_the_rest_is_not() {
    match in_a_process_of_its_own("replay::tests::with_no_subscriber_warnings_are_printed_and_the_rest_is_not") {
        None => {
            replay(&example(Level::Warn), 3, "node7");
            replay(&Forwarded { message: "not shown".to_owned(), ..example(Level::Info) }, 3, "node7");
        }
        Some(output) => {
            assert!(output.status.success(), "{output:?}");
            let printed = String::from_utf8_lossy(&output.stderr);
            assert!(printed.contains("[worker 3] WARN job{id=7}: model: no weights\n"), "{printed}");
            assert!(!printed.contains("not shown"), "{printed}");
        }
    }
}

#[test]
fn handed_over_events_are_shown_in_their_order_and_all_before_the_end() {
    let (shown, all) = channel();
    let replayer =
        Replayer::with(move |event| shown.send((event.worker, event.event.message)).expect("all are read"), 1024);
    let replayer = replayer.expect("a thread");
    for n in 0..1000 {
        replayer.hand_over(Forwarded { message: n.to_string(), ..example(Level::Info) }, n, "node7".into());
    }
    drop(replayer);
    let expected: Vec<_> = (0..1000).map(|n| (n, n.to_string())).collect();
    assert_eq!(all.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_terminal_that_stands_still_holds_up_nobody_and_what_is_missing_is_told() {
    let (goes, wait) = sync_channel::<()>(0);
    let (shown, all) = channel();
    let show = move |event: super::Event| {
        shown.send(event.event.message).expect("all are read");
        // Until it is let go; afterwards the other side is gone and it runs freely.
        let _ = wait.recv();
    };
    let replayer = Replayer::with(show, 2).expect("a thread");
    let send = |text: &str| {
        replayer.hand_over(Forwarded { message: text.to_owned(), ..example(Level::Warn) }, 3, "node7".into())
    };
    send("first");
    assert_eq!(all.recv().as_deref(), Ok("first"));
    // The thread is held up; two wait, the others find no room.
    ["second", "third", "fourth", "fifth", "sixth"].into_iter().for_each(send);
    drop(goes);
    drop(replayer);
    let rest: Vec<_> = all.iter().collect();
    assert_eq!(rest, ["3 events of workers are missing: they came faster than they were shown", "second", "third"]);
}

#[test]
fn a_subscriber_that_panics_costs_its_event_only() {
    let (shown, all) = channel();
    let show = move |event: super::Event| {
        assert_ne!(event.worker, 1, "the panic that this test is about");
        shown.send(event.worker).expect("all are read");
    };
    let replayer = Replayer::with(show, 4).expect("a thread");
    (0..3).for_each(|worker| replayer.hand_over(example(Level::Warn), worker, "node7".into()));
    drop(replayer);
    assert_eq!(all.iter().collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn what_was_missed_at_the_very_end_is_told_too() {
    let (events, received) = sync_channel(1);
    events.send(super::Event { event: example(Level::Warn), worker: 3, host: "node7".into() }).expect("there is room");
    drop(events);
    let missing = AtomicU64::new(1);
    let shown = Mutex::new(Vec::new());
    super::show_all(&received, &missing, |event| {
        let mut shown = shown.lock();
        shown.push(event.event.message);
        // Two more find no room while the first news is shown.
        if shown.len() == 2 {
            missing.fetch_add(2, Ordering::Relaxed);
        }
    });
    let told = |n| format!("{n} events of workers are missing: they came faster than they were shown");
    assert_eq!(shown.into_inner(), ["no weights\nnone at all".to_owned(), told(1), told(2)]);
}
