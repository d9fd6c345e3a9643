use aqueduct::prelude::*;

#[process]
async fn hasty(tx: Sender<u32>) -> Outcome {
    tx.send(1)?;
    Ok(())
}

fn main() {}
