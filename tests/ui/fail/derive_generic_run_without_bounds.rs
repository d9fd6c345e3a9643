use aqueduct::prelude::*;

#[derive(Process)]
struct Relay<T> {
    #[port]
    input: Receiver<T>,
    #[port]
    out: Sender<T>,
}

impl<T> Run for Relay<T> {
    async fn run(&mut self) -> Outcome {
        while let Some(value) = self.input.next().await? {
            self.out.send(value).await?;
        }
        Ok(())
    }
}

fn main() {}
