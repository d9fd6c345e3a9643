//! Structs as processes: `#[derive(Process)]`, and how their ends follow the rules of a process.

use aqueduct::prelude::*;
use aqueduct::{Direction, ProcessKind, RunBlocking, RunLocal};

use super::{OutOfPaper, locally, on_runtime, poison};

#[derive(Process)]
struct Merge<T> {
    #[port]
    left: Receiver<T>,
    #[port]
    right: Receiver<T>,
    #[port]
    out: Sender<T>,
}

impl<T: Send + 'static> Run for Merge<T> {
    async fn run(&mut self) -> Outcome {
        let mut choice = Alt::fair();
        loop {
            alt! { choice;
                Ok(value) = self.left.recv() => self.out.send(value).await?,
                Ok(value) = self.right.recv() => self.out.send(value).await?,
                complete => return Ok(()),
            }
        }
    }
}

/// What happens to it when it runs.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Returns,
    MeetsARetiredChannel,
    Fails,
    Panics,
    Waits,
}

#[derive(Process)]
struct Fated {
    fate: Fate,
    #[port]
    out: Sender<u32>,
}

impl Fated {
    fn meet(&self) -> Outcome {
        match self.fate {
            Fate::Returns | Fate::Waits => {}
            Fate::MeetsARetiredChannel => {
                let (gone, rx) = aqueduct::channel::<()>();
                drop(gone);
                rx.try_recv()?;
            }
            Fate::Fails => Err(OutOfPaper)?,
            Fate::Panics => panic!("out of ink"),
        }
        Ok(())
    }
}

impl Run for Fated {
    async fn run(&mut self) -> Outcome {
        if let Fate::Waits = self.fate {
            std::future::pending::<()>().await;
        }
        self.meet()
    }
}

/// The same on a thread.
#[derive(Process)]
#[process(thread)]
struct FatedThread {
    fated: Fate,
    #[port]
    out: Sender<u32>,
}

impl RunBlocking for FatedThread {
    fn run(&mut self) -> Outcome {
        Fated { fate: self.fated, out: self.out.clone() }.meet()
    }
}

#[test]
fn a_struct_is_composed_awaited_and_spawned_as_a_function_is() {
    on_runtime(async {
        let (a, left) = aqueduct::buffered(4);
        let (b, right) = aqueduct::buffered(4);
        let (out, merged) = aqueduct::channel();
        for n in 0..3 {
            a.send(n).await.unwrap();
            b.send(10 * n).await.unwrap();
        }
        drop((a, b));
        let sum = aqueduct::task("sum", async move {
            let mut sum = 0;
            while let Some(n) = merged.next().await? {
                sum += n;
            }
            Ok(sum)
        });
        let ((), sum) = par!(Merge { left, right, out }, sum).await.unwrap();
        assert_eq!(sum, 33);

        let (tx, left) = aqueduct::buffered(1);
        let (out, merged) = aqueduct::buffered(1);
        tx.send("boxed".to_owned()).await.unwrap();
        drop(tx);
        let handle = Merge { left, right: aqueduct::channel().1, out }.spawn();
        assert_eq!(handle.identity().name(), "Merge");
        assert_eq!(merged.recv().await.unwrap(), "boxed");
        handle.await.unwrap();
        assert!(merged.recv().await.unwrap_err().is_retired());
    });
}

#[test]
fn its_ends_retire_or_poison_by_how_it_ends() {
    for fate in [Fate::Returns, Fate::MeetsARetiredChannel, Fate::Fails, Fate::Panics] {
        on_runtime(async move {
            let (out, rx) = aqueduct::channel();
            let by_task = (Fated { fate, out }.await, rx.recv().await);
            let (out, rx) = aqueduct::channel();
            let spawned = (Fated { fate, out }.spawn().await, rx.recv().await);
            let (out, rx) = aqueduct::channel();
            let by_thread = (FatedThread { fated: fate, out }.await, rx.recv().await);
            for (result, received) in [by_task, spawned, by_thread] {
                match fate {
                    Fate::Returns | Fate::MeetsARetiredChannel => {
                        result.unwrap_or_else(|error| panic!("{fate:?}: {error}"));
                        assert!(received.unwrap_err().is_retired(), "{fate:?}");
                    }
                    _ => {
                        let error = result.expect_err("it failed");
                        let expected = if matches!(fate, Fate::Fails) { "out of paper" } else { "out of ink" };
                        assert!(error.to_string().ends_with(expected), "{error}");
                        assert!(std::ptr::eq(poison(received).cause(), error.cause()), "the same first cause");
                    }
                }
            }
        });
    }
}

#[test]
fn dropped_while_it_runs_it_is_cancelled_and_its_ends_poison() {
    on_runtime(async {
        let (out, rx) = aqueduct::channel();
        let mut waiting = Box::pin(Fated { fate: Fate::Waits, out }.into_future());
        assert!(super::is_pending(waiting.as_mut()).await);
        drop(waiting);
        assert!(poison(rx.recv().await).cause().is_cancelled());

        let (out, rx) = aqueduct::channel();
        let handle = Fated { fate: Fate::Waits, out }.spawn();
        handle.abort();
        assert!(handle.await.unwrap_err().cause().is_cancelled());
        assert!(poison(rx.recv().await).cause().is_cancelled());
    });
}

