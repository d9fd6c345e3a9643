use aqueduct::prelude::*;

#[process]
async fn produce(out: Sender<u32>) -> Outcome {
    out.send(1).await?;
    Ok(())
}

fn main() {
    let (tx, _rx) = aqueduct::channel();
    let first = produce(tx);
    let second = produce(tx);
    let _network = par!(first, second);
}
