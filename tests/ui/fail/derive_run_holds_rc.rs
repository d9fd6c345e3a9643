use aqueduct::prelude::*;

use std::rc::Rc;

#[derive(Process)]
struct Relay {
    #[port]
    input: Receiver<u32>,
}

impl Run for Relay {
    async fn run(&mut self) -> Outcome {
        let seen = Rc::new(1);
        self.input.recv().await?;
        println!("{seen}");
        Ok(())
    }
}

async fn network(relay: Relay) -> Outcome {
    par!(relay).await?;
    Ok(())
}

fn main() {}
