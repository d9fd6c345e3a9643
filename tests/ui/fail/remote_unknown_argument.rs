#[aqueduct::remote(retries = 3)]
fn simulate(seed: u64) -> u64 {
    seed
}

fn main() {}
