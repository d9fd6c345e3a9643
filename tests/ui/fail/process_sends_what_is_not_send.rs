use aqueduct::prelude::*;

use std::rc::Rc;

#[process]
async fn share(out: Sender<Rc<str>>) -> Outcome {
    out.send("text".into()).await?;
    Ok(())
}

fn main() {}
