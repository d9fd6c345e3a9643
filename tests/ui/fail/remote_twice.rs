#[aqueduct::remote]
#[aqueduct::remote(pure)]
fn simulate(seed: u64) -> u64 {
    seed
}

fn main() {}
