//! Constants that the driver keeps, and which host has which.
//!
//! A constant is sent to the first worker of a host that asks, which stores it in a file; the others of that host read
//! the file. Small ones are sent to each: a file would cost more.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use bytes::Bytes;

use crate::cluster::protocol::Digest;

/// Smaller constants are not stored in files.
const FILE_LEAST: usize = 64 << 10;

#[derive(Debug)]
struct Constant {
    bytes: Bytes,
    /// How many `Shared` and jobs keep it.
    keepers: u32,
    /// Where the workers of a host find it.
    hosts: HashMap<String, OnHost>,
    /// Workers that have it.
    holders: HashSet<u32>,
}

#[derive(Debug)]
enum OnHost {
    /// This worker is storing it; those wait.
    Coming {
        by: u32,
        waiting: Vec<u32>,
    },
    Stored,
}

/// How a fetch is answered.
#[derive(Debug)]
pub(super) enum Answer {
    Send,
    At(PathBuf),
    /// When it has been stored.
    Later,
    Unknown,
}

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct ConstantTable {
    constants: HashMap<Digest, Constant>,
    /// The run's private directory, made for the first large constant.
    pub(super) directory: Option<PathBuf>,
}

impl ConstantTable {
    /// Keeps a constant, once more if it is known.
    pub(super) fn keep(&mut self, digest: Digest, bytes: Bytes) {
        if bytes.len() >= FILE_LEAST && self.directory.is_none() {
            self.directory = private_directory();
        }
        self.constants
            .entry(digest)
            .or_insert_with(|| Constant { bytes, keepers: 0, hosts: HashMap::new(), holders: HashSet::new() })
            .keepers += 1;
    }

    /// One keeper less; true if that was the last.
    pub(super) fn release(&mut self, digest: &Digest) -> bool {
        match self.constants.get_mut(digest) {
            Some(constant) => {
                constant.keepers -= 1;
                constant.keepers == 0
            }
            None => false,
        }
    }

    /// Forgets a constant; gives the workers that have it.
    pub(super) fn remove(&mut self, digest: &Digest) -> Vec<u32> {
        if let Some(path) = self.path(digest) {
            // It is only there if a worker stored it.
            let _ = std::fs::remove_file(path);
        }
        self.constants.remove(digest).map(|constant| constant.holders.into_iter().collect()).unwrap_or_default()
    }

    fn path(&self, digest: &Digest) -> Option<PathBuf> {
        use std::fmt::Write;
        let mut name = String::with_capacity(2 * digest.len());
        for byte in digest {
            let _ = write!(name, "{byte:02x}");
        }
        Some(self.directory.as_ref()?.join(name))
    }

    /// A worker asks for a constant; `again`: the file was no good.
    pub(super) fn fetch(&mut self, worker: u32, host: &str, digest: Digest, again: bool) -> Answer {
        let path = self.path(&digest);
        let Some(constant) = self.constants.get_mut(&digest) else { return Answer::Unknown };
        constant.holders.insert(worker);
        if again || constant.bytes.len() < FILE_LEAST {
            return Answer::Send;
        }
        let Some(path) = path else { return Answer::Send };
        match constant.hosts.get_mut(host) {
            Some(OnHost::Stored) => Answer::At(path),
            Some(OnHost::Coming { waiting, .. }) => {
                waiting.push(worker);
                Answer::Later
            }
            None => {
                constant.hosts.insert(host.into(), OnHost::Coming { by: worker, waiting: Vec::new() });
                Answer::Send
            }
        }
    }

    /// The bytes, and where they should be stored.
    pub(super) fn content(&self, digest: &Digest, shares_files: bool) -> Option<(Bytes, Option<PathBuf>)> {
        let constant = self.constants.get(digest)?;
        let store = if shares_files && constant.bytes.len() >= FILE_LEAST { self.path(digest) } else { None };
        Some((constant.bytes.clone(), store))
    }

    /// A worker has stored a constant: who waits for it, and where it is.
    pub(super) fn stored(&mut self, worker: u32, digest: Digest) -> Vec<(u32, PathBuf)> {
        let Some(path) = self.path(&digest) else { return Vec::new() };
        let Some(constant) = self.constants.get_mut(&digest) else { return Vec::new() };
        for on_host in constant.hosts.values_mut() {
            if let OnHost::Coming { by, waiting } = on_host
                && *by == worker
            {
                let waiting = std::mem::take(waiting);
                *on_host = OnHost::Stored;
                return waiting.into_iter().map(|other| (other, path.clone())).collect();
            }
        }
        Vec::new()
    }

    /// A worker could not store a constant: who waits for it, and must be sent it instead.
    pub(super) fn unstored(&mut self, worker: u32, digest: Digest) -> Vec<u32> {
        let Some(constant) = self.constants.get_mut(&digest) else { return Vec::new() };
        let mut served = Vec::new();
        constant.hosts.retain(|_, on_host| match on_host {
            OnHost::Coming { by, waiting } if *by == worker => {
                served.append(waiting);
                false
            }
            _ => true,
        });
        served
    }

    /// A worker is gone: what it was storing is stored by another; gives constants and those.
    pub(super) fn lost(&mut self, worker: u32) -> Vec<(Digest, u32)> {
        let mut again = Vec::new();
        for (digest, constant) in &mut self.constants {
            constant.holders.remove(&worker);
            constant.hosts.retain(|_, on_host| match on_host {
                OnHost::Coming { by, waiting } => {
                    waiting.retain(|other| *other != worker);
                    if *by != worker {
                        return true;
                    }
                    let Some(next) = waiting.pop() else { return false };
                    *by = next;
                    again.push((*digest, next));
                    true
                }
                OnHost::Stored => true,
            });
        }
        again
    }
}

/// A directory for this run alone, which nobody else may read.
fn private_directory() -> Option<PathBuf> {
    let random = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new()).ok()?.expose();
    let path = std::env::temp_dir().join(format!("aqueduct-{:016x}", u64::from_le_bytes(random)));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    // Without it constants are sent to each worker.
    builder.create(&path).ok().map(|()| path)
}
