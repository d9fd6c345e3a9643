//! So many writers and so many readers of one channel or of several: PyCSP's and aPyCSP's tests of communication.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::{Alt, Receiver, Sender};

use crate::harness::{Check, Ending, Flavour, Inputs, Network, Outputs, Party, Place, Random, Style};

/// What a party does between its communications.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    Quick,
    /// Sleeps now and then.
    Slow,
    /// Lets others go on now and then.
    Random,
}

impl Pace {
    /// All nine pairs.
    pub(super) fn pairs() -> impl Iterator<Item = (Self, Self)> + Clone {
        let all = [Self::Quick, Self::Slow, Self::Random];
        all.into_iter().flat_map(move |one| all.map(|other| (one, other)))
    }

    async fn keep(self, me: Party, random: &mut Random) {
        match self {
            Self::Quick => {}
            Self::Slow => {
                if random.below(10) == 0 {
                    me.pause(Duration::from_micros(50)).await;
                }
            }
            Self::Random => {
                if random.below(3) == 0 {
                    me.rest().await;
                }
            }
        }
    }
}

/// Who writes what to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topology {
    pub(super) channels: usize,
    pub(super) writers: usize,
    pub(super) readers: usize,
    /// How many values each writer sends.
    pub(super) each: usize,
    /// Writers choose among all channels, rather than use one each.
    pub(super) choosing_writers: bool,
    pub(super) choosing_readers: bool,
    pub(super) ending: Ending,
}

impl Topology {
    /// One channel.
    pub(super) const fn new(writers: usize, readers: usize, each: usize) -> Self {
        Self {
            channels: 1,
            writers,
            readers,
            each,
            choosing_writers: false,
            choosing_readers: false,
            ending: Ending::Retired,
        }
    }

    pub(super) const fn over(mut self, channels: usize) -> Self {
        self.channels = channels;
        self
    }

    pub(super) const fn choosing(mut self, writers: bool, readers: bool) -> Self {
        self.choosing_writers = writers;
        self.choosing_readers = readers;
        self
    }

    /// The writer that is done first poisons.
    pub(super) const fn poisoned(mut self) -> Self {
        self.ending = Ending::Poisoned;
        self
    }

    fn count(self) -> usize {
        self.writers * self.each
    }

    /// Runs it, and checks that what was sent was received, each value once, or is accounted for.
    pub(super) fn run(self, flavour: Flavour, style: Style, places: (Place, Place), paces: (Pace, Pace)) {
        let sent: Arc<Mutex<Vec<usize>>> = Arc::default();
        let mut network = Network::new();
        let (mut txs, mut rxs, mut losts) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.channels {
            let (tx, rx, lost) = flavour.open_watched();
            txs.push(tx);
            rxs.push(rx);
            losts.push(lost);
        }
        for writer in 0..self.writers {
            let (txs, sent) = (txs.clone(), Arc::clone(&sent));
            network.add("writer", places.0, move |me| async move {
                self.write(me, writer, style, txs, paces.0, &sent).await;
                Ok(Vec::new())
            });
        }
        for reader in 0..self.readers {
            let rxs = rxs.clone();
            network.add(
                "reader",
                places.1,
                move |me| async move { Ok(self.read(me, reader, style, rxs, paces.1).await) },
            );
        }
        drop((txs, rxs));
        let mut arrived = network.run().concat();
        let received = arrived.len();
        for lost in losts {
            arrived.extend(lost.lock().unwrap().iter());
        }
        let mut sent = std::mem::take(&mut *sent.lock().unwrap());
        sent.sort_unstable();
        Check::exactly(sent.len()).each_once_of(sent.iter().copied()).verify(&arrived);
        if self.ending == Ending::Retired {
            assert_eq!(sent.len(), self.count(), "every writer has sent everything");
            assert!(flavour.loses() || received == self.count(), "{received} of {}", self.count());
        } else {
            // The one that poisons has sent all of its own.
            Check::between(self.each, self.count()).verify(&sent);
        }
    }

    async fn write(
        self,
        me: Party,
        writer: usize,
        style: Style,
        txs: Vec<Sender<usize>>,
        pace: Pace,
        sent: &Mutex<Vec<usize>>,
    ) {
        let mut random = Random::new(writer);
        let mine = txs[writer % txs.len()].clone();
        let all = txs.clone();
        let mut outputs = Outputs::new(style, Alt::fair(), txs);
        for n in 0..self.each {
            let value = writer * self.each + n;
            pace.keep(me, &mut random).await;
            let done = if self.choosing_writers {
                outputs.send(me, value).await.is_ok()
            } else {
                me.send(&mine, value).await.is_ok()
            };
            if !done {
                assert_eq!(self.ending, Ending::Poisoned, "refused");
                return;
            }
            sent.lock().unwrap().push(value);
        }
        if self.ending == Ending::Poisoned {
            all.iter().for_each(|tx| tx.poison("done"));
        }
    }

    async fn read(self, me: Party, reader: usize, style: Style, rxs: Vec<Receiver<usize>>, pace: Pace) -> Vec<usize> {
        let mut random = Random::new(self.writers + reader);
        let mut seen = Vec::new();
        if self.choosing_readers {
            let mut inputs = Inputs::new(style, Alt::fair(), rxs);
            while let Some((_, value)) = inputs.next(me).await {
                seen.push(value);
                pace.keep(me, &mut random).await;
            }
            return seen;
        }
        let mine = rxs[reader % rxs.len()].clone();
        drop(rxs);
        let ended = loop {
            match me.recv(&mine).await {
                Ok(value) => seen.push(value),
                Err(ended) => break ended,
            }
            pace.keep(me, &mut random).await;
        };
        assert_eq!(ended.is_poisoned(), self.ending == Ending::Poisoned, "{ended}");
        seen
    }
}
