//! What is wrong with a network is found, told with its seed, and seen again by it.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::testing::{Explore, Failure, Reason, explore, replay};

use super::common::within;

const LIMIT: Duration = Duration::from_secs(60);

fn names(failure: &Failure) -> Vec<String> {
    match failure.reason() {
        Reason::Deadlock(waiting) | Reason::LeftBehind(waiting) => waiting.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

/// A memory cell behind two channels.
#[process]
async fn cell(get: Sender<u32>, set: Receiver<u32>) -> Outcome {
    let mut value = 0;
    loop {
        alt! {
            Ok(new) = set.recv() => value = new,
            r = get.send(value) => if r.is_err() { return Ok(()) },
        }
    }
}

/// Reads, adds, writes: an update can be lost in between.
#[process]
async fn increment(get: Receiver<u32>, set: Sender<u32>) -> Outcome {
    let value = get.recv().await?;
    Ok(set.send(value + 1).await?)
}

async fn lost_update() -> Outcome {
    let (get, get_rx) = aqueduct::channel();
    let (set, set_rx) = aqueduct::channel();
    let cell = cell(get, set_rx).spawn();
    let users = [increment(get_rx.clone(), set.clone()).spawn(), increment(get_rx.clone(), set).spawn()];
    for user in users {
        user.await?;
    }
    let value = get_rx.recv().await?;
    drop(get_rx);
    cell.await?;
    assert_eq!(value, 2, "an update was lost");
    Ok(())
}

/// Asks how many places are free, and then takes one.
#[process]
async fn guest(free: Receiver<usize>, places: Receiver<()>) -> Outcome {
    if free.recv().await? > 0 {
        // Somebody else may have taken it meanwhile.
        places.recv().await?;
    }
    Ok(())
}

async fn check_then_act() -> Outcome {
    let (places, places_rx) = aqueduct::unbounded();
    places.send(()).await?;
    let (free, free_rx) = aqueduct::channel();
    let desk = {
        let places = places.clone();
        aqueduct::task("desk", async move {
            // As long as somebody asks.
            while free.send(places.len()).await.is_ok() {}
        })
        .spawn()
    };
    let guests = [guest(free_rx.clone(), places_rx.clone()).spawn(), guest(free_rx, places_rx).spawn()];
    for guest in guests {
        guest.await?;
    }
    desk.await?;
    drop(places);
    Ok(())
}

#[process]
async fn takes_both(first: Receiver<()>, then: Receiver<()>, back: [Sender<()>; 2]) -> Outcome {
    first.recv().await?;
    then.recv().await?;
    for token in &back {
        token.send(()).await?;
    }
    Ok(())
}

/// Each takes two tokens and puts them back; but they take them in opposite orders.
fn opposite_orders() -> impl Process<Value = ((), ())> {
    let (a_tx, a) = aqueduct::buffered(2);
    let (b_tx, b) = aqueduct::buffered(2);
    a_tx.try_send(()).unwrap();
    b_tx.try_send(()).unwrap();
    par!(
        takes_both(a.clone(), b.clone(), [a_tx.clone(), b_tx.clone()]).named("left"),
        takes_both(b, a, [a_tx, b_tx]).named("right"),
    )
}

#[test]
fn a_lost_update_is_found_told_with_its_seed_and_seen_again() {
    let failure = Explore::new().run(lost_update).unwrap_err();
    assert!(matches!(failure.reason(), Reason::Failed(error) if error.cause().is_panic()), "{failure}");
    assert!(failure.to_string().contains("an update was lost"), "{failure}");
    assert_eq!(failure.is_reproducible(), Some(true));
    let again = Explore::new().replay(failure.seed(), lost_update).unwrap_err();
    assert_eq!(again.trace().to_string(), failure.trace().to_string());
    for good in 0..failure.good_before() {
        replay(good, lost_update);
    }
}

#[test]
fn a_check_that_no_longer_holds_when_it_is_acted_on_is_found() {
    let failure = Explore::new().run(check_then_act).unwrap_err();
    let waiting = names(&failure);
    assert!(waiting.len() == 3 && waiting[2].starts_with("guest["), "{waiting:?}");
    assert_eq!(waiting[..2], ["main[0]", "desk[1]"]);
    assert_eq!(names(&Explore::new().replay(failure.seed(), check_then_act).unwrap_err()), waiting);
}

#[test]
fn tokens_taken_in_opposite_orders_are_a_deadlock_that_names_who_waits() {
    let failure = Explore::new().run(opposite_orders).unwrap_err();
    assert_eq!(names(&failure), ["main[0]", "left[1]", "right[2]"]);
    assert!(failure.to_string().contains("left[1] (in main[0])"), "{failure}");
}

#[test]
fn the_text_of_a_failure_says_all_that_is_needed() {
    let text = Explore::new().run(lost_update).unwrap_err().to_string();
    let seed = text.split("under seed ").nth(1).unwrap().split([',', ':']).next().unwrap();
    assert!(text.starts_with(&format!("the network fails under seed {seed}")), "{text}");
    assert!(text.contains("turns:\n") && text.contains(&format!("\n  seed {seed}, step ")), "{text}");
    let test = "failures::the_text_of_a_failure_says_all_that_is_needed";
    assert!(text.contains(&format!("\nto see it again: AQUEDUCT_TEST_SEED={seed} cargo test {test}\n")), "{text}");
    assert!(text.ends_with(&format!("aqueduct::testing::replay({seed}, …)")), "{text}");
}

#[test]
fn explore_panics_with_that_text() {
    let payload = std::panic::catch_unwind(|| explore(lost_update)).unwrap_err();
    let text = payload.downcast::<String>().unwrap();
    assert!(text.starts_with("the network fails under seed ") && text.contains("AQUEDUCT_TEST_SEED="), "{text}");
}

#[test]
fn an_error_and_a_panic_are_failures_wherever_they_happen() {
    let error = Explore::new().run(|| async { Outcome::<()>::Err(Exit::failure("out of paper")) }).unwrap_err();
    assert!(error.to_string().contains("failed: out of paper") && error.seed() == 0, "{error}");

    #[process]
    fn thread() {
        panic!("in a thread");
    }
    let in_thread = Explore::new().run(thread).unwrap_err();
    assert!(in_thread.to_string().contains("panicked: in a thread"), "{in_thread}");

    #[process]
    async fn task() {
        panic!("in a task");
    }
    let in_task = Explore::new().run(|| async { task().spawn().await }).unwrap_err();
    assert!(in_task.to_string().contains("panicked: in a task"), "{in_task}");

    let unmade = Explore::new()
        .run(|| if true { panic!("before it is made") } else { std::future::ready(Outcome::Ok(())) })
        .unwrap_err();
    assert!(unmade.to_string().contains("panicked: before it is made"), "{unmade}");
}

#[test]
fn a_network_that_a_retired_channel_ends_early_has_not_succeeded() {
    let early = Explore::new()
        .run(|| async {
            let (tx, rx) = aqueduct::channel::<()>();
            drop(tx);
            rx.recv().await?;
            Outcome::Ok(())
        })
        .unwrap_err();
    assert!(matches!(early.reason(), Reason::Failed(error) if error.cause().is_ended_early()), "{early}");
}

#[test]
fn a_deadlock_names_tasks_threads_and_children() {
    let failure = Explore::new()
        .schedules(5)
        .run(|| async {
            let (tx, rx) = aqueduct::channel::<()>();
            let thread = aqueduct::thread("reader", {
                let rx = rx.clone();
                move || Ok(rx.recv_blocking()?)
            })
            .spawn();
            let task = aqueduct::task("waiter", {
                let rx = rx.clone();
                async move {
                    aqueduct::task("inner", async move { Ok(rx.recv().await?) }).await?;
                    Ok(())
                }
            })
            .spawn();
            let done = aqueduct::task("done", async {}).spawn();
            done.await?;
            task.await?;
            thread.await?;
            drop(tx);
            Outcome::Ok(())
        })
        .unwrap_err();
    let Reason::Deadlock(waiting) = failure.reason() else { panic!("{failure}") };
    assert_eq!(waiting.iter().map(|process| process.name()).collect::<Vec<_>>(), ["main", "reader", "waiter", "inner"]);
    assert_eq!(waiting.iter().map(|process| process.is_thread()).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(waiting[3].parent(), Some(waiting[2].number()));
    let text = failure.to_string();
    assert!(text.contains("main[0], reader[1] (a thread), waiter[2], inner["), "{text}");
    assert!(text.contains("(in waiter[2])"), "{text}");
}

#[test]
fn networks_without_end_are_found_by_the_number_of_their_steps() {
    fn endless(failure: Result<impl Sized, Failure>) {
        let failure = failure.err().unwrap();
        assert!(matches!(failure.reason(), Reason::Endless(5_000)), "{failure}");
    }
    let few = || Explore::new().schedules(5).max_steps(5_000);
    // Two that play for ever, as children of one task, as tasks and as threads.
    async fn plays(tx: Sender<()>, rx: Receiver<()>, serves: bool) -> Outcome {
        if serves {
            tx.send(()).await?;
        }
        loop {
            rx.recv().await?;
            tx.send(()).await?;
        }
    }
    let table = || {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        ((a, b_rx), (b, a_rx))
    };
    endless(few().run(|| {
        let ((a, b_rx), (b, a_rx)) = table();
        par!(aqueduct::task("ping", plays(a, b_rx, true)), aqueduct::task("pong", plays(b, a_rx, false)))
    }));
    endless(few().run(|| async move {
        let ((a, b_rx), (b, a_rx)) = table();
        let ping = aqueduct::task("ping", plays(a, b_rx, true)).spawn();
        aqueduct::task("pong", plays(b, a_rx, false)).spawn().await?;
        Outcome::Ok(ping.await?)
    }));
    endless(few().run(|| async move {
        let ((a, b_rx), (b, a_rx)) = table();
        let ping = aqueduct::thread("ping", move || {
            loop {
                a.send_blocking(())?;
                b_rx.recv_blocking()?;
            }
            #[allow(unreachable_code)]
            Ok(())
        })
        .spawn();
        aqueduct::task("pong", plays(b, a_rx, false)).spawn().await?;
        Outcome::Ok(ping.await?)
    }));
    // One whose operations never wait.
    endless(few().run(|| async {
        let (tx, rx) = aqueduct::unbounded();
        loop {
            tx.send(()).await?;
            rx.recv().await?;
        }
        #[allow(unreachable_code)]
        Outcome::Ok(())
    }));
}

#[test]
fn a_clock_does_not_hide_that_a_network_stands_still() {
    let failure = Explore::new()
        .schedules(5)
        .run(|| async {
            let (_tx, rx) = aqueduct::channel::<()>();
            let mut clock = tick(Duration::from_secs(60));
            loop {
                alt! {
                    _ = rx.recv() => return Outcome::Ok(()),
                    _ = clock.next() => {}
                }
            }
        })
        .unwrap_err();
    assert!(matches!(failure.reason(), Reason::TooLong(_)), "{failure}");
}

#[test]
fn an_exploration_inside_a_task_another_one_or_a_runtime_is_an_error() {
    fn inside(result: Result<impl Sized, Failure>) {
        let failure = result.err().unwrap();
        assert!(matches!(failure.reason(), Reason::Inside), "{failure}");
        assert!(failure.to_string().contains("plain `#[test]`"), "{failure}");
    }
    let fine = || async { Outcome::Ok(()) };
    explore(|| async move {
        inside(Explore::new().run(fine));
        aqueduct::task("task", async move { inside(Explore::new().replay(1, fine)) }).spawn().await?;
        aqueduct::thread("thread", move || {
            inside(Explore::new().run(fine));
            let error = aqueduct::run(fine()).unwrap_err();
            assert!(error.to_string().contains("in a run of aqueduct::testing"), "{error}");
        })
        .await?;
        assert!(aqueduct::run(fine()).is_err());
        Outcome::Ok(())
    });
    aqueduct::run(async move {
        inside(Explore::new().run(fine));
        Outcome::Ok(())
    })
    .unwrap();
}

#[test]
fn blocking_in_a_task_is_the_error_that_it_is_elsewhere() {
    explore(|| async {
        let (tx, rx) = aqueduct::channel::<u8>();
        assert!(matches!(rx.recv_blocking(), Err(aqueduct::WaitError::OnRuntimeWorker)));
        let child = aqueduct::task("child", async move { Ok(tx.send_blocking(1).is_err()) });
        assert!(child.spawn().await?);
        let spawns = aqueduct::thread("spawns a task", || Ok(aqueduct::task("task", async {}).spawn()));
        // A thread is in no runtime, here as elsewhere.
        assert!(spawns.await?.await.unwrap_err().cause().is_not_started());
        Outcome::Ok(())
    });
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let fine = || async { Outcome::Ok(()) };
    if std::env::var_os("AQUEDUCT_TEST_SCHEDULES").is_none() && std::env::var_os("AQUEDUCT_TEST_SEED").is_none() {
        let nothing = Explore::new().schedules(0).run(fine).unwrap_err();
        assert!(matches!(nothing.reason(), Reason::Setting(text) if text.contains("0 schedules")), "{nothing}");
    }
    let ages = Explore::new().max_virtual_time(Duration::MAX).run(fine).unwrap_err();
    assert!(matches!(ages.reason(), Reason::Setting(text) if text.contains("a year")), "{ages}");
    let steps = Explore::new().max_steps(0).replay(1, fine).unwrap_err();
    assert!(matches!(steps.reason(), Reason::Setting(text) if text.contains("0 steps")), "{steps}");
}

#[test]
fn a_thread_that_waits_for_something_else_is_named() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let gone = Arc::new(());
    let failure = within(LIMIT, {
        let gone = Arc::clone(&gone);
        move || {
            Explore::new()
                .patience(Duration::from_millis(50))
                .run(|| {
                    let (released, gone) = (Arc::clone(&released), Arc::clone(&gone));
                    aqueduct::thread("waits elsewhere", move || {
                        let _gone = gone;
                        let (tx, _rx) = aqueduct::unbounded();
                        let _ = released.lock().unwrap().recv();
                        loop {
                            tx.send_blocking(())?;
                        }
                        #[allow(unreachable_code)]
                        Ok(())
                    })
                })
                .unwrap_err()
        }
    });
    assert!(matches!(failure.reason(), Reason::Stuck(thread) if thread.name() == "waits elsewhere"), "{failure}");
    assert_eq!(failure.lost().len(), 1);
    assert_eq!(failure.is_reproducible(), None);
    // Once it comes back it ends.
    drop(release);
    within(LIMIT, move || {
        while Arc::strong_count(&gone) > 1 {
            std::thread::yield_now();
        }
    });
}

#[test]
fn what_the_schedule_does_not_decide_is_told() {
    let runs = AtomicUsize::new(0);
    let failure = Explore::new()
        .run(|| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            async move {
                assert_ne!(run, 3, "every now and then");
                Outcome::Ok(())
            }
        })
        .unwrap_err();
    assert_eq!((failure.seed(), failure.is_reproducible()), (3, Some(false)));
    assert!(failure.to_string().contains("something that no schedule decides"), "{failure}");
}

/// Only for the tests below, which start it with an environment of their own.
#[test]
fn child() {
    if std::env::var_os("AQUEDUCT_TEST_CHILD").is_none() {
        return;
    }
    let report = Explore::new().schedules(7).first_seed(3).run(|| async { Outcome::Ok(()) });
    match report {
        Ok(report) => println!("seeds {:?}", report.runs().iter().map(|run| run.seed()).collect::<Vec<_>>()),
        Err(failure) => println!("refused: {failure}"),
    }
}

fn child_with(variable: &str, value: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "failures::child", "--nocapture"])
        .env_remove("AQUEDUCT_TEST_SEED")
        .env_remove("AQUEDUCT_TEST_SCHEDULES")
        .env("AQUEDUCT_TEST_CHILD", "1")
        .env(variable, value)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_environment_says_which_seeds_are_tried() {
    assert!(child_with("AQUEDUCT_TEST_OTHER", "").contains("seeds [3, 4, 5, 6, 7, 8, 9]"));
    assert!(child_with("AQUEDUCT_TEST_SEED", "17").contains("seeds [17]\n"));
    assert!(child_with("AQUEDUCT_TEST_SCHEDULES", "2").contains("seeds [3, 4]\n"));
    let refused = child_with("AQUEDUCT_TEST_SEED", "seventeen");
    assert!(refused.contains("refused: AQUEDUCT_TEST_SEED is not a number: seventeen"), "{refused}");
    let refused = child_with("AQUEDUCT_TEST_SCHEDULES", "0");
    assert!(refused.contains("refused: 0 schedules explore nothing"), "{refused}");
}
