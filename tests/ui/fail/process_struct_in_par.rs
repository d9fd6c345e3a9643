use aqueduct::prelude::*;

struct Idle;

async fn network() -> Outcome {
    par!(Idle).await?;
    Ok(())
}

fn main() {}
