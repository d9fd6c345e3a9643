//! Expressions and conditions, as the user's function sees them.

use std::fmt;
use std::marker::PhantomData;

use super::trace::{self, Place};
use super::tree::{Binary, Comparison, Node, Unary};
use crate::gpu::element::Element;

/// A number of a kernel: what is computed for each element of a batch.
///
/// It is copied and calculated with like a number. Plain numbers may stand on either side of an operator and wherever a
/// method takes an expression; they become constants of the kernel.
///
#[doc = include_str!("arithmetic.md")]
///
/// # Panics
/// Outside the function of a kernel, and if one function's expression is used in another's: what is built then would
/// mean nothing.
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, F32};
///
/// let clamped = gpu::map(|x: F32| (x * 0.5 + 1.0).max(0.0).min(1.0));
/// # assert_eq!(clamped.name(), "map");
/// ```
pub struct Expression<T> {
    pub(crate) place: Place,
    /// Not `Send`: the recording that it belongs to is this thread's.
    number: PhantomData<*const T>,
}

/// An [`Expression`] of `f32`.
pub type F32 = Expression<f32>;
/// An [`Expression`] of `f64`.
pub type F64 = Expression<f64>;
/// An [`Expression`] of `i32`.
pub type I32 = Expression<i32>;
/// An [`Expression`] of `u32`.
pub type U32 = Expression<u32>;
/// An [`Expression`] of `i64`.
pub type I64 = Expression<i64>;
/// An [`Expression`] of `u64`.
pub type U64 = Expression<u64>;

/// A yes or no of a kernel, for each element of a batch; made by comparing [`Expression`]s.
///
/// `&`, `|` and `!` join conditions as [`and`](Self::and), [`or`](Self::or) and [`not`](Self::not) do.
#[derive(Clone, Copy)]
pub struct Condition {
    pub(crate) place: Place,
    thread: PhantomData<*const ()>,
}

/// The element's place in its batch: 0, 1, 2, …
///
/// # Panics
/// Outside the function of a kernel. In the `op` of [`reduce`](super::reduce) and [`scan`](super::scan), which joins
/// elements of different places.
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, F32};
///
/// let ramp = gpu::map(|x: F32| x + gpu::index().to_f32() * 0.5);
/// # assert_eq!(ramp.name(), "map");
/// ```
#[must_use]
#[track_caller]
pub fn index() -> U64 {
    Expression::at(trace::leaf(Node::Index))
}

impl<T> Clone for Expression<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Expression<T> {}

impl<T> fmt::Debug for Expression<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.place.id)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.place.id)
    }
}

impl<T: Element> From<T> for Expression<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Self::at(trace::leaf(Node::constant(value)))
    }
}

impl<T> Expression<T> {
    pub(super) fn at(place: Place) -> Self {
        Self { place, number: PhantomData }
    }
}

impl<T: Element> Expression<T> {
    /// The input at this place.
    #[track_caller]
    pub(super) fn input(place: usize) -> Self {
        Self::at(trace::leaf(Node::Input { place, number: T::NUMBER }))
    }

    #[track_caller]
    pub(super) fn unary(self, operation: Unary) -> Self {
        Self::at(trace::node([self.place], |[of]| Node::Unary { operation, number: T::NUMBER, of }))
    }

    #[track_caller]
    pub(super) fn binary(self, operation: Binary, other: Self) -> Self {
        let make = |[left, right]: [_; 2]| Node::Binary { operation, number: T::NUMBER, left, right };
        Self::at(trace::node([self.place, other.place], make))
    }

    #[track_caller]
    fn compare(self, comparison: Comparison, other: Self) -> Condition {
        let make = |[left, right]: [_; 2]| Node::Compare { comparison, number: T::NUMBER, left, right };
        Condition::at(trace::node([self.place, other.place], make))
    }

    #[track_caller]
    fn convert<U: Element>(self) -> Expression<U> {
        if T::NUMBER == U::NUMBER {
            return Expression::at(self.place);
        }
        let make = |[of]: [_; 1]| Node::Convert { from: T::NUMBER, to: U::NUMBER, of };
        Expression::at(trace::node([self.place], make))
    }

    /// The smaller of two numbers. Of floats: if one is NaN, the other; and -0.0 is smaller than 0.0.
    #[must_use]
    #[track_caller]
    pub fn min(self, other: impl Into<Self>) -> Self {
        self.binary(Binary::Min, other.into())
    }

    /// The greater of two numbers. Of floats: if one is NaN, the other; and 0.0 is greater than -0.0.
    #[must_use]
    #[track_caller]
    pub fn max(self, other: impl Into<Self>) -> Self {
        self.binary(Binary::Max, other.into())
    }

