//! Series on demand, and the processes that make them from others.

use std::collections::VecDeque;
use std::iter::{repeat, zip};
use std::pin::pin;

use aqueduct::prelude::*;
use futures::future::{Fuse, FusedFuture as _, FutureExt as _};

use super::rational::Rational;

/// A power series: a call brings the next coefficient, which is computed only then.
pub(crate) type Series = Caller<(), Rational>;

/// What the maker of a series hears: that somebody wants its next coefficient.
type Demand = Receiver<Call<(), Rational>>;

/// Starts a process, and is the series that it makes. Nobody waits for its end: should it fail, its ends poison, and
/// so the reader hears of it.
fn made_by<P>(maker: impl FnOnce(Demand) -> P) -> Series
where
    P: Process<Value = (), IntoFuture: Send> + 'static,
{
    let (series, out) = aqueduct::calls();
    drop(maker(out).spawn());
    series
}

/// Given numbers, and zeros behind them.
pub(crate) fn numbers<I>(given: I) -> Series
where
    I: IntoIterator<Item = i64, IntoIter: Send + 'static>,
{
    let given = given.into_iter();
    made_by(|out| give_numbers(given, out))
}

#[process]
async fn give_numbers<I: Iterator<Item = i64> + Send + 'static>(given: I, out: Demand) -> Outcome {
    for number in given.chain(repeat(0)) {
        out.recv().await?.reply(Rational::whole(number))?;
    }
    Ok(())
}

/// F + G
pub(crate) fn sum(f: Series, g: Series) -> Series {
    made_by(|out| add(f, g, out))
}

#[process]
async fn add(f: Series, g: Series, out: Demand) -> Outcome {
    while let Some(call) = out.next().await? {
        call.reply(f.call(()).await?.plus(g.call(()).await?)?)?;
    }
    Ok(())
}

/// c·F
fn multiple(c: Rational, f: Series) -> Series {
    made_by(|out| scale(c, f, out))
}

#[process]
async fn scale(c: Rational, f: Series, out: Demand) -> Outcome {
    while let Some(call) = out.next().await? {
        call.reply(c.times(f.call(()).await?)?)?;
    }
    Ok(())
}

/// c + x·F
fn behind(c: Rational, f: Series) -> Series {
    made_by(|out| delay(c, f, out))
}

#[process]
async fn delay(c: Rational, f: Series, out: Demand) -> Outcome {
    out.recv().await?.reply(c)?;
    while let Some(call) = out.next().await? {
        call.reply(f.call(()).await?)?;
    }
    Ok(())
}

/// F'
pub(crate) fn derivative(f: Series) -> Series {
    made_by(|out| differentiate(f, out))
}

#[process]
async fn differentiate(f: Series, out: Demand) -> Outcome {
    let mut n = 0;
    while let Some(call) = out.next().await? {
        if n == 0 {
            f.call(()).await?;
        }
        n += 1;
        call.reply(f.call(()).await?.times(Rational::whole(n))?)?;
    }
    Ok(())
}

/// c + ∫ F
#[process]
async fn integrate(c: Rational, f: Series, out: Demand) -> Outcome {
    out.recv().await?.reply(c)?;
    for n in 1.. {
        let call = out.recv().await?;
        call.reply(f.call(()).await?.over(n)?)?;
    }
    Ok(())
}

/// F·G
pub(crate) fn product(f: Series, g: Series) -> Series {
    made_by(|out| multiply(f, g, out))
}

/// (f + x·F)·(g + x·G) = f·g + x·(f·G + g·F + x·F·G)
#[process]
async fn multiply(f: Series, g: Series, out: Demand) -> Outcome {
    let call = out.recv().await?;
    let (f0, g0) = (f.call(()).await?, g.call(()).await?);
    call.reply(f0.times(g0)?)?;
    // From here on it is a sum, into which other processes feed: among them another product, which does the same.
    let (f, f_again) = split(f);
    let (g, g_again) = split(g);
    let crosswise = sum(multiple(f0, g), multiple(g0, f));
    add(crosswise, behind(Rational::ZERO, product(f_again, g_again)), out).await?;
    Ok(())
}

/// The constant term of a series that is put into another is not zero.
#[derive(Debug, thiserror::Error)]
#[error("a series with the constant term {0} cannot be put into another: that must be 0")]
struct Constant(Rational);

/// F(G), for a G without a constant term.
pub(crate) fn substitution(f: Series, g: Series) -> Series {
    made_by(|out| substitute(f, g, out))
}

/// (f + x·F)(x·G) = f + x·G·F(x·G)
#[process]
async fn substitute(f: Series, g: Series, out: Demand) -> Outcome {
    let call = out.recv().await?;
    call.reply(f.call(()).await?)?;
    let (g, g_again) = split(g);
    multiply(made_by(|out| advance(g, out)), substitution(f, g_again), out).await?;
    Ok(())
}

/// G, where x·G is given.
#[process]
async fn advance(g: Series, out: Demand) -> Outcome {
    let call = out.recv().await?;
    let constant = g.call(()).await?;
    if constant != Rational::ZERO {
        return Err(Constant(constant).into());
    }
    call.reply(g.call(()).await?)?;
    while let Some(call) = out.next().await? {
        call.reply(g.call(()).await?)?;
    }
    Ok(())
}

/// The z that is c + ∫ F(z): the network is its own input.
pub(crate) fn solution(c: Rational, formula: impl FnOnce(Series) -> Series) -> Series {
    let (z, out) = aqueduct::calls();
    let (z, again) = split(z);
    drop(integrate(c, formula(again), out).spawn());
    z
}

/// The same series twice.
pub(crate) fn split(f: Series) -> (Series, Series) {
    let (first, one) = aqueduct::calls();
    let (second, other) = aqueduct::calls();
    drop(share(f, one, other).spawn());
    (first, second)
}

/// Each reader gets all coefficients, at its own speed. While one of them waits, the other is still served: in a network
/// with a loop, what the first waits for may depend on it.
#[process]
async fn share(f: Series, one: Demand, other: Demand) -> Outcome {
    // What a reader has not asked for yet, and its call if it waits.
    let mut kept = [VecDeque::new(), VecDeque::new()];
    let mut waiting = [None, None];
    let mut computing = pin!(Fuse::terminated());
    loop {
        alt! {
            Ok(call) = one.recv(), if waiting[0].is_none() => waiting[0] = Some(call),
            Ok(call) = other.recv(), if waiting[1].is_none() => waiting[1] = Some(call),
            term = &mut computing, if !computing.is_terminated() => {
                let term = term?;
                kept.iter_mut().for_each(|kept| kept.push_back(term));
            }
            complete => return Ok(()),
        }
        for (kept, waiting) in zip(&mut kept, &mut waiting) {
            if waiting.is_some()
                && let Some(term) = kept.pop_front()
                && let Some(call) = waiting.take()
            {
                // Should this reader have gone, the other is still there.
                let _ = call.reply(term);
            } else if waiting.is_some() && computing.is_terminated() {
                computing.set(f.call(()).fuse());
            }
        }
    }
}
