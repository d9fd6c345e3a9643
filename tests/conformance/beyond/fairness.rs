//! A fair choice has nothing to catch up on, and a seed replays.

use aqueduct::{Alt, Outcome};

use crate::common::rounds;
use crate::harness::{Flavour, Inputs, Network, Party, Place, Style, row};

/// Takes from two inputs in turn with their senders, as `ready` says which have a value; gives what was taken.
async fn picks(
    me: Party,
    flavour: Flavour,
    style: Style,
    order: Alt,
    ready: impl Fn(usize) -> [bool; 2],
    count: usize,
) -> Outcome<Vec<usize>> {
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..2).map(|_| flavour.open::<()>()).unzip();
    let mut inputs = Inputs::new(style, order, rxs);
    let mut taken = Vec::new();
    for round in 0..count {
        for (tx, ready) in txs.iter().zip(ready(round)) {
            if ready && tx.is_empty() {
                me.send(tx, ()).await?;
            }
        }
        let (number, ()) = inputs.next(me).await.expect("both are open");
        taken.push(number);
    }
    Ok(taken)
}

/// PyCSP's fair choice counts: an input that was ready alone thirty times is then starved for thirty. Here both are
/// served in turn as soon as both are ready, however long one was alone.
fn fair_catch_up(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for style in Style::BOTH {
            for alone in [1, 30, rounds(31).max(31)] {
                let taken = picks(me, flavour, style, Alt::fair(), |round| [true, round >= alone], alone + 10).await?;
                let (first, then) = taken.split_at(alone);
                assert!(first.iter().all(|&number| number == 0), "only the first was ready");
                assert!(
                    then.windows(2).all(|pair| pair[0] != pair[1]),
                    "not in turn after {alone}: {then:?}, {style:?}"
                );
            }
        }
        Ok(())
    });
    network.run();
}
row!(fair_catch_up over queued);

/// What a choice took with a seed it takes again with that seed, and not always with another.
fn seed_replays(flavour: Flavour, place: Place) {
    let mut network = Network::new();
    network.add("chooser", place, move |me| async move {
        for style in Style::BOTH {
            let taken = |seed| picks(me, flavour, style, Alt::arbitrary(seed), |_| [true, true], 40);
            let once = taken(7).await?;
            assert_eq!(once, taken(7).await?, "the same seed, {style:?}");
            assert_ne!(once, taken(8).await?, "another seed, {style:?}");
        }
        Ok(())
    });
    network.run();
}
row!(seed_replays over queued);
