//! One input, several outputs, and each output gets every value.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use super::watch::{all_of, any_of, unless};
use crate::prelude::*;
use crate::{SendError, SendFuture};

/// Sends every value to every output, one after the other in their order.
///
/// It ends as soon as any output has ended, as in JCSP and PyCSP: that is how the end of one consumer ends a network
/// that feeds itself. The outputs before the one that ended may then have one value more than those after it. To go on
/// with the others, use [`publish`]; to serve all at once, [`par_delta`].
///
/// With no output at all it drops what it receives.
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
/// let network = par!(generate(1..=3, a), delta(a_rx, vec![b, c]), collect(b_rx), collect(c_rx));
/// let ((), (), left, right) = network.await?;
/// assert_eq!((left, right), (vec![1, 2, 3], vec![1, 2, 3]));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn delta<T: Clone + Send + 'static>(input: Receiver<T>, outs: Vec<Sender<T>>) -> Outcome {
    let mut outputs = pin!(any_of(&outs));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        let Some((last, others)) = outs.split_last() else { continue };
        for out in others {
            out.send(value.clone()).await?;
        }
        last.send(value).await?;
    }
    Ok(())
}

/// Sends every value to every output, to all of them at once: a slow one does not hold up the others for this value.
///
/// The next value is taken when all have this one. It ends as soon as any output has ended, once the other outputs have
/// the value in hand; a poisoned output ends it at once. See [`delta`] for why, and [`publish`] for going on.
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
/// let network = par!(
///     generate(1..=3, a),
///     par_delta(a_rx, vec![b, c]),
///     // It takes the values of each round in the opposite order.
///     fold_both(c_rx, b_rx),
/// );
/// assert_eq!(network.await?.2, 12);
///
/// #[process]
/// async fn fold_both(one: Receiver<u32>, other: Receiver<u32>) -> Outcome<u32> {
///     let mut sum = 0;
///     while let (Some(a), Some(b)) = (one.next().await?, other.next().await?) {
///         sum += a + b;
///     }
///     Ok(sum)
/// }
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn par_delta<T: Clone + Send + 'static>(input: Receiver<T>, outs: Vec<Sender<T>>) -> Outcome {
    let mut outputs = pin!(any_of(&outs));
    while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
        if let Some(ended) = send_to_all(value, &outs).await?.into_iter().next() {
            return Err(ended.error.into());
        }
    }
    Ok(())
}

/// Sends every value to every output that is still there, to all of them at once.
///
/// An output that has retired is left out from then on; the process ends when all have. A poisoned output ends it at
/// once, with that poison: a failure is not a leave. The slowest output sets the pace: give each subscriber's channel
/// the room, or the policy, that it needs.
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
/// let network = par!(generate(1..=3, a), publish(a_rx, vec![b, c]), collect_first(1, b_rx), collect(c_rx));
/// let ((), (), left, right) = network.await?;
/// assert_eq!((left, right), (vec![1], vec![1, 2, 3]));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn publish<T: Clone + Send + 'static>(input: Receiver<T>, outs: Vec<Sender<T>>) -> Outcome {
    let mut outs = outs;
    while !outs.is_empty() {
        let received = unless(pin!(all_of(&outs)), input.next()).await?;
        let Some(value) = received else { break };
        let ended: Vec<usize> = send_to_all(value, &outs).await?.into_iter().map(|ended| ended.place).collect();
        for place in ended.into_iter().rev() {
            outs.remove(place);
        }
    }
    Ok(())
}

/// An output that was retired before it had taken the value.
struct Left<T> {
    place: usize,
    error: SendError<T>,
}

/// Sends the value to all outputs at once; gives those that are retired, in their order, once all others have it.
///
/// # Errors
/// A poisoned output, at once.
async fn send_to_all<T: Clone>(value: T, outs: &[Sender<T>]) -> Result<Vec<Left<T>>, SendError<T>> {
    let mut waiting: Vec<(usize, Pin<Box<SendFuture<'_, T>>>)> = Vec::with_capacity(outs.len());
    if let Some(last) = outs.len().checked_sub(1) {
        for (place, out) in outs[..last].iter().enumerate() {
            waiting.push((place, Box::pin(out.send(value.clone()))));
        }
        waiting.push((last, Box::pin(outs[last].send(value))));
    }
    let mut left = Vec::new();
    poll_fn(|cx| {
        let mut poisoned = None;
        waiting.retain_mut(|(place, send)| match send.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                if error.reason().is_retired() {
                    left.push(Left { place: *place, error });
                } else {
                    poisoned.get_or_insert(error);
                }
                false
            }
        });
        match poisoned {
            Some(error) => Poll::Ready(Err(error)),
            None if waiting.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await?;
    left.sort_unstable_by_key(|left| left.place);
    Ok(left)
}
