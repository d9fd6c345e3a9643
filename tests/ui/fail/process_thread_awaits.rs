use aqueduct::prelude::*;

#[process]
fn relay(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    let n = input.recv().await?;
    out.send_blocking(n)?;
    Ok(())
}

fn main() {}
