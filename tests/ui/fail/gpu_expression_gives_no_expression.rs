use aqueduct::gpu::{self, F32};

fn main() {
    let _ = gpu::map(|x: F32| x.lt(0.0));
}
