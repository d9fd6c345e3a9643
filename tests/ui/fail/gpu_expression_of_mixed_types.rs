use aqueduct::gpu::{self, F32, F64};

fn main() {
    let _ = gpu::map(|x: F32, y: F64| x + y);
}
