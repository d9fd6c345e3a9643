//! Single calls.

use aqueduct::gpu::{self, DeviceBuf, Gpu, GpuError, In, InOut, Kernel, Len, Out, Pinned, Scalar};
use aqueduct::prelude::*;

use crate::kernels::{SAXPY, Saxpy, butterfly, saxpy};
use crate::run;

#[test]
fn a_call_computes_one_batch() {
    run(async {
        let gpu = Gpu::cpu();
        let y: Vec<f32> = gpu.call(saxpy(2.0), (vec![1.0, 2.0, 3.0], vec![10.0, 20.0, 30.0])).await?;
        assert_eq!(y, [12.0, 24.0, 36.0]);
        let (sum, difference): (Vec<u32>, Pinned<u32>) = gpu.call(&butterfly(), (vec![5, 7], vec![3, 9])).await?;
        assert_eq!((&sum[..], &difference[..]), (&[8, 16][..], &[2, u32::MAX - 1][..]));
        Ok(())
    });
}

#[test]
fn batches_lie_where_their_type_says() {
    run(async {
        let gpu = Gpu::cpu();
        let mut pinned = gpu.pinned::<f32>(3).await?;
        pinned.copy_from_slice(&[1.0, 2.0, 3.0]);
        let there: DeviceBuf<f32> = gpu.call(gpu::copy(), pinned).await?;
        assert_eq!((there.len(), there.device()), (3, "CPU"));
        let there: DeviceBuf<f32> = gpu.call(saxpy(1.0), (there, vec![1.0; 3])).await?;
        let back: Pinned<f32> = gpu.call(gpu::copy(), there).await?;
        assert_eq!(*back, [2.0, 3.0, 4.0]);
        Ok(())
    });
}

#[test]
fn a_call_is_a_guard() {
    run(async {
        let (_tx, rx) = aqueduct::channel::<()>();
        let mut call = Gpu::cpu().call(saxpy(3.0), (vec![1.0], vec![1.0]));
        let y: Vec<f32> = alt! {
            y = &mut call => y?,
            _ = rx.recv() => unreachable!("nothing is sent"),
        };
        assert_eq!(y, [4.0]);
        Ok(())
    });
}

/// The error of a call.
async fn error<K: gpu::IntoKernel>(gpu: &Gpu, kernel: K, inputs: impl gpu::Batches<K::Inputs>) -> GpuError
where
    Vec<f32>: gpu::Batches<K::Outputs>,
{
    gpu.call::<_, _, Vec<f32>>(kernel, inputs).await.unwrap_err()
}

#[test]
fn what_does_not_fit_is_told() {
    run(async {
        let gpu = Gpu::cpu();
        let told = error(&gpu, saxpy(1.0), (vec![1.0; 3], vec![1.0; 2])).await;
        assert_eq!(told.to_string(), "parameter 2 of the kernel `saxpy` got a batch of 2 elements where 3 are needed");
        let told = error(&gpu, saxpy(1.0), (vec![], vec![])).await;
        assert_eq!(told.to_string(), "the kernel `saxpy` got an empty batch: send none instead");
        let none = Kernel::ptx(SAXPY, "saxpi").args((Scalar(1.0f32), In::<f32>(), InOut::<f32>(), Len));
        let told = error(&gpu, none, (vec![1.0], vec![1.0])).await;
        assert_eq!(told.to_string(), "there is no kernel `saxpi` in the source; it has `saxpy`");
        let twinless = Kernel::ptx(SAXPY, "saxpy").args((Scalar(1.0f32), In::<f32>(), InOut::<f32>(), Len));
        let told = error(&gpu, twinless, (vec![1.0], vec![1.0])).await;
        assert!(matches!(&told, GpuError::NoTwin { .. }), "{told}");
        assert!(
            told.to_string()
                .contains("has no body for the CPU, where it is to run (it was asked for): give it its twin")
        );
        Ok(())
    });
}

#[test]
fn a_signature_is_compared_with_the_kernels_own() {
    run(async {
        let gpu = Gpu::cpu();
        let few = Kernel::ptx(SAXPY, "saxpy")
            .args((In::<f32>(), InOut::<f32>(), Len))
            .cpu(|_: &[f32], _: &mut [f32], _: usize| {});
        let told = error(&gpu, few, (vec![1.0], vec![1.0])).await;
        assert_eq!(
            told.to_string(),
            "the arguments declared for the kernel `saxpy` are not its own: 3 are declared, and the kernel has 4 parameters"
        );
        let integer = Kernel::ptx(SAXPY, "saxpy")
            .args((Scalar(1u32), In::<f32>(), InOut::<f32>(), Len))
            .cpu(|_: u32, _: &[f32], _: &mut [f32], _: usize| {});
        let told = error(&gpu, integer, (vec![1.0], vec![1.0])).await;
        assert!(
            told.to_string().ends_with("parameter 0 of the kernel is a `.f32` of 4 bytes, not an integer of 4 bytes"),
            "{told}"
        );
        let wide = Kernel::ptx(SAXPY, "saxpy")
            .args((Scalar(1.0f64), In::<f32>(), InOut::<f32>(), Len))
            .cpu(|_: f64, _: &[f32], _: &mut [f32], _: usize| {});
        let told = error(&gpu, wide, (vec![1.0], vec![1.0])).await;
        assert!(told.to_string().ends_with("not a float of 8 bytes"), "{told}");
        let pointer = Kernel::ptx(SAXPY, "saxpy")
            .args((Scalar(1.0f32), In::<f32>(), Out::<f32>(), In::<f32>()))
            .cpu(|_: f32, _: &[f32], _: &mut [f32], _: &[f32]| {});
        let told = error(&gpu, pointer, (vec![1.0], vec![1.0])).await;
        assert!(
            told.to_string().ends_with("parameter 3 of the kernel is a `.u32` of 4 bytes, not a pointer of 8 bytes"),
            "{told}"
        );
        Ok(())
    });
}

#[test]
fn a_panic_of_the_twin_is_an_error() {
    run(async {
        let panics = Kernel::ptx(SAXPY, "saxpy")
            .args::<Saxpy>((Scalar(1.0f32), In::<f32>(), InOut::<f32>(), Len))
            .cpu(|_: f32, _: &[f32], _: &mut [f32], _: usize| panic!("no {}", 7));
        let told = error(&Gpu::cpu(), panics, (vec![1.0], vec![1.0])).await;
        assert_eq!(told.to_string(), "the CPU body of the kernel `saxpy` panicked: no 7");
        Ok(())
    });
}
