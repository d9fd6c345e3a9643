#[aqueduct::remote(name = simulate)]
fn simulate(seed: u64) -> u64 {
    seed
}

fn main() {}
