//! Series on demand, and the processes that make them from others.

use std::collections::VecDeque;

use aqueduct::prelude::*;

use super::rational::Rational;

/// The reader's side of a series.
#[derive(Debug)]
pub(crate) struct Series {
    ask: Sender<()>,
    terms: Receiver<Rational>,
}

/// The maker's side: hears when a coefficient is wanted, and gives it.
#[derive(Debug)]
pub(crate) struct Demand {
    asked: Receiver<()>,
    terms: Sender<Rational>,
}

fn series() -> (Demand, Series) {
    let (ask, asked) = aqueduct::channel();
    let (give, terms) = aqueduct::channel();
    (Demand { asked, terms: give }, Series { ask, terms })
}

impl Series {
    /// The next coefficient.
    pub(crate) async fn next(&self) -> Outcome<Rational> {
        self.ask.send(()).await?;
        Ok(self.terms.recv().await?)
    }
}

impl Demand {
    /// Waits until a coefficient is wanted.
    async fn asked(&self) -> Outcome {
        Ok(self.asked.recv().await?)
    }

    async fn give(&self, term: Rational) -> Outcome {
        Ok(self.terms.send(term).await?)
    }
}

/// Starts a process, and is the series that it makes. Nobody waits for its end: should it fail, its ends poison, and
/// so the reader hears of it.
fn made_by<P>(maker: impl FnOnce(Demand) -> P) -> Series
where
    P: Process<Value = (), IntoFuture: Send> + 'static,
{
    let (out, series) = series();
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
    for number in given.chain(std::iter::repeat(0)) {
        out.asked().await?;
        out.give(Rational::whole(number)).await?;
    }
    Ok(())
}

/// F + G
pub(crate) fn sum(f: Series, g: Series) -> Series {
    made_by(|out| add(f, g, out))
}

#[process]
async fn add(f: Series, g: Series, out: Demand) -> Outcome {
    loop {
        out.asked().await?;
        out.give(f.next().await?.plus(g.next().await?)?).await?;
    }
}

/// c·F
fn multiple(c: Rational, f: Series) -> Series {
    made_by(|out| scale(c, f, out))
}

#[process]
async fn scale(c: Rational, f: Series, out: Demand) -> Outcome {
    loop {
        out.asked().await?;
        out.give(c.times(f.next().await?)?).await?;
    }
}

/// c + x·F
fn behind(c: Rational, f: Series) -> Series {
    made_by(|out| delay(c, f, out))
}

#[process]
async fn delay(c: Rational, f: Series, out: Demand) -> Outcome {
    out.asked().await?;
    out.give(c).await?;
    loop {
        out.asked().await?;
        out.give(f.next().await?).await?;
    }
}

/// F'
pub(crate) fn derivative(f: Series) -> Series {
    made_by(|out| differentiate(f, out))
}

#[process]
async fn differentiate(f: Series, out: Demand) -> Outcome {
    out.asked().await?;
    f.next().await?;
    for n in 1.. {
        out.give(f.next().await?.times(Rational::whole(n))?).await?;
        out.asked().await?;
    }
    Ok(())
}

/// c + ∫ F
#[process]
async fn integrate(c: Rational, f: Series, out: Demand) -> Outcome {
    out.asked().await?;
    out.give(c).await?;
    for n in 1.. {
        out.asked().await?;
        out.give(f.next().await?.over(n)?).await?;
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
    out.asked().await?;
    let (f0, g0) = (f.next().await?, g.next().await?);
    out.give(f0.times(g0)?).await?;
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
    out.asked().await?;
    out.give(f.next().await?).await?;
    let (g, g_again) = split(g);
    multiply(made_by(|out| advance(g, out)), substitution(f, g_again), out).await?;
    Ok(())
}

/// G, where x·G is given.
#[process]
async fn advance(g: Series, out: Demand) -> Outcome {
    out.asked().await?;
    let constant = g.next().await?;
    if constant != Rational::ZERO {
        return Err(Constant(constant).into());
    }
    loop {
        out.give(g.next().await?).await?;
        out.asked().await?;
    }
}

/// The z that is c + ∫ F(z): the network is its own input.
pub(crate) fn solution(c: Rational, formula: impl FnOnce(Series) -> Series) -> Series {
    let (out, z) = series();
    let (z, again) = split(z);
    drop(integrate(c, formula(again), out).spawn());
    z
}

/// The same series twice.
pub(crate) fn split(f: Series) -> (Series, Series) {
    let (one, first) = series();
    let (other, second) = series();
    drop(share(f, [one, other]).spawn());
    (first, second)
}

/// Each reader gets all the terms, at its own speed. While it waits for one, it goes on to serve the reader that still has
/// others to come: in a network with a loop, the one it waits for may depend on them.
#[process]
async fn share(f: Series, readers: [Demand; 2]) -> Outcome {
    let [one, other] = &readers;
    // What has been computed for the other reader, and not been asked for by this one.
    let mut kept = [VecDeque::new(), VecDeque::new()];
    let mut waits = [false; 2];
    let mut computing = false;
    loop {
        alt! {
            Ok(()) = one.asked.recv(), if !waits[0] => waits[0] = true,
            Ok(()) = other.asked.recv(), if !waits[1] => waits[1] = true,
            term = f.terms.recv(), if computing => {
                let term = term?;
                kept.iter_mut().for_each(|kept| kept.push_back(term));
                computing = false;
            }
            complete => return Ok(()),
        }
        for ((reader, waits), kept) in readers.iter().zip(&mut waits).zip(&mut kept) {
            if *waits && let Some(term) = kept.pop_front() {
                reader.give(term).await?;
                *waits = false;
            } else if *waits && !computing {
                f.ask.send(()).await?;
                computing = true;
            }
        }
    }
}
