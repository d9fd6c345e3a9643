use aqueduct::prelude::*;

#[process]
async fn produce(out: Sender<u32>) -> Outcome {
    out.send(1).await?;
}

fn main() {}
