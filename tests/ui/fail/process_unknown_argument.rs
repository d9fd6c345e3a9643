use aqueduct::prelude::*;

#[process(label = "counter")]
async fn count() {}

fn main() {}
