use aqueduct::prelude::*;

#[process]
async fn answer() -> u32 {
    42
}

fn main() {}
