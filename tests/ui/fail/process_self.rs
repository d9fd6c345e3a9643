use aqueduct::prelude::*;

struct Counter(u32);

impl Counter {
    #[process]
    async fn count(&self, out: Sender<u32>) -> Outcome {
        out.send(self.0).await?;
        Ok(())
    }
}

fn main() {}
