//! Constants that this worker has, or waits for.
//!
//! A constant comes over the wire, or from the file in which another worker of the same host has stored it; the
//! file's digest is checked. What nobody uses is dropped, longest unused first, when all together are more than they may be;
//! it is fetched again when it is needed again.

use std::{
    any::Any,
    collections::HashMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use serde::de::DeserializeOwned;

use super::desk::Desk;
use crate::{
    cluster::{
        error::TaskError,
        protocol::{Digest, FromWorker},
    },
    net::codec,
};

#[derive(Debug)]
enum Slot {
    /// Asked for.
    Coming,
    Here {
        bytes: Bytes,
        decoded: Option<Arc<dyn Any + Send + Sync>>,
        used: u64,
    },
    /// The driver does not have it any more.
    Unknown,
}

#[derive(Debug, Default)]
struct Table {
    slots: HashMap<Digest, Slot>,
    bytes: u64,
    uses: u64,
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Constants {
    desk: Desk,
    most: u64,
    table: Mutex<Table>,
    arrived: Condvar,
}

impl Constants {
    pub(super) fn new(desk: Desk, most: u64) -> Self {
        Self { desk, most, table: Mutex::default(), arrived: Condvar::new() }
    }

    /// The bytes of a constant; waits for them.
    pub(crate) fn bytes(&self, digest: &Digest) -> Result<Bytes, TaskError> {
        let mut table = self.table.lock();
        loop {
            table.uses += 1;
            let now = table.uses;
            match table.slots.get_mut(digest) {
                Some(Slot::Here { bytes, used, .. }) => {
                    *used = now;
                    return Ok(bytes.clone());
                }
                Some(Slot::Coming) => self.arrived.wait(&mut table),
                Some(Slot::Unknown) => {
                    table.slots.remove(digest);
                    return Err(TaskError::codec(
                        "a shared constant",
                        "found",
                        &"the driver dropped its `Shared` while tasks still used it; keep it until they are done",
                    ));
                }
                None => {
                    table.slots.insert(*digest, Slot::Coming);
                    self.desk.say(&FromWorker::Fetch { digest: *digest, again: false });
                }
            }
        }
    }

    /// A constant, decoded once per process.
    pub(crate) fn get<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        digest: &Digest,
    ) -> Result<Arc<T>, TaskError> {
        let bytes = self.bytes(digest)?;
        let known = match self.table.lock().slots.get(digest) {
            Some(Slot::Here { decoded: Some(value), .. }) => Arc::clone(value).downcast::<T>().ok(),
            _ => None,
        };
        if let Some(value) = known {
            return Ok(value);
        }
        let value: T =
            codec::decode(&bytes).map_err(|error| TaskError::codec("a shared constant", "decoded", &error))?;
        let value = Arc::new(value);
        if let Some(Slot::Here { decoded, .. }) = self.table.lock().slots.get_mut(digest) {
            *decoded = Some(value.clone());
        }
        Ok(value)
    }

    /// A constant came over the wire.
    pub(super) fn arrive(&self, digest: Digest, bytes: Bytes, store: Option<&Path>) {
        let stored = store.map(|path| store_file(path, &bytes));
        self.keep(digest, bytes);
        // Others may be waiting for either.
        match stored {
            Some(true) => self.desk.say(&FromWorker::Stored { digest }),
            Some(false) => self.desk.say(&FromWorker::Unstored { digest }),
            None => {}
        }
    }

    /// A constant is in a file of this host.
    pub(super) fn find(&self, digest: Digest, path: &Path) {
        *DIRECTORY.lock() = path.parent().map(Path::to_path_buf);
        match std::fs::read(path) {
            Ok(bytes) if digest_of(&bytes) == digest => self.keep(digest, bytes.into()),
            _ => self.desk.say(&FromWorker::Fetch { digest, again: true }),
        }
    }

    pub(super) fn unknown(&self, digest: Digest) {
        self.table.lock().slots.insert(digest, Slot::Unknown);
        self.arrived.notify_all();
    }

    pub(super) fn forget(&self, digest: &Digest) {
        let mut table = self.table.lock();
        if let Some(Slot::Here { bytes, .. }) = table.slots.get(digest) {
            let size = bytes.len() as u64;
            table.slots.remove(digest);
            table.bytes -= size;
        }
    }

    fn keep(&self, digest: Digest, bytes: Bytes) {
        let mut table = self.table.lock();
        table.uses += 1;
        let used = table.uses;
        let size = bytes.len() as u64;
        if let Some(Slot::Here { bytes: old, .. }) =
            table.slots.insert(digest, Slot::Here { bytes, decoded: None, used })
        {
            table.bytes -= old.len() as u64;
        }
        table.bytes += size;
        table.make_room(self.most, &digest);
        drop(table);
        self.arrived.notify_all();
    }
}

impl Table {
    /// Drops what nobody uses, longest unused first, until all together are few enough.
    fn make_room(&mut self, most: u64, except: &Digest) {
        while self.bytes > most {
            let oldest = self
                .slots
                .iter()
                .filter_map(|(digest, slot)| match slot {
                    Slot::Here { decoded, used, .. }
                        if digest != except && decoded.as_ref().is_none_or(|value| Arc::strong_count(value) == 1) =>
                    {
                        Some((*used, *digest))
                    }
                    _ => None,
                })
                .min();
            let Some((_, digest)) = oldest else { return };
            if let Some(Slot::Here { bytes, .. }) = self.slots.remove(&digest) {
                self.bytes -= bytes.len() as u64;
            }
        }
    }
}

/// SHA-256.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut array = [0; 32];
    array.copy_from_slice(digest.as_ref());
    array
}

/// Where constants of this run are stored on this host.
static DIRECTORY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// The driver is gone: what was stored for others is of no use any more.
pub(super) fn remove_stored() {
    if let Some(directory) = DIRECTORY.lock().take() {
        // The driver, or another worker, may have done it.
        let _ = std::fs::remove_dir_all(directory);
    }
}

/// Stores a constant for the other workers of this host: whole or not at all.
fn store_file(path: &Path, bytes: &[u8]) -> bool {
    *DIRECTORY.lock() = path.parent().map(Path::to_path_buf);
    let aside = path.with_extension(format!("part-{}", std::process::id()));
    std::fs::write(&aside, bytes).and_then(|()| std::fs::rename(&aside, path)).is_ok_and(|()| {
        // What cannot be read back is of no use to others.
        std::fs::File::open(path).is_ok_and(|mut file| file.read(&mut [0; 1]).is_ok())
    })
}
