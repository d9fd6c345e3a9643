//! What lies in a batch: plain data; and the six number types that expressions compute with.

use std::fmt::Debug;

use bytemuck::Pod;

/// Plain data that may be copied to a GPU and back, byte by byte.
///
/// Every number, every array of numbers, and every `#[repr(C)]` struct of them with `#[derive(bytemuck::Pod,
/// bytemuck::Zeroable)]`. Implemented for all types that qualify.
pub trait Plain: Pod + Send + Sync + Debug {}

impl<T: Pod + Send + Sync + Debug> Plain for T {}

/// What batches are made of has a size, and fits the alignment of every memory that they may lie in. Checked where a kernel is
/// given its types, so that a program that does otherwise does not compile.
pub(crate) const fn check_layout<T: Plain>() {
    assert!(size_of::<T>() > 0, "a batch of elements without a size cannot be divided");
    assert!(align_of::<T>() <= ALIGN, "elements are aligned to 64 bytes at most");
}

/// The alignment of the memory that batches lie in.
pub(crate) const ALIGN: usize = 64;

/// A number that expressions compute with: `f32`, `f64`, `i32`, `u32`, `i64` or `u64`.
pub trait Element: Plain + PartialOrd + sealed::Sealed {
    /// Which of the six it is.
    #[doc(hidden)]
    const NUMBER: Number;

    /// Its bits, in the low end of a word.
    #[doc(hidden)]
    fn to_word(self) -> u64;

    /// The number with these bits, in the low end of a word.
    #[doc(hidden)]
    fn from_word(word: u64) -> Self;
}

/// A number type, as a value.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    F32,
    F64,
    I32,
    U32,
    I64,
    U64,
}

impl Number {
    /// How many bytes one takes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($Type:ident $NUMBER:ident $Word:ident $to:expr, $from:expr;)*) => {$(
        impl sealed::Sealed for $Type {}
        impl Element for $Type {
            const NUMBER: Number = Number::$NUMBER;

            fn to_word(self) -> u64 {
                let to: fn($Type) -> $Word = $to;
                u64::from(to(self))
            }

            fn from_word(word: u64) -> Self {
                let from: fn($Word) -> $Type = $from;
                #[allow(clippy::cast_possible_truncation, reason = "the low end is the number")]
                from(word as $Word)
            }
        }
    )*};
}

elements! {
    f32 F32 u32 f32::to_bits, f32::from_bits;
    f64 F64 u64 f64::to_bits, f64::from_bits;
    i32 I32 u32 i32::cast_unsigned, u32::cast_signed;
    u32 U32 u32 |n| n, |n| n;
    i64 I64 u64 i64::cast_unsigned, u64::cast_signed;
    u64 U64 u64 |n| n, |n| n;
}
