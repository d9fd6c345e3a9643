//! The operators between expressions, and with plain numbers on either side.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Shl, Shr, Sub};

use super::tree::{Binary, Unary};
use super::value::{Condition, Expression};

macro_rules! binary {
    ($Operator:ident $method:ident $Operation:ident: $($Type:ident)*) => {$(
        impl $Operator for Expression<$Type> {
            type Output = Self;

            #[track_caller]
            fn $method(self, other: Self) -> Self {
                self.binary(Binary::$Operation, other)
            }
        }

        impl $Operator<$Type> for Expression<$Type> {
            type Output = Self;

            #[track_caller]
            fn $method(self, other: $Type) -> Self {
                self.binary(Binary::$Operation, other.into())
            }
        }

        impl $Operator<Expression<$Type>> for $Type {
            type Output = Expression<$Type>;

            #[track_caller]
            fn $method(self, other: Expression<$Type>) -> Expression<$Type> {
                Expression::from(self).binary(Binary::$Operation, other)
            }
        }
    )*};
}

macro_rules! unary {
    ($Operator:ident $method:ident: $($Type:ident)*) => {$(
        impl $Operator for Expression<$Type> {
            type Output = Self;

            #[track_caller]
            fn $method(self) -> Self {
                self.unary(Unary::$Operator)
            }
        }
    )*};
}

binary! { Add add Add: f32 f64 i32 u32 i64 u64 }
binary! { Sub sub Sub: f32 f64 i32 u32 i64 u64 }
binary! { Mul mul Mul: f32 f64 i32 u32 i64 u64 }
binary! { Div div Div: f32 f64 i32 u32 i64 u64 }
binary! { Rem rem Rem: i32 u32 i64 u64 }
binary! { BitAnd bitand And: i32 u32 i64 u64 }
binary! { BitOr bitor Or: i32 u32 i64 u64 }
binary! { BitXor bitxor Xor: i32 u32 i64 u64 }
binary! { Shl shl Shl: i32 u32 i64 u64 }
binary! { Shr shr Shr: i32 u32 i64 u64 }
unary! { Neg neg: f32 f64 i32 i64 }
unary! { Not not: i32 u32 i64 u64 }

impl BitAnd for Condition {
    type Output = Self;

    #[track_caller]
    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl BitOr for Condition {
    type Output = Self;

    #[track_caller]
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl Not for Condition {
    type Output = Self;

    #[track_caller]
    fn not(self) -> Self {
        Self::not(self)
    }
}
