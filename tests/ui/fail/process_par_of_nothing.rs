use aqueduct::prelude::*;

async fn network() -> Outcome {
    par!().await?;
    Ok(())
}

fn main() {}
