use aqueduct::prelude::*;

fn parse() -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Ok("1".parse()?)
}

#[process]
async fn answer() -> Outcome<u32> {
    Ok(parse()?)
}

fn main() {}
