//! `cvt`: from one number type to another.
//!
//! Out of range, an integer is cut off, or clamped with `.sat`; a floating point number is always clamped. NaN becomes 0,
//! or the highest bit alone where an `f64` or a 64-bit integer takes part.

use super::float::{Rounding, narrow, single};
use super::op::One;
use super::types::{Type, Word};

/// Rounding to an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Nearest,
    Zero,
    Down,
    Up,
}

trait Float: Word {
    const WIDE: bool;
    fn to_whole(self, how: Whole) -> f64;
    fn wide(self) -> f64;
}

impl Float for f32 {
    const WIDE: bool = false;

    fn to_whole(self, how: Whole) -> f64 {
        f64::from(self).to_whole(how)
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f64 {
    const WIDE: bool = true;

    fn to_whole(self, how: Whole) -> f64 {
        match how {
            Whole::Nearest => self.round_ties_even(),
            Whole::Zero => self.trunc(),
            Whole::Down => self.floor(),
            Whole::Up => self.ceil(),
        }
    }

    fn wide(self) -> f64 {
        self
    }
}

trait Integer: Word {
    const BITS: u32;
    const SIGNED: bool;
    /// Rust's conversion clamps too.
    fn clamp(x: f64) -> Self;
    fn exact(self) -> i128;
    fn saturating(n: i128) -> Self;
    fn cut(n: i128) -> Self;
}

macro_rules! integers {
    ($($T:ident)*) => {$(
        impl Integer for $T {
            const BITS: u32 = $T::BITS;
            const SIGNED: bool = $T::MIN != 0;

            fn clamp(x: f64) -> Self {
                x as Self
            }

            fn exact(self) -> i128 {
                i128::from(self)
            }

            fn saturating(n: i128) -> Self {
                n.clamp(i128::from(Self::MIN), i128::from(Self::MAX)) as Self
            }

            fn cut(n: i128) -> Self {
                n as Self
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);

fn to_integer<F: Float, I: Integer>(word: u64, how: Whole) -> u64 {
    let x = F::of(word).to_whole(how);
    if !x.is_nan() {
        I::clamp(x).word()
    } else if F::WIDE || I::BITS == 64 {
        1 << (I::BITS - 1)
    } else {
        0
    }
}

macro_rules! over_integers {
    ($type:expr, $f:ident $(, $F:ident)?; $($argument:expr)?) => {
        match $type.in_rust() {
            "u8" => over_integers!(@ u8, $f $(, $F)?; $($argument)?),
            "u16" => over_integers!(@ u16, $f $(, $F)?; $($argument)?),
            "u32" => over_integers!(@ u32, $f $(, $F)?; $($argument)?),
            "u64" => over_integers!(@ u64, $f $(, $F)?; $($argument)?),
            "i8" => over_integers!(@ i8, $f $(, $F)?; $($argument)?),
            "i16" => over_integers!(@ i16, $f $(, $F)?; $($argument)?),
            "i32" => over_integers!(@ i32, $f $(, $F)?; $($argument)?),
            "i64" => over_integers!(@ i64, $f $(, $F)?; $($argument)?),
            _ => None,
        }
    };
    (@ $I:ident, $f:ident, $F:ident; $argument:expr) => { $f::<$F, $I>($argument) };
    (@ $I:ident, $f:ident; $argument:expr) => { $f::<$I>($argument) };
}

/// From floating point to an integer.
pub(crate) fn float_to_integer(from: Type, to: Type, how: Whole) -> Option<One> {
    fn rounded<F: Float, I: Integer>(how: Whole) -> Option<One> {
        Some(match how {
            Whole::Nearest => |a| to_integer::<F, I>(a, Whole::Nearest),
            Whole::Zero => |a| to_integer::<F, I>(a, Whole::Zero),
            Whole::Down => |a| to_integer::<F, I>(a, Whole::Down),
            Whole::Up => |a| to_integer::<F, I>(a, Whole::Up),
        })
    }
    match from.bits {
        32 => over_integers!(to, rounded, f32; how),
        64 => over_integers!(to, rounded, f64; how),
        _ => None,
    }
}

/// From one integer to another.
pub(crate) fn integer_to_integer(from: Type, to: Type, saturating: bool) -> Option<One> {
    fn first<From: Integer>((to, saturating): (Type, bool)) -> Option<One> {
        over_integers!(to, second, From; saturating)
    }
    fn second<From: Integer, To: Integer>(saturating: bool) -> Option<One> {
        Some(if saturating {
            |a| To::saturating(From::of(a).exact()).word()
        } else {
            |a| To::cut(From::of(a).exact()).word()
        })
    }
    over_integers!(from, first; (to, saturating))
}

/// From an integer to floating point.
pub(crate) fn integer_to_float(from: Type, to: Type, rounding: Rounding) -> Option<One> {
    fn nearest<I: Integer>(bits: u32) -> Option<One> {
        Some(match (bits, I::SIGNED) {
            (32, false) => |a| (a as f32).word(),
            (32, true) => |a| (I::of(a).exact() as i64 as f32).word(),
            (64, false) => |a| (a as f64).word(),
            (64, true) => |a| (I::of(a).exact() as i64 as f64).word(),
            _ => return None,
        })
    }
    fn directed_single<I: Integer>(rounding: Rounding) -> Option<One> {
        // The upper and the lower half are exact in an `f64` each, and the lower one is what the sum leaves over.
        fn directed<I: Integer>(word: u64, rounding: Rounding) -> u64 {
            let n = I::of(word).exact();
            let sum = n as f64;
            narrow(sum, (n - sum as i128) as f64, rounding).word()
        }
        Some(match rounding {
            Rounding::Zero => |a| directed::<I>(a, Rounding::Zero),
            Rounding::Down => |a| directed::<I>(a, Rounding::Down),
            Rounding::Up => |a| directed::<I>(a, Rounding::Up),
            Rounding::Nearest => return None,
        })
    }
    match (rounding, to.bits) {
        (Rounding::Nearest, bits) => over_integers!(from, nearest; bits),
        (_, 32) => over_integers!(from, directed_single; rounding),
        // Every integer of up to 32 bits is exact.
        (_, 64) if from.bits <= 32 => over_integers!(from, nearest; 64),
        _ => None,
    }
}

/// From one floating point type to the other, or to whole numbers of the same.
pub(crate) fn float_to_float(from: Type, to: Type, rounding: Option<Rounding>, whole: Option<Whole>) -> Option<One> {
    fn number(x: f64) -> f32 {
        single(x as f32)
    }
    macro_rules! wholes {
        ($F:ident, $to:expr) => {
            match whole {
                None => |a| {
                    let to: fn(f64) -> $F = $to;
                    to($F::of(a).wide()).word()
                },
                Some(Whole::Nearest) => |a| {
                    let to: fn(f64) -> $F = $to;
                    to($F::of(a).to_whole(Whole::Nearest)).word()
                },
                Some(Whole::Zero) => |a| {
                    let to: fn(f64) -> $F = $to;
                    to($F::of(a).to_whole(Whole::Zero)).word()
                },
                Some(Whole::Down) => |a| {
                    let to: fn(f64) -> $F = $to;
                    to($F::of(a).to_whole(Whole::Down)).word()
                },
                Some(Whole::Up) => |a| {
                    let to: fn(f64) -> $F = $to;
                    to($F::of(a).to_whole(Whole::Up)).word()
                },
            }
        };
    }
    Some(match (from.bits, to.bits) {
        (32, 32) => wholes!(f32, number),
        (64, 64) => wholes!(f64, |x| x),
        (32, 64) => |a| f64::from(f32::of(a)).word(),
        (64, 32) => match rounding? {
            Rounding::Nearest => |a| number(f64::of(a)).word(),
            Rounding::Zero => |a| narrow(f64::of(a), 0.0, Rounding::Zero).word(),
            Rounding::Down => |a| narrow(f64::of(a), 0.0, Rounding::Down).word(),
            Rounding::Up => |a| narrow(f64::of(a), 0.0, Rounding::Up).word(),
        },
        _ => return None,
    })
}

/// Copies the sign into the upper bits of a register that is wider than what was put into it.
pub(crate) fn extend(from: Type, register: u32) -> Option<One> {
    match (from.bits, register) {
        (8, 16) => Some(|a| (a as i8 as i16).word()),
        (8, 32) => Some(|a| (a as i8 as i32).word()),
        (8, 64) => Some(|a| (a as i8 as i64).word()),
        (16, 32) => Some(|a| (a as i16 as i32).word()),
        (16, 64) => Some(|a| (a as i16 as i64).word()),
        (32, 64) => Some(|a| (a as i32 as i64).word()),
        _ => None,
    }
}

/// The low end of a word that a narrower type keeps.
pub(crate) fn low(bits: u32) -> Option<One> {
    match bits {
        8 => Some(|a| a & 0xff),
        16 => Some(|a| a & 0xffff),
        32 => Some(|a| a & 0xffff_ffff),
        _ => None,
    }
}
