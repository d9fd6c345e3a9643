//! Kernels that the tests share. Their PTX is right, and is run on simulated devices in `tests/gpu_simulated`.

use aqueduct::gpu::{In, InOut, Kernel, Launch, Len, Out, Scalar, SourceKernel};

pub(crate) type Saxpy = (Scalar<f32>, In<f32>, InOut<f32>, Len);

pub(crate) const SAXPY: &str = include_str!("saxpy.ptx");

pub(crate) fn saxpy(a: f32) -> SourceKernel<Saxpy> {
    Kernel::ptx(SAXPY, "saxpy").args((Scalar(a), In::<f32>(), InOut::<f32>(), Len)).launch(Launch::cover(256)).cpu(
        |a: f32, x: &[f32], y: &mut [f32], length: usize| {
            assert_eq!((x.len(), y.len()), (length, length));
            for (y, x) in y.iter_mut().zip(x) {
                *y += a * x;
            }
        },
    )
}

type Butterfly = (In<u32>, In<u32>, Out<u32>, Out<u32>, Len);

/// Sums and differences: two inputs, two outputs.
pub(crate) fn butterfly() -> SourceKernel<Butterfly> {
    Kernel::ptx(include_str!("butterfly.ptx"), "butterfly")
        .args((In::<u32>(), In::<u32>(), Out::<u32>(), Out::<u32>(), Len))
        .cpu(|a: &[u32], b: &[u32], sum: &mut [u32], difference: &mut [u32], _: usize| {
            for index in 0..a.len() {
                sum[index] = a[index].wrapping_add(b[index]);
                difference[index] = a[index].wrapping_sub(b[index]);
            }
        })
}
