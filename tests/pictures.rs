//! Pictures of networks that run.
//!
//! What is watched is the whole program, so these tests take turns.

mod common;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::{Direction, Picture, ProcessKind, ProcessShape, Shape};

/// Nobody else runs a process meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a body outside any process, on a runtime of one thread: a yield lets everybody run until they wait.
fn on_runtime<F: Future<Output = ()>>(body: impl FnOnce() -> F + Send + 'static) {
    common::within(Duration::from_secs(30), move || {
        let _alone = alone();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body());
    });
}

/// Lets all tasks run until they wait.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// The names of the processes, sorted.
fn names(shape: &Shape) -> Vec<&str> {
    let mut names: Vec<_> = shape.processes().iter().map(ProcessShape::name).collect();
    names.sort_unstable();
    names
}

#[track_caller]
fn find<'a>(shape: &'a Shape, name: &str) -> &'a ProcessShape {
    shape.processes().iter().find(|process| process.name() == name).unwrap_or_else(|| panic!("no {name} in {shape}"))
}

/// Every arrow, as `from -label-> to`, sorted; `?` is outside the picture.
fn arrows(shape: &Shape) -> Vec<String> {
    let name = |&index: &usize| shape.processes()[index].name().to_owned();
    let side = |processes: &[usize]| match processes {
        [] => vec!["?".to_owned()],
        some => some.iter().map(name).collect(),
    };
    let mut arrows = Vec::new();
    for channel in shape.channels() {
        for from in side(channel.senders()) {
            arrows.extend(side(channel.receivers()).iter().map(|to| format!("{from} -{channel}-> {to}")));
        }
    }
    arrows.sort();
    arrows
}

fn panics() {
    panic!("on purpose");
}

#[process]
async fn relay(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n).await?;
    }
    Ok(())
}

/// Lets a number through unless its prime divides it; makes the next sieve for the first that gets through.
#[process]
async fn sieve(prime: u32, input: Receiver<u32>, primes: Sender<u32>) -> Outcome {
    primes.send(prime).await?;
    let mut next: Option<Sender<u32>> = None;
    while let Some(n) = input.next().await? {
        if n % prime == 0 {
            continue;
        }
        match &next {
            Some(next) => next.send(n).await?,
            None => {
                let (tx, rx) = aqueduct::channel();
                drop(sieve(n, rx, primes.clone()).named(format!("sieve of {n}")).spawn());
                next = Some(tx);
            }
        }
    }
    Ok(())
}

