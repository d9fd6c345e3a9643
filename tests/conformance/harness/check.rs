//! What a stream of results must be: how many, which, in which order, and how it ends.

use std::collections::BTreeSet;

use aqueduct::{Outcome, Receiver};

use super::party::Party;

/// How a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Retired,
    Poisoned,
}

/// What is asserted of a stream of results.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    least: usize,
    most: usize,
    vocabulary: Option<BTreeSet<usize>>,
    ordered: bool,
    ending: Ending,
}

impl Check {
    /// So many results, and then the channel is retired.
    pub(crate) fn exactly(count: usize) -> Self {
        Self { least: count, most: count, vocabulary: None, ordered: false, ending: Ending::Retired }
    }

    pub(crate) fn between(least: usize, most: usize) -> Self {
        Self { least, most, ..Self::exactly(0) }
    }

    /// Only these, each once.
    pub(crate) fn each_once_of(mut self, values: impl IntoIterator<Item = usize>) -> Self {
        self.vocabulary = Some(values.into_iter().collect());
        self
    }

    pub(crate) fn in_order(mut self) -> Self {
        self.ordered = true;
        self
    }

    pub(crate) fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Receives to the end and checks; gives what was received.
    pub(crate) async fn run(self, me: Party, rx: &Receiver<usize>) -> Outcome<Vec<usize>> {
        let mut seen = Vec::new();
        let ended = loop {
            match me.recv(rx).await {
                Ok(value) => seen.push(value),
                Err(ended) => break ended,
            }
        };
        let ending = if ended.is_poisoned() { Ending::Poisoned } else { Ending::Retired };
        assert_eq!(ending, self.ending, "{ended}");
        self.verify(&seen);
        Ok(seen)
    }

    /// Checks results that were collected otherwise.
    pub(crate) fn verify(&self, seen: &[usize]) {
        assert!((self.least..=self.most).contains(&seen.len()), "{} results, not {self:?}", seen.len());
        assert!(!self.ordered || seen.is_sorted(), "out of order: {seen:?}");
        if let Some(vocabulary) = &self.vocabulary {
            let distinct: BTreeSet<usize> = seen.iter().copied().collect();
            assert_eq!(distinct.len(), seen.len(), "one came twice: {seen:?}");
            assert!(distinct.is_subset(vocabulary), "not of these: {:?}", distinct.difference(vocabulary));
        }
    }
}
