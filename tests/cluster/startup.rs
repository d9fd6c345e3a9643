//! Workers that do not come: each failure to start is an error of its own that says what to do, and none hangs.

use std::{
    process::{self, Command},
    time::{Duration, Instant},
};

use aqueduct::{
    Cluster,
    cluster::{Builder, ClusterError, Worker, worker_state},
};
use futures::executor::block_on;

use crate::{
    common::within,
    support::{LIMIT, on, on_built, this_binary, worker_command},
};

const PROGRAM: &str = "AQUEDUCT_TEST_WORKER";

/// Not a test: programs that are started as workers and are none. In an ordinary run it passes at once.
#[test]
fn program() {
    match std::env::var(PROGRAM).as_deref() {
        // A `main` that does not begin with `init`.
        Ok("without-init") => drop(block_on(Cluster::local(1))),
        Ok("complains") => {
            eprintln!("a library is missing");
            process::exit(127);
        }
        Ok("waits") => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        _ => {}
    }
}

fn acting(what: &'static str) -> Worker {
    Worker::new().command(move || {
        let mut command = this_binary("startup::program");
        command.env(PROGRAM, what);
        command
    })
}

fn error_of(builder: Builder) -> ClusterError {
    within(LIMIT, move || block_on(builder.start()).map(drop).expect_err("it cannot start"))
}

#[aqueduct::remote]
fn square(n: u64) -> u64 {
    n * n
}

#[test]
fn a_main_without_init_is_told_which_line_to_add() {
    let error = error_of(Cluster::builder().worker(acting("without-init")));
    let ClusterError::Stillborn { end } = &error else { panic!("{error}") };
    assert_eq!(end.code, Some(73), "{error}");
    assert!(end.stderr.contains("aqueduct::init();"), "the worker says it: {error}");
    assert!(error.to_string().contains("aqueduct::init()") && error.to_string().contains("worker_entry!"), "{error}");
}

#[test]
fn a_test_binary_without_worker_entry_is_told_which_line_to_add() {
    // So it would be started: the harness does not know the argument.
    let program = std::env::current_exe().unwrap();
    let worker = Worker::new().command(move || {
        let mut command = Command::new(&program);
        command.arg("--aqueduct-worker");
        command
    });
    let error = error_of(Cluster::builder().worker(worker));
    assert!(matches!(error, ClusterError::Stillborn { .. }), "{error}");
    assert!(error.to_string().contains("worker_entry!"), "{error}");
}

#[test]
fn a_worker_that_ends_at_once_is_told_with_its_last_words() {
    let error = error_of(Cluster::builder().workers(1).worker(acting("complains")));
    let ClusterError::Stillborn { end } = &error else { panic!("{error}") };
    assert_eq!(end.code, Some(127));
    assert!(error.to_string().contains("a library is missing"), "{error}");
    let error = error_of(Cluster::builder().worker(acting("nothing")));
    assert!(matches!(error, ClusterError::Stillborn { .. }), "to end well is to end: {error}");
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let worker = Worker::new().command(|| Command::new("/no/such/program"));
    let error = error_of(Cluster::builder().worker(worker.clone()));
    let ClusterError::Launch { program, source } = &error else { panic!("{error}") };
    assert_eq!((program.as_str(), source.kind()), ("/no/such/program", std::io::ErrorKind::NotFound));
    on(1, async |cluster| {
        let error = cluster.add_worker(worker).await.unwrap_err();
        assert!(matches!(error, ClusterError::Launch { .. }), "{error}");
        assert_eq!(cluster.submit(square, 5).await, Ok(25), "the others go on");
    });
}

