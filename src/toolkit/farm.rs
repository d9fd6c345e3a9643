//! One function, several workers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use super::watch::{only, unless};
use crate::prelude::*;
use crate::wait::block_on;
use crate::{task, thread};

/// A farm cannot be run as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FarmError {
    /// It was to have no worker.
    #[error("a farm needs at least one worker")]
    NoWorkers,
    /// The function met a retired channel of its own, and made no result of a value.
    #[error("the function of a farm ended early, because a channel that it uses is retired: a result is missing")]
    EndedEarly,
}

/// Emits `f` of each value, in whatever order the results come; `workers` values are worked on at once.
///
/// The workers are tasks: `f` is for what waits (requests, other channels). They run in turns in the farm's own task, so
/// what `f` computes it computes on one CPU; for computations take [`thread_farm`], for the order of the input
/// [`ordered_farm`].
///
/// A failing worker (an error that `f` returns, or a panic) fails the farm, and poisons both channels; the other workers
/// end with the same cause. When the output retires, each worker ends at its next value or result: what they had in hand
/// is dropped, `workers` values at most.
///
/// # Errors
/// The first failure of a worker; [`FarmError`].
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
/// let fetch = |page: u64| async move {
///     after(Duration::from_millis(5 - page)).await;      // a slow server
///     Ok(format!("page {page}"))
/// };
/// let mut pages = par!(generate(1..=4, a), farm(4, fetch, a_rx, b), collect(b_rx)).await?.2;
/// pages.sort();
/// assert_eq!(pages, ["page 1", "page 2", "page 3", "page 4"]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn farm<T, U, F, W>(workers: usize, f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    F: Fn(T) -> W + Send + Sync,
    W: Future<Output = Outcome<U>> + Send,
{
    let f = Arc::new(at_least_one(workers, f)?);
    let mut group = Group::new();
    for number in 0..workers {
        let (f, input, out) = (Arc::clone(&f), input.clone(), out.clone());
        group.add(task(worker(number), async move {
            let mut outputs = pin!(only(&out));
            while let Some(value) = unless(outputs.as_mut(), input.next()).await? {
                let made = complete(f(value).await)?;
                out.send(made).await?;
            }
            Ok(())
        }));
    }
    group.join().await?;
    Ok(())
}

/// As [`farm`], but the results come in the order of the values.
///
/// A result that is ready too early waits for those before it: at most `2 * workers` values are under way, taken and not
/// yet emitted, however slow one of them is.
///
/// # Errors
/// The first failure of a worker; [`FarmError`].
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
/// let fetch = |page: u64| async move {
///     after(Duration::from_millis(5 - page)).await;
///     Ok(page)
/// };
/// let pages = par!(generate(1..=4, a), ordered_farm(4, fetch, a_rx, b), collect(b_rx)).await?.2;
/// assert_eq!(pages, [1, 2, 3, 4]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn ordered_farm<T, U, F, W>(workers: usize, f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    F: Fn(T) -> W + Send + Sync,
    W: Future<Output = Outcome<U>> + Send,
{
    let f = Arc::new(at_least_one(workers, f)?);
    let mut group = Group::new();
    let (jobs, results) = in_order(workers, input, out, &mut group);
    for number in 0..workers {
        let (f, jobs, results) = (Arc::clone(&f), jobs.clone(), results.clone());
        group.add(task(worker(number), async move {
            while let Some((place, value)) = jobs.next().await? {
                let made = complete(f(value).await)?;
                results.send((place, made)).await?;
            }
            Ok(())
        }));
    }
    drop((jobs, results));
    group.join().await?;
    Ok(())
}

/// As [`farm`], but each worker is a thread: for computations, and for what blocks.
///
/// Cancelled, its channels are poisoned; a thread ends when `f` has returned what it is at.
///
/// # Errors
/// The first failure of a worker; [`FarmError`]; or a thread could not be started.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let is_prime = |n: u32| Ok((2..n).all(|d| n % d != 0).then_some(n));
/// let primes = par!(
///     generate(2..50, a),
///     thread_farm(2, is_prime, a_rx, b),
///     fold(0, |primes, n: Option<u32>| primes + n.map_or(0, |_| 1), b_rx),
/// );
/// assert_eq!(primes.await?.2, 15);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn thread_farm<T, U, F>(workers: usize, f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    F: Fn(T) -> Outcome<U> + Send + Sync + 'static,
{
    let f = Arc::new(at_least_one(workers, f)?);
    let mut group = Group::new();
    for number in 0..workers {
        let (f, input, out) = (Arc::clone(&f), input.clone(), out.clone());
        group.add(thread(worker(number), move || {
            while let Some(value) = block_on(async { unless(pin!(only(&out)), input.next()).await })? {
                let made = complete(f(value))?;
                out.send_blocking(made)?;
            }
            Ok(())
        }));
    }
    // `input` and `out` stay here until the end: dropped by a cancellation they poison, which ends the threads.
    group.join().await?;
    Ok(())
}

