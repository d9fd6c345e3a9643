//! Which function of words an arithmetic instruction is, by its type.
//!
//! A function takes and gives words whose upper bits are zero. What PTX leaves open is settled as GPUs do it: an integer
//! divided by zero is all ones, its remainder the dividend.

use std::cmp::Ordering;

use super::float::{Ordered, Rounding, flush, fused, saturate, single};
use super::op::{One, Three, Two};
use super::types::{Kind, Type, Word};

macro_rules! one {
    ($type:expr; $($T:ident)+; $op:expr) => {
        match $type.in_rust() {
            $(stringify!($T) => Some((|a| { let op: fn($T) -> _ = $op; Word::word(op(Word::of(a))) }) as One),)+
            _ => None,
        }
    };
}

macro_rules! two {
    ($type:expr; $($T:ident)+; $op:expr) => {
        match $type.in_rust() {
            $(stringify!($T) => Some(
                (|a, b| { let op: fn($T, $T) -> _ = $op; Word::word(op(Word::of(a), Word::of(b))) }) as Two
            ),)+
            _ => None,
        }
    };
}

macro_rules! three {
    ($type:expr; $($T:ident)+; $op:expr) => {
        match $type.in_rust() {
            $(stringify!($T) => Some(
                (|a, b, c| {
                    let op: fn($T, $T, $T) -> _ = $op;
                    Word::word(op(Word::of(a), Word::of(b), Word::of(c)))
                }) as Three
            ),)+
            _ => None,
        }
    };
}

/// `abs`, `neg`, `not`, `popc`, `clz`, `brev`, `sqrt`, `rcp` and the approximations; rounding to nearest.
pub(crate) fn one(name: &str, t: Type) -> Option<One> {
    match name {
        "abs" => one!(t; i16 i32 i64; |a| a.wrapping_abs()).or(one!(t; f32 f64; |a| a.abs())),
        "neg" => one!(t; i16 i32 i64; |a| a.wrapping_neg()).or(one!(t; f32 f64; |a| -a)),
        "not" if t.kind == Kind::Predicate => Some(|a| a ^ 1),
        "not" if t.kind == Kind::Bits => one!(t; u16 u32 u64; |a| !a),
        "popc" if t.kind == Kind::Bits => one!(t; u32 u64; |a| a.count_ones()),
        "clz" if t.kind == Kind::Bits => one!(t; u32 u64; |a| a.leading_zeros()),
        "brev" if t.kind == Kind::Bits => one!(t; u32 u64; |a| a.reverse_bits()),
        "sqrt" => one!(t; f32; |a| single(a.sqrt())).or(one!(t; f64; |a| a.sqrt())),
        "rcp" => one!(t; f32; |a| single(1.0 / a)).or(one!(t; f64; |a| 1.0 / a)),
        "rsqrt" => one!(t; f32; |a| single((1.0 / f64::from(a).sqrt()) as f32)).or(one!(t; f64; |a| 1.0 / a.sqrt())),
        "ex2" => one!(t; f32; |a| single(f64::from(a).exp2() as f32)),
        "lg2" => one!(t; f32; |a| single(f64::from(a).log2() as f32)),
        "sin" => one!(t; f32; |a| single(f64::from(a).sin() as f32)),
        "cos" => one!(t; f32; |a| single(f64::from(a).cos() as f32)),
        "tanh" => one!(t; f32; |a| single(f64::from(a).tanh() as f32)),
        "flush" => one!(t; f32; flush),
        "saturate" => one!(t; f32; |a| saturate(f64::from(a)) as f32).or(one!(t; f64; saturate)),
        _ => None,
    }
}

