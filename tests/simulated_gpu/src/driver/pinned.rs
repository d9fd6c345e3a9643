//! Pinned memory of the host: poisoned when it is made and when it is given back, and kept a while after that, so that
//! who writes to it still is found.

use std::collections::{BTreeMap, VecDeque};
use std::ptr::NonNull;

use super::device_memory::POISON;

/// How much memory is kept after it was given back.
const KEPT: usize = 32 << 20;

#[derive(Clone, Copy)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) device: usize,
    pub(crate) bytes: usize,
    pub(crate) session: u64,
    pages: NonNull<[Page]>,
}

// SAFETY: a block owns its pages as a box would; the table that holds it is behind the simulator's lock.
unsafe impl Send for Block {}

impl Block {
    fn new(device: usize, bytes: usize, session: u64) -> Self {
        let pages = vec![Page([POISON; 4096]); bytes.div_ceil(4096)].into_boxed_slice();
        Self { device, bytes, session, pages: NonNull::from(Box::leak(pages)) }
    }

    fn address(&self) -> usize {
        self.pages.as_ptr().cast::<u8>() as usize
    }

    fn poison(&mut self) {
        // SAFETY: the pages are this block's, and their owner has given them back.
        unsafe { self.pages.as_ptr().cast::<u8>().write_bytes(POISON, self.pages.len() * 4096) }
    }

    fn is_poisoned(&self) -> bool {
        // SAFETY: the pages are this block's; whoever would still write to them breaks the rule that is checked here.
        let pages = unsafe { self.pages.as_ref() };
        pages.iter().all(|page| page.0.iter().all(|byte| *byte == POISON))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: made by `Box::leak` in `new`, and dropped once.
        drop(unsafe { Box::from_raw(self.pages.as_ptr()) });
    }
}

#[derive(Debug, Default)]
pub(crate) struct Pinned {
    blocks: BTreeMap<usize, Block>,
    /// Given back, oldest first.
    kept: VecDeque<Block>,
    kept_bytes: usize,
}

impl Pinned {
    pub(crate) fn allocate(&mut self, device: usize, bytes: usize, session: u64) -> usize {
        let block = Block::new(device, bytes, session);
        let address = block.address();
        self.blocks.insert(address, block);
        address
    }

    /// Takes memory back; says what was found wrong with older memory.
    pub(crate) fn free(&mut self, address: usize) -> Result<Vec<String>, String> {
        let mut block = self.blocks.remove(&address).ok_or_else(|| match self.find_kept(address) {
            true => format!("the pinned memory at {address:#x} was given back before"),
            false => format!("there is no pinned memory at {address:#x}"),
        })?;
        block.poison();
        self.kept_bytes += block.bytes;
        self.kept.push_back(block);
        let mut found = Vec::new();
        while self.kept_bytes > KEPT {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.bytes;
            found.extend(written(&oldest));
        }
        Ok(found)
    }

    /// Who wrote to memory that was given back.
    pub(crate) fn check_kept(&mut self) -> Vec<String> {
        self.kept_bytes = 0;
        self.kept.drain(..).filter_map(|block| written(&block)).collect()
    }

    /// Takes back all that was allocated in the context of a device.
    pub(crate) fn forget(&mut self, device: usize) -> Vec<String> {
        let theirs: Vec<usize> =
            self.blocks.iter().filter(|(_, block)| block.device == device).map(|(address, _)| *address).collect();
        theirs.into_iter().filter_map(|address| self.free(address).ok()).flatten().collect()
    }

    fn find_kept(&self, address: usize) -> bool {
        self.kept.iter().any(|block| (block.address()..block.address() + block.bytes).contains(&address))
    }

    /// True if the whole range is pinned.
    pub(crate) fn has(&self, address: usize, bytes: usize) -> bool {
        let found = self.blocks.range(..=address).next_back();
        found.is_some_and(|(start, block)| address + bytes <= start + block.bytes)
    }

    /// True if the range was pinned, and was given back.
    pub(crate) fn had(&self, address: usize) -> bool {
        self.find_kept(address)
    }

    pub(crate) fn size(&self, address: usize) -> Option<usize> {
        self.blocks.get(&address).map(|block| block.bytes)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Block> {
        self.blocks.values()
    }
}

fn written(block: &Block) -> Option<String> {
    let problem = || format!("pinned memory of {} bytes was written to after it was given back", block.bytes);
    (!block.is_poisoned()).then(problem)
}
