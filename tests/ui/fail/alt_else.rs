use aqueduct::prelude::*;

#[process]
async fn choose(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    alt! {
        n = left.recv() => println!("{n:?}"),
        else => println!("nothing"),
    }
    out.send(0).await?;
    drop((left, right));
    Ok(())
}

fn main() {}
