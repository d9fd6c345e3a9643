//! Values that know what became of them.

use std::sync::{Arc, Mutex};

/// Names a value of one history.
pub(crate) type Id = u16;

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Somebody received it.
    Received,
    /// The error of its send brought it back.
    Refused,
    /// It was in its sender's slot, or among what is to be sent, in the end.
    Kept,
    /// The hook had it.
    Undelivered,
    /// It went with a send that was dropped before anybody took the value.
    Dropped,
}

/// Every value's fate, and how often it was dropped.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<(Option<Fate>, usize)>>);

impl Ledger {
    /// One more value.
    pub(crate) fn value(self: &Arc<Self>) -> Value {
        let mut entries = self.0.lock().unwrap();
        entries.push((None, 0));
        Value { id: Id::try_from(entries.len() - 1).unwrap(), ledger: Arc::clone(self) }
    }

    /// What became of each value, now that all are gone: each was dropped exactly once.
    pub(crate) fn fates(&self) -> Vec<Fate> {
        let entries = self.0.lock().unwrap();
        for (id, (fate, drops)) in entries.iter().enumerate() {
            assert_eq!(*drops, 1, "value {id}, {fate:?}, was dropped {drops} times");
        }
        entries.iter().map(|(fate, _)| fate.unwrap_or(Fate::Dropped)).collect()
    }
}

/// A payload.
#[derive(Debug)]
pub(crate) struct Value {
    id: Id,
    ledger: Arc<Ledger>,
}

impl Value {
    /// Which one it is.
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// Ends here, in this way.
    pub(crate) fn settle(self, fate: Fate) -> Id {
        let before = self.ledger.0.lock().unwrap()[usize::from(self.id)].0.replace(fate);
        assert_eq!(before, None, "value {} was settled before, and now is {fate:?}", self.id);
        self.id
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.ledger.0.lock().unwrap()[usize::from(self.id)].1 += 1;
    }
}

/// The values that a sender keeps for itself until they are sent.
#[derive(Debug)]
pub(crate) struct Kept<C: IntoIterator<Item = Value> + Default>(pub(crate) C);

impl<C: IntoIterator<Item = Value> + Default> Drop for Kept<C> {
    fn drop(&mut self) {
        for value in std::mem::take(&mut self.0) {
            value.settle(Fate::Kept);
        }
    }
}
