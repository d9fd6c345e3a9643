use aqueduct::prelude::*;

#[process]
async fn hasty(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    out.send(input.recv()).await?;
    Ok(())
}

fn main() {}
