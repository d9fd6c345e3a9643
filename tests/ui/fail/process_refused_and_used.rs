use aqueduct::prelude::*;

#[process(lable = "relay")]
async fn relay(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    out.send(input.recv().await?).await?;
    Ok(())
}

#[process]
fn last(input: Receiver<u32>) -> Outcome<u32> {
    Ok(input.recv_blocking()?)
}

async fn network(input: Receiver<u32>) -> Outcome<u32> {
    let (tx, rx) = aqueduct::channel();
    let ((), n) = par!(relay(input, tx), last(rx)).await?;
    Ok(n)
}

fn main() {}
