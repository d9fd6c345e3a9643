//! Memory of a device, of one owner at a time.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::{Address, Mark};

/// A piece of a device's memory.
///
/// Whoever holds it may use it, once its mark is reached: it stands where the piece was last written to.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(super) address: Address,
    pub(super) capacity: usize,
    /// Made with the piece, for its whole life.
    pub(super) mark: Mark,
    /// The mark stands somewhere that may not be reached yet.
    pub(super) pending: bool,
}

/// A piece of a device's memory, and so many bytes in it. Dropped, on whatever thread, the piece is there for others.
pub(crate) struct Lent {
    // `None` only while it is dropped.
    storage: Option<Storage>,
    bytes: usize,
    device: Arc<Shared>,
}

impl Lent {
    pub(super) fn new(storage: Storage, bytes: usize, device: Arc<Shared>) -> Self {
        Self { storage: Some(storage), bytes, device }
    }

    fn storage(&self) -> &Storage {
        match &self.storage {
            Some(storage) => storage,
            None => unreachable!("it is there until it is dropped"),
        }
    }

    /// Whose memory it is.
    pub(crate) fn device(&self) -> &Arc<Shared> {
        &self.device
    }

    /// Where it is.
    pub(crate) fn address(&self) -> Address {
        self.storage().address
    }

    /// How many bytes of it are meant.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The mark that must be reached before it may be used, if that is not known to be so.
    pub(crate) fn pending(&self) -> Option<Mark> {
        let storage = self.storage();
        storage.pending.then_some(storage.mark)
    }

    /// The mark of the piece, which whoever has written to it records; from then on it is pending.
    pub(crate) fn mark_pending(&mut self) -> Mark {
        match &mut self.storage {
            Some(storage) => {
                storage.pending = true;
                storage.mark
            }
            None => unreachable!("it is there until it is dropped"),
        }
    }

    /// Its mark is known to be reached.
    pub(crate) fn settle(&mut self) {
        if let Some(storage) = &mut self.storage {
            storage.pending = false;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(storage) = self.storage.take() {
            self.device.take_back(storage);
        }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("bytes", &self.bytes).field("device", &self.device.info().name).finish()
    }
}
