use std::{
    process::{Command, Output},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::{Dispatch, Level as TracingLevel, dispatcher, level_filters::LevelFilter};

use super::{
    Forwarded, Forwarder, Level, TEXT_MOST,
    limit::{Limit, Verdict},
    text::within,
    wanted_level,
};

type Sink = Box<dyn Fn(Forwarded) + Send + Sync>;

/// What is forwarded at `level` while `code` runs, and how many spans are still known at its end.
pub(super) fn forwarded_by(level: LevelFilter, code: impl FnOnce()) -> (Vec<Forwarded>, usize) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink: Sink = Box::new({
        let events = events.clone();
        move |event| events.lock().push(event)
    });
    let dispatch = Dispatch::new(Forwarder::new(level, sink));
    dispatcher::with_default(&dispatch, code);
    let spans = dispatch.downcast_ref::<Forwarder<Sink>>().expect("the forwarder of above").spans.len();
    let events = std::mem::take(&mut *events.lock());
    (events, spans)
}

fn events(level: LevelFilter, code: impl FnOnce()) -> Vec<Forwarded> {
    forwarded_by(level, code).0
}

#[test]
fn an_event_arrives_with_all_that_belongs_to_it() {
    let line = line!() + 3;
    let (events, spans) = forwarded_by(LevelFilter::INFO, || {
        let _job = tracing::info_span!("job", id = 7, name = "pi").entered();
        tracing::warn!(target: "model", seed = 3_u64, path = "a b", shape = ?[1, 2], "no {}", "weights");
    });
    let expected = Forwarded {
        level: Level::Warn,
        target: "model".to_owned(),
        message: "no weights".to_owned(),
        fields: [("seed", "3"), ("path", "a b"), ("shape", "[1, 2]")]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .to_vec(),
        spans: "job{id=7 name=pi}".to_owned(),
        file: Some(file!().to_owned()),
        line: Some(line),
    };
    assert_eq!(events, std::slice::from_ref(&expected));
    assert_eq!(spans, 0);
    let bytes = bincode::serde::encode_to_vec(&expected, bincode::config::standard()).expect("it travels");
    let (arrived, _): (Forwarded, _) =
        bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).expect("it arrives");
    assert_eq!(arrived, expected);
}

