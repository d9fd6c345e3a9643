use aqueduct::prelude::*;

#[process]
async fn relay<T>(input: Receiver<T>, out: Sender<T>) -> Outcome {
    while let Some(value) = input.next().await? {
        out.send(value).await?;
    }
    Ok(())
}

fn main() {}
