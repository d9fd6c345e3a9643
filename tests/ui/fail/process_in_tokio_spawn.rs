use aqueduct::prelude::*;

#[process]
async fn idle() {}

async fn network() {
    tokio::spawn(idle());
}

fn main() {}
