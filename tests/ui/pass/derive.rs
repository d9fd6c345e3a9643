//! What `#[derive(Process)]` accepts.

#![deny(warnings)]

use aqueduct::prelude::*;
use std::collections::HashMap;

/// Another crate's end is no port, by its path.
#[derive(Process)]
pub struct Foreign {
    pub inner: std::sync::mpsc::Receiver<u32>,
}

impl Run for Foreign {
    async fn run(&mut self) -> Outcome {
        let _ = self.inner.try_recv();
        Ok(())
    }
}

/// Bounds on the struct, a const parameter, a default, collections of ends.
#[derive(Process)]
#[process(name = "route")]
pub struct Route<K, V = u32, const N: usize = 1>
where
    K: std::hash::Hash + Eq,
{
    #[port]
    pub inputs: [Receiver<(K, V)>; N],
    #[port]
    pub outs: HashMap<K, Sender<V>>,
    #[port]
    pub rest: Option<Sender<V>>,
}

impl<K, V, const N: usize> Run for Route<K, V, N>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Send + 'static,
{
    async fn run(&mut self) -> Outcome {
        for input in &self.inputs {
            while let Some((key, value)) = input.next().await? {
                match (self.outs.get(&key), &self.rest) {
                    (Some(out), _) | (None, Some(out)) => out.send(value).await?,
                    (None, None) => return Err(Exit::failure("no way")),
                }
            }
        }
        Ok(())
    }
}

fn main() {
    let (tx, rx) = aqueduct::buffered(1);
    let (out, routed) = aqueduct::buffered(1);
    tx.try_send((7, 3)).unwrap();
    drop(tx);
    let route = Route { inputs: [rx], outs: HashMap::from([(7, out)]), rest: None };
    aqueduct::run(route).unwrap();
    assert_eq!(routed.try_recv().unwrap(), 3);
    let (_tx, inner) = std::sync::mpsc::channel();
    assert!(Foreign { inner }.shape().channels().is_empty());
}