/// Everything of two operands of one type.
pub(crate) fn two(name: &str, t: Type) -> Option<Two> {
    let logic = matches!(t.kind, Kind::Bits | Kind::Predicate);
    match name {
        "add" => two!(t; i16 u16 i32 u32 i64 u64; |a, b| a.wrapping_add(b))
            .or(two!(t; f32; |a, b| single(a + b)))
            .or(two!(t; f64; |a, b| a + b)),
        "sub" => two!(t; i16 u16 i32 u32 i64 u64; |a, b| a.wrapping_sub(b))
            .or(two!(t; f32; |a, b| single(a - b)))
            .or(two!(t; f64; |a, b| a - b)),
        "mul" => two!(t; f32; |a, b| single(a * b)).or(two!(t; f64; |a, b| a * b)),
        "mul.lo" => two!(t; i16 u16 i32 u32 i64 u64; |a, b| a.wrapping_mul(b)),
        "mul.hi" => match t.in_rust() {
            "i16" => Some(|a, b| (((i32::from(i16::of(a)) * i32::from(i16::of(b))) >> 16) as i16).word()),
            "u16" => Some(|a, b| ((u32::from(u16::of(a)) * u32::from(u16::of(b))) >> 16).word()),
            "i32" => Some(|a, b| (((i64::from(i32::of(a)) * i64::from(i32::of(b))) >> 32) as i32).word()),
            "u32" => Some(|a, b| (a * b) >> 32),
            "i64" => Some(|a, b| (((i128::from(i64::of(a)) * i128::from(i64::of(b))) >> 64) as i64).word()),
            "u64" => Some(|a, b| ((u128::from(a) * u128::from(b)) >> 64) as u64),
            _ => None,
        },
        "mul.wide" => match t.in_rust() {
            "i16" => Some(|a, b| (i32::from(i16::of(a)) * i32::from(i16::of(b))).word()),
            "u16" | "u32" => Some(|a, b| a * b),
            "i32" => Some(|a, b| (i64::from(i32::of(a)) * i64::from(i32::of(b))).word()),
            _ => None,
        },
        "div" => two!(t; u16 u32 u64; |a, b| a.checked_div(b).unwrap_or(!0))
            .or(two!(t; i16 i32 i64; |a, b| if b == 0 { -1 } else { a.wrapping_div(b) }))
            .or(two!(t; f32; |a, b| single(a / b)))
            .or(two!(t; f64; |a, b| a / b)),
        "rem" => two!(t; u16 u32 u64; |a, b| a.checked_rem(b).unwrap_or(a))
            .or(two!(t; i16 i32 i64; |a, b| if b == 0 { a } else { a.wrapping_rem(b) })),
        "min" => two!(t; i16 u16 i32 u32 i64 u64; |a, b| a.min(b)).or(two!(t; f32 f64; |a, b| a.less(b))),
        "max" => two!(t; i16 u16 i32 u32 i64 u64; |a, b| a.max(b)).or(two!(t; f32 f64; |a, b| a.more(b))),
        "copysign" => two!(t; f32 f64; |sign, a| a.copysign(sign)),
        "and" if logic => Some(|a, b| a & b),
        "or" if logic => Some(|a, b| a | b),
        "xor" if logic => Some(|a, b| a ^ b),
        // The amount is a `u32` for every type, and no more than the width counts.
        "shl" => match t.in_rust() {
            "u16" => Some(|a, n| if n > 15 { 0 } else { u64::from((a as u16) << n) }),
            "u32" => Some(|a, n| if n > 31 { 0 } else { u64::from((a as u32) << n) }),
            "u64" => Some(|a, n| if n > 63 { 0 } else { a << n }),
            _ => None,
        },
        "shr" => match t.in_rust() {
            "u16" | "u32" | "u64" => Some(|a, n| if n > 63 { 0 } else { a >> n }),
            "i16" => Some(|a, n| (i16::of(a) >> n.min(15)).word()),
            "i32" => Some(|a, n| (i32::of(a) >> n.min(31)).word()),
            "i64" => Some(|a, n| (i64::of(a) >> n.min(63)).word()),
            _ => None,
        },
        _ => None,
    }
}

