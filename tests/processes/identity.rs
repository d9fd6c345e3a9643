//! Who is running: names and numbers.

use aqueduct::prelude::*;
use aqueduct::{Identity, current};

use super::on_runtime;

#[process]
async fn who() -> Outcome<(Identity, Identity)> {
    let before = current();
    tokio::task::yield_now().await;
    Ok((before, current()))
}

#[process]
fn who_thread() -> Outcome<Identity> {
    Ok(current())
}

#[test]
fn outside_any_process_the_number_is_zero() {
    let here = current();
    assert_eq!((here.name(), here.number()), ("code outside any process", 0));
    assert_eq!(here.to_string(), "code outside any process");
    on_runtime(async {
        assert_eq!(current().number(), 0);
        who().await.unwrap();
        assert_eq!(current().number(), 0, "and again after a process has run here");
    });
}

#[test]
fn inside_a_process_it_is_the_functions_name() {
    on_runtime(async {
        let (before, after) = who().await.unwrap();
        assert_eq!(before, after);
        assert_eq!(before.name(), "who");
        assert_eq!(before.to_string(), format!("who#{}", before.number()));
        let thread = who_thread().await.unwrap();
        assert_eq!(thread.name(), "who_thread");
        assert!(thread.number() > before.number(), "numbers rise");
    });
}

#[test]
fn a_thread_process_names_its_thread() {
    let name = aqueduct::thread("a name", || Outcome::Ok(std::thread::current().name().map(str::to_owned)));
    assert_eq!(name.spawn().join_blocking().unwrap().as_deref(), Some("a name"));
    let odd = aqueduct::thread("with\0zero", || Outcome::Ok(current().name().to_owned()));
    assert_eq!(odd.spawn().join_blocking().unwrap(), "with\0zero");
}

#[test]
fn every_child_of_a_composition_has_its_own() {
    on_runtime(async {
        let ((one, one_after), (two, two_after), three) =
            par!(who(), who().named("second"), who_thread()).await.unwrap();
        assert_eq!((one.name(), two.name(), three.name()), ("who", "second", "who_thread"));
        assert_eq!((&one, &two), (&one_after, &two_after), "taking turns does not mix them up");
        assert_eq!((two.number(), three.number()), (one.number() + 1, one.number() + 2));
        let mut group = Group::new();
        for n in 0..100 {
            group.add(who().named(format!("member {n}")));
        }
        for (n, (before, after)) in group.join().await.unwrap().into_iter().enumerate() {
            assert_eq!(before, after);
            assert_eq!(before.name(), format!("member {n}"));
        }
    });
}

#[test]
fn nested_processes_give_the_outer_one_back() {
    on_runtime(async {
        aqueduct::task("outer", async {
            let outer = current();
            let (inner, _) = who().await?;
            assert_eq!(current(), outer);
            assert_ne!(inner, outer);
            let panicked = aqueduct::task("panics", async { assert_eq!(current().number(), 0, "it panics") });
            panicked.await.unwrap_err();
            assert_eq!(current(), outer, "also after a panic");
            drop(who());
            drop(who().into_future());
            assert_eq!(current(), outer);
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn the_handle_the_process_and_its_error_agree() {
    on_runtime(async {
        let handle = who().named("spawned").spawn();
        let identity = handle.identity().clone();
        assert_eq!(identity.name(), "spawned");
        assert_eq!(handle.await.unwrap().0, identity);
        let handle = aqueduct::thread("fails", || Err::<(), _>(Exit::failure("it"))).spawn();
        let identity = handle.identity().clone();
        assert_eq!(handle.await.unwrap_err().cause().origin(), &identity);
    });
}

#[test]
fn the_last_name_counts_and_a_rename_keeps_the_failure_rules() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let error = aqueduct::task("one", async move {
            let _tx = tx;
            Err::<(), _>(Exit::failure("renamed"))
        })
        .named("two")
        .named("three")
        .await
        .unwrap_err();
        assert_eq!(error.cause().origin().name(), "three");
        assert!(super::same(super::poison(rx.recv().await).cause(), error.cause()));
    });
}

#[test]
fn a_process_is_current_while_it_is_dropped() {
    struct Tells(std::sync::mpsc::Sender<Identity>);
    impl Drop for Tells {
        fn drop(&mut self) {
            let _ = self.0.send(current());
        }
    }
    let (told, who) = std::sync::mpsc::channel();
    let tells = Tells(told.clone());
    drop(aqueduct::task("task", async move {
        let _tells = tells;
        Ok(())
    }));
    let tells = Tells(told);
    drop(aqueduct::thread("thread", move || {
        let _tells = tells;
        Ok(())
    }));
    let names: Vec<_> = who.iter().map(|identity| identity.name().to_owned()).collect();
    assert_eq!(names, ["task", "thread"]);
}

#[test]
fn run_is_a_process_called_main() {
    let identity = aqueduct::run(async { Outcome::Ok(current()) }).unwrap();
    assert_eq!(identity.name(), "main");
    assert_ne!(identity.number(), 0);
}