#[test]
fn a_network_that_grows_while_it_runs_is_drawn_as_it_is() {
    on_runtime(|| async {
        let watch = Picture::watch();
        let (numbers, input) = Channel::rendezvous().named("numbers").open();
        let (primes, found) = Channel::unbounded().named("primes").open();
        let first = sieve(2, input, primes).named("sieve of 2").spawn();
        settle().await;
        assert_eq!(arrows(&watch.shape()), ["? -numbers-> sieve of 2", "sieve of 2 -primes (unbounded)-> ?"]);

        for n in 3..=7 {
            numbers.send(n).await.unwrap();
        }
        settle().await;
        let shape = watch.shape();
        assert_eq!(names(&shape), ["sieve of 2", "sieve of 3", "sieve of 5", "sieve of 7"]);
        assert_eq!(
            arrows(&shape),
            [
                "? -numbers-> sieve of 2",
                "sieve of 2 -input-> sieve of 3",
                "sieve of 2 -primes (unbounded)-> ?",
                "sieve of 3 -input-> sieve of 5",
                "sieve of 3 -primes (unbounded)-> ?",
                "sieve of 5 -primes (unbounded)-> ?",
                // Nothing was sent to it yet, but it has its port.
                "? -input-> sieve of 7",
                "sieve of 7 -primes (unbounded)-> ?",
            ]
            .sorted()
        );
        // The last one was started by a number that made the sender, which then had nothing to send.
        numbers.send(11).await.unwrap();
        settle().await;
        assert!(arrows(&watch.shape()).contains(&"sieve of 5 -input-> sieve of 7".to_owned()));

        let text = watch.shape().to_string();
        let number = first.identity().number();
        assert!(text.contains(&format!("[\"sieve of 2#35;{number}\"]")), "{text}");

        drop(numbers);
        first.await.unwrap();
        settle().await;
        assert_eq!(names(&watch.shape()), [""; 0], "they have ended in turn");
        assert!(watch.shape().channels().is_empty());
        let found: Vec<u32> = found.try_iter().collect();
        assert_eq!(found, [2, 3, 5, 7, 11]);
    });
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl<const N: usize> Sorted for [&str; N] {
    fn sorted(mut self) -> Self {
        self.sort_unstable();
        self
    }
}

#[test]
fn ends_in_closures_and_ends_that_came_over_a_channel_are_drawn_once_they_are_used() {
    on_runtime(|| async {
        let watch = Picture::watch();
        let (post, letters) = aqueduct::channel::<Sender<u32>>();
        let (tx, rx) = Channel::buffered(4).named("late").open();
        let giver = aqueduct::task("giver", async move {
            post.send(tx).await?;
            std::future::pending::<()>().await;
            Ok(())
        })
        .spawn();
        let user = aqueduct::task("user", async move {
            let late = letters.recv().await?;
            late.try_send(1)?;
            std::future::pending::<()>().await;
            Ok(())
        })
        .spawn();
        let thread = aqueduct::thread("reader", move || {
            while let Some(_n) = rx.next_blocking()? {}
            Ok(())
        })
        .spawn();
        // The thread waits for its second value once it has taken the first.
        while !arrows(&watch.shape()).contains(&"user -late (4)-> reader".to_owned()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let shape = watch.shape();
        assert_eq!(arrows(&shape), ["giver -channel-> user", "user -late (4)-> reader"]);
        let reader = find(&shape, "reader");
        assert_eq!(reader.kind(), ProcessKind::Thread);
        assert!(reader.location().starts_with(file!()), "{}", reader.location());
        let [late] = reader.ports() else { panic!("{reader:?}") };
        assert_eq!((late.name(), late.direction(), late.payload()), (None, Direction::Receiver, "u32"));
        giver.abort();
        user.abort();
        let _ = (giver.await, user.await);
        while !watch.shape().processes().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(thread.await.is_err(), "poisoned");
    });
}

#[test]
fn guards_of_a_choice_are_drawn_in_every_mode() {
    on_runtime(|| async {
        let watch = Picture::watch();
        let channel = |name: &'static str| Channel::<u32>::rendezvous().named(name).open();
        let ((a, a_rx), (b, b_rx), (c, c_rx), (d, d_rx)) = (channel("a"), channel("b"), channel("c"), channel("d"));
        let chooser = aqueduct::task("chooser", async move {
            let mut pri = Alt::pri();
            let mut slot = Some(1);
            alt! { pri;
                _ = a_rx.recv() => {}
                _ = b_rx.next() => {}
                _ = c.send(1) => {}
                _ = d.send_from(&mut slot) => {}
            }
            Ok(())
        })
        .spawn();
        settle().await;
        assert_eq!(arrows(&watch.shape()), ["? -a-> chooser", "? -b-> chooser", "chooser -c-> ?", "chooser -d-> ?"]);
        b.send(1).await.unwrap();
        chooser.await.unwrap();
        assert!(watch.shape().processes().is_empty());

        // Ready at once, and without waiting.
        let (e, e_rx) = Channel::buffered(1).named("e").open();
        let poller = aqueduct::task("poller", async move {
            alt! {
                _ = e.send(1) => {}
                _ = after(Duration::from_secs(100)) => {}
            }
            let (_f, f_rx) = Channel::<u32>::rendezvous().named("f").open();
            alt! {
                _ = f_rx.recv() => {}
                default => {}
            }
            std::future::pending::<()>().await;
            drop((e, _f, f_rx));
            Ok(())
        })
        .spawn();
        settle().await;
        assert_eq!(arrows(&watch.shape()), ["? -f-> poller", "poller -e (1)-> ?"]);
        drop((a, c_rx, d_rx, e_rx));
        poller.abort();
        let _ = poller.await;
    });
}

#[test]
fn every_form_of_an_operation_is_noted() {
    on_runtime(|| async {
        use futures::{SinkExt as _, StreamExt as _};
        let watch = Picture::watch();
        let mut kept = Vec::new();
        macro_rules! noted {
            ($name:literal, $arrow:literal, |$tx:ident, $rx:ident| $body:expr) => {{
                let ($tx, $rx) = Channel::<u32>::buffered(9).named("x").open();
                let keep = ($tx.clone(), $rx.clone());
                $tx.try_send(1).unwrap();
                let running = aqueduct::task($name, async move {
                    $body;
                    std::future::pending::<()>().await;
                    drop(($tx, $rx));
                    Ok(())
                })
                .spawn();
                settle().await;
                assert_eq!(arrows(&watch.shape()), [$arrow], $name);
                running.abort();
                let _ = running.await;
                assert!(arrows(&watch.shape()).is_empty());
                kept.push(keep);
            }};
        }
        let limit = Duration::from_secs(9);
        noted!("send", "send -x (9)-> ?", |tx, rx| tx.send(2).await?);
        noted!("try_send", "try_send -x (9)-> ?", |tx, rx| tx.try_send(2)?);
        noted!("send_timeout", "send_timeout -x (9)-> ?", |tx, rx| tx.send_timeout(2, limit).await?);
        noted!("send_many", "send_many -x (9)-> ?", |tx, rx| tx.send_many(&mut [2, 3].into()).await?);
        noted!("try_send_many", "try_send_many -x (9)-> ?", |tx, rx| tx.try_send_many(&mut [2, 3].into())?);
        noted!("recv", "? -x (9)-> recv", |tx, rx| rx.recv().await?);
        noted!("next", "? -x (9)-> next", |tx, rx| rx.next().await?);
        noted!("try_recv", "? -x (9)-> try_recv", |tx, rx| rx.try_recv()?);
        noted!("try_iter", "? -x (9)-> try_iter", |tx, rx| rx.try_iter().count());
        noted!("recv_timeout", "? -x (9)-> recv_timeout", |tx, rx| rx.recv_timeout(limit).await?);
        noted!("recv_many", "? -x (9)-> recv_many", |tx, rx| rx.recv_many(&mut Vec::new(), 3).await?);
        noted!("try_recv_many", "? -x (9)-> try_recv_many", |tx, rx| rx.try_recv_many(&mut Vec::new(), 3));
        noted!("stream", "? -x (9)-> stream", |tx, rx| {
            let mut stream = Box::pin(rx.clone().into_stream());
            stream.next().await;
        });
        noted!("sink", "sink -x (9)-> ?", |tx, rx| {
            let mut sink = Box::pin(tx.clone().into_sink());
            sink.send(5).await?;
        });
    });
}

#[test]
fn nothing_is_recorded_while_nobody_watches() {
    on_runtime(|| async {
        let first = Picture::watch();
        let (tx, rx) = aqueduct::channel();
        let (out, _sink) = aqueduct::channel();
        let watched = relay(rx, out).spawn();
        assert_eq!(names(&first.shape()), ["relay"]);
        drop(first);

        let (other, other_rx) = aqueduct::channel();
        let (out, sink) = aqueduct::channel();
        let unwatched = relay(other_rx, out).named("unwatched").spawn();
        settle().await;

        let second = Picture::watch();
        assert_eq!(names(&second.shape()), [""; 0], "a new watch begins with nothing");
        // It shows what was running before, once it uses an end.
        other.send(1).await.unwrap();
        settle().await;
        assert_eq!(names(&second.shape()), ["unwatched"]);
        assert_eq!(sink.recv().await.unwrap(), 1);
        drop((tx, other));
        watched.await.unwrap();
        unwatched.await.unwrap();
        assert_eq!(names(&second.shape()), [""; 0]);
    });
}

#[test]
fn the_record_lasts_as_long_as_anybody_watches() {
    on_runtime(|| async {
        let first = Picture::watch();
        let second = Picture::watch();
        let (tx, rx) = aqueduct::channel();
        let (out, sink) = aqueduct::channel();
        let running = relay(rx, out).spawn();
        drop(first);
        assert_eq!(names(&second.shape()), ["relay"]);
        drop((tx, sink));
        running.await.unwrap();
        assert_eq!(names(&second.shape()), [""; 0]);
    });
}

#[test]
fn processes_disappear_however_they_end() {
    on_runtime(|| async {
        let watch = Picture::watch();
        let empty = |watch: &Picture| watch.shape().processes().is_empty();
        assert!(aqueduct::task("fails", async { Outcome::<()>::Err(Exit::failure("no")) }).await.is_err());
        assert!(empty(&watch));
        assert!(aqueduct::task("panics", async { panics() }).await.is_err());
        assert!(empty(&watch));
        assert!(aqueduct::thread("panics", panics).await.is_err());
        assert!(empty(&watch));
        drop(aqueduct::task("never runs", async {}));
        drop(aqueduct::task("started", async {}).into_future());
        drop(aqueduct::thread("started", || {}).into_future());
        assert!(empty(&watch));
        let error = try_par!(
            aqueduct::task("waits", std::future::pending::<()>()),
            aqueduct::task("fails", async { Outcome::<()>::Err(Exit::failure("no")) })
        )
        .await;
        assert!(error.is_err() && empty(&watch));
        let mut group = Group::new();
        group.add(aqueduct::task("waits", std::future::pending::<()>()));
        assert_eq!(names(&watch.shape()), ["waits"]);
        drop(group);
        assert!(empty(&watch));
    });
}

/// The address of a channel that is gone may be another's next.
#[test]
fn a_channel_that_is_gone_leaves_no_arrow() {
    on_runtime(|| async {
        let watch = Picture::watch();
        let (go, gone) = aqueduct::channel::<()>();
        let user = aqueduct::task("user", async move {
            let (tx, rx) = Channel::buffered(1).named("short").open();
            tx.send(1).await?;
            rx.recv().await?;
            drop((tx, rx));
            gone.recv().await?;
            Ok(())
        })
        .spawn();
        settle().await;
        assert_eq!(arrows(&watch.shape()), ["? -channel-> user"]);
        let mut kept = Vec::new();
        for _ in 0..100 {
            let (tx, rx) = Channel::<u32>::rendezvous().named("other").open();
            kept.push((relay(rx, aqueduct::channel().0).into_future(), tx));
        }
        let shape = watch.shape();
        assert_eq!(find(&shape, "user").ports().len(), 1);
        drop(kept);
        go.send(()).await.unwrap();
        user.await.unwrap();
    });
}

/// Networks that start, grow and end on several threads while others watch, and stop watching.
#[test]
fn watching_disturbs_nobody() {
    common::within(Duration::from_secs(60), || {
        let _alone = alone();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(std::sync::atomic::Ordering::Relaxed) {
                        let watch = Picture::watch();
                        for _ in 0..3 {
                            let shape = watch.shape();
                            let _ = (shape.to_string(), shape.dot().to_string());
                            std::thread::yield_now();
                        }
                    }
                });
            }
            for round in 0..common::rounds(30) {
                let found = runtime.block_on(async {
                    let (numbers, input) = aqueduct::channel();
                    let (primes, found) = aqueduct::channel();
                    let first = sieve(2, input, primes).spawn();
                    let feeder = aqueduct::task("feeder", async move {
                        for n in 3..50 {
                            numbers.send(n).await?;
                        }
                        Ok(())
                    })
                    .spawn();
                    let mut all = Vec::new();
                    while let Ok(prime) = found.recv().await {
                        all.push(prime);
                    }
                    feeder.await.unwrap();
                    first.await.unwrap();
                    all.len()
                });
                assert_eq!(found, 15, "round {round}");
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let watch = Picture::watch();
        assert!(watch.shape().processes().is_empty(), "nothing is left over");
    });
}

#[process]
async fn publish(_state: aqueduct::WatchSender<u8>, _news: aqueduct::BroadcastSender<u32>) {}

#[process]
async fn follow(_state: aqueduct::WatchReceiver<u8>, _news: Receiver<u32>) {}

#[test]
fn a_watch_and_a_broadcast_lead_to_each_of_their_readers() {
    let (state, gauge) = aqueduct::watch(0);
    let (news, first) = aqueduct::broadcast(1);
    let second = news.subscribe();
    let other = gauge.clone();
    let shape = par!(publish(state, news), follow(gauge, first), follow(other, second)).shape();
    let ports = |process: usize| shape.processes()[process].ports().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        ports(0),
        ["state[0]: Sender<()>", "state[1]: Sender<()>", "news[0]: Sender<u32>", "news[1]: Sender<u32>"]
    );
    assert_eq!(ports(2), ["state: Receiver<()>", "news: Receiver<u32>"]);
    assert_eq!((shape.channels().len(), shape.one_sided().count()), (4, 0));
}
