//! Power series over exact rationals, each a process that makes a coefficient when it is asked for one.
//!
//! A series is a pair of channels: a request goes one way, a coefficient the other. The identities are McIlroy's:
//! series that are defined by themselves make networks with cycles, and products make networks that grow with each
//! coefficient. It is the best end-to-end oracle of the field, since the results are known exactly.

use std::collections::VecDeque;
use std::ops::{Add, Mul};
use std::pin::Pin;

use aqueduct::{Alt, Outcome, Receiver, Sender, channel};

use crate::harness::{Flavour, Network, Party, Place, choose, row};

/// An exact rational, in lowest terms, its denominator positive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rational(i128, i128);

impl Rational {
    const ZERO: Self = Self(0, 1);
    const ONE: Self = Self(1, 1);

    fn new(numerator: i128, denominator: i128) -> Self {
        fn gcd(a: i128, b: i128) -> i128 {
            if b == 0 { a } else { gcd(b, a % b) }
        }
        let divisor = gcd(numerator.abs(), denominator).max(1);
        Self(numerator / divisor, denominator / divisor)
    }
}

impl Add for Rational {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.0 * other.1 + other.0 * self.1, self.1 * other.1)
    }
}

impl Mul for Rational {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.0 * other.0, self.1 * other.1)
    }
}

/// Where a series is read.
struct Series {
    ask: Sender<()>,
    answer: Receiver<Rational>,
}

/// Where a series is made.
struct Maker {
    asked: Receiver<()>,
    say: Sender<Rational>,
}

impl Series {
    /// The next coefficient.
    async fn next(&self, me: Party) -> Outcome<Rational> {
        me.send(&self.ask, ()).await?;
        Ok(me.recv(&self.answer).await?)
    }
}

impl Maker {
    /// Waits until the next coefficient is wanted.
    async fn wanted(&self, me: Party) -> Outcome {
        Ok(me.recv(&self.asked).await?)
    }

    async fn say(&self, me: Party, coefficient: Rational) -> Outcome {
        Ok(me.send(&self.say, coefficient).await?)
    }

    /// Makes one coefficient when it is wanted.
    async fn give(&self, me: Party, coefficient: Rational) -> Outcome {
        self.wanted(me).await?;
        self.say(me, coefficient).await
    }

    /// Passes the rest of another series on.
    async fn copy(&self, me: Party, from: &Series) -> Outcome {
        loop {
            self.wanted(me).await?;
            let coefficient = from.next(me).await?;
            self.say(me, coefficient).await?;
        }
    }
}

/// What the network grows by.
#[derive(Clone)]
struct Workshop {
    /// The flavour of all channels.
    flavour: Flavour,
    /// The kind of all processes.
    me: Party,
    /// Every process holds an end: who waits for this channel to retire waits for all of them.
    alive: Sender<()>,
}

impl Workshop {
    fn link(&self) -> (Series, Maker) {
        let (ask, asked) = self.flavour.open();
        let (say, answer) = self.flavour.open();
        (Series { ask, answer }, Maker { asked, say })
    }

    /// Starts a process. It ends when its channels do.
    fn start(&self, process: impl Future<Output = Outcome> + Send + 'static) {
        let alive = self.alive.clone();
        drop(self.me.spawn("series", move |_| async move {
            let _alive = alive;
            process.await
        }));
    }

    /// A series that a new process makes; it ends when nobody reads it any more.
    fn series<F>(&self, make: impl FnOnce(Maker) -> F + Send + 'static) -> Series
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (series, maker) = self.link();
        self.start(make(maker));
        series
    }

