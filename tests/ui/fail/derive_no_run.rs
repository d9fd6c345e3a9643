use aqueduct::prelude::*;

#[derive(Process)]
struct Relay {
    #[port]
    input: Receiver<u32>,
}

async fn network(relay: Relay) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
