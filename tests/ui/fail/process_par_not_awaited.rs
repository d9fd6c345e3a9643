#![deny(unused_must_use)]

use aqueduct::prelude::*;

#[process]
async fn idle() {}

async fn network() {
    par!(idle(), idle());
}

fn main() {}