#[test]
fn an_error_comes_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("the model is not readable")]
    struct Unreadable(#[source] std::io::Error);
    let error = Unreadable(std::io::Error::other("the disk is gone"));
    let events = events(LevelFilter::INFO, || {
        tracing::error!(error = &error as &(dyn std::error::Error + 'static));
    });
    assert_eq!(events[0].fields, [("error".to_owned(), "the model is not readable: the disk is gone".to_owned())]);
}

#[test]
fn the_level_filters_and_the_carriers_are_quiet() {
    let all = || {
        tracing::error!("1");
        tracing::warn!("2");
        tracing::info!("3");
        tracing::debug!("4");
        tracing::trace!("5");
        tracing::trace!(target: "quinn_proto::connection", "a frame");
        tracing::info!(target: "aqueduct::net::link", "a frame");
        tracing::info!(target: "quinnish", "not a carrier");
        tracing::warn!(target: "quinn", "a carrier in trouble");
    };
    let messages = |level| events(level, all).into_iter().map(|event| event.message).collect::<Vec<_>>().join(" ");
    assert_eq!(messages(LevelFilter::OFF), "");
    assert_eq!(messages(LevelFilter::ERROR), "1");
    assert_eq!(messages(LevelFilter::INFO), "1 2 3 not a carrier a carrier in trouble");
    assert_eq!(messages(LevelFilter::TRACE), "1 2 3 4 5 not a carrier a carrier in trouble");
}

#[test]
fn a_path_follows_parents_and_what_was_recorded_later() {
    let (events, spans) = forwarded_by(LevelFilter::INFO, || {
        let outer = tracing::info_span!("outer", a = 1, later = tracing::field::Empty);
        let inner = outer.in_scope(|| tracing::info_span!("inner"));
        outer.record("later", "yes");
        outer.record("later", "still");
        // The outer span's last handle goes before the inner one is used.
        drop(outer);
        inner.in_scope(|| tracing::info!("nested"));
        tracing::info!(parent: &inner, "told");
        tracing::info!("outside");
        inner.in_scope(|| tracing::info!(parent: None, "at the root"));
        inner.in_scope(|| {
            let root = tracing::info_span!(parent: None, "root");
            root.in_scope(|| tracing::info!("in a root"));
        });
        // Left in another order than entered.
        let first = tracing::info_span!(parent: None, "first");
        let second = tracing::info_span!(parent: None, "second");
        let (in_first, in_second) = (first.enter(), second.enter());
        drop(in_first);
        tracing::info!("crossed");
        assert_eq!(tracing::Span::current().metadata().map(|span| span.name()), Some("second"));
        drop(in_second);
        assert!(tracing::Span::current().is_none());
    });
    let paths: Vec<_> = events.iter().map(|event| event.spans.as_str()).collect();
    assert_eq!(paths, ["outer{a=1 later=still}:inner", "outer{a=1 later=still}:inner", "", "", "root", "second"]);
    assert_eq!(spans, 0, "every span was closed");
}

#[test]
fn a_span_follows_its_future_from_thread_to_thread() {
    let (events, spans) = forwarded_by(LevelFilter::INFO, || {
        let span = tracing::info_span!("job");
        let dispatch = dispatcher::get_default(Clone::clone);
        let entered = span.clone().entered();
        let thread = std::thread::spawn(move || {
            dispatcher::with_default(&dispatch, || {
                tracing::info!("not in it");
                span.in_scope(|| tracing::info!("in it"));
            });
        });
        thread.join().expect("it does not panic");
        drop(entered);
    });
    let told: Vec<_> = events.iter().map(|event| (event.message.as_str(), event.spans.as_str())).collect();
    assert_eq!(told, [("not in it", ""), ("in it", "job")]);
    assert_eq!(spans, 0);
}

#[test]
fn code_that_never_closes_its_spans_does_not_fill_the_memory() {
    let (events, spans) = forwarded_by(LevelFilter::INFO, || {
        let spans: Vec<_> = (0..70_000).map(|_| tracing::info_span!("open")).collect();
        tracing::info!(parent: &spans[0], "kept");
        tracing::info!(parent: &spans[69_999], "known by number only");
        drop(spans);
        let after = tracing::info_span!("after").entered();
        tracing::info!("kept again");
        drop(after);
    });
    let paths: Vec<_> = events.iter().map(|event| event.spans.as_str()).collect();
    assert_eq!(paths, ["open", "", "after"]);
    assert_eq!(spans, 0);
}

#[test]
fn a_chain_of_any_length_is_told_from_its_inner_end_and_let_go_without_recursion() {
    let (events, spans) = forwarded_by(LevelFilter::INFO, || {
        let mut innermost = tracing::Span::none();
        // Few enough to be kept, so that all of them go with the last.
        for depth in 0..60_000 {
            innermost = tracing::info_span!(parent: innermost.id(), "step", depth);
        }
        tracing::info!(parent: &innermost, "deep");
    });
    assert!(events[0].spans.starts_with("…:step{depth=59968}:"), "{}", events[0].spans);
    assert!(events[0].spans.ends_with(":step{depth=59998}:step{depth=59999}"));
    assert_eq!(spans, 0);
}

#[test]
fn long_texts_are_cut_and_the_event_still_comes() {
    let long = "\u{20ac}".repeat(1 << 20);
    let events = events(LevelFilter::INFO, || {
        let _span = tracing::info_span!("job", text = long).entered();
        tracing::info!(before = 1, long, after = 2, "{}", long);
        tracing::info!("short");
    });
    let event = &events[0];
    let size = |event: &Forwarded| {
        let fields: usize = event.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        event.message.len() + fields + event.spans.len()
    };
    assert!((TEXT_MOST - 8..TEXT_MOST + 32).contains(&size(event)), "{}", size(event));
    assert!(event.message.ends_with("\u{20ac}…"));
    let span = &events[1].spans;
    assert!(span.starts_with("job{text=\u{20ac}") && span.ends_with("\u{20ac}…}") && span.len() < 1100, "{span}");
}

#[test]
fn after_the_cut_comes_nothing_even_if_it_would_fit() {
    let mut budget = 4;
    assert_eq!(within(&mut budget, format_args!("{}{}{}", "ab", "\u{20ac}", "c")), "ab…");
    assert_eq!((budget, within(&mut budget, format_args!("d"))), (0, "…".to_owned()));
}

#[test]
fn a_flood_is_limited_and_what_is_missing_is_told() {
    let start = Instant::now();
    let mut limit = Limit::new(start);
    let at = |ms| start + Duration::from_millis(ms);
    let passed = (0..5000).filter(|&n| limit.admit(at(n / 10), &TracingLevel::INFO) != Verdict::Drop).count();
    assert_eq!(passed, 1000);
    // Warnings have room of their own.
    assert_eq!(limit.admit(at(900), &TracingLevel::WARN), Verdict::Pass { missing: 0 });
    assert_eq!(limit.admit(at(900), &TracingLevel::TRACE), Verdict::Drop);
    assert_eq!(limit.admit(at(1000), &TracingLevel::ERROR), Verdict::Pass { missing: 4001 });
    assert_eq!(limit.admit(at(1000), &TracingLevel::INFO), Verdict::Pass { missing: 0 });
    let passed = (0..5000).filter(|_| limit.admit(at(1001), &TracingLevel::ERROR) != Verdict::Drop).count();
    assert_eq!(passed, 999);
}

#[test]
fn the_news_of_missing_events_is_forwarded() {
    let (events, _) = forwarded_by(LevelFilter::INFO, || {
        let start = Instant::now();
        // Until a second has passed and the next one brings the news.
        while start.elapsed() < Duration::from_millis(1100) {
            tracing::info!("flood");
        }
    });
    let news: Vec<_> = events.iter().filter(|event| event.target == "aqueduct::cluster").collect();
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].level, Level::Warn);
    assert!(news[0].message.ends_with("events are missing here: a worker forwards at most 1000 a second"));
    assert!(events.len() <= 2001, "{}", events.len());
}

