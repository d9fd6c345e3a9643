//! Two inputs, taken in pairs.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::watch::{only, unless};
use crate::Poisoned;
use crate::prelude::*;

/// Combines the values of two inputs in pairs.
///
/// It takes the two values of a pair in whatever order they come, so it suits a producer that feeds both inputs. It ends
/// when one input is retired: a value of the other that had come before is dropped, as `Iterator::zip` does. A poisoned
/// input ends it at once, with that poison.
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
///     generate(["one", "two"], a),
///     generate(1.., b),
///     zip_with(|name, number| format!("{number}: {name}"), a_rx, b_rx, c),
///     collect(c_rx),
/// );
/// assert_eq!(network.await?.3, ["1: one", "2: two"]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn zip_with<A, B, C, F>(combine: F, left: Receiver<A>, right: Receiver<B>, out: Sender<C>) -> Outcome
where
    A: Send + 'static,
    B: Send + 'static,
    C: Send + 'static,
    F: FnMut(A, B) -> C + Send,
{
    zipped(combine, &left, &right, &out).await
}

pub(super) async fn zipped<A, B, C, F>(
    mut combine: F,
    left: &Receiver<A>,
    right: &Receiver<B>,
    out: &Sender<C>,
) -> Outcome
where
    C: Send + 'static,
    F: FnMut(A, B) -> C,
{
    let mut outputs = pin!(only(out));
    while let Some((a, b)) = unless(outputs.as_mut(), both(left, right)).await? {
        out.send(combine(a, b)).await?;
    }
    Ok(())
}

/// Takes one value from each; `None` as soon as one of them is retired.
async fn both<A, B>(left: &Receiver<A>, right: &Receiver<B>) -> Result<Option<(A, B)>, Poisoned> {
    let (mut next_left, mut next_right) = (pin!(left.next()), pin!(right.next()));
    let (mut a, mut b) = (None, None);
    poll_fn(|cx| {
        if a.is_none()
            && let Poll::Ready(next) = next_left.as_mut().poll(cx)?
        {
            match next {
                Some(value) => a = Some(value),
                None => return Poll::Ready(Ok(None)),
            }
        }
        if b.is_none()
            && let Poll::Ready(next) = next_right.as_mut().poll(cx)?
        {
            match next {
                Some(value) => b = Some(value),
                None => return Poll::Ready(Ok(None)),
            }
        }
        match (a.take(), b.take()) {
            (Some(a), Some(b)) => Poll::Ready(Ok(Some((a, b)))),
            (left, right) => {
                (a, b) = (left, right);
                Poll::Pending
            }
        }
    })
    .await
}
