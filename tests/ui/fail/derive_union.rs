use aqueduct::prelude::*;

#[derive(Process)]
union Relay {
    number: u32,
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
