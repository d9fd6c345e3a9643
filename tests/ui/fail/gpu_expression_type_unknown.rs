use aqueduct::gpu;

fn main() {
    let _ = gpu::map(|x| x.sqrt());
}
