//! The CPU body against evaluations that share no code with it, and the plans' launches.

mod arithmetic;
mod order;
mod plan;

use crate::gpu::element::Element;
use crate::gpu::kernel::Kernel;

/// What the CPU body makes of these inputs.
fn computed<I, O, R: Element>(kernel: &Kernel<I, O>, inputs: &[&[u8]], length: usize, results: usize) -> Vec<R> {
    let mut out = vec![bytemuck::Zeroable::zeroed(); results];
    let body = kernel.recipe().body.as_ref().expect("an expression has a body for the CPU");
    body.run(inputs, &mut [bytemuck::cast_slice_mut(&mut out)], length);
    out
}

/// Equal to the bit, except that one NaN is as good as another.
fn same<T: Element>(left: T, right: T) -> bool {
    let nan = |number: T| number.partial_cmp(&number).is_none();
    left.to_word() == right.to_word() || nan(left) && nan(right)
}

/// Numbers of which many are those at which arithmetic has its corners.
trait Sample: Element {
    /// Such numbers.
    const CORNERS: &[Self];

    fn sample(random: &mut fastrand::Rng) -> Self;
}

macro_rules! float_samples {
    ($($Type:ident)*) => {$(
        impl Sample for $Type {
            const CORNERS: &[Self] = &[
                    0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, Self::MIN_POSITIVE, Self::MIN_POSITIVE / 4.0, Self::MAX, Self::MIN,
                    Self::EPSILON, Self::INFINITY, Self::NEG_INFINITY, Self::NAN, -Self::NAN, 2_147_483_647.0,
                    2_147_483_648.0, -2_147_483_648.0, 4_294_967_296.0, 9_223_372_036_854_775_808.0,
                    18_446_744_073_709_551_616.0, -9_223_372_036_854_775_808.0,
                ];

            fn sample(random: &mut fastrand::Rng) -> Self {
                match random.u8(..3) {
                    0 => Self::CORNERS[random.usize(..Self::CORNERS.len())],
                    1 => random.i32(-1000..1000) as Self / 8.0,
                    _ => Self::from_word(random.u64(..)),
                }
            }
        }
    )*};
}

macro_rules! integer_samples {
    ($($Type:ident)*) => {$(
        impl Sample for $Type {
            const CORNERS: &[Self] = &[0, 1, 2, 31, 32, 33, 63, 64, 65, Self::MAX, Self::MIN, Self::MAX - 1, Self::MIN + 1, 0 as Self ^ !0];

            fn sample(random: &mut fastrand::Rng) -> Self {
                match random.u8(..3) {
                    0 => Self::CORNERS[random.usize(..Self::CORNERS.len())],
                    1 => random.$Type(..) % 100,
                    _ => random.$Type(..),
                }
            }
        }
    )*};
}

float_samples! { f32 f64 }
integer_samples! { i32 u32 i64 u64 }

fn samples<T: Sample>(random: &mut fastrand::Rng, length: usize) -> Vec<T> {
    (0..length).map(|_| T::sample(random)).collect()
}
