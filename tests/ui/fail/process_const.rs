use aqueduct::prelude::*;

#[process]
const fn idle() {}

fn main() {}
