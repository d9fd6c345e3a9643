//! What the operations mean for single numbers: the same on the CPU as on a GPU, where Rust's own operators differ.

/// The operations on floats.
pub(super) trait Float: Copy {
    fn add(a: Self, b: Self) -> Self;
    fn sub(a: Self, b: Self) -> Self;
    fn mul(a: Self, b: Self) -> Self;
    fn div(a: Self, b: Self) -> Self;
    fn min(a: Self, b: Self) -> Self;
    fn max(a: Self, b: Self) -> Self;
    /// [`min`](Self::min), if `b` is neither NaN nor zero: one instruction.
    fn min_with(a: Self, b: Self) -> Self;
    /// [`max`](Self::max), if `b` is neither NaN nor zero: one instruction.
    fn max_with(a: Self, b: Self) -> Self;
    fn is_plain(a: Self) -> bool;
    fn neg(a: Self) -> Self;
    fn abs(a: Self) -> Self;
    fn sqrt(a: Self) -> Self;
    fn floor(a: Self) -> Self;
    fn ceil(a: Self) -> Self;
    fn trunc(a: Self) -> Self;
    fn round(a: Self) -> Self;
}

/// The operations on integers, all of them total.
pub(super) trait Integer: Copy {
    fn add(a: Self, b: Self) -> Self;
    fn sub(a: Self, b: Self) -> Self;
    fn mul(a: Self, b: Self) -> Self;
    /// By 0: 0.
    fn div(a: Self, b: Self) -> Self;
    /// By 0: the number itself.
    fn rem(a: Self, b: Self) -> Self;
    fn min(a: Self, b: Self) -> Self;
    fn max(a: Self, b: Self) -> Self;
    fn and(a: Self, b: Self) -> Self;
    fn or(a: Self, b: Self) -> Self;
    fn xor(a: Self, b: Self) -> Self;
    fn shl(a: Self, b: Self) -> Self;
    fn shr(a: Self, b: Self) -> Self;
    fn neg(a: Self) -> Self;
    fn abs(a: Self) -> Self;
    fn not(a: Self) -> Self;
}

/// Methods that are one expression each.
macro_rules! methods {
    ($($name:ident($number:ident $(, $other:ident)*) = $value:expr;)*) => {$(
        #[inline]
        fn $name($number: Self $(, $other: Self)*) -> Self {
            $value
        }
    )*};
}

macro_rules! floats {
    ($($Type:ident)*) => {$(
        impl Float for $Type {
            methods! {
                add(a, b) = a + b;
                sub(a, b) = a - b;
                mul(a, b) = a * b;
                div(a, b) = a / b;
                min_with(a, b) = if a < b { a } else { b };
                max_with(a, b) = if a > b { a } else { b };
                neg(a) = -a;
                abs(a) = $Type::abs(a);
                sqrt(a) = $Type::sqrt(a);
                floor(a) = $Type::floor(a);
                ceil(a) = $Type::ceil(a);
                trunc(a) = $Type::trunc(a);
                round(a) = $Type::round_ties_even(a);
            }

            #[inline]
            fn is_plain(a: Self) -> bool {
                !a.is_nan() && a != 0.0
            }

            // Without branches, so that they are vectorised. Of equal numbers only zeros differ in their bits: either one
            // is negative, or neither is.
            #[inline]
            fn min(a: Self, b: Self) -> Self {
                let smaller = if a < b { a } else { b };
                let equal = Self::from_bits(a.to_bits() | b.to_bits());
                let found = if a == b { equal } else { smaller };
                if b.is_nan() { a } else { found }
            }

            #[inline]
            fn max(a: Self, b: Self) -> Self {
                let greater = if a > b { a } else { b };
                let equal = Self::from_bits(a.to_bits() & b.to_bits());
                let found = if a == b { equal } else { greater };
                if b.is_nan() { a } else { found }
            }
        }
    )*};
}

macro_rules! integers {
    ($($Type:ident $abs:ident)*) => {$(
        #[allow(
            clippy::cast_lossless,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            trivial_numeric_casts,
            reason = "only the low bits of a shift count"
        )]
        impl Integer for $Type {
            methods! {
                add(a, b) = a.wrapping_add(b);
                sub(a, b) = a.wrapping_sub(b);
                mul(a, b) = a.wrapping_mul(b);
                div(a, b) = if b == 0 { 0 } else { a.wrapping_div(b) };
                rem(a, b) = if b == 0 { a } else { a.wrapping_rem(b) };
                min(a, b) = Ord::min(a, b);
                max(a, b) = Ord::max(a, b);
                and(a, b) = a & b;
                or(a, b) = a | b;
                xor(a, b) = a ^ b;
                shl(a, b) = a.wrapping_shl(b as u32);
                shr(a, b) = a.wrapping_shr(b as u32);
                neg(a) = a.wrapping_neg();
                abs(a) = $abs!($Type, a);
                not(a) = !a;
            }
        }
    )*};
}

macro_rules! signed {
    ($Type:ident, $number:ident) => {
        $Type::wrapping_abs($number)
    };
}

macro_rules! unsigned {
    ($Type:ident, $number:ident) => {
        $number
    };
}

floats! { f32 f64 }
integers! { i32 signed i64 signed u32 unsigned u64 unsigned }
