use aqueduct::prelude::*;

#[derive(Process)]
#[process(value = u64)]
struct Relay {
    #[port]
    input: Receiver<u32>,
}

impl Run<u32> for Relay {
    async fn run(&mut self) -> Outcome<u32> {
        Ok(self.input.recv().await?)
    }
}

async fn network(relay: Relay) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
