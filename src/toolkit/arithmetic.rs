//! Processes that count and add.

use std::ops::Add;
use std::pin::pin;

use super::watch::{only, unless};
use super::zip::zipped;
use crate::prelude::*;

/// A value that has a next one.
///
/// Implemented for the integers; implement it for types of your own.
pub trait Successor: Sized {
    /// The next value; `None` after the last.
    fn successor(self) -> Option<Self>;
}

macro_rules! integers {
    ($($Integer:ty)*) => {$(
        impl Successor for $Integer {
            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }
        }
    )*};
}

integers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

/// There is no value after the last one of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is the last of its type: it has no successor")]
pub struct NoSuccessor;

/// Emits the successor of each value: of `n`, `n + 1`.
///
/// # Errors
/// It fails, and poisons both channels, with [`NoSuccessor`] at the last value of its type: it does not wrap around.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let ((), (), values) = par!(generate(7..9_u8, a), successor(a_rx, b), collect(b_rx)).await?;
/// assert_eq!(values, [8, 9]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn successor<T: Successor + Send + 'static>(input: Receiver<T>, out: Sender<T>) -> Outcome {
    let mut outputs = pin!(only(&out));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        out.send(value.successor().ok_or(NoSuccessor)?).await?;
    }
    Ok(())
}

/// Adds the values of two inputs in pairs. It is `zip_with(|a, b| a + b, …)`; see [`zip_with`](super::zip_with).
///
/// The sum is the type's own `+`: where that panics, the process fails, and poisons its channels.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let (c, c_rx) = aqueduct::channel();
/// let sums = par!(generate([1, 2, 3], a), generate([10, 20], b), plus(a_rx, b_rx, c), collect(c_rx)).await?.3;
/// assert_eq!(sums, [11, 22]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn plus<A, B>(left: Receiver<A>, right: Receiver<B>, out: Sender<A::Output>) -> Outcome
where
    A: Add<B> + Send + 'static,
    B: Send + 'static,
    A::Output: Send + 'static,
{
    zipped(|a, b| a + b, &left, &right, &out).await
}

/// Emits the sum of each value and the one before it: one value fewer than it receives.
///
/// (As in JCSP and PyCSP, where it is made of a `delta`, a `tail` and a `plus`.) The sum is the type's own `+`: where
/// that panics, the process fails, and poisons its channels.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// // Fibonacci's numbers.
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let (c, c_rx) = aqueduct::channel();
/// let (d, d_rx) = aqueduct::channel();
/// let (e, e_rx) = aqueduct::channel();
/// let (out, numbers) = aqueduct::channel();
/// let network = par!(
///     prefix(1_u64, d_rx, a),
///     prefix(0, a_rx, b),
///     delta(b_rx, vec![c, e]),
///     pairs(c_rx, d),
///     take(10, e_rx, out),
///     collect(numbers),
/// );
/// assert_eq!(network.await?.5, [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn pairs<T>(input: Receiver<T>, out: Sender<T::Output>) -> Outcome
where
    T: Add + Clone + Send + 'static,
    T::Output: Send + 'static,
{
    let mut outputs = pin!(only(&out));
    let mut previous = None;
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        if let Some(previous) = previous.replace(value.clone()) {
            out.send(previous + value).await?;
        }
    }
    Ok(())
}
