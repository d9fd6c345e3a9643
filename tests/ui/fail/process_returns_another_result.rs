use aqueduct::prelude::*;

#[process]
async fn parse(text: String) -> Result<(), String> {
    Err(text)
}

fn main() {}
