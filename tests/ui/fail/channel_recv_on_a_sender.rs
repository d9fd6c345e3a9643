use aqueduct::prelude::*;

#[process]
async fn wrong_way(out: Sender<u32>) -> Outcome {
    let n = out.recv().await?;
    println!("{n}");
    Ok(())
}

fn main() {}
