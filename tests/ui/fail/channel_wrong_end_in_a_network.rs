use aqueduct::prelude::*;

#[process]
async fn produce(out: Sender<u32>) -> Outcome {
    out.send(1).await?;
    Ok(())
}

fn main() {
    let (tx, rx) = aqueduct::channel::<u32>();
    let _network = par!(produce(rx));
    drop(tx);
}
