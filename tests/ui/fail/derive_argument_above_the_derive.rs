use aqueduct::prelude::*;

#[process(thread)]
#[derive(Process)]
struct Relay;

impl aqueduct::RunBlocking for Relay {
    fn run(&mut self) -> Outcome {
        Ok(())
    }
}

fn main() {}