    /// Numerators and denominators, and zeros behind them.
    fn finite(&self, coefficients: &'static [(i128, i128)]) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            for &(numerator, denominator) in coefficients {
                out.give(me, Rational::new(numerator, denominator)).await?;
            }
            loop {
                out.give(me, Rational::ZERO).await?;
            }
        })
    }

    /// 1 / (1 - x): every coefficient is one.
    fn ones(&self) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            loop {
                out.give(me, Rational::ONE).await?;
            }
        })
    }

    fn add(&self, one: Series, other: Series) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            loop {
                out.wanted(me).await?;
                let sum = one.next(me).await? + other.next(me).await?;
                out.say(me, sum).await?;
            }
        })
    }

    fn scale(&self, factor: Rational, series: Series) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            loop {
                out.wanted(me).await?;
                let product = factor * series.next(me).await?;
                out.say(me, product).await?;
            }
        })
    }

    /// first + x * series
    fn shift(&self, first: Rational, series: Series) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            out.give(me, first).await?;
            out.copy(me, &series).await
        })
    }

    /// The series twice, each read at its own pace: what one has read before the other waits in a queue.
    fn split(&self, series: Series) -> (Series, Series) {
        let (a, to_a) = self.link();
        let (b, to_b) = self.link();
        self.start(serve(self.me, series, to_a, to_b, false));
        (a, b)
    }

    /// F G = f g + x (f G' + g F' + x F' G'), where F = f + x F'.
    fn multiply(&self, one: Series, other: Series) -> Series {
        let make = self.clone();
        let me = self.me;
        self.series(move |out| -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
            Box::pin(async move {
                out.wanted(me).await?;
                let (f, g) = (one.next(me).await?, other.next(me).await?);
                out.say(me, f * g).await?;
                // Not before the second is wanted: else the network would grow without end.
                out.wanted(me).await?;
                let ((one, one_again), (other, other_again)) = (make.split(one), make.split(other));
                let sum = make.add(make.scale(f, other), make.scale(g, one));
                let rest = make.add(sum, make.shift(Rational::ZERO, make.multiply(one_again, other_again)));
                let coefficient = rest.next(me).await?;
                out.say(me, coefficient).await?;
                out.copy(me, &rest).await
            })
        })
    }

    /// The integral, with this constant.
    fn integrate(&self, constant: Rational, series: Series) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            out.give(me, constant).await?;
            for n in 1.. {
                out.wanted(me).await?;
                let coefficient = series.next(me).await? * Rational::new(1, n);
                out.say(me, coefficient).await?;
            }
            Ok(())
        })
    }

    fn derive(&self, series: Series) -> Series {
        let me = self.me;
        self.series(move |out| async move {
            out.wanted(me).await?;
            series.next(me).await?;
            for n in 1.. {
                let coefficient = series.next(me).await? * Rational::new(n, 1);
                out.say(me, coefficient).await?;
                out.wanted(me).await?;
            }
            Ok(())
        })
    }

    /// A series in terms of itself. It ends when nobody else reads it.
    fn itself(&self, define: impl FnOnce(Series) -> Series) -> Series {
        let (itself, to_itself) = self.link();
        let (result, to_result) = self.link();
        self.start(serve(self.me, define(itself), to_result, to_itself, true));
        result
    }

    /// exp F, for F without a constant: E = 1 + integral of E F'.
    fn exp(&self, series: Series) -> Series {
        let slope = self.derive(series);
        self.itself(|exp| self.integrate(Rational::ONE, self.multiply(exp, slope)))
    }

    /// T = integral of 1 + T T.
    fn tan(&self) -> Series {
        self.itself(|tan| {
            let (tan, again) = self.split(tan);
            let slope = self.add(self.finite(&[(1, 1)]), self.multiply(tan, again));
            self.integrate(Rational::ZERO, slope)
        })
    }
}

