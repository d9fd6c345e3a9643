//! The macros of aqueduct. Use them through the `aqueduct` crate, which documents them.

mod alt;
mod arguments;
mod derive;
mod process;

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
