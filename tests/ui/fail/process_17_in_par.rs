use aqueduct::prelude::*;

#[process]
async fn idle() {}

async fn network() -> Outcome {
    par!(
        idle(), idle(), idle(), idle(), idle(), idle(), idle(), idle(), idle(),
        idle(), idle(), idle(), idle(), idle(), idle(), idle(), idle(),
    )
    .await?;
    Ok(())
}

fn main() {}
