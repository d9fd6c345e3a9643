//! Processes that keep time.

use std::pin::pin;
use std::time::{Duration, Instant};

use super::watch::{only, unless};
use crate::TryRecvError;
use crate::prelude::*;

/// Emits an instant every `period`, the first one period from its start, until its output has ended.
///
/// Ticks stay on the grid. If the reader is late, one tick waits for it, and the others that it missed are skipped. A
/// period of zero ticks as fast as the reader takes.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
/// use std::time::Duration;
///
/// # aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// let ((), ticks) = par!(ticker(Duration::from_millis(1), tx), collect_first(3, rx)).await?;
/// assert!(ticks[2] - ticks[0] >= Duration::from_millis(2));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn ticker(period: Duration, out: Sender<Instant>) -> Outcome {
    let mut clock = tick(period);
    let mut outputs = pin!(only(&out));
    loop {
        let instant = unless(outputs.as_mut(), async { Result::<_, Ended>::Ok(clock.next().await) }).await?;
        out.send(instant).await?;
    }
}

/// Emits the latest value every `period`, at a steady pace, whatever the pace of its input.
///
/// A faster input is thinned out; of a slower one the latest value is emitted again. Nothing is emitted before the
/// first value has come. The clock goes before the input, so an input that is always ready does not hold it up; and the
/// input is taken while the output waits for its reader, who then gets the value that was the latest at the last tick.
///
/// When the input retires, a value that was not emitted yet still is, at its tick; then the process ends. With a period
/// of zero it emits whenever its reader takes. [`sample`] emits each value once at most.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
/// use std::time::Duration;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let (count, ()) = par!(
///     aqueduct::task("slow", async move {
///         a.send("still here").await?;
///         a.closed().await;                       // no other value comes
///         Ok(())
///     }),
///     regulate(Duration::from_millis(1), a_rx, b),
///     collect_first(3, b_rx),
/// )
/// .await
/// .map(|((), (), said)| (said.len(), assert_eq!(said, ["still here"; 3])))?;
/// assert_eq!(count, 3);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn regulate<T: Clone + Send + 'static>(period: Duration, input: Receiver<T>, out: Sender<T>) -> Outcome {
    pace(period, Some(T::clone), input, out).await
}

/// Emits the latest value every `period`, if one has come since: each value once at most.
///
/// A faster input is thinned out; of a slower one every value is emitted, at the next tick. For the rest it is as
/// [`regulate`].
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
/// use std::time::Duration;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let samples = par!(generate(1..=1000, a), sample(Duration::from_millis(1), a_rx, b), collect(b_rx)).await?.2;
/// assert!(samples.is_sorted());
/// assert_eq!(samples.last(), Some(&1000));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn sample<T: Send + 'static>(period: Duration, input: Receiver<T>, out: Sender<T>) -> Outcome {
    pace(period, None, input, out).await
}

/// The loop of both. With `again`, what was emitted is emitted again.
async fn pace<T: Send + 'static>(
    period: Duration,
    again: Option<fn(&T) -> T>,
    input: Receiver<T>,
    out: Sender<T>,
) -> Outcome {
    let mut clock = tick(period);
    let mut outputs = pin!(only(&out));
    // What has come since the last tick; what was due then, to be emitted again; and what stands at the output.
    let (mut fresh, mut last, mut offered) = (None, None, None);
    let mut open = true;
    while open || fresh.is_some() || offered.is_some() {
        // A clock without a period is always due: it is asked when there is something to emit.
        let idle = period.is_zero() && (offered.is_some() || fresh.is_none() && last.is_none());
        let choosing = async {
            alt! { Alt::pri();
                sent = out.send_from(&mut offered) => sent,
                _ = clock.next(), if (open || fresh.is_some()) && !idle => {
                    match (fresh.take(), again) {
                        (Some(value), Some(again)) => {
                            last = Some(again(&value));
                            offered = Some(value);
                        }
                        (Some(value), None) => offered = Some(value),
                        (None, Some(again)) => offered = last.as_ref().map(again),
                        (None, None) => {}
                    }
                    // Even if the clock is always due, the input gets on.
                    match input.try_recv() {
                        Ok(value) => fresh = Some(value),
                        Err(TryRecvError::Ended(Ended::Retired)) => open = false,
                        Err(TryRecvError::Ended(poisoned)) => return Err(poisoned),
                        Err(_) => {}
                    }
                    Ok(())
                }
                value = input.next(), if open => {
                    match value? {
                        Some(value) => fresh = Some(value),
                        None => open = false,
                    }
                    Ok(())
                }
                complete => Ok(()),
            }
        };
        unless::<_, _, (), Ended>(outputs.as_mut(), choosing).await?;
    }
    Ok(())
}
