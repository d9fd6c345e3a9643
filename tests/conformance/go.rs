//! Rows from Go: what its channels and `select` promise.

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, row};

// fifo: order is kept, through one channel and through a chain of them.

fn fifo(flavour: Flavour, sending: Place, receiving: Place) {
    let count = rounds(100);
    let mut network = Network::new();
    let (tx, mut rx) = flavour.open();
    network.add("source", sending, move |me| async move {
        for n in 0..count {
            me.send(&tx, n).await?;
        }
        Ok(0)
    });
    for number in 0..3 {
        let (onward, next) = flavour.open();
        let input = std::mem::replace(&mut rx, next);
        let place = if number % 2 == 0 { receiving } else { sending };
        network.add("link", place, move |me| async move {
            while let Some(n) = me.next(&input).await? {
                me.send(&onward, n).await?;
            }
            Ok(0)
        });
    }
    network.add("sink", receiving, move |me| async move {
        let mut expected = 0;
        while let Some(n) = me.next(&rx).await? {
            assert_eq!(n, expected, "out of order");
            expected += 1;
        }
        Ok(expected)
    });
    assert_eq!(network.run().pop(), Some(count));
}
row!(fifo over lossless);
