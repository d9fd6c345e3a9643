use aqueduct::prelude::*;

struct Merge;

#[process]
impl Merge {
    async fn run(&mut self) {}
}

fn main() {}
