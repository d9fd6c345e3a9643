use aqueduct::prelude::*;

#[process]
async fn idle() {}

async fn network() -> Outcome {
    par!(idle).await?;
    Ok(())
}

fn main() {}
