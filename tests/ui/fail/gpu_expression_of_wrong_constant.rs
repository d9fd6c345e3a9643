use aqueduct::gpu::{self, F32};

fn main() {
    let a = 2.0_f64;
    let _ = gpu::map(|x: F32| a * x);
}
