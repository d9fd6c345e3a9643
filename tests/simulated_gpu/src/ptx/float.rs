//! Floating point as PTX has it where it differs from Rust's.

/// The NaN that every `f32` operation of a GPU makes.
pub(crate) const NAN: f32 = f32::from_bits(0x7fff_ffff);

/// What an `f32` operation gives: any NaN is [`NAN`].
///
/// Asked of the bits: to the compiler one NaN is as good as another, and it may leave out a choice between them.
pub(crate) fn single(x: f32) -> f32 {
    if x.to_bits() << 1 > 0xff00_0000 { NAN } else { x }
}

/// Subnormal numbers become zeros of the same sign.
pub(crate) fn flush(x: f32) -> f32 {
    if x.is_subnormal() { 0.0_f32.copysign(x) } else { x }
}

/// `.sat`: into 0 to 1; NaN becomes 0.
pub(crate) fn saturate(x: f64) -> f64 {
    // Written so that a negative zero becomes a positive one.
    if x > 0.0 { x.min(1.0) } else { 0.0 }
}

pub(crate) trait Ordered: Copy {
    fn less(self, other: Self) -> Self;
    fn more(self, other: Self) -> Self;
}

macro_rules! ordered {
    ($($F:ident $nan:expr;)*) => {$(
        impl Ordered for $F {
            /// NaN only if both are; −0 is less than +0.
            fn less(self, other: Self) -> Self {
                if self.is_nan() && other.is_nan() {
                    $nan
                } else if self.is_nan() || other < self || (other == self && other.is_sign_negative()) {
                    other
                } else {
                    self
                }
            }

            fn more(self, other: Self) -> Self {
                if self.is_nan() && other.is_nan() {
                    $nan
                } else if self.is_nan() || other > self || (other == self && other.is_sign_positive()) {
                    other
                } else {
                    self
                }
            }
        }
    )*};
}

ordered! {
    f32 NAN;
    f64 f64::NAN;
}

/// How a result that lies between two numbers becomes one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    Nearest,
    Zero,
    Down,
    Up,
}

/// `a * b + c`, rounded once. The product is exact in an `f64`, and so is the sum with the error that is left of it.
pub(crate) fn fused(a: f32, b: f32, c: f32, rounding: Rounding) -> f32 {
    if rounding == Rounding::Nearest {
        return single(a.mul_add(b, c));
    }
    let (x, y) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = x + y;
    if !sum.is_finite() {
        return single(sum as f32);
    }
    if sum == 0.0 {
        // An exact zero of two that cancel is negative only when rounding down.
        let both_zero = x == 0.0 && y == 0.0 && x.is_sign_negative() == y.is_sign_negative();
        return if both_zero {
            sum as f32
        } else if rounding == Rounding::Down {
            -0.0
        } else {
            0.0
        };
    }
    let other = sum - x;
    let rest = (x - (sum - other)) + (y - other);
    narrow(sum, rest, rounding)
}

/// `sum + rest`, where the rest is less than half of the sum's last digit.
pub(crate) fn narrow(sum: f64, rest: f64, rounding: Rounding) -> f32 {
    let near = single(sum as f32);
    let wide = f64::from(near);
    let above = wide > sum || (wide == sum && rest < 0.0);
    let below = wide < sum || (wide == sum && rest > 0.0);
    let down = rounding == Rounding::Down || (rounding == Rounding::Zero && sum > 0.0);
    let up = rounding == Rounding::Up || (rounding == Rounding::Zero && sum < 0.0);
    if above && down && !sum.is_infinite() {
        near.next_down()
    } else if below && up && !sum.is_infinite() {
        near.next_up()
    } else {
        near
    }
}