#[test]
fn without_a_runtime_it_does_not_start_and_says_so() {
    let (out, rx) = aqueduct::channel();
    let error = Fated { fate: Fate::Returns, out }.spawn().join_blocking().unwrap_err();
    assert!(error.cause().is_not_started(), "{error}");
    assert!(rx.try_recv().unwrap_err().to_string().contains("could not be started"));
}

/// It makes a value, has another name, keeps an end in a collection, and has fields of no name.
#[derive(Process)]
#[process(name = "totals", value = Vec<T>)]
struct Totals<T, const N: usize>(#[port] [Receiver<T>; N], T)
where
    T: std::ops::AddAssign + Clone;

impl<T, const N: usize> Run<Vec<T>> for Totals<T, N>
where
    T: std::ops::AddAssign + Clone + Send + Sync + 'static,
{
    async fn run(&mut self) -> Outcome<Vec<T>> {
        let mut totals = Vec::new();
        for input in &self.0 {
            let mut total = self.1.clone();
            while let Some(n) = input.next().await? {
                total += n;
            }
            totals.push(total);
        }
        Ok(totals)
    }
}

#[test]
fn a_struct_makes_a_value() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::buffered(2);
        let (b, b_rx) = aqueduct::buffered(2);
        for n in [1, 2] {
            a.send(n).await.unwrap();
            b.send(n * 10).await.unwrap();
        }
        drop((a, b));
        let totals = Totals([a_rx, b_rx], 100);
        let shape = totals.shape();
        assert_eq!(shape.processes()[0].name(), "totals");
        let ports: Vec<_> = shape.processes()[0].ports().iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["0[0]: Receiver<i32>", "0[1]: Receiver<i32>"]);
        assert_eq!(totals.await.unwrap(), [103, 130]);
    });
}

#[test]
fn its_ports_are_in_pictures() {
    let (_a, left) = aqueduct::channel::<u8>();
    let (_b, right) = aqueduct::channel();
    let (out, merged) = aqueduct::channel();
    let (out_of_thread, _rx) = aqueduct::channel();
    let network = par!(
        Merge { left, right, out },
        FatedThread { fated: Fate::Returns, out: out_of_thread },
        aqueduct::task("end", async move { drop(merged) })
    );
    let shape = network.shape();
    let [merge, thread, _] = shape.processes() else { panic!("{shape}") };
    assert_eq!((merge.name(), merge.kind()), ("Merge", ProcessKind::Task));
    assert_eq!((thread.name(), thread.kind()), ("FatedThread", ProcessKind::Thread));
    assert!(merge.location().starts_with(file!()));
    let directions: Vec<_> = merge.ports().iter().map(|port| port.direction()).collect();
    assert_eq!(directions, [Direction::Receiver, Direction::Receiver, Direction::Sender]);
}

#[derive(Process)]
#[process(local, name = "counter", value = usize)]
struct LocalCount {
    #[port]
    input: Option<Receiver<()>>,
    seen: std::rc::Rc<std::cell::Cell<usize>>,
}

impl RunLocal<usize> for LocalCount {
    async fn run(&mut self) -> Outcome<usize> {
        if let Some(input) = &self.input {
            while let Some(()) = input.next().await? {
                self.seen.set(self.seen.get() + 1);
            }
        }
        Ok(self.seen.get())
    }
}

#[test]
fn a_local_struct_need_not_be_send() {
    locally(|| async {
        let seen = std::rc::Rc::default();
        let (tx, rx) = aqueduct::channel();
        let count = LocalCount { input: Some(rx), seen: std::rc::Rc::clone(&seen) };
        let sender = aqueduct::task("sender", async move {
            tx.send(()).await?;
            tx.send(()).await?;
            Ok(())
        });
        let ((), counted) = par!(sender, count).await.unwrap();
        assert_eq!((counted, seen.get()), (2, 2));
        assert_eq!(LocalCount { input: None, seen }.await.unwrap(), 2);
    });
}

/// No ports, no state.
#[derive(Process)]
struct Nothing;

impl Run for Nothing {
    async fn run(&mut self) -> Outcome {
        Ok(())
    }
}

#[test]
fn a_unit_struct_is_a_process() {
    on_runtime(async { Nothing.await.unwrap() });
}

mod renamed {
    use ::aqueduct as channels;

    #[derive(channels::Process)]
    #[process(crate = channels, thread, value = u8)]
    pub(super) struct Seven;

    impl channels::RunBlocking<u8> for Seven {
        fn run(&mut self) -> channels::Outcome<u8> {
            Ok(7)
        }
    }
}

#[test]
fn the_library_may_be_renamed() {
    assert_eq!(renamed::Seven.spawn().join_blocking().unwrap(), 7);
}

#[test]
fn a_struct_that_never_runs_is_an_ordinary_value() {
    let (out, rx) = aqueduct::channel();
    drop(Fated { fate: Fate::Fails, out });
    assert!(rx.try_recv().unwrap_err().to_string().contains("retired"));
}
