use aqueduct::prelude::*;

#[derive(Process)]
struct Relay<T> {
    #[port]
    input: Receiver<T>,
}

async fn network(relay: Relay<u32>) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
