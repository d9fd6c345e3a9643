//! One step of a program: what it does to a block of elements.

use super::arithmetic::{Float, Integer};
use super::lanes::{Feed, Lanes, one, results, three, two};
use crate::gpu::element::{Element, Number};
use crate::gpu::expression::tree::{Binary, Comparison, Unary};

/// What a step computes. Conditions are words of 32 bits: all ones, or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Copy(Number),
    /// The places of the elements in the batch.
    Index,
    Unary(Unary, Number),
    Binary(Binary, Number),
    MulAdd(Number),
    /// Two operations in one loop, each with its own rounding.
    Joined(Joined, Number),
    Compare(Comparison, Number),
    And,
    Or,
    Not,
    Select(Number),
    Convert(Number, Number),
}

/// A product, and what it is joined with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joined {
    /// `a * b + c`
    Add,
    /// `a * b - c`
    Sub,
    /// `c - a * b`
    From,
}

const YES: u32 = u32::MAX;

fn mask(condition: bool) -> u32 {
    if condition { YES } else { 0 }
}

/// Runs `$body` with `$T` as the type of a number.
macro_rules! typed {
    ($number:expr, $T:ident => $body:expr) => {
        match $number {
            Number::F32 => {
                type $T = f32;
                $body
            }
            Number::F64 => {
                type $T = f64;
                $body
            }
            Number::I32 => {
                type $T = i32;
                $body
            }
            Number::U32 => {
                type $T = u32;
                $body
            }
            Number::I64 => {
                type $T = i64;
                $body
            }
            Number::U64 => {
                type $T = u64;
                $body
            }
        }
    };
    ($number:expr, $F:ident => $float:expr, $I:ident => $integer:expr) => {
        match $number {
            Number::F32 => {
                type $F = f32;
                $float
            }
            Number::F64 => {
                type $F = f64;
                $float
            }
            Number::I32 => {
                type $I = i32;
                $integer
            }
            Number::U32 => {
                type $I = u32;
                $integer
            }
            Number::I64 => {
                type $I = i64;
                $integer
            }
            Number::U64 => {
                type $I = u64;
                $integer
            }
        }
    };
}
pub(crate) use typed;

impl Work {
    /// How many bytes a result takes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Copy(number)
            | Self::Unary(_, number)
            | Self::Binary(_, number)
            | Self::MulAdd(number)
            | Self::Joined(_, number)
            | Self::Select(number)
            | Self::Convert(_, number) => number.bytes(),
            Self::Index => Number::U64.bytes(),
            Self::Compare(..) | Self::And | Self::Or | Self::Not => size_of::<u32>(),
        }
    }

    /// Computes the results of a block, whose first element has the place `first`. Unused operands may be anything.
    pub(super) fn run(self, out: &mut [u8], [a, b, c]: [Feed<'_>; 3], first: u64) {
        match self {
            Self::Copy(number) => typed!(number, T => {
                let out = results::<T>(out);
                one(out, numbers::<T>(a, out), |a| a);
            }),
            Self::Index => {
                for (place, result) in (first..).zip(results::<u64>(out)) {
                    *result = place;
                }
            }
            Self::Unary(operation, number) => typed!(number,
                F => {
                    let out = results::<F>(out);
                    float_unary(operation, out, numbers(a, out));
                },
                I => {
                    let out = results::<I>(out);
                    integer_unary(operation, out, numbers(a, out));
                }
            ),
            Self::Binary(operation, number) => typed!(number,
                F => {
                    let out = results::<F>(out);
                    float_binary(operation, out, numbers(a, out), numbers(b, out));
                },
                I => {
                    let out = results::<I>(out);
                    integer_binary(operation, out, numbers(a, out), numbers(b, out));
                }
            ),
            Self::MulAdd(number) => typed!(number,
                F => {
                    let out = results::<F>(out);
                    three(out, numbers(a, out), numbers(b, out), numbers(c, out), F::mul_add);
                },
                I => unreachable!("`{}` has no `mul_add`", std::any::type_name::<I>())
            ),
            Self::Joined(with, number) => typed!(number,
                F => {
                    let out = results::<F>(out);
                    joined(with, out, [a, b, c], |a, b| a * b, |a, b| a + b, |a, b| a - b);
                },
                I => {
                    let out = results::<I>(out);
                    joined(with, out, [a, b, c], I::wrapping_mul, I::wrapping_add, I::wrapping_sub);
                }
            ),
            Self::Compare(comparison, number) => typed!(number, T => {
                let out = results::<u32>(out);
                compare(comparison, out, a.lanes(out.len(), T::from_word), b.lanes(out.len(), T::from_word));
            }),
            Self::And => {
                let out = results::<u32>(out);
                two(out, numbers(a, out), numbers(b, out), |a: u32, b: u32| a & b);
            }
            Self::Or => {
                let out = results::<u32>(out);
                two(out, numbers(a, out), numbers(b, out), |a: u32, b: u32| a | b);
            }
            Self::Not => {
                let out = results::<u32>(out);
                one(out, numbers(a, out), |a: u32| !a);
            }
            Self::Select(number) => typed!(number, T => {
                let out = results::<T>(out);
                let (b, c) = (numbers::<T>(b, out), numbers::<T>(c, out));
                three(out, a.lanes(out.len(), u32::from_word), b, c, |a, b, c| if a == YES { b } else { c });
            }),
            Self::Convert(from, to) => typed!(from, F => typed!(to, T => {
                let out = results::<T>(out);
                #[allow(
                    clippy::unnecessary_cast,
                    clippy::cast_lossless,
                    clippy::cast_possible_truncation,
                    clippy::cast_possible_wrap,
                    clippy::cast_precision_loss,
                    clippy::cast_sign_loss,
                    reason = "`as` is what is promised"
                )]
                one(out, a.lanes(out.len(), F::from_word), |a: F| a as T);
            })),
        }
    }
}