    /// Whether it is smaller; no if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn lt(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Lt, other.into())
    }

    /// Whether it is smaller or equal; no if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn le(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Le, other.into())
    }

    /// Whether it is greater; no if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn gt(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Gt, other.into())
    }

    /// Whether it is greater or equal; no if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn ge(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Ge, other.into())
    }

    /// Whether the numbers are equal; no if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn eq(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Eq, other.into())
    }

    /// Whether the numbers differ; yes if either is NaN.
    #[must_use]
    #[track_caller]
    pub fn ne(self, other: impl Into<Self>) -> Condition {
        self.compare(Comparison::Ne, other.into())
    }
}

macro_rules! conversions {
    ($($to:ident $Type:ident)*) => {
        /// Conversions, with the meaning of Rust's `as`: to a float, the nearest, ties to even; from a float, towards
        /// zero, at most the smallest or greatest number that there is, NaN becomes 0; between integers, the low bits.
        impl<T: Element> Expression<T> {$(
            #[doc = concat!("As `as ", stringify!($Type), "`.")]
            #[must_use]
            #[track_caller]
            pub fn $to(self) -> Expression<$Type> {
                self.convert()
            }
        )*}
    };
}

conversions! { to_f32 f32 to_f64 f64 to_i32 i32 to_u32 u32 to_i64 i64 to_u64 u64 }

macro_rules! signed {
    ($($Type:ident)*) => {$(
        impl Expression<$Type> {
            /// The number without its sign. That of the smallest integer is itself, as with `wrapping_abs`.
            #[must_use]
            #[track_caller]
            pub fn abs(self) -> Self {
                self.unary(Unary::Abs)
            }
        }
    )*};
}

signed! { f32 f64 i32 i64 }

macro_rules! floats {
    ($($Type:ident)*) => {$(
        impl Expression<$Type> {
            /// The square root; NaN of a negative number.
            #[must_use]
            #[track_caller]
            pub fn sqrt(self) -> Self {
                self.unary(Unary::Sqrt)
            }

            /// `1.0 / self`.
            #[must_use]
            #[track_caller]
            pub fn recip(self) -> Self {
                Self::from(1.0).binary(Binary::Div, self)
            }

            /// `self * factor + addend`, rounded once. A GPU does it in one step; so do CPUs, if the program is built for
            /// one that can (`-C target-cpu=native`, or `+fma`), and else it is slow on the CPU.
            #[must_use]
            #[track_caller]
            pub fn mul_add(self, factor: impl Into<Self>, addend: impl Into<Self>) -> Self {
                let make = |[left, right, addend]: [_; 3]| {
                    Node::MulAdd { number: <$Type as Element>::NUMBER, left, right, addend }
                };
                Self::at(trace::node([self.place, factor.into().place, addend.into().place], make))
            }

            /// The greatest whole number that is not greater.
            #[must_use]
            #[track_caller]
            pub fn floor(self) -> Self {
                self.unary(Unary::Floor)
            }

            /// The smallest whole number that is not smaller.
            #[must_use]
            #[track_caller]
            pub fn ceil(self) -> Self {
                self.unary(Unary::Ceil)
            }

            /// The whole part.
            #[must_use]
            #[track_caller]
            pub fn trunc(self) -> Self {
                self.unary(Unary::Trunc)
            }

            /// The nearest whole number; of two equally near, the even one, as with `round_ties_even`.
            #[must_use]
            #[track_caller]
            pub fn round(self) -> Self {
                self.unary(Unary::Round)
            }
        }
    )*};
}

floats! { f32 f64 }

impl Condition {
    pub(super) fn at(place: Place) -> Self {
        Self { place, thread: PhantomData }
    }

    /// Whether both hold.
    #[must_use]
    #[track_caller]
    pub fn and(self, other: Self) -> Self {
        Self::at(trace::node([self.place, other.place], |[left, right]| Node::And { left, right }))
    }

    /// Whether at least one holds.
    #[must_use]
    #[track_caller]
    pub fn or(self, other: Self) -> Self {
        Self::at(trace::node([self.place, other.place], |[left, right]| Node::Or { left, right }))
    }

    /// Whether it does not hold.
    #[must_use]
    #[track_caller]
    #[allow(clippy::should_implement_trait, reason = "it does, and this one needs no import")]
    pub fn not(self) -> Self {
        Self::at(trace::node([self.place], |[of]| Node::Not { of }))
    }

    /// `yes` where it holds, `no` elsewhere. Both are computed.
    ///
    /// # Examples
    /// ```
    /// use aqueduct::gpu::{self, F32};
    ///
    /// let leaky = gpu::map(|x: F32| x.lt(0.0).select(x * 0.01, x));
    /// # assert_eq!(leaky.name(), "map");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn select<T: Element>(self, yes: impl Into<Expression<T>>, no: impl Into<Expression<T>>) -> Expression<T> {
        let (yes, no) = (yes.into(), no.into());
        let make = |[condition, yes, no]: [_; 3]| Node::Select { number: T::NUMBER, condition, yes, no };
        Expression::at(trace::node([self.place, yes.place, no.place], make))
    }
}
