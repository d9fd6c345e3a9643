use aqueduct::prelude::*;

use std::rc::Rc;
use aqueduct::RunLocal;

#[derive(Process)]
#[process(local)]
struct Relay {
    seen: Rc<u32>,
}

impl RunLocal for Relay {
    async fn run(&mut self) -> Outcome {
        Ok(())
    }
}

async fn network(relay: Relay) {
    let _running = relay.spawn();
}

fn main() {}