/// Serves two readers of one series. A reader that is behind never waits for one that is ahead, who may be waiting for
/// it: so a series may be defined by itself.
async fn serve(me: Party, series: Series, to_a: Maker, to_b: Maker, ends_with_a: bool) -> Outcome {
    let readers = [to_a, to_b];
    let mut ahead = [VecDeque::new(), VecDeque::new()];
    let (mut wants, mut gone) = ([false; 2], [false; 2]);
    let mut asked = false;
    let mut choice = Alt::fair();
    loop {
        choose! { me, choice;
            wanted = readers[0].asked.recv(), if !wants[0] && !gone[0] => {
                (wants[0], gone[0]) = (wanted.is_ok(), wanted.is_err());
            }
            wanted = readers[1].asked.recv(), if !wants[1] && !gone[1] => {
                (wants[1], gone[1]) = (wanted.is_ok(), wanted.is_err());
            }
            Ok(coefficient) = series.answer.recv(), if asked => {
                asked = false;
                ahead.iter_mut().for_each(|queue| queue.push_back(coefficient));
            }
            complete => return Ok(()),
        }
        if gone[0] && ends_with_a {
            return Ok(());
        }
        for reader in 0..2 {
            if wants[reader]
                && let Some(coefficient) = ahead[reader].pop_front()
            {
                wants[reader] = false;
                // One who has gone in the meantime does not end the other's series.
                let _ = me.send(&readers[reader].say, coefficient).await;
            }
        }
        if wants.contains(&true) && !asked {
            asked = true;
            me.send(&series.ask, ()).await?;
        }
    }
}

async fn first(me: Party, series: Series, count: usize) -> Outcome<Vec<Rational>> {
    let mut coefficients = Vec::new();
    for _ in 0..count {
        coefficients.push(series.next(me).await?);
    }
    Ok(coefficients)
}

fn rationals(pairs: &[(i128, i128)]) -> Vec<Rational> {
    pairs.iter().map(|&(numerator, denominator)| Rational::new(numerator, denominator)).collect()
}

/// Sums, products, derivatives and integrals.
fn powser1(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("reader", place, move |me| async move {
        let (alive, all) = channel();
        let make = Workshop { flavour, me, alive };
        let sum = make.add(make.ones(), make.shift(Rational::ZERO, make.ones()));
        assert_eq!(first(me, sum, 4).await?, rationals(&[(1, 1), (2, 1), (2, 1), (2, 1)]));
        let square = make.multiply(make.ones(), make.ones());
        assert_eq!(first(me, square, 5).await?, rationals(&[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]));
        let log = make.integrate(Rational::ZERO, make.ones());
        assert_eq!(first(me, log, 4).await?, rationals(&[(0, 1), (1, 1), (1, 2), (1, 3)]));
        let slope = make.derive(make.multiply(make.finite(&[(1, 1), (1, 1)]), make.finite(&[(2, 1), (-1, 3)])));
        assert_eq!(first(me, slope, 3).await?, rationals(&[(5, 3), (-2, 3), (0, 1)]));
        drop(make);
        assert_eq!(me.next(&all).await?, None, "all processes end, since nobody reads their series");
        Ok(())
    });
    network.run();
}
row!(powser1 over all);

/// Series in terms of themselves: exponentials, and the tangent.
fn powser2(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("reader", place, move |me| async move {
        let (alive, all) = channel();
        let make = Workshop { flavour, me, alive };
        let exp = make.exp(make.finite(&[(0, 1), (1, 1)]));
        assert_eq!(first(me, exp, 5).await?, rationals(&[(1, 1), (1, 1), (1, 2), (1, 6), (1, 24)]));
        // exp (x + x^2 / 2 + x^3 / 3 + ...) = exp (- log (1 - x)) = 1 / (1 - x)
        let ones = make.exp(make.integrate(Rational::ZERO, make.ones()));
        assert_eq!(first(me, ones, 4).await?, [Rational::ONE; 4]);
        assert_eq!(first(me, make.tan(), 6).await?, rationals(&[(0, 1), (1, 1), (0, 1), (1, 3), (0, 1), (2, 15)]));
        drop(make);
        assert_eq!(me.next(&all).await?, None, "all processes end, since nobody reads their series");
        Ok(())
    });
    network.run();
}
row!(powser2 over all);
