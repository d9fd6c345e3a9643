//! The types of PTX, and Rust's numbers as words.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bits,
    Signed,
    Unsigned,
    Float,
    Predicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) bits: u32,
}

impl Type {
    pub(crate) const B32: Self = Self { kind: Kind::Bits, bits: 32 };
    pub(crate) const PREDICATE: Self = Self { kind: Kind::Predicate, bits: 1 };

    /// `f32`, `pred`, …, without the dot.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "pred" {
            return Some(Self::PREDICATE);
        }
        let kind = match name.as_bytes().first()? {
            b'b' => Kind::Bits,
            b's' => Kind::Signed,
            b'u' => Kind::Unsigned,
            b'f' => Kind::Float,
            _ => return None,
        };
        let bits = match &name[1..] {
            "8" if kind != Kind::Float => 8,
            "16" => 16,
            "32" => 32,
            "64" => 64,
            _ => return None,
        };
        Some(Self { kind, bits })
    }

    pub(crate) const fn bytes(self) -> u32 {
        self.bits / 8
    }

    pub(crate) const fn wider(self) -> Self {
        Self { kind: self.kind, bits: self.bits * 2 }
    }

    pub(crate) fn is_float(self) -> bool {
        self.kind == Kind::Float
    }

    pub(crate) fn is_signed(self) -> bool {
        self.kind == Kind::Signed
    }

    /// Rust's type for it. Bits are unsigned.
    pub(crate) fn in_rust(self) -> &'static str {
        match (self.kind, self.bits) {
            (Kind::Signed, 8) => "i8",
            (Kind::Signed, 16) => "i16",
            (Kind::Signed, 32) => "i32",
            (Kind::Signed, 64) => "i64",
            (Kind::Float, 32) => "f32",
            (Kind::Float, 64) => "f64",
            (Kind::Bits | Kind::Unsigned, 8) => "u8",
            (Kind::Bits | Kind::Unsigned, 16) => "u16",
            (Kind::Bits | Kind::Unsigned, 32) => "u32",
            (Kind::Bits | Kind::Unsigned, 64) => "u64",
            (Kind::Predicate, _) => "bool",
            _ => "none",
        }
    }

    /// Whether a register of type `self` may be used where an instruction wants `wanted`; `wider`: or a wider register.
    pub(crate) fn suits(self, wanted: Self, wider: bool) -> bool {
        let predicates = (self.kind == Kind::Predicate) == (wanted.kind == Kind::Predicate);
        let size = self.bits == wanted.bits || (wider && self.bits > wanted.bits);
        let kind = self.kind == Kind::Bits
            || wanted.kind == Kind::Bits
            || self.is_float() == wanted.is_float()
            || self.kind == Kind::Predicate;
        predicates && size && kind
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Bits => 'b',
            Kind::Signed => 's',
            Kind::Unsigned => 'u',
            Kind::Float => 'f',
            Kind::Predicate => return f.write_str(".pred"),
        };
        write!(f, ".{kind}{}", self.bits)
    }
}

/// A number in the low end of a word; the rest is zero.
pub(crate) trait Word: Copy {
    fn of(word: u64) -> Self;
    fn word(self) -> u64;
}

macro_rules! words {
    ($($T:ident $Unsigned:ident)*) => {$(
        impl Word for $T {
            #[inline(always)]
            fn of(word: u64) -> Self {
                word as Self
            }

            #[inline(always)]
            fn word(self) -> u64 {
                self as $Unsigned as u64
            }
        }
    )*};
}

words!(u8 u8 u16 u16 u32 u32 u64 u64 i8 u8 i16 u16 i32 u32 i64 u64);

impl Word for f32 {
    #[inline(always)]
    fn of(word: u64) -> Self {
        Self::from_bits(word as u32)
    }

    #[inline(always)]
    fn word(self) -> u64 {
        u64::from(self.to_bits())
    }
}

impl Word for f64 {
    #[inline(always)]
    fn of(word: u64) -> Self {
        Self::from_bits(word)
    }

    #[inline(always)]
    fn word(self) -> u64 {
        self.to_bits()
    }
}

impl Word for bool {
    #[inline(always)]
    fn of(word: u64) -> Self {
        word != 0
    }

    #[inline(always)]
    fn word(self) -> u64 {
        u64::from(self)
    }
}
