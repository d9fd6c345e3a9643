use aqueduct::prelude::*;

#[process]
fn merge(left: Receiver<u32>, right: Receiver<u32>) {
    alt! {
        n = left.recv() => println!("{n:?}"),
        n = right.recv() => println!("{n:?}"),
    }
}

fn main() {}
