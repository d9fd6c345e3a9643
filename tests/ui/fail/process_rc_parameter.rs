use aqueduct::prelude::*;

use std::rc::Rc;

#[process]
async fn count(seen: Rc<u32>, out: Sender<u32>) -> Outcome {
    out.send(*seen).await?;
    Ok(())
}

fn main() {}
