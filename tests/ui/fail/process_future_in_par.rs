use aqueduct::prelude::*;

async fn idle() -> Outcome {
    Ok(())
}

async fn network() -> Outcome {
    par!(idle()).await?;
    Ok(())
}

fn main() {}
