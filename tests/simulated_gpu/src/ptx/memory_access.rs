//! Where the memories of a thread lie among the generic addresses, and reading and writing the small ones.

use super::grid::Fault;

/// Where generic addresses of a block's shared memory begin: below all addresses of devices, above all of the host.
pub(crate) const SHARED: u64 = 0x0010_0000_0000_0000;
/// Where those of a thread's own memory begin.
pub(crate) const LOCAL: u64 = 0x0020_0000_0000_0000;
/// How far each reaches.
pub(crate) const WINDOW: u64 = 1 << 40;

pub(crate) fn load(memory: &[u8], at: u64, bytes: usize, what: &str) -> Result<u64, Fault> {
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    let Some(found) = start.checked_add(bytes).and_then(|end| memory.get(start..end)) else {
        return Err(outside(memory, at, bytes, what));
    };
    let mut word = [0; 8];
    word[..bytes].copy_from_slice(found);
    Ok(u64::from_le_bytes(word))
}

pub(crate) fn store(memory: &mut [u8], at: u64, bytes: usize, value: u64, what: &str) -> Result<(), Fault> {
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    let end = start.checked_add(bytes).filter(|end| *end <= memory.len());
    let Some(end) = end else { return Err(outside(memory, at, bytes, what)) };
    memory[start..end].copy_from_slice(&value.to_le_bytes()[..bytes]);
    Ok(())
}

fn outside(memory: &[u8], at: u64, bytes: usize, what: &str) -> Fault {
    Fault::illegal_address(format!("{bytes} bytes at {at:#x} of the {what}, which has {} bytes", memory.len()))
}
