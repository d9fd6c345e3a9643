use aqueduct::prelude::*;

use std::rc::Rc;

#[process(local)]
async fn count(seen: Rc<u32>) -> Outcome<u32> {
    Ok(*seen)
}

async fn network() {
    let mut group = Group::new();
    group.add(count(Rc::new(1)));
}

fn main() {}
