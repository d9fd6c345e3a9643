use aqueduct::prelude::*;

#[process]
struct Merge {
    out: Sender<u32>,
}

fn main() {}
