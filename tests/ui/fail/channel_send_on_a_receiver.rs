use aqueduct::prelude::*;

#[process]
async fn wrong_way(input: Receiver<u32>) -> Outcome {
    input.send(1).await?;
    Ok(())
}

fn main() {}