#[test]
fn the_setting_is_a_level_and_an_unknown_word_is_told() {
    assert_eq!(wanted_level(None), Ok(LevelFilter::INFO));
    for level in ["off", "error", "warn", "info", "debug", "trace"] {
        assert_eq!(wanted_level(Some(level)).map(|wanted| wanted.to_string()), Ok(level.to_owned()));
    }
    let why = wanted_level(Some("loud")).expect_err("an unknown word");
    assert_eq!(why, "AQUEDUCT_LOG is \"loud\"; it may be off, error, warn, info, debug or trace");
}

const CHILD: &str = "AQUEDUCT_TEST_CHILD";

/// Runs one test of this program in a process of its own; `None` if this is that process.
pub(super) fn in_a_process_of_its_own(test: &str) -> Option<Output> {
    if std::env::var_os(CHILD).is_some() {
        return None;
    }
    let program = std::env::current_exe().expect("a test has a program");
    let test = format!("cluster::forward::{test}");
    let output = Command::new(program).args([&test, "--exact", "--nocapture"]).env(CHILD, "1").output();
    Some(output.expect("the program starts"))
}

#[test]
fn installed_it_hears_the_whole_process_but_gives_way_to_another() {
    match in_a_process_of_its_own("tests::installed_it_hears_the_whole_process_but_gives_way_to_another") {
        None => {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let sink = heard.clone();
            assert!(Forwarder::install(LevelFilter::INFO, move |event| sink.lock().push(event.message)));
            let thread = std::thread::spawn(|| tracing::info!("from a thread"));
            thread.join().expect("it does not panic");
            assert!(!Forwarder::install(LevelFilter::INFO, |_| panic!("this one was not installed")));
            tracing::info!("after");
            assert_eq!(*heard.lock(), ["from a thread", "after"]);
        }
        Some(output) => assert!(output.status.success(), "{output:?}"),
    }
}

#[test]
fn a_sink_that_traces_does_not_feed_itself() {
    // Installed for the whole process: for a subscriber of one thread, `tracing` itself sees to it.
    match in_a_process_of_its_own("tests::a_sink_that_traces_does_not_feed_itself") {
        None => {
            let heard = Arc::new(Mutex::new(Vec::new()));
            let sink = heard.clone();
            assert!(Forwarder::install(LevelFilter::INFO, move |event| {
                sink.lock().push(event.message);
                tracing::error!("sent an event");
            }));
            tracing::error!("one");
            tracing::error!("two");
            assert_eq!(*heard.lock(), ["one", "two"]);
        }
        Some(output) => assert!(output.status.success(), "{output:?}"),
    }
}
