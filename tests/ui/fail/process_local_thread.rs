use aqueduct::prelude::*;

#[process(local)]
fn count(out: Sender<u32>) {
    let _ = out.send_blocking(1);
}

fn main() {}
