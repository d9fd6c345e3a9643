//! Processes that other macros write: the names come from elsewhere.

use aqueduct::prelude::*;

macro_rules! relay {
    ($name:ident, $input:ident, $Value:ty) => {
        #[process]
        async fn $name($input: Receiver<$Value>, out: Sender<$Value>) -> Outcome {
            while let Some(value) = $input.next().await? {
                out.send(value).await?;
            }
            Ok(())
        }
    };
}

macro_rules! counter {
    ($Name:ident, $port:ident) => {
        #[derive(Process)]
        #[process(value = usize)]
        struct $Name {
            #[port]
            $port: Receiver<u32>,
        }

        impl Run<usize> for $Name {
            async fn run(&mut self) -> Outcome<usize> {
                let mut count = 0;
                loop {
                    alt! {
                        Ok(_) = self.$port.recv() => count += 1,
                        complete => return Ok(count),
                    }
                }
            }
        }
    };
}

relay!(forward, input, u32);
counter!(Count, numbers);

fn main() {
    let (tx, rx) = aqueduct::buffered(2);
    let (out, numbers) = aqueduct::channel();
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    drop(tx);
    let ((), count) = aqueduct::run(par!(forward(rx, out), Count { numbers })).unwrap();
    assert_eq!(count, 2);
}
