//! Several inputs, one output.

use std::pin::pin;

use super::watch::{only, unless};
use crate::prelude::*;

/// Passes on what comes from any of its inputs, fairly: an input that always has a value is not passed over more often
/// than there are inputs.
///
/// The values of one input keep their order. An input that is retired is left out; the process ends when all are. A
/// poisoned input ends it at once, with that poison.
///
/// There may be up to 65 536 inputs. (Where it does not matter from which input a value comes, clone the sender instead: every channel takes any number.)
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
/// let network = par!(generate([1, 3], a), generate([2, 4], b), merge(vec![a_rx, b_rx], c), collect(c_rx));
/// let mut values = network.await?.3;
/// values.sort();
/// assert_eq!(values, [1, 2, 3, 4]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn merge<T: Send + 'static>(inputs: Vec<Receiver<T>>, out: Sender<T>) -> Outcome {
    merging(AltSet::fair(), inputs, out).await
}

/// As [`merge`], but an input is served only if none before it has a value: an early input can starve a later one.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (urgent, urgent_rx) = aqueduct::buffered(2);
/// let (routine, routine_rx) = aqueduct::buffered(2);
/// for n in [1, 2] {
///     routine.send(n).await?;
///     urgent.send(10 * n).await?;
/// }
/// drop((urgent, routine));
/// let (out, out_rx) = aqueduct::channel();
/// assert_eq!(par!(pri_merge(vec![urgent_rx, routine_rx], out), collect(out_rx)).await?.1, [10, 20, 1, 2]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn pri_merge<T: Send + 'static>(inputs: Vec<Receiver<T>>, out: Sender<T>) -> Outcome {
    merging(AltSet::pri(), inputs, out).await
}

async fn merging<T: Send + 'static>(
    mut choice: AltSet<Result<T, Ended>>,
    inputs: Vec<Receiver<T>>,
    out: Sender<T>,
) -> Outcome {
    for input in inputs {
        choice.recv(input, |received| received);
    }
    let mut outputs = pin!(only(&out));
    loop {
        match unless(outputs.as_mut(), async { Result::<_, Ended>::Ok(choice.select().await) }).await? {
            Ok(Ok(value)) => out.send(value).await?,
            // It has left the choice.
            Ok(Err(Ended::Retired)) => {}
            Ok(Err(poisoned)) => return Err(poisoned.into()),
            // No input is left.
            Err(_exhausted) => return Ok(()),
        }
    }
}
