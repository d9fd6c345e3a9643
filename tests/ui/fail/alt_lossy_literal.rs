use aqueduct::prelude::*;

#[process]
async fn choose(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    alt! {
        Ok(3) = left.recv() => println!("three"),
        n = right.recv() => println!("{n:?}"),
    }
    out.send(0).await?;
    drop((left, right));
    Ok(())
}

fn main() {}
