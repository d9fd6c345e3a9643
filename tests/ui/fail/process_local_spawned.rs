use aqueduct::prelude::*;

use std::rc::Rc;

#[process(local)]
async fn count(seen: Rc<u32>) -> Outcome<u32> {
    Ok(*seen)
}

async fn network() {
    let _counting = count(Rc::new(1)).spawn();
}

fn main() {}
