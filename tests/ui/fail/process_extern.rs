use aqueduct::prelude::*;

#[process]
extern "C" fn idle() {}

fn main() {}
