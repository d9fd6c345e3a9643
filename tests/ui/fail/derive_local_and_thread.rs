use aqueduct::prelude::*;

#[derive(Process)]
#[process(local, thread)]
struct Relay {
    #[port]
    input: Receiver<u32>,
}

impl Run for Relay {
    async fn run(&mut self) -> Outcome {
        Ok(())
    }
}

async fn network(relay: Relay) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
