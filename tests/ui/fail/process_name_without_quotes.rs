use aqueduct::prelude::*;

#[process(name = counter)]
async fn count() {}

fn main() {}
