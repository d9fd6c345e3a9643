use aqueduct::prelude::*;

#[derive(Process)]
struct Relay<'a> {
    #[port]
    input: Receiver<u32>,
    name: &'a str,
}

impl Run for Relay<'_> {
    async fn run(&mut self) -> Outcome {
        Ok(())
    }
}

async fn network(relay: Relay<'_>) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
