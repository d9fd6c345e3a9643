//! The macros of aqueduct. Use them through the `aqueduct` crate, which documents them.

mod alt;
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
/// A task process must be `Send`: what it holds across an `.await` may move to another thread.
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
