use aqueduct::prelude::*;

#[process]
async fn choose(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    alt! {
        biased;
        n = left.recv() => println!("{n:?}"),
        n = right.recv() => println!("{n:?}"),
    }
    out.send(0).await?;
    drop((left, right));
    Ok(())
}

fn main() {}
