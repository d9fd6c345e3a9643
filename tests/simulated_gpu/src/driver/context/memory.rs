//! Allocations on the device and of pinned memory.

use std::ffi::{c_uint, c_void};

use crate::driver::codes::{INVALID_VALUE, NOT_SUPPORTED, OUT_OF_MEMORY};
use crate::driver::device_memory::MOST;
use crate::driver::host::put;
use crate::driver::world::{Answer, World};

/// Allocations are aligned to so much, and take so much.
const GRAIN: usize = 256;

pub(crate) unsafe fn allocate(world: &mut World, address: *mut u64, bytes: usize) -> Answer {
    let device = world.current()?;
    if bytes == 0 || address.is_null() {
        return Err(INVALID_VALUE);
    }
    let free = world.settings.memory.saturating_sub(world.memory.used(device, world.session));
    if bytes > free || bytes > MOST {
        return Err(OUT_OF_MEMORY);
    }
    let session = world.session;
    // SAFETY: the caller's promise.
    unsafe { put(address, world.memory.allocate(device, bytes, session)) }
}

pub(crate) fn free(world: &mut World, address: u64) -> Answer {
    if address == 0 {
        return Ok(());
    }
    let current = world.current_even_lost()?;
    let block = match world.memory.free(address) {
        Ok(block) => block,
        Err(problem) => {
            world.violation(format!("cuMemFree: {problem}"));
            return Err(INVALID_VALUE);
        }
    };
    let bytes = block.bytes.len() as u64;
    let used =
        world.streams.values().flat_map(|stream| &stream.queue).any(|item| item.work.uses_device(address, bytes));
    if used {
        world.violation(format!("{bytes} bytes of a device were freed while queued work uses them"));
    }
    // A lost device answers with what it was lost for, here too.
    world.working(current)
}

pub(crate) unsafe fn info(world: &mut World, free: *mut usize, total: *mut usize) -> Answer {
    let device = world.current()?;
    let all = world.settings.memory;
    let left = all.saturating_sub(world.memory.used(device, world.session).next_multiple_of(GRAIN));
    // SAFETY: the caller's promise.
    unsafe { put(free, left).and(put(total, all)) }
}

pub(crate) unsafe fn allocate_host(world: &mut World, memory: *mut *mut c_void, bytes: usize) -> Answer {
    let device = world.current()?;
    if bytes == 0 || memory.is_null() {
        return Err(INVALID_VALUE);
    }
    let used: usize = world.pinned.live().filter(|block| block.session == world.session).map(|block| block.bytes).sum();
    if bytes > world.settings.pinned.saturating_sub(used) {
        return Err(OUT_OF_MEMORY);
    }
    let session = world.session;
    // SAFETY: the caller's promise.
    unsafe { put(memory, world.pinned.allocate(device, bytes, session) as *mut c_void) }
}

pub(crate) unsafe fn host_allocate(world: &mut World, memory: *mut *mut c_void, bytes: usize, flags: c_uint) -> Answer {
    // Portable, mapped, write-combined.
    if flags & !7 != 0 {
        return Err(INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    unsafe { allocate_host(world, memory, bytes) }
}

pub(crate) fn free_host(world: &mut World, memory: *mut c_void) -> Answer {
    let current = world.current_even_lost()?;
    let address = memory as usize;
    let size = world.pinned.size(address).unwrap_or(0);
    match world.pinned.free(address) {
        Ok(found) => found.into_iter().for_each(|problem| world.violation(problem)),
        Err(problem) => {
            world.violation(format!("cuMemFreeHost: {problem}"));
            return Err(INVALID_VALUE);
        }
    }
    if world.streams.values().flat_map(|stream| &stream.queue).any(|item| item.work.uses_host(address, size)) {
        world.violation(format!("{size} bytes of pinned memory were given back while a queued copy uses them"));
    }
    world.working(current)
}

/// Kernels that reach into the host's memory are not simulated.
pub(crate) fn device_pointer(world: &mut World, _: *mut u64, memory: *mut c_void, _: c_uint) -> Answer {
    world.current()?;
    if world.pinned.has(memory as usize, 1) { Err(NOT_SUPPORTED) } else { Err(INVALID_VALUE) }
}