/// As [`thread_farm`], but the results come in the order of the values; at most `2 * workers` of them are under way.
///
/// # Errors
/// The first failure of a worker; [`FarmError`]; or a thread could not be started.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let cube = |n: u64| Ok(n * n * n);
/// let cubes = par!(generate(1..=5, a), ordered_thread_farm(2, cube, a_rx, b), collect(b_rx)).await?.2;
/// assert_eq!(cubes, [1, 8, 27, 64, 125]);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[process]
pub async fn ordered_thread_farm<T, U, F>(workers: usize, f: F, input: Receiver<T>, out: Sender<U>) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
    F: Fn(T) -> Outcome<U> + Send + Sync + 'static,
{
    let f = Arc::new(at_least_one(workers, f)?);
    let mut group = Group::new();
    let (jobs, results) = in_order(workers, input, out, &mut group);
    for number in 0..workers {
        let (f, jobs, results) = (Arc::clone(&f), jobs.clone(), results.clone());
        group.add(thread(worker(number), move || {
            for job in &jobs {
                let (place, value) = job?;
                let made = complete(f(value))?;
                results.send_blocking((place, made))?;
            }
            Ok(())
        }));
    }
    drop((jobs, results));
    group.join().await?;
    Ok(())
}

fn worker(number: usize) -> String {
    format!("farm worker {}", number + 1)
}

fn at_least_one<F>(workers: usize, f: F) -> Result<F, FarmError> {
    if workers == 0 { Err(FarmError::NoWorkers) } else { Ok(f) }
}

/// What the function made. If it ended quietly, that is a failure here: the value it had would be lost in silence.
fn complete<U>(made: Outcome<U>) -> Outcome<U> {
    made.map_err(|exit| if exit.is_retired() { FarmError::EndedEarly.into() } else { exit })
}

/// A value, or a result, and its place in the order.
type Placed<T> = (u64, T);

/// Adds the process that gives the values their places, and puts the results into order; gives the workers' ends.
fn in_order<'a, T, U>(
    workers: usize,
    input: Receiver<T>,
    out: Sender<U>,
    group: &mut Group<'a>,
) -> (Receiver<Placed<T>>, Sender<Placed<U>>)
where
    T: Send + 'static,
    U: Send + 'static,
{
    let window = workers.saturating_mul(2);
    let (jobs, jobs_rx) = crate::buffered(window);
    let (results_tx, results) = crate::buffered(window);
    group.add(task("farm order", resequence(window as u64, input, out, jobs, results)));
    (jobs_rx, results_tx)
}

async fn resequence<T, U>(
    window: u64,
    input: Receiver<T>,
    out: Sender<U>,
    jobs: Sender<Placed<T>>,
    results: Receiver<Placed<U>>,
) -> Outcome
where
    T: Send + 'static,
    U: Send + 'static,
{
    let mut outputs = pin!(only(&out));
    // How many values were taken, and how many results emitted; what is between is under way.
    let (mut taken, mut emitted) = (0, 0);
    // The results that are there, from the next one to be emitted on; the first of them stands at the output.
    let mut early: VecDeque<Option<U>> = VecDeque::new();
    let mut next: Option<U> = None;
    let mut open = true;
    while open || emitted < taken {
        if next.is_none() {
            next = early.front_mut().and_then(Option::take);
        }
        let choosing = async {
            alt! { Alt::pri();
                sent = out.send_from(&mut next) => {
                    sent?;
                    early.pop_front();
                    emitted += 1;
                    Ok(None)
                }
                result = results.recv(), if emitted < taken => {
                    let (place, made) = result?;
                    let ahead = (place - emitted) as usize;
                    if early.len() <= ahead {
                        early.resize_with(ahead + 1, || None);
                    }
                    early[ahead] = Some(made);
                    Ok(None)
                }
                value = input.next(), if open && taken - emitted < window => {
                    match value? {
                        Some(value) => Ok(Some((taken, value))),
                        None => {
                            open = false;
                            Ok(None)
                        }
                    }
                }
                complete => Ok(None),
            }
        };
        if let Some(job) = unless::<_, _, _, Ended>(outputs.as_mut(), choosing).await? {
            taken += 1;
            // There is room for all that is under way: this does not wait.
            jobs.send(job).await?;
        }
    }
    Ok(())
}
