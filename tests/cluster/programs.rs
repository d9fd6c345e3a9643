//! Drivers that end in every way a process can: their workers go with them, and the shell hears how it was.
//!
//! A driver is this binary, running [`program`] alone: what it does is told in its environment.

use std::{
    fs,
    io::Read,
    path::PathBuf,
    process::{self, Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use aqueduct::{Cluster, cluster::with};
use futures::executor::block_on;

use crate::{
    common::rounds,
    support::{Place, Room, marked, signal, this_binary, until},
};

const PROGRAM: &str = "AQUEDUCT_TEST_PROGRAM";
const ROOM: &str = "AQUEDUCT_TEST_ROOM";

#[aqueduct::remote]
fn noted(place: &Place, item: u64) -> u64 {
    place.note(&item.to_string());
    thread::sleep(Duration::from_millis(1));
    item
}

#[aqueduct::remote]
fn hangs(place: &Place) {
    place.note("hangs");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

#[aqueduct::remote]
fn talks(n: u64) -> u64 {
    println!("said {n}");
    eprintln!("complained {n}");
    print!("without an end");
    tracing::warn!(target: "talks", n, "told");
    tracing::debug!("not wanted");
    n
}

/// Prints the events of the program, those of its workers among them.
struct Events;

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!(" {}={value:?}", field.name()));
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        println!("event {} {}{}", event.metadata().level(), event.metadata().target(), fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// Not a test: the driver programs of this file. In an ordinary run it passes at once.
#[test]
fn program() {
    let Ok(what) = std::env::var(PROGRAM) else { return };
    let place: Place = {
        let path = std::env::var_os(ROOM).map(PathBuf::from).expect("a room");
        let bytes = aqueduct::net::codec::encode(&path).expect("a path");
        aqueduct::net::codec::decode(&bytes).expect("a place is its path")
    };
    if what == "from-env" {
        match block_on(Cluster::from_env()) {
            Ok(cluster) => println!("workers: {}", cluster.workers().len()),
            Err(error) => println!("error: {error}"),
        }
        return;
    }
    if what == "talk" {
        tracing::subscriber::set_global_default(Events).expect("the first");
    }
    let cluster = block_on(Cluster::local(2)).expect("the cluster starts");
    place.mark("started");
    match what.as_str() {
        "talk" => {
            block_on(cluster.map(talks, 0..3).sum::<u64>()).expect("talks");
            block_on(cluster.clone().shutdown());
            return;
        }
        "finish" => {
            block_on(cluster.map(with(place.clone(), noted), 0..20).sum::<u64>()).expect("sums");
            return;
        }
        "forget" => {
            std::mem::forget(cluster);
            return;
        }
        _ => {}
    }
    let mut map = cluster.map(with(place.clone(), noted), 0..);
    for _ in 0..5 {
        block_on(map.next()).expect("no end").expect("a number");
    }
    cluster.submit(with(place.clone(), hangs), ()).detach();
    place.mark("runs");
    match what.as_str() {
        "run" => loop {
            block_on(map.next()).expect("no end").expect("a number");
        },
        "panic" => panic!("the driver panics"),
        "exit" => process::exit(7),
        "abort" => process::abort(),
        "return" => {}
        other => panic!("no program {other}"),
    }
}

struct Driver {
    child: Child,
    mark: String,
    room: Room,
}

impl Driver {
    fn start(what: &str) -> Self {
        static NEXT: Mutex<u32> = Mutex::new(0);
        let mark = {
            let mut next = NEXT.lock().unwrap();
            *next += 1;
            format!("programs-{}-{next}", process::id())
        };
        let room = Room::new();
        let child = this_binary("programs::program")
            .env(PROGRAM, what)
            .env(ROOM, room.path())
            .env("AQUEDUCT_TEST_MARK", &mark)
            .env("RUST_BACKTRACE", "0")
            // What it cannot tidy up goes with the room.
            .env("TMPDIR", room.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        Self { child, mark: format!("AQUEDUCT_TEST_MARK={mark}"), room }
    }

    /// Waits for its end; no worker is left. Gives its status and, if there was one, the signal.
    fn end(mut self) -> (Option<i32>, Option<i32>) {
        use std::os::unix::process::ExitStatusExt as _;
        until("the driver ends", || self.child.try_wait().expect("it is ours").is_some());
        let status = self.child.wait().expect("it is ours");
        let begun = Instant::now();
        until("no worker is left", || marked(&self.mark).is_empty());
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "the workers outlived their driver by {took:?}");
        (status.code(), status.signal())
    }

    fn runs(self) -> Self {
        until("it runs", || self.room.has("runs"));
        // Itself and two workers: else the test would show nothing.
        assert!(marked(&self.mark).len() >= 3, "{:?}", marked(&self.mark));
        self
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Where a test fails, it has not ended yet.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_driver_killed_at_any_moment_leaves_no_worker() {
    for seed in 0..rounds(4) as u64 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let moment = dice.usize(0..60);
        let driver = Driver::start("run");
        // 0: at once, or while it starts.
        until("the moment of the kill", || {
            driver.room.log().len() >= moment || (moment.is_multiple_of(3) && driver.room.has("started"))
        });
        signal("KILL", driver.child.id());
        assert_eq!(driver.end(), (None, Some(9)), "seed {seed}");
    }
    let driver = Driver::start("run");
    signal("KILL", driver.child.id());
    assert_eq!(driver.end(), (None, Some(9)));
}

#[test]
fn a_driver_that_panics_exits_aborts_or_is_told_to_end_leaves_no_worker_and_says_so_to_the_shell() {
    // A test that panics makes its harness exit with 101, as a `main` would.
    for (what, code, killed_by) in [
        ("panic", Some(101), None),
        ("exit", Some(7), None),
        ("abort", None, Some(6)),
        ("return", Some(0), None),
        ("forget", Some(0), None),
        ("finish", Some(0), None),
    ] {
        assert_eq!(Driver::start(what).end(), (code, killed_by), "{what}");
    }
    // Not HUP and INT: tests that run under `nohup`, or behind a shell, may have been told to ignore them.
    for (name, number) in [("TERM", 15), ("USR1", 10)] {
        let driver = Driver::start("run").runs();
        signal(name, driver.child.id());
        assert_eq!(driver.end(), (None, Some(number)), "{name}");
    }
}

#[test]
fn a_driver_leaves_no_directory_behind() {
    let temporary = Room::new();
    let output = this_binary("programs::program")
        .env(PROGRAM, "finish")
        .env(ROOM, temporary.path())
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .output()
        .expect("the driver runs");
    assert!(output.status.success(), "{output:?}");
    let left: Vec<_> = fs::read_dir(temporary.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("aqueduct-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_workers_write_arrives_with_their_names_in_front() {
    let room = Room::new();
    let output = this_binary("programs::program")
        .env(PROGRAM, "talk")
        .env(ROOM, room.path())
        .stdin(Stdio::null())
        .output()
        .expect("the driver runs");
    assert!(output.status.success(), "{output:?}");
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for n in 0..3 {
        let from_worker = |text: &str, what: &str| {
            (0..2).any(|worker| text.lines().any(|line| line == format!("[worker {worker}] {what}")))
        };
        let said = from_worker(&out, &format!("said {n}")) || from_worker(&out, &format!("without an endsaid {n}"));
        assert!(said, "{n} is said:\n{out}");
        assert!(from_worker(&err, &format!("complained {n}")), "{n} is complained of:\n{err}");
        assert!(!err.contains("said") && !out.contains("complained"));
    }
    assert!(out.lines().any(|line| line.starts_with("[worker") && line.ends_with("without an end")), "{out}");
}

#[test]
fn the_environment_says_how_many_workers_there_are() {
    let from_env = |value: &str| {
        let room = Room::new();
        let output = this_binary("programs::program")
            .env(PROGRAM, "from-env")
            .env(ROOM, room.path())
            .env("AQUEDUCT_WORKERS", value)
            .stdin(Stdio::null())
            .output()
            .expect("the driver runs");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(from_env("3").contains("workers: 3"), "{}", from_env("3"));
    for bad in ["0", "-1", "many", "", "2 "] {
        let said = from_env(bad);
        assert!(said.contains(&format!("AQUEDUCT_WORKERS is {bad:?}; it should be a number above zero")), "{said}");
    }
}

/// The example, as a program with `#[aqueduct::main]`.
fn pi_map() -> &'static PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let built = test.parent().and_then(std::path::Path::parent).unwrap();
        let profile = match built.file_name().and_then(|name| name.to_str()).unwrap() {
            "debug" => "dev",
            other => other,
        };
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--example", "pi_map", "--profile", profile, "--target-dir"])
            .arg(built.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success(), "the example can be built");
        built.join("examples").join("pi_map")
    })
}

#[test]
fn a_program_with_an_aqueduct_main_tells_the_shell_how_it_went() {
    let run = |arguments: &[&str], workers: &str| {
        let output = Command::new(pi_map())
            .args(arguments)
            .env("AQUEDUCT_WORKERS", workers)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["20", "2"], "");
    assert_eq!(code, Some(0));
    assert!(out.contains("pi is about 3.14"), "{out}");
    let (code, _, err) = run(&["20"], "none");
    assert_eq!(code, Some(1));
    assert!(err.contains("AQUEDUCT_WORKERS is \"none\""), "{err}");
    // A worker that somebody starts by hand says what it is; without the mark in its environment it is no worker.
    let mut by_hand = Command::new(pi_map());
    by_hand.arg("--aqueduct-worker").env("AQUEDUCT_WORKER", "0").stdin(Stdio::null());
    let output = by_hand.output().unwrap();
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not by hand"), "{output:?}");
}

/// Its driver died before it could say anything.
#[test]
fn a_worker_that_is_told_nothing_by_its_driver_ends() {
    let mut child = this_binary("aqueduct_worker_entry")
        .env("AQUEDUCT_WORKER", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(70));
    assert!(said.contains("no identity on stdin"), "{said}");
}
