//! Processes that pass values on as they are.

use std::pin::pin;

use super::watch::{only, unless};
use crate::prelude::*;

/// Passes every value on.
///
/// Between two rendezvous channels it holds one value, as a buffer of one does.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let ((), (), values) = par!(generate(0..3, a), identity(a_rx, b), collect(b_rx)).await?;
/// assert_eq!(values, [0, 1, 2]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn identity<T: Send + 'static>(input: Receiver<T>, out: Sender<T>) -> Outcome {
    pass_on(&input, &out).await
}

async fn pass_on<T: Send + 'static>(input: &Receiver<T>, out: &Sender<T>) -> Outcome {
    let mut outputs = pin!(only(out));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        out.send(value).await?;
    }
    Ok(())
}

/// Emits `first`, then passes every value on. It starts the values of a network that feeds itself.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// // The natural numbers.
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let (c, c_rx) = aqueduct::channel();
/// let (d, d_rx) = aqueduct::channel();
/// let (out, numbers) = aqueduct::channel();
/// let network = par!(
///     prefix(0_u32, c_rx, a),
///     delta(a_rx, vec![b, d]),
///     successor(b_rx, c),
///     take(5, d_rx, out),
///     collect(numbers),
/// );
/// assert_eq!(network.await?.4, [0, 1, 2, 3, 4]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn prefix<T: Send + 'static>(first: T, input: Receiver<T>, out: Sender<T>) -> Outcome {
    out.send(first).await?;
    pass_on(&input, &out).await
}

/// Passes every value on but the first.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let ((), (), values) = par!(generate("abc".chars(), a), tail(a_rx, b), collect(b_rx)).await?;
/// assert_eq!(values, ['b', 'c']);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn tail<T: Send + 'static>(input: Receiver<T>, out: Sender<T>) -> Outcome {
    unless(pin!(only(&out)), input.next()).await?;
    pass_on(&input, &out).await
}

/// Passes the first `count` values on, and ends. It takes no value more than that from its input.
///
/// Its end retires both channels: that is how a network without an end of its own is stopped. See [`prefix`].
#[process]
pub async fn take<T: Send + 'static>(count: usize, input: Receiver<T>, out: Sender<T>) -> Outcome {
    let mut outputs = pin!(only(&out));
    for _ in 0..count {
        let Some(value) = unless(outputs.as_mut(), input.next()).await? else { break };
        out.send(value).await?;
    }
    Ok(())
}
