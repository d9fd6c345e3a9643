//! Rings and trees whose results are known in closed form: KRoC's ring and mtring, the shootout's thread-ring, PyCSP's
//! token rings, and skynet.

use std::pin::Pin;

use aqueduct::{Outcome, Receiver, Sender};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Party, Place, row};

/// How many elements, so that there are not too many threads.
fn size(places: [Place; 2], of_tasks: usize) -> usize {
    if places.contains(&Place::Thread) { of_tasks / 16 } else { of_tasks }
}

/// An element: adds one to each token; 0 passes through and ends it.
async fn element(me: Party, input: Receiver<usize>, out: Sender<usize>) -> Outcome<usize> {
    loop {
        let token = me.recv(&input).await?;
        me.send_with_room(&out, if token == 0 { 0 } else { token + 1 }).await?;
        if token == 0 {
            return Ok(0);
        }
    }
}

/// So many tokens, numbered from 1, go round so many times after one lap of warming up; gives the sum of what they are
/// then.
fn ring(flavour: Flavour, places: [Place; 2], elements: usize, tokens: usize, cycles: usize) -> usize {
    let (txs, mut rxs): (Vec<_>, Vec<_>) = (0..elements).map(|_| flavour.open::<usize>()).unzip();
    rxs.rotate_right(1);
    let mut network = Network::new();
    for (number, (out, input)) in txs.into_iter().zip(rxs).enumerate() {
        if number > 0 {
            network.add("element", places[number % 2], move |me| element(me, input, out));
            continue;
        }
        network.add("root", places[0], move |me| async move {
            for token in 1..=tokens {
                me.send_with_room(&out, token).await?;
            }
            let mut sum = 0;
            for lap in 0..=cycles {
                for _ in 0..tokens {
                    let token = me.recv(&input).await?;
                    if lap < cycles {
                        me.send_with_room(&out, token + 1).await?;
                    } else {
                        sum += token;
                    }
                }
            }
            me.send_with_room(&out, 0).await?;
            assert_eq!(me.recv(&input).await?, 0);
            Ok(sum)
        });
    }
    network.run().into_iter().sum()
}

/// One token, 256 elements.
fn one_token(flavour: Flavour, first: Place, second: Place) {
    let elements = size([first, second], 256);
    let cycles = rounds(1);
    // It begins at 1, and the root does not count at the end of the last lap.
    assert_eq!(ring(flavour, [first, second], elements, 1, cycles), elements * (cycles + 1));
}
row!(one_token over all);

/// Many tokens at once.
fn many_tokens(flavour: Flavour, first: Place, second: Place) {
    let elements = size([first, second], 64).min(rounds(32)).max(4);
    let cycles = rounds(1);
    for tokens in [2, elements / 2, elements - 1] {
        let others = elements - 1;
        let expected = tokens * (tokens + 1) / 2 + others * tokens + elements * tokens * cycles;
        assert_eq!(ring(flavour, [first, second], elements, tokens, cycles), expected);
    }
}
row!(many_tokens over all);

/// 503 processes in a ring, one token that says how often it is still to be passed: who holds it at last is known.
fn thread_ring(flavour: Flavour, first: Place, second: Place) {
    let processes = if [first, second].contains(&Place::Thread) { 31 } else { 503 };
    let passes = rounds(520);
    let (txs, mut rxs): (Vec<_>, Vec<_>) = (0..processes).map(|_| flavour.open::<usize>()).unzip();
    rxs.rotate_right(1);
    let starter = txs[processes - 1].clone();
    let mut network = Network::new();
    for (number, (out, input)) in txs.into_iter().zip(rxs).enumerate() {
        network.add("process", [first, second][number % 2], move |me| async move {
            while let Some(left) = me.next(&input).await? {
                if left == 0 {
                    return Ok(Some(number));
                }
                if me.send(&out, left - 1).await.is_err() {
                    break;
                }
            }
            Ok(None)
        });
    }
    network.add("starter", first, move |me| async move {
        me.send(&starter, passes).await?;
        Ok(None)
    });
    let holders: Vec<_> = network.run().into_iter().flatten().collect();
    assert_eq!(holders, [passes % processes]);
}
row!(thread_ring over all);

/// A tree with ten branches at each node; a leaf gives its number, a node the sum.
fn node(
    me: Party,
    flavour: Flavour,
    out: Sender<usize>,
    first: usize,
    leaves: usize,
) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return Ok(me.send(&out, first).await?);
        }
        let (tx, rx) = flavour.open();
        let branches = leaves / 10;
        let handles: Vec<_> = (0..10)
            .map(|branch| {
                let tx = tx.clone();
                me.spawn("node", move |me| node(me, flavour, tx, first + branch * branches, branches))
            })
            .collect();
        drop(tx);
        let mut sum = 0;
        while let Some(part) = me.next(&rx).await? {
            sum += part;
        }
        for handle in handles {
            me.join(handle).await?;
        }
        Ok(me.send(&out, sum).await?)
    })
}

/// The sum of the numbers of all leaves: 499 999 500 000 for a million.
fn skynet(flavour: Flavour, place: Place) {
    let leaves = match place {
        Place::Thread => 100,
        _ if rounds(1) < 500 => 1_000,
        _ => 1_000_000,
    };
    let mut network = Network::new();
    network.add("root", place, move |me| async move {
        let (tx, rx) = flavour.open();
        let tree = me.spawn("skynet", move |me| node(me, flavour, tx, 0, leaves));
        let sum = me.recv(&rx).await?;
        me.join(tree).await?;
        Ok(sum)
    });
    assert_eq!(network.run(), [leaves * (leaves - 1) / 2]);
}
row!(skynet over lossless);