/// `add`, `sub` and `mul` of `f32` in a rounding other than to nearest.
pub(crate) fn two_rounded(name: &str, rounding: Rounding) -> Option<Two> {
    use Rounding::{Down, Up, Zero};
    macro_rules! each {
        ($op:expr) => {
            match rounding {
                Zero => |a, b| {
                    let op: fn(f32, f32, Rounding) -> f32 = $op;
                    op(Word::of(a), Word::of(b), Zero).word()
                },
                Down => |a, b| {
                    let op: fn(f32, f32, Rounding) -> f32 = $op;
                    op(Word::of(a), Word::of(b), Down).word()
                },
                _ => |a, b| {
                    let op: fn(f32, f32, Rounding) -> f32 = $op;
                    op(Word::of(a), Word::of(b), Up).word()
                },
            }
        };
    }
    Some(match name {
        "add" => each!(|a, b, r| fused(a, 1.0, b, r)),
        "sub" => each!(|a, b, r| fused(a, 1.0, -b, r)),
        // The zero that is added has the product's sign, and so does not change that of a zero.
        "mul" => each!(|a, b, r| fused(a, b, 0.0_f32.copysign(a) * 1.0_f32.copysign(b), r)),
        _ => return None,
    })
}

pub(crate) fn fma(t: Type, rounding: Rounding) -> Option<Three> {
    match (t.in_rust(), rounding) {
        ("f32", Rounding::Nearest) => Some(|a, b, c| single(f32::of(a).mul_add(f32::of(b), f32::of(c))).word()),
        ("f32", Rounding::Zero) => Some(|a, b, c| fused(f32::of(a), f32::of(b), f32::of(c), Rounding::Zero).word()),
        ("f32", Rounding::Down) => Some(|a, b, c| fused(f32::of(a), f32::of(b), f32::of(c), Rounding::Down).word()),
        ("f32", Rounding::Up) => Some(|a, b, c| fused(f32::of(a), f32::of(b), f32::of(c), Rounding::Up).word()),
        ("f64", Rounding::Nearest) => Some(|a, b, c| f64::of(a).mul_add(f64::of(b), f64::of(c)).word()),
        _ => None,
    }
}

/// Everything of three operands but `fma`. (`mad` is a product and a sum.)
pub(crate) fn three(name: &str, t: Type) -> Option<Three> {
    match name {
        "bfe" => match t.in_rust() {
            "u32" => Some(|a, at, length| field(a, at, length, 32, false)),
            "i32" => Some(|a, at, length| field(a, at, length, 32, true)),
            "u64" => Some(|a, at, length| field(a, at, length, 64, false)),
            "i64" => Some(|a, at, length| field(a, at, length, 64, true)),
            _ => None,
        },
        "shf.l.wrap" => Some(|low, high, n| (high << 32 | low) << (n & 31) >> 32),
        "shf.r.wrap" => Some(|low, high, n| ((high << 32 | low) >> (n & 31)) & 0xffff_ffff),
        "shf.l.clamp" => Some(|low, high, n| if n > 31 { low } else { (high << 32 | low) << n >> 32 }),
        "shf.r.clamp" => Some(|low, high, n| if n > 31 { high } else { ((high << 32 | low) >> n) & 0xffff_ffff }),
        "prmt" => Some(permute),
        // For `atom.cas`: memory, what it is compared with, what replaces it.
        "cas" => three!(t; u16 u32 u64; |old, wanted, new| if old == wanted { new } else { old }),
        _ => None,
    }
}

/// What an atomic operation leaves in memory.
pub(crate) fn atomic(name: &str, t: Type) -> Option<Three> {
    match name {
        "cas" => three("cas", t),
        "exch" => Some(|_, a, _| a),
        "add" => three!(t; i32 u32 u64; |old, a, _| old.wrapping_add(a))
            .or(three!(t; f32; |old, a, _| single(old + a)))
            .or(three!(t; f64; |old, a, _| old + a)),
        "min" => three!(t; i32 u32 i64 u64; |old, a, _| old.min(a)),
        "max" => three!(t; i32 u32 i64 u64; |old, a, _| old.max(a)),
        "inc" => three!(t; u32; |old, a, _| if old >= a { 0 } else { old + 1 }),
        "dec" => three!(t; u32; |old, a, _| if old == 0 || old > a { a } else { old - 1 }),
        "and" => Some(|old, a, _| old & a),
        "or" => Some(|old, a, _| old | a),
        "xor" => Some(|old, a, _| old ^ a),
        _ => None,
    }
}

