//! Exact fractions.

use std::fmt;

/// A fraction in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rational {
    over: i128,
    /// Positive.
    under: i128,
}

/// A fraction that cannot be written with two numbers of 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a coefficient no longer fits into 128 bits")]
pub(crate) struct TooLarge;

impl Rational {
    pub(crate) const ZERO: Self = Self::whole(0);
    pub(crate) const ONE: Self = Self::whole(1);

    pub(crate) const fn whole(number: i64) -> Self {
        Self { over: number as i128, under: 1 }
    }

    pub(crate) fn plus(self, other: Self) -> Result<Self, TooLarge> {
        let common = gcd(self.under, other.under);
        let left = self.over.checked_mul(other.under / common);
        let right = other.over.checked_mul(self.under / common);
        let over = left.zip(right).and_then(|(left, right)| left.checked_add(right));
        let under = self.under.checked_mul(other.under / common);
        Self::lowest(over, under)
    }

    pub(crate) fn times(self, other: Self) -> Result<Self, TooLarge> {
        // Crosswise first, so that nothing is larger than it must be.
        let (a, b) = (gcd(self.over, other.under), gcd(other.over, self.under));
        Self::lowest((self.over / a).checked_mul(other.over / b), (self.under / b).checked_mul(other.under / a))
    }

    /// Divided by a whole number that is not zero.
    pub(crate) fn over(self, divisor: i64) -> Result<Self, TooLarge> {
        let inverse = Self { over: i128::from(divisor.signum()), under: i128::from(divisor.unsigned_abs()) };
        self.times(inverse)
    }

    fn lowest(over: Option<i128>, under: Option<i128>) -> Result<Self, TooLarge> {
        let (over, under) = over.zip(under).ok_or(TooLarge)?;
        let common = gcd(over, under);
        Ok(Self { over: over / common, under: under / common })
    }
}

/// Of a number and one that is not zero. (A product that is exactly -2¹²⁷ has no absolute value; it ends up smaller.)
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1)
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.under == 1 { write!(f, "{}", self.over) } else { write!(f, "{}/{}", self.over, self.under) }
    }
}
