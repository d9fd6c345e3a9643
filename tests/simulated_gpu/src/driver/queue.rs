//! What waits in a stream.

use std::collections::VecDeque;
use std::sync::Arc;

use super::codes::Code;
use crate::ptx::Kernel;

#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) device: usize,
    pub(crate) session: u64,
    /// How many were made before it in its session: the same under the same seed, as the handle is not.
    pub(crate) number: u64,
    pub(crate) queue: VecDeque<Item>,
    /// Destroyed: no handle any more, but what is queued is done.
    pub(crate) closed: bool,
    /// Its head is a host function that runs now.
    pub(crate) calling: bool,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) work: Work,
    /// An injected failure, for when it is executed.
    pub(crate) fails: Option<Code>,
}

#[derive(Debug)]
pub(crate) enum Work {
    /// From pinned memory.
    CopyIn {
        to: u64,
        from: usize,
        bytes: usize,
    },
    /// To pinned memory.
    CopyOut {
        to: usize,
        from: u64,
        bytes: usize,
    },
    /// Within a device, or from one to another.
    Copy {
        to: u64,
        from: u64,
        bytes: usize,
    },
    /// These bytes: a driver takes pageable memory at once.
    Write {
        to: u64,
        content: Vec<u8>,
    },
    Launch(Box<Launch>),
    Record {
        event: usize,
        generation: u64,
    },
    Wait {
        event: usize,
        generation: u64,
    },
    Host {
        function: usize,
        data: usize,
    },
}

#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) module: usize,
    pub(crate) blocks: [u32; 3],
    pub(crate) threads: [u32; 3],
    pub(crate) shared: usize,
    pub(crate) parameters: Vec<u8>,
}

impl Work {
    /// Whether it will touch this range of a device's memory.
    pub(crate) fn uses_device(&self, address: u64, bytes: u64) -> bool {
        let within = |place: u64| (address..address + bytes).contains(&place);
        match self {
            Self::CopyIn { to, .. } | Self::Write { to, .. } => within(*to),
            Self::CopyOut { from, .. } => within(*from),
            Self::Copy { to, from, .. } => within(*to) || within(*from),
            Self::Launch(launch) => launch.parameters.chunks_exact(8).any(|word| {
                let word: [u8; 8] = word.try_into().unwrap_or_default();
                within(u64::from_le_bytes(word))
            }),
            Self::Record { .. } | Self::Wait { .. } | Self::Host { .. } => false,
        }
    }

    pub(crate) fn uses_host(&self, address: usize, bytes: usize) -> bool {
        let range = address..address + bytes;
        match self {
            Self::CopyIn { from, .. } => range.contains(from),
            Self::CopyOut { to, .. } => range.contains(to),
            _ => false,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) device: usize,
    pub(crate) session: u64,
    pub(crate) closed: bool,
    pub(crate) timing: bool,
    /// How often it was put into a queue.
    pub(crate) recorded: u64,
    /// Up to which of these times it was reached.
    pub(crate) reached: u64,
    /// When, on the simulated clock.
    pub(crate) time: u64,
}
