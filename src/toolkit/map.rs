//! Processes that make other values of the values, or fewer.

use std::pin::pin;

use super::watch::{only, unless};
use crate::prelude::*;
use crate::process::Exit;

/// Emits `f` of each value.
///
/// `f` runs in the process's task: for one that computes long, use [`thread_farm`](super::thread_farm) with one worker;
/// for one that can fail, [`try_map`].
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let ((), (), squares) = par!(generate(1..=4, a), map(|n| n * n, a_rx, b), collect(b_rx)).await?;
/// assert_eq!(squares, [1, 4, 9, 16]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn map<T, U, F>(mut f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    F: FnMut(T) -> U + Send,
{
    let mut outputs = pin!(only(&out));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        out.send(f(value)).await?;
    }
    Ok(())
}

/// Emits what `f` makes of each value; its first error fails the process, and poisons both channels.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let parse = try_map(|text: &str| text.parse::<u32>(), a_rx, b);
/// let error = par!(generate(["1", "2", "drei"], a), parse, collect(b_rx)).await.unwrap_err();
/// assert!(error.to_string().ends_with("failed: invalid digit found in string"));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn try_map<T, U, E, F>(mut f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    E: Into<Exit>,
    F: FnMut(T) -> Result<U, E> + Send,
{
    let mut outputs = pin!(only(&out));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        let made = f(value).map_err(Into::into)?;
        out.send(made).await?;
    }
    Ok(())
}

/// Passes on the values for which `keep` says so, and drops the others.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let even = filter(|n: &i32| n % 2 == 0, a_rx, b);
/// assert_eq!(par!(generate(1..=6, a), even, collect(b_rx)).await?.2, [2, 4, 6]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn filter<T, F>(mut keep: F, input: Receiver<T>, out: Sender<T>) -> Outcome
where
    T: Send + 'static,
    F: FnMut(&T) -> bool + Send,
{
    let mut outputs = pin!(only(&out));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        if keep(&value) {
            out.send(value).await?;
        }
    }
    Ok(())
}
