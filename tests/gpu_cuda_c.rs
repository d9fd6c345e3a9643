//! Kernels in CUDA C: compiled by the real NVRTC, which needs no GPU, and run by stages on a simulated device.
//!
//! Where there is no NVRTC (see `.ci/nvrtc`) the tests that need it say so and pass; `.ci/run` fails if it is missing there.

#[path = "common/mod.rs"]
mod common;
#[path = "gpu_simulated/machine.rs"]
#[allow(dead_code, reason = "it serves other tests too")]
mod machine;

use aqueduct::gpu::{Gpu, GpuError, In, InOut, Kernel, Launch, Len, Out, Scalar};
use aqueduct::prelude::*;
use aqueduct::toolkit::collect;
use aqueduct_simulated_gpu::Settings;

use machine::{batches, simulate, source};

const SAXPY: &str = "__global__ void saxpy(float a, const float* x, float* y, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}";

const TILES: &str = r#"extern "C" __global__ void transpose(const double* from, double* to, unsigned width, unsigned height) {
    extern __shared__ double tile[];
    unsigned x = blockIdx.x * 8 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;
    if (x < width && y < height) tile[threadIdx.y * 9 + threadIdx.x] = from[y * width + x];
    __syncthreads();
    x = blockIdx.y * 8 + threadIdx.x;
    y = blockIdx.x * 8 + threadIdx.y;
    if (x < height && y < width) to[y * height + x] = tile[threadIdx.x * 9 + threadIdx.y];
}"#;

/// Whether there is a compiler: asked by compiling.
fn compiles() -> bool {
    let kernel = Kernel::cuda_c("__global__ void nothing(int n) {}", "nothing").args((Scalar(1i32),)).kernel();
    match kernel.ptx_text(90) {
        Ok(_) => true,
        Err(error @ GpuError::NoCompiler { .. }) => {
            assert!(std::env::var_os("AQUEDUCT_NVRTC").is_none(), "AQUEDUCT_NVRTC is set, and there is none: {error}");
            println!("skipped: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_stage_of_cuda_c_has_the_bits_of_its_twin() {
    if !compiles() {
        return;
    }
    for seed in 0..8 {
        simulate(Settings::seed(seed), |gpu, _| async move {
            let mut all = Vec::new();
            for gpu in [gpu, Gpu::cpu()] {
                let kernel = Kernel::cuda_c(SAXPY, "saxpy").args((Scalar(0.1f32), In::<f32>(), InOut::<f32>(), Len));
                let kernel = kernel.launch(Launch::cover(64)).cpu(|a: f32, x: &[f32], y: &mut [f32], _: usize| {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y += a * x;
                    }
                });
                let (x, x_rx) = aqueduct::channel();
                let (y, y_rx) = aqueduct::channel();
                let (out, results) = aqueduct::channel::<Vec<f32>>();
                let stage = kernel.stage().run(&gpu, (x_rx, y_rx), out);
                let network = par!(source(batches(4, 100), x), source(batches(4, 100), y), stage, collect(results));
                let bits: Vec<u32> = network.await?.3.into_iter().flatten().map(f32::to_bits).collect();
                all.push(bits);
            }
            assert_eq!(all[0].len(), 400);
            assert_eq!(all[0], all[1]);
            Ok(())
        });
    }
}

#[test]
fn two_dimensions_and_shared_memory() {
    if !compiles() {
        return;
    }
    simulate(Settings::seed(3), |gpu, _| async move {
        let (width, height) = (21u32, 13u32);
        let size = (width * height) as usize;
        let kernel = Kernel::cuda_c(TILES, "transpose")
            .args((In::<f64>(), Out::<f64>(), Scalar(width), Scalar(height)))
            .launch(Launch::cover_area((width, height), (8, 8)).shared(8 * 9 * 8));
        let from: Vec<f64> = (0..size).map(|n| n as f64).collect();
        let to: Vec<f64> = gpu.call(&kernel, from.clone()).await?;
        for y in 0..height as usize {
            for x in 0..width as usize {
                assert_eq!(to[x * height as usize + y], from[y * width as usize + x]);
            }
        }
        Ok(())
    });
}

#[test]
fn what_does_not_compile_is_told_before_the_first_batch() {
    if !compiles() {
        return;
    }
    simulate(Settings::seed(0), |gpu, _| async move {
        let (_tx, rx) = aqueduct::channel::<Vec<f32>>();
        let (out, results) = aqueduct::channel::<Vec<f32>>();
        let wrong = Kernel::cuda_c("__global__ void f(float* x) { x[0] = y; }", "f").args((InOut::<f32>(),));
        let error = wrong.stage().run(&gpu, rx, out).await.unwrap_err().to_string();
        assert!(
            error.contains("the CUDA C of the kernel `f` does not compile") && error.contains("\"y\" is undefined"),
            "{error}"
        );
        assert!(results.recv().await.unwrap_err().is_poisoned());

        let other = Kernel::cuda_c(SAXPY, "saxpi").args((InOut::<f32>(),));
        let error = gpu.call::<_, _, Vec<f32>>(other, vec![1.0]).await.unwrap_err().to_string();
        assert!(error.contains("no kernel `saxpi` in the source"), "{error}");

        let few = Kernel::cuda_c(SAXPY, "saxpy").args((InOut::<f32>(),));
        let error = gpu.call::<_, _, Vec<f32>>(few, vec![1.0]).await.unwrap_err().to_string();
        assert!(error.ends_with("1 are declared, and the kernel has 4 parameters"), "{error}");
        Ok(())
    });
}

#[test]
fn products_and_sums_are_fused_only_on_request() {
    if !compiles() {
        return;
    }
    let text = |source: aqueduct::gpu::Source| {
        source.args((Scalar(0.1f32), In::<f32>(), InOut::<f32>(), Len)).kernel().ptx_text(90).expect("it compiles")
    };
    let plain = text(Kernel::cuda_c(SAXPY, "saxpy"));
    let fused = text(Kernel::cuda_c(SAXPY, "saxpy").fused());
    assert!(!plain.contains("fma.rn.f32") && fused.contains("fma.rn.f32"), "{plain}\n{fused}");
}

#[test]
fn without_a_gpu_its_twin_runs_and_nothing_is_compiled() {
    simulate(Settings::seed(0), |_, _| async move {
        let kernel = Kernel::cuda_c("this is no C", "f").args((InOut::<f32>(),)).cpu(|x: &mut [f32]| x[0] += 1.0);
        let y: Vec<f32> = Gpu::cpu().call(&kernel, vec![1.0]).await?;
        assert_eq!(y, [2.0]);
        Ok(())
    });
}