/// A comparison by its name.
pub(crate) fn compare(name: &str, t: Type) -> Option<Two> {
    macro_rules! ordered {
        ($name:expr; $($T:ident)+) => {
            match $name {
                "eq" => two!(t; $($T)+; |a, b| a == b),
                "ne" => two!(t; $($T)+; |a, b| a != b),
                "lt" => two!(t; $($T)+; |a, b| a < b),
                "le" => two!(t; $($T)+; |a, b| a <= b),
                "gt" => two!(t; $($T)+; |a, b| a > b),
                "ge" => two!(t; $($T)+; |a, b| a >= b),
                _ => None,
            }
        };
    }
    match (t.kind, name) {
        (Kind::Predicate, _) => None,
        // In floating point, `ne` is true only of two numbers, and `neu` of a NaN too.
        (Kind::Float, "ne") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_some_and(Ordering::is_ne)),
        (Kind::Float, "num") => two!(t; f32 f64; |a, b| !a.is_nan() && !b.is_nan()),
        (Kind::Float, "nan") => two!(t; f32 f64; |a, b| a.is_nan() || b.is_nan()),
        (Kind::Float, "equ") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_none_or(Ordering::is_eq)),
        (Kind::Float, "neu") => two!(t; f32 f64; |a, b| a != b),
        (Kind::Float, "ltu") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_none_or(Ordering::is_lt)),
        (Kind::Float, "leu") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_none_or(Ordering::is_le)),
        (Kind::Float, "gtu") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_none_or(Ordering::is_gt)),
        (Kind::Float, "geu") => two!(t; f32 f64; |a, b| a.partial_cmp(&b).is_none_or(Ordering::is_ge)),
        (Kind::Float, _) => ordered!(name; f32 f64),
        (Kind::Signed, _) => ordered!(name; i16 i32 i64),
        (Kind::Bits, "eq" | "ne") => ordered!(name; u16 u32 u64),
        (Kind::Unsigned, "lo") => compare("lt", t),
        (Kind::Unsigned, "ls") => compare("le", t),
        (Kind::Unsigned, "hi") => compare("gt", t),
        (Kind::Unsigned, "hs") => compare("ge", t),
        (Kind::Unsigned, _) => ordered!(name; u16 u32 u64),
        (Kind::Bits, _) => None,
    }
}

/// `bfe`: the bits from `at` on; beyond the top, copies of the sign or zeros.
fn field(a: u64, at: u64, length: u64, width: u64, signed: bool) -> u64 {
    let (at, length) = (at & 0xff, length & 0xff);
    let top = (at + length).saturating_sub(1).min(width - 1);
    let sign = if !signed || length == 0 { 0 } else { a >> top & 1 };
    (0..width).fold(0, |result, i| {
        let bit = if i < length && at + i < width { a >> (at + i) & 1 } else { sign };
        result | bit << i
    })
}

/// `bfi`: `a`'s low bits in `b`, from `at` on.
pub(crate) fn insert(a: u64, b: u64, at: u64, length: u64, width: u64) -> u64 {
    let (at, length) = (at & 0xff, length & 0xff);
    (0..length).take_while(|i| at + i < width).fold(b, |result, i| {
        let place = at + i;
        result & !(1 << place) | (a >> i & 1) << place
    })
}

/// `prmt` in its general form.
fn permute(a: u64, b: u64, choice: u64) -> u64 {
    let bytes = (b << 32 | a).to_le_bytes();
    (0..4).fold(0, |result, i| {
        let nibble = choice >> (4 * i) & 15;
        let byte = bytes[(nibble & 7) as usize];
        let byte = if nibble & 8 == 0 { byte } else { ((byte as i8) >> 7) as u8 };
        result | u64::from(byte) << (8 * i)
    })
}
