use aqueduct::prelude::*;

#[process(value = u32)]
async fn count() -> Outcome<u32> {
    Ok(1)
}

fn main() {}