#[test]
fn a_worker_that_does_not_join_is_given_up_in_time() {
    let begun = Instant::now();
    let limit = Duration::from_millis(300);
    let error = error_of(Cluster::builder().worker(acting("waits")).join_time(limit));
    assert!(matches!(error, ClusterError::Late { worker: 0, limit: told } if told == limit), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_worker_that_cannot_be_added_is_not_tried_for_ever() {
    let room = crate::support::Room::new();
    on(1, async move |cluster| {
        for _ in 0..4 {
            let place = room.place();
            let worker = Worker::new().command(move || {
                place.note("started");
                let mut command = this_binary("startup::program");
                command.env(PROGRAM, "complains");
                command
            });
            assert!(matches!(cluster.add_worker(worker).await, Err(ClusterError::Stillborn { .. })));
        }
        // One that works takes as long to start as they would.
        assert!(cluster.add_worker(Worker::new()).await.is_ok());
        assert_eq!(room.log().len(), 4, "the caller was told, and nobody else wants them");
        // And one that dies is replaced as ever.
        let victim = cluster.workers()[0].pid;
        crate::support::signal("KILL", victim);
        crate::support::until("it is replaced", || {
            let workers = cluster.workers();
            workers.len() == 2 && workers.iter().all(|place| place.pid != victim)
        });
    });
}

struct Loaded(u32);

#[aqueduct::remote]
fn load() {
    worker_state(|| Loaded(process::id()));
}

#[aqueduct::remote]
fn load_well() -> Result<(), String> {
    load();
    Ok(())
}

#[aqueduct::remote]
async fn load_later() -> Result<(), String> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    load();
    Ok(())
}

#[aqueduct::remote]
fn load_badly() -> Result<(), String> {
    Err("the model is not there".into())
}

#[aqueduct::remote]
fn load_panicking() {
    panic!("the model is broken")
}

#[aqueduct::remote]
fn load_aborting() {
    eprintln!("the model is deadly");
    process::abort();
}

#[aqueduct::remote]
fn loaded() -> bool {
    let mut made_now = false;
    let state = worker_state(|| {
        made_now = true;
        Loaded(0)
    });
    !made_now && state.0 == process::id()
}

#[test]
fn init_runs_on_each_worker_before_its_first_task() {
    for builder in [
        Cluster::builder().workers(2).init(load),
        Cluster::builder().workers(2).init(load_well),
        Cluster::builder().workers(2).init(load_later),
    ] {
        on_built(builder, async |cluster| {
            assert_eq!(cluster.map(loaded, [(); 50]).chunk(1).collect::<Vec<_>>().await, Ok(vec![true; 50]));
            // Also on those that come later.
            let added = cluster.add_worker(Worker::new()).await.unwrap();
            let there = cluster.with(aqueduct::cluster::TaskOptions::new().on_worker(added));
            assert_eq!(there.submit(loaded, ()).await, Ok(true));
        });
    }
}

#[test]
fn an_init_that_fails_is_told_and_the_worker_does_not_join() {
    let error = error_of(Cluster::builder().workers(1).init(load_badly));
    let ClusterError::Init { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("the model is not there"), "{error}");
    let error = error_of(Cluster::builder().workers(1).init(load_panicking));
    let ClusterError::Init { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("the model is broken"), "{error}");
    assert!(reason.contains("tests/cluster/startup.rs:"), "it is told where: {error}");
    let error = error_of(Cluster::builder().workers(1).init(load_aborting));
    let ClusterError::Stillborn { end } = &error else { panic!("{error}") };
    assert_eq!(end.signal, Some(6));
    assert!(error.to_string().contains("the model is deadly"), "{error}");
}

#[test]
fn an_init_that_is_not_remote_is_refused_before_anything_starts() {
    fn forgotten() {}
    let error = error_of(Cluster::builder().workers(1).init(forgotten));
    assert!(matches!(error, ClusterError::Registry(_)), "{error}");
    assert!(error.to_string().contains("put `#[aqueduct::remote]` on it"), "{error}");
}

#[test]
fn settings_that_make_no_sense_are_errors_that_say_so() {
    let error = within(LIMIT, || block_on(Cluster::local(0)).map(drop).unwrap_err());
    assert!(matches!(error, ClusterError::Setting(_)), "{error}");
    assert!(error.to_string().contains("above zero"), "{error}");
    let error = error_of(Cluster::builder().workers(1).log("loud"));
    assert!(error.to_string().contains("off, error, warn, info, debug or trace"), "{error}");
    let tagged = (0..65).fold(Worker::new(), |worker, tag| worker.tag(tag.to_string()));
    let error = error_of(Cluster::builder().worker(tagged));
    assert!(error.to_string().contains("at most 64 different tags"), "{error}");
    let error = error_of(Cluster::builder().workers(1).idle_time(Duration::ZERO));
    assert!(matches!(error, ClusterError::Setting(_)), "{error}");
}

#[test]
fn a_worker_started_by_a_wrapper_is_a_worker() {
    let worker = Worker::new().command(|| {
        let inner = worker_command();
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
        command
    });
    on_built(Cluster::builder().worker(worker), async |cluster| {
        assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64));
    });
}
