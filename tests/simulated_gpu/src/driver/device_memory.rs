//! The memory of the devices.
//!
//! An address is a number that no host address equals, and no two allocations ever have the same: each has its own window
//! of 4 GiB, so that whatever lies outside of an allocation, or in a freed one, is known as such for ever.

use std::collections::BTreeMap;

use crate::ptx;

/// The window of the first allocation.
const FIRST: u64 = 1 << 24;
const WINDOW_BITS: u32 = 32;
/// The most that one allocation can have.
pub(crate) const MOST: usize = (1 << WINDOW_BITS) - 256;
/// What nobody has written.
pub(crate) const POISON: u8 = 0xab;

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) device: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) session: u64,
}

#[derive(Debug, Default)]
pub(crate) struct DeviceMemory {
    /// By window.
    blocks: Vec<Option<Block>>,
    /// Which devices a kernel on a device may reach, beside its own.
    peers: BTreeMap<usize, Vec<usize>>,
}

impl DeviceMemory {
    pub(crate) fn allocate(&mut self, device: usize, bytes: usize, session: u64) -> u64 {
        self.blocks.push(Some(Block { device, bytes: vec![POISON; bytes], session }));
        (FIRST + self.blocks.len() as u64 - 1) << WINDOW_BITS
    }

    /// Memory of a module's own, which counts for no session.
    pub(crate) fn place(&mut self, device: usize, content: Vec<u8>) -> u64 {
        let address = self.allocate(device, 0, 0);
        if let Some(Some(block)) = self.blocks.last_mut() {
            block.bytes = content;
        }
        address
    }

    fn window(address: u64) -> Option<usize> {
        usize::try_from((address >> WINDOW_BITS).checked_sub(FIRST)?).ok()
    }

    fn offset(address: u64) -> usize {
        (address & ((1 << WINDOW_BITS) - 1)) as usize
    }

    /// The size and device of an allocation, which is no more.
    pub(crate) fn free(&mut self, address: u64) -> Result<Block, String> {
        self.block(address, 0)?;
        if Self::offset(address) != 0 {
            return Err(format!("{address:#x} is no beginning of an allocation"));
        }
        let block = Self::window(address).and_then(|window| self.blocks.get_mut(window)?.take());
        block.ok_or_else(|| format!("{address:#x} was never allocated"))
    }

    /// Where a range lies, and of how many bytes its allocation has.
    fn block(&self, address: u64, bytes: usize) -> Result<(&Block, usize), String> {
        let found = Self::window(address).and_then(|window| self.blocks.get(window));
        let block = match found {
            None => return Err(format!("{address:#x} is no address of a device's memory")),
            Some(None) => return Err(format!("{address:#x} lies in memory that was freed")),
            Some(Some(block)) => block,
        };
        let start = Self::offset(address);
        if start + bytes > block.bytes.len() {
            return Err(format!(
                "{bytes} bytes from byte {start} on lie outside of an allocation of {} bytes",
                block.bytes.len()
            ));
        }
        Ok((block, start))
    }

    pub(crate) fn device_of(&self, address: u64, bytes: usize) -> Result<usize, String> {
        self.block(address, bytes).map(|(block, _)| block.device)
    }

    pub(crate) fn read(&self, address: u64, bytes: usize) -> Result<&[u8], String> {
        let (block, start) = self.block(address, bytes)?;
        Ok(&block.bytes[start..start + bytes])
    }

    pub(crate) fn write(&mut self, address: u64, bytes: usize) -> Result<&mut [u8], String> {
        let start = self.block(address, bytes)?.1;
        let block = Self::window(address).and_then(|window| self.blocks.get_mut(window)?.as_mut());
        block.map(|block| &mut block.bytes[start..start + bytes]).ok_or_else(|| format!("{address:#x} is no address"))
    }

    pub(crate) fn enable_peer(&mut self, device: usize, peer: usize) -> bool {
        let peers = self.peers.entry(device).or_default();
        let new = !peers.contains(&peer);
        if new {
            peers.push(peer);
        }
        new
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().flatten()
    }

    pub(crate) fn forget(&mut self, device: usize) {
        for block in &mut self.blocks {
            block.take_if(|block| block.device == device);
        }
        self.peers.remove(&device);
    }

    /// How much a session has allocated. What an earlier one has left behind takes no room from it.
    pub(crate) fn used(&self, device: usize, session: u64) -> usize {
        self.live()
            .filter(|block| block.device == device && block.session == session)
            .map(|block| block.bytes.len())
            .sum()
    }
}

/// All memory as a kernel on one device sees it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) memory: &'a mut DeviceMemory,
    pub(crate) device: usize,
}

impl View<'_> {
    fn reach(&self, address: u64, bytes: usize) -> Result<(&Block, usize), String> {
        let (block, start) = self.memory.block(address, bytes)?;
        let peers = || self.memory.peers.get(&self.device).is_some_and(|peers| peers.contains(&block.device));
        if block.device == self.device || peers() {
            return Ok((block, start));
        }
        let (own, other) = (self.device, block.device);
        Err(format!("{address:#x} lies on device {other}, which a kernel on device {own} may not reach"))
    }
}

impl ptx::Memory for View<'_> {
    fn load(&self, address: u64, bytes: usize) -> Result<u64, String> {
        let (block, start) = self.reach(address, bytes)?;
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&block.bytes[start..start + bytes]);
        Ok(u64::from_le_bytes(word))
    }

    fn store(&mut self, address: u64, bytes: usize, value: u64) -> Result<(), String> {
        let start = self.reach(address, bytes)?.1;
        let block = DeviceMemory::window(address).and_then(|window| self.memory.blocks.get_mut(window)?.as_mut());
        if let Some(block) = block {
            block.bytes[start..start + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
        }
        Ok(())
    }
}
