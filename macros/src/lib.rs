//! The macros of aqueduct. Use them through the `aqueduct` crate, which documents them.

mod alt;
mod arguments;
mod derive;
mod entry_point;
mod process;
mod remote;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Turns a function into a process.
///
/// An `async fn` becomes a task process, a plain `fn` a thread process: calling it gives a lazy value that is awaited,
/// composed with `par!`, or spawned. The parameters, the generics and the body stay as they are. The function returns
/// `Outcome`, `Outcome<Value>` or nothing.
///
/// A task process must be `Send`: what it holds across an `.await` may move to another thread. With `#[process(local)]`
/// it need not be: it stays on its thread, is awaited, composed with `par!`, or run apart by `spawn_local`.
///
/// A parameter that holds channel ends (a `Sender`, a `Receiver`, or a `Vec`, an `Option`, … of them: whatever implements
/// `Ports`) is a port: pictures of the process show it.
///
/// `#[process(name = "…")]` gives it another name than the function's. `#[process(crate = path)]` says where to find
/// `aqueduct`, if it was renamed.
///
/// # Examples
/// ```text
/// #[process]
/// async fn successor(input: Receiver<u64>, out: Sender<u64>) -> Outcome {
///     while let Some(n) = input.next().await? {
///         out.send(n + 1).await?;
///     }
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn process(arguments: TokenStream, item: TokenStream) -> TokenStream {
    process::expand(arguments.into(), item.into()).into()
}

/// Makes a process of a struct: its fields are its state and its ports, its `impl Run` says what it does.
///
/// `#[port]` marks the fields that hold channel ends; pictures of the process show them. Below the derive,
/// `#[process(…)]` takes:
///
/// * `value = Type`: the process makes a value, by `impl Run<Type>`;
/// * `thread`: it has a thread of its own, by `impl RunBlocking`;
/// * `local`: it need not be `Send`, by `impl RunLocal`;
/// * `name = "…"`: another name than the struct's;
/// * `crate = path`: where to find `aqueduct`, if it was renamed.
///
/// The struct owns what it works on: it has no lifetime parameters. A struct that is never run is an ordinary value:
/// dropped, its ends retire.
///
/// # Examples
/// ```text
/// #[derive(Process)]
/// struct Successor {
///     #[port]
///     input: Receiver<u64>,
///     #[port]
///     out: Sender<u64>,
/// }
///
/// impl Run for Successor {
///     async fn run(&mut self) -> Outcome {
///         while let Some(n) = self.input.next().await? {
///             self.out.send(n + 1).await?;
///         }
///         Ok(())
///     }
/// }
/// ```
#[proc_macro_derive(Process, attributes(port, process))]
pub fn derive_process(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

/// Makes a function remote: a cluster can run it in its other processes, by `map(function, items)`.
///
/// The function stays as it is, plain or async, and can be called here as before. Its arguments and its result are owned
/// and `Serialize + Deserialize`. An async function need not be `Send`: it stays on its thread.
///
/// * One argument: an item is its value. Several (up to eight): an item is a tuple. None: an item is `()`.
/// * A leading `&T` is *captured data*: the caller gives it once, by `with(value, function)`, instead of a closure, which
///   could not travel.
/// * On an `impl` block, all its functions are remote; `&self` is captured data. What is not remote goes into another
///   `impl` block.
/// * A function of two values that gives a third, all of one type, can also fold.
///
/// `#[remote(pure)]` promises that running it twice does no harm, so that a second copy may run when the first is slow.
/// `#[remote(name = "…")]` gives it a name that stays when the function moves; otherwise its name is its path. On an
/// `impl` block it stands for the path of the type. `#[remote(crate = path)]` says where to find `aqueduct`, if it was
/// renamed.
///
/// A crate whose functions are remote must be mentioned in the program, or the compiler leaves it out: `use tasks as _;`.
///
/// # Examples
/// ```text
/// #[aqueduct::remote]
/// fn simulate(seed: u64) -> f64 { … }
///
/// #[aqueduct::remote]
/// impl Model {
///     async fn predict(&self, day: u32) -> Result<Weather, String> { … }
/// }
///
/// cluster.map(simulate, 0..1_000_000);
/// cluster.map(with(model, Model::predict), 0..365);
/// ```
#[proc_macro_attribute]
pub fn remote(arguments: TokenStream, item: TokenStream) -> TokenStream {
    remote::expand(arguments.into(), item.into()).into()
}

/// Makes a program its own workers: where it was started it is the driver, where a launcher started it a worker.
///
/// It stands on `async fn main`, which takes the cluster, or nothing if it starts one itself, and returns what a `main`
/// returns. Before the body, a worker serves, and ends with its driver: the body runs in the driver alone. Around the body
/// are a multi-threaded tokio runtime (the program needs no dependency on tokio) and the cluster that the program's
/// surroundings ask for, which is shut down behind it. The body runs on the main thread, so it need not be `Send`. If the
/// cluster cannot start, the program says why and exits with code 1.
///
/// A `main` without it calls `aqueduct::init()` before all else.
///
/// `#[aqueduct::main(crate = path)]` says where to find `aqueduct`, if it was renamed.
///
/// # Examples
/// ```text
/// #[aqueduct::main]
/// async fn main(cluster: Cluster) -> Result<(), ClusterError> {
///     let total: f64 = cluster.map(simulate, 0..1_000_000).sum().await?;
///     println!("{total}");
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry_point::expand(arguments.into(), item.into()).into()
}

/// Behind `aqueduct::alt!`.
#[doc(hidden)]
#[proc_macro]
pub fn alt(input: TokenStream) -> TokenStream {
    alt::expand(input.into(), alt::Wait::Task).into()
}

/// Behind `aqueduct::alt_blocking!`.
#[doc(hidden)]
#[proc_macro]
pub fn alt_blocking(input: TokenStream) -> TokenStream {
    alt::expand(input.into(), alt::Wait::Thread).into()
}
