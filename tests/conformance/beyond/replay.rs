//! A whole network replays: under `aqueduct::testing` the same seed makes the same run, whatever the channels and whoever
//! takes part.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::testing::replay;
use aqueduct::{Alt, Outcome, after};

use crate::common::rounds;
use crate::harness::{Flavour, Inputs, Party, Style, choose, row};

/// Who did what, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Two writers to each of two channels, and two readers that choose, each of which says what it does.
async fn network(flavour: Flavour, writing: Party, reading: Party) -> Outcome<Vec<String>> {
    let log = Log::default();
    let (txs, rxs): (Vec<_>, Vec<_>) = (0..2).map(|_| flavour.open::<usize>()).unzip();
    let mut handles = Vec::new();
    for writer in 0..4 {
        let (tx, log) = (txs[writer % 2].clone(), Arc::clone(&log));
        handles.push(writing.spawn("writer", move |me| async move {
            for n in 0..3 {
                me.send(&tx, 3 * writer + n).await?;
                log.lock().unwrap().push(format!("{writer} wrote {n}"));
                choose! { me, Alt::pri(); _ = after(Duration::from_millis(1)) => () }
            }
            Ok(())
        }));
    }
    for (reader, style) in Style::BOTH.into_iter().enumerate() {
        let (rxs, log) = (rxs.clone(), Arc::clone(&log));
        handles.push(reading.spawn("reader", move |me| async move {
            let mut inputs = Inputs::new(style, Alt::unseeded(), rxs);
            while let Some((channel, value)) = inputs.next(me).await {
                log.lock().unwrap().push(format!("{reader} read {value} from {channel}"));
            }
            Ok(())
        }));
    }
    drop((txs, rxs));
    for handle in handles {
        handle.await?;
    }
    let log = log.lock().unwrap().clone();
    assert!(flavour.loses() || log.len() == 24, "{log:?}");
    Ok(log)
}

/// The same seed, the same log and fingerprint; several seeds, several logs.
fn replay_determinism(flavour: Flavour) {
    for writing in [Party::Task, Party::Thread] {
        for reading in [Party::Task, Party::Thread] {
            let mut logs = BTreeSet::new();
            for seed in 0..rounds(4) as u64 {
                let run = |seed| replay(seed, || network(flavour, writing, reading));
                let (once, again) = (run(seed), run(seed));
                assert_eq!(once.value(), again.value(), "seed {seed}, from {writing:?} to {reading:?}");
                assert_eq!(once.fingerprint(), again.fingerprint(), "seed {seed}");
                logs.insert(once.value().clone());
            }
            assert!(logs.len() > 1 || rounds(4) < 4, "every seed made the same run");
        }
    }
}
row!(replay_determinism over all);
