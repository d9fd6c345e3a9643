//! One input, several outputs, and each value goes to one of them.

use std::pin::pin;

use super::watch::{all_of, unless};
use crate::Refused;
use crate::prelude::*;

/// Gives each value to any output that is ready to take it.
///
/// Among outputs that are ready it takes turns. An output that has retired is left out, and a value that it had not
/// taken goes to another; the process ends when all have retired. A poisoned output ends it at once, with that poison.
///
/// While no output is ready, a clone of the value stands at each of them. (Where several consumers
/// do the same work, they need no `distribute`: let them share the channel, each with a clone of its receiver.)
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
/// let network = par!(generate(1..=4, a), distribute(a_rx, vec![b, c]), collect(b_rx), collect(c_rx));
/// let ((), (), mut all, others) = network.await?;
/// all.extend(others);
/// all.sort();
/// assert_eq!(all, [1, 2, 3, 4]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn distribute<T: Clone + Send + 'static>(input: Receiver<T>, outs: Vec<Sender<T>>) -> Outcome {
    let mut outs = outs;
    while !outs.is_empty() {
        let received = unless(pin!(all_of(&outs)), input.next()).await?;
        let Some(value) = received else { break };
        give_to_any(value, &mut outs).await?;
    }
    Ok(())
}

/// Gives the value to the first output that is ready, which then goes to the end of the queue. Outputs that are retired
/// are removed; if all are, the value is dropped.
async fn give_to_any<T: Clone + Send + 'static>(mut value: T, outs: &mut Vec<Sender<T>>) -> Outcome {
    // Who is ready at once needs no clone.
    let mut place = 0;
    while place < outs.len() {
        match outs[place].try_send(value) {
            Ok(()) => {
                outs[place..].rotate_left(1);
                return Ok(());
            }
            Err(error) => {
                let (back, refused) = error.into_parts();
                value = back;
                match refused {
                    Refused::Ended(Ended::Retired) => _ = outs.remove(place),
                    Refused::Ended(poisoned) => return Err(poisoned.into()),
                    _ => place += 1,
                }
            }
        }
    }
    let mut choice = Alt::pri();
    while !outs.is_empty() {
        let mut offer = choice.offer();
        for (place, out) in outs.iter().enumerate() {
            offer = offer.send(out, value.clone(), move |sent| (place, sent));
        }
        // There are outputs, so there are guards.
        let Ok((place, sent)) = offer.select().await else { break };
        match sent {
            Ok(()) => {
                outs[place..].rotate_left(1);
                return Ok(());
            }
            Err(error) if error.reason().is_retired() => _ = outs.remove(place),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Gives the values to its outputs in turn, waiting for each: the first value to the first, the second to the second.
///
/// An output that has retired is left out, and a value that it had not taken goes to the next; the process ends when
/// all have retired. A poisoned output ends it when it is met, with that poison.
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
/// let network = par!(generate(1..=5, a), round_robin(a_rx, vec![b, c]), collect(b_rx), collect(c_rx));
/// let ((), (), odd, even) = network.await?;
/// assert_eq!((odd, even), (vec![1, 3, 5], vec![2, 4]));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn round_robin<T: Send + 'static>(input: Receiver<T>, outs: Vec<Sender<T>>) -> Outcome {
    let mut outs = outs;
    let mut turn = 0;
    while !outs.is_empty() {
        let received = unless(pin!(all_of(&outs)), input.next()).await?;
        let Some(mut value) = received else { break };
        while !outs.is_empty() {
            turn %= outs.len();
            match outs[turn].send(value).await {
                Ok(()) => {
                    turn += 1;
                    break;
                }
                Err(error) if error.reason().is_retired() => {
                    value = error.into_inner();
                    // The next one has its place, and its turn.
                    outs.remove(turn);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
