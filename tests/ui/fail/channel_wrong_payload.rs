use aqueduct::prelude::*;

#[process]
async fn wrong_payload(out: Sender<u32>) -> Outcome {
    out.send("three").await?;
    Ok(())
}

fn main() {}
