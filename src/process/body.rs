//! What a struct with `#[derive(Process)]` does when it runs.

use std::future::Future;
use std::pin::Pin;

use super::exit::Outcome;
use super::shape::Port;
use super::task::Task;
use super::thread::Thread;
use crate::context::Meta;

/// What a struct with `#[derive(Process)]` does when it runs, as a task.
///
/// Write it as an `async fn`. The process owns the struct: when `run` returns, the ends in its fields are dropped by
/// the rules of a process: they retire, or they poison if it failed.
///
/// A process that makes a value names its type twice: `#[process(value = u64)]` on the struct, and
/// `impl Run<u64> for …`.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[derive(Process)]
/// struct Merge<T> {
///     #[port]
///     left: Receiver<T>,
///     #[port]
///     right: Receiver<T>,
///     #[port]
///     out: Sender<T>,
/// }
///
/// impl<T: Send + 'static> Run for Merge<T> {
///     async fn run(&mut self) -> Outcome {
///         let mut choice = Alt::fair();
///         loop {
///             alt! { choice;
///                 Ok(value) = self.left.recv() => self.out.send(value).await?,
///                 Ok(value) = self.right.recv() => self.out.send(value).await?,
///                 complete => return Ok(()),
///             }
///         }
///     }
/// }
///
/// #[derive(Process)]
/// #[process(value = u64)]
/// struct Sum {
///     #[port]
///     input: Receiver<u64>,
///     sum: u64,
/// }
///
/// impl Run<u64> for Sum {
///     async fn run(&mut self) -> Outcome<u64> {
///         while let Some(n) = self.input.next().await? {
///             self.sum += n;
///         }
///         Ok(self.sum)
///     }
/// }
///
/// # aqueduct::run(async {
/// let (a, left) = aqueduct::channel();
/// let (b, right) = aqueduct::channel();
/// let (out, input) = aqueduct::channel();
/// let ((), (), (), sum) = par!(
///     aqueduct::task("one", async move { Ok(a.send(1).await?) }),
///     aqueduct::task("two", async move { Ok(b.send(2).await?) }),
///     Merge { left, right, out },
///     Sum { input, sum: 0 },
/// )
/// .await?;
/// assert_eq!(sum, 3);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does: it is no `Run<{Value}>`",
    label = "a process needs an `impl Run<{Value}>`",
    note = "write `impl Run for {Self} {{ async fn run(&mut self) -> Outcome {{ … }} }}`; for a process that makes a value, \
            `#[process(value = Type)]` on the struct and `impl Run<Type> for …`",
    note = "a generic process often needs bounds: `impl<T: Send + 'static> Run for …`"
)]
pub trait Run<Value = ()>: Send {
    /// What the process does, from its start to its end.
    fn run(&mut self) -> impl Future<Output = Outcome<Value>> + Send; // else: `#[process(local)]`, `impl RunLocal`
}

/// As [`Run`], for a struct with `#[process(thread)]`: on a thread of its own, which it may block.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::RunBlocking;
///
/// #[derive(Process)]
/// #[process(thread)]
/// struct Count {
///     to: u32,
///     #[port]
///     out: Sender<u32>,
/// }
///
/// impl RunBlocking for Count {
///     fn run(&mut self) -> Outcome {
///         for n in 0..self.to {
///             self.out.send_blocking(n)?;
///         }
///         Ok(())
///     }
/// }
///
/// let (out, numbers) = aqueduct::channel();
/// let counting = Count { to: 3, out }.spawn();
/// assert_eq!(numbers.iter().collect::<Result<Vec<_>, _>>().unwrap(), [0, 1, 2]);
/// counting.join_blocking().unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does: it is no `RunBlocking<{Value}>`",
    label = "a thread process needs an `impl RunBlocking<{Value}>`",
    note = "write `impl RunBlocking for {Self} {{ fn run(&mut self) -> Outcome {{ … }} }}`; for a process that makes a \
            value, `#[process(thread, value = Type)]` on the struct and `impl RunBlocking<Type> for …`"
)]
pub trait RunBlocking<Value = ()>: Send {
    /// What the process does, from its start to its end.
    ///
    /// # Errors
    /// Whatever ends the process before its end.
    fn run(&mut self) -> Outcome<Value>;
}

