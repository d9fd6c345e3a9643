use aqueduct::prelude::*;

#[process]
async fn parse(text: String) -> Outcome<u32> {
    if text.is_empty() {
        Err("nothing to parse")?;
    }
    Ok(1)
}

fn main() {}