/// An operand of the results' own type.
fn numbers<'a, T: Element>(feed: Feed<'a>, out: &[T]) -> Lanes<'a, T> {
    feed.lanes(out.len(), T::from_word)
}

fn joined<T: Element>(
    with: Joined,
    out: &mut [T],
    [a, b, c]: [Feed<'_>; 3],
    mul: impl Fn(T, T) -> T,
    add: impl Fn(T, T) -> T,
    sub: impl Fn(T, T) -> T,
) {
    let (a, b, c) = (numbers(a, out), numbers(b, out), numbers(c, out));
    match with {
        Joined::Add => three(out, a, b, c, |a, b, c| add(mul(a, b), c)),
        Joined::Sub => three(out, a, b, c, |a, b, c| sub(mul(a, b), c)),
        Joined::From => three(out, a, b, c, |a, b, c| sub(c, mul(a, b))),
    }
}

fn compare<T: Element>(comparison: Comparison, out: &mut [u32], a: Lanes<'_, T>, b: Lanes<'_, T>) {
    match comparison {
        Comparison::Lt => two(out, a, b, |a, b| mask(a < b)),
        Comparison::Le => two(out, a, b, |a, b| mask(a <= b)),
        Comparison::Gt => two(out, a, b, |a, b| mask(a > b)),
        Comparison::Ge => two(out, a, b, |a, b| mask(a >= b)),
        Comparison::Eq => two(out, a, b, |a, b| mask(a == b)),
        Comparison::Ne => two(out, a, b, |a, b| mask(a != b)),
    }
}

fn float_unary<T: Element + Float>(operation: Unary, out: &mut [T], a: Lanes<'_, T>) {
    match operation {
        Unary::Neg => one(out, a, T::neg),
        Unary::Abs => one(out, a, T::abs),
        Unary::Sqrt => one(out, a, T::sqrt),
        Unary::Floor => one(out, a, T::floor),
        Unary::Ceil => one(out, a, T::ceil),
        Unary::Trunc => one(out, a, T::trunc),
        Unary::Round => one(out, a, T::round),
        Unary::Not => unreachable!("floats have no `!`"),
    }
}

fn integer_unary<T: Element + Integer>(operation: Unary, out: &mut [T], a: Lanes<'_, T>) {
    match operation {
        Unary::Neg => one(out, a, T::neg),
        Unary::Abs => one(out, a, T::abs),
        Unary::Not => one(out, a, T::not),
        Unary::Sqrt | Unary::Floor | Unary::Ceil | Unary::Trunc | Unary::Round => {
            unreachable!("integers have no roots and are whole")
        }
    }
}

fn float_binary<T: Element + Float>(operation: Binary, out: &mut [T], a: Lanes<'_, T>, b: Lanes<'_, T>) {
    match operation {
        Binary::Add => two(out, a, b, T::add),
        Binary::Sub => two(out, a, b, T::sub),
        Binary::Mul => two(out, a, b, T::mul),
        Binary::Div => two(out, a, b, T::div),
        Binary::Min if is_plain(b) => two(out, a, b, T::min_with),
        Binary::Max if is_plain(b) => two(out, a, b, T::max_with),
        Binary::Min => two(out, a, b, T::min),
        Binary::Max => two(out, a, b, T::max),
        Binary::Rem | Binary::And | Binary::Or | Binary::Xor | Binary::Shl | Binary::Shr => {
            unreachable!("floats have no `%` and no bitwise operators")
        }
    }
}

/// True for a constant that is neither NaN nor zero.
fn is_plain<T: Float>(lanes: Lanes<'_, T>) -> bool {
    matches!(lanes, Lanes::Same(value) if T::is_plain(value))
}

fn integer_binary<T: Element + Integer>(operation: Binary, out: &mut [T], a: Lanes<'_, T>, b: Lanes<'_, T>) {
    match operation {
        Binary::Add => two(out, a, b, T::add),
        Binary::Sub => two(out, a, b, T::sub),
        Binary::Mul => two(out, a, b, T::mul),
        Binary::Div => two(out, a, b, T::div),
        Binary::Min => two(out, a, b, T::min),
        Binary::Max => two(out, a, b, T::max),
        Binary::Rem => two(out, a, b, T::rem),
        Binary::And => two(out, a, b, T::and),
        Binary::Or => two(out, a, b, T::or),
        Binary::Xor => two(out, a, b, T::xor),
        Binary::Shl => two(out, a, b, T::shl),
        Binary::Shr => two(out, a, b, T::shr),
    }
}