/// As [`Run`], for a struct with `#[process(local)]`: a task that stays on its thread, and so need not be `Send`.
///
/// # Examples
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use aqueduct::prelude::*;
/// use aqueduct::RunLocal;
///
/// #[derive(Process)]
/// #[process(local)]
/// struct Collect {
///     #[port]
///     input: Receiver<u32>,
///     into: Rc<RefCell<Vec<u32>>>,
/// }
///
/// impl RunLocal for Collect {
///     async fn run(&mut self) -> Outcome {
///         while let Some(n) = self.input.next().await? {
///             self.into.borrow_mut().push(n);
///         }
///         Ok(())
///     }
/// }
///
/// # aqueduct::run(async {
/// let into = Rc::new(RefCell::new(Vec::new()));
/// let (tx, input) = aqueduct::channel();
/// par!(Collect { input, into: Rc::clone(&into) }, aqueduct::task("one", async move { Ok(tx.send(1).await?) })).await?;
/// assert_eq!(*into.borrow(), [1]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it does: it is no `RunLocal<{Value}>`",
    label = "a local process needs an `impl RunLocal<{Value}>`",
    note = "write `impl RunLocal for {Self} {{ async fn run(&mut self) -> Outcome {{ … }} }}`; for a process that makes a \
            value, `#[process(local, value = Type)]` on the struct and `impl RunLocal<Type> for …`"
)]
#[allow(async_fn_in_trait, reason = "its future stays on its thread")]
pub trait RunLocal<Value = ()> {
    /// What the process does, from its start to its end.
    fn run(&mut self) -> impl Future<Output = Outcome<Value>>;
}

/// The body of a derived task process. In a box, since the future of a trait's method has no name.
#[doc(hidden)]
pub type TaskBody<V> = Pin<Box<dyn Future<Output = Outcome<V>> + Send>>;

/// The body of a derived process that stays on its thread.
#[doc(hidden)]
pub type LocalBody<V> = Pin<Box<dyn Future<Output = Outcome<V>>>>;

/// The body of a derived thread process.
#[doc(hidden)]
pub type ThreadBody<V> = Box<dyn FnOnce() -> Outcome<V> + Send>;

/// Behind `#[derive(Process)]`.
#[doc(hidden)]
pub fn derived_task<V, P, const PORTS: usize>(
    meta: &'static Meta,
    ports: [Port; PORTS],
    mut process: P,
) -> Task<TaskBody<V>, PORTS>
where
    P: Run<V> + 'static,
{
    // The body owns the process, and drops it after the outcome is there: its ends see whether it failed.
    Task::new(meta, ports, Box::pin(async move { process.run().await }))
}

/// Behind `#[derive(Process)]` with `#[process(local)]`.
#[doc(hidden)]
pub fn derived_local<V, P, const PORTS: usize>(
    meta: &'static Meta,
    ports: [Port; PORTS],
    mut process: P,
) -> Task<LocalBody<V>, PORTS>
where
    P: RunLocal<V> + 'static,
{
    Task::new(meta, ports, Box::pin(async move { process.run().await }))
}

/// Behind `#[derive(Process)]` with `#[process(thread)]`.
#[doc(hidden)]
pub fn derived_thread<V, P, const PORTS: usize>(
    meta: &'static Meta,
    ports: [Port; PORTS],
    mut process: P,
) -> Thread<ThreadBody<V>, PORTS>
where
    P: RunBlocking<V> + 'static,
    V: Send + 'static,
{
    Thread::new(meta, ports, Box::new(move || process.run()))
}
