//! Where values come from, and where they go: the first and the last processes of a network.

use crate::prelude::*;

/// Emits what an iterator gives, and ends with it.
///
/// The iterator runs in the process's task: one that blocks, as over a socket, belongs into a thread process. It is asked
/// for the next value when the one before has been taken; a value that the output then refuses is dropped.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// assert_eq!(par!(generate((1..).step_by(3), tx), collect_first(3, rx)).await?.1, [1, 4, 7]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn generate<I>(values: I, out: Sender<I::Item>) -> Outcome
where
    I: IntoIterator + Send,
    I::IntoIter: Send,
    I::Item: Send + 'static,
{
    let mut values = values.into_iter();
    loop {
        // The next value is asked for only while there is somebody to have it.
        if let Some(ended) = out.ended() {
            return Err(ended.into());
        }
        match values.next() {
            Some(value) => out.send(value).await?,
            None => return Ok(()),
        }
    }
}

/// Collects everything into a vector: the process's value.
///
/// # Errors
/// A poisoned input: what has come is not complete, and is dropped.
#[process]
pub async fn collect<T: Send>(input: Receiver<T>) -> Outcome<Vec<T>> {
    let mut values = Vec::new();
    while let Some(value) = input.next().await? {
        values.push(value);
    }
    Ok(values)
}

/// Collects the first `count` values into a vector, the process's value, and ends. Fewer, if its input retires before.
///
/// # Errors
/// A poisoned input.
#[process]
pub async fn collect_first<T: Send>(count: usize, input: Receiver<T>) -> Outcome<Vec<T>> {
    let mut values = Vec::new();
    while values.len() < count
        && let Some(value) = input.next().await?
    {
        values.push(value);
    }
    Ok(values)
}

/// Combines everything into one value: the process's.
///
/// # Errors
/// A poisoned input.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// assert_eq!(par!(generate(1..=5, tx), fold(1, |product, n| product * n, rx)).await?.1, 120);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn fold<T, A, F>(first: A, mut f: F, input: Receiver<T>) -> Outcome<A>
where
    T: Send,
    A: Send,
    F: FnMut(A, T) -> A + Send,
{
    let mut folded = first;
    while let Some(value) = input.next().await? {
        folded = f(folded, value);
    }
    Ok(folded)
}

/// Counts the values, and drops them: the number is the process's value.
///
/// # Errors
/// A poisoned input.
#[process]
pub async fn count<T: Send>(input: Receiver<T>) -> Outcome<u64> {
    let mut count = 0;
    while input.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Takes everything, and drops it: a black hole, for an output that nobody wants and that must not hold up its process.
///
/// # Errors
/// A poisoned input.
#[process]
pub async fn discard<T: Send>(input: Receiver<T>) -> Outcome {
    while input.next().await?.is_some() {}
    Ok(())
}
