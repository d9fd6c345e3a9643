use aqueduct::prelude::*;

use std::rc::Rc;

#[process]
async fn count(out: Sender<u32>) -> Outcome {
    let seen = Rc::new(1);
    out.send(2).await?;
    println!("{seen}");
    Ok(())
}

fn main() {}
