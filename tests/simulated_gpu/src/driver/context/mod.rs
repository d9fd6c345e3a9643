//! Devices and their primary contexts.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_uint};

use super::codes::{Code, INVALID_CONTEXT, INVALID_DEVICE, INVALID_VALUE, NAMES, PEER_ACCESS_ALREADY_ENABLED};
use super::functions::Function;
use super::host::{put, put_text};
use super::progress::{Goal, wait};
use super::world::{Answer, MACHINE, World, answer};

pub(crate) mod memory;

/// The driver's version: 13.0.
const VERSION: c_int = 13_000;
/// A device's compute capability: 9.0.
pub(crate) const CAPABILITY: u32 = 90;
/// The shared memory of a block that needs no special request, and the most that there is.
pub(crate) const SHARED: usize = 48 << 10;
pub(crate) const SHARED_MOST: usize = 227 << 10;

thread_local! {
    /// The contexts of this thread, by device; the last is current.
    static STACK: RefCell<Vec<Option<usize>>> = const { RefCell::new(Vec::new()) };
}

/// The device whose context is current on this thread.
pub(crate) fn current() -> Option<usize> {
    STACK.with_borrow(|stack| stack.last().copied().flatten())
}

fn handle(device: usize) -> usize {
    0x5000_0000 + (device + 1) * 0x1000
}

impl World {
    fn device(&self, device: c_int) -> Result<usize, Code> {
        usize::try_from(device).ok().filter(|device| *device < self.settings.devices).ok_or(INVALID_DEVICE)
    }

    pub(crate) fn context(&self, context: usize) -> Result<usize, Code> {
        let alive = |device: &usize| handle(*device) == context && self.devices[*device].retained > 0;
        (0..self.devices.len()).find(alive).ok_or(INVALID_CONTEXT)
    }
}

pub(crate) fn init(world: &mut World, flags: c_uint) -> Answer {
    if flags != 0 {
        return Err(INVALID_VALUE);
    }
    if world.settings.devices == 0 { Err(100) } else { Ok(()) }
}

pub(crate) unsafe fn driver_version(_: &mut World, version: *mut c_int) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { put(version, VERSION) }
}

fn known(code: c_int) -> Option<&'static (Code, &'static str, &'static str)> {
    NAMES.iter().find(|(known, ..)| *known == code)
}

pub(crate) unsafe fn error_name(code: c_int, name: *mut *const c_char) -> Code {
    let text = known(code).map_or(std::ptr::null(), |(_, name, _)| name.as_ptr().cast());
    // SAFETY: the caller's promise.
    let put = unsafe { put(name, text) };
    if text.is_null() { INVALID_VALUE } else { put.err().unwrap_or(0) }
}

pub(crate) unsafe fn error_string(code: c_int, name: *mut *const c_char) -> Code {
    let text = known(code).map_or(std::ptr::null(), |(_, _, text)| text.as_ptr().cast());
    // SAFETY: the caller's promise.
    let put = unsafe { put(name, text) };
    if text.is_null() { INVALID_VALUE } else { put.err().unwrap_or(0) }
}

pub(crate) unsafe fn device_get(world: &mut World, device: *mut c_int, index: c_int) -> Answer {
    world.device(index)?;
    // SAFETY: the caller's promise.
    unsafe { put(device, index) }
}

pub(crate) unsafe fn device_count(world: &mut World, count: *mut c_int) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { put(count, c_int::try_from(world.settings.devices).unwrap_or(c_int::MAX)) }
}

pub(crate) unsafe fn device_name(world: &mut World, name: *mut c_char, length: c_int, device: c_int) -> Answer {
    let device = world.device(device)?;
    let room = usize::try_from(length).map_err(|_| INVALID_VALUE)?;
    // SAFETY: the caller's promise.
    unsafe { put_text(name, room, &format!("Simulated GPU {device}")) }
}

pub(crate) unsafe fn device_bus(world: &mut World, name: *mut c_char, length: c_int, device: c_int) -> Answer {
    let device = world.device(device)?;
    let room = usize::try_from(length).map_err(|_| INVALID_VALUE)?;
    // SAFETY: the caller's promise.
    unsafe { put_text(name, room, &format!("0000:{:02x}:00.0", device + 1)) }
}

pub(crate) unsafe fn device_attribute(
    world: &mut World,
    value: *mut c_int,
    attribute: c_uint,
    device: c_int,
) -> Answer {
    world.device(device)?;
    // By their numbers in `CUdevice_attribute`.
    let found = match attribute {
        1..=3 => 1024,        // threads in a block, in x and y
        4 => 64,              // in z
        5 => c_int::MAX,      // blocks in x
        6 | 7 => 65_535,      // in y and z
        8 => SHARED as c_int, // shared memory of a block
        10 => 32,             // threads in a warp
        12 | 82 => 65_536,    // registers
        13 => 1_980_000,      // kHz
        16 => world.settings.multiprocessors as c_int,
        17 | 18 | 20 | 35 | 50 | 34 => 0,
        19 | 31 | 41 | 78 => 1, // maps host memory, concurrent kernels, one address space, priorities
        33 => device + 1,       // bus
        39 => 2048,             // threads on a multiprocessor
        40 => 3,                // copy engines
        75 => (CAPABILITY / 10) as c_int,
        76 => (CAPABILITY % 10) as c_int,
        81 => 228 << 10,            // shared memory of a multiprocessor
        97 => SHARED_MOST as c_int, // of a block that asks for it
        _ => return Err(INVALID_VALUE),
    };
    // SAFETY: the caller's promise.
    unsafe { put(value, found) }
}

pub(crate) unsafe fn device_memory(world: &mut World, bytes: *mut usize, device: c_int) -> Answer {
    world.device(device)?;
    // SAFETY: the caller's promise.
    unsafe { put(bytes, world.settings.memory) }
}

pub(crate) unsafe fn device_uuid(world: &mut World, uuid: *mut [u8; 16], device: c_int) -> Answer {
    let mut found = *b"simulated GPU \0\0";
    found[15] = world.device(device)? as u8;
    // SAFETY: the caller's promise.
    unsafe { put(uuid, found) }
}

pub(crate) unsafe fn can_access_peer(world: &mut World, can: *mut c_int, device: c_int, peer: c_int) -> Answer {
    let (device, peer) = (world.device(device)?, world.device(peer)?);
    // SAFETY: the caller's promise.
    unsafe { put(can, c_int::from(device != peer && world.settings.peers)) }
}

pub(crate) unsafe fn retain(world: &mut World, context: *mut usize, device: c_int) -> Answer {
    let device = world.device(device)?;
    world.working(device)?;
    world.devices[device].retained += 1;
    // SAFETY: the caller's promise.
    unsafe { put(context, handle(device)) }
}

pub(crate) fn release(world: &mut World, device: c_int) -> Answer {
    let device = world.device(device)?;
    let found = &mut world.devices[device];
    found.retained = found.retained.checked_sub(1).ok_or(INVALID_CONTEXT)?;
    Ok(())
}

pub(crate) fn set_flags(world: &mut World, device: c_int, _flags: c_uint) -> Answer {
    world.device(device).map(drop)
}

/// Everything in the context is gone, a failure too.
pub(crate) fn reset(world: &mut World, device: c_int) -> Answer {
    let device = world.device(device)?;
    world.forget_device(device);
    world.devices[device].retained = 0;
    Ok(())
}

pub(crate) fn set_current(world: &mut World, context: usize) -> Answer {
    let device = if context == 0 { None } else { Some(world.context(context)?) };
    STACK.with_borrow_mut(|stack| {
        stack.pop();
        stack.push(device);
    });
    Ok(())
}

pub(crate) unsafe fn get_current(_: &mut World, context: *mut usize) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { put(context, current().map_or(0, handle)) }
}

pub(crate) fn push_current(world: &mut World, context: usize) -> Answer {
    let device = world.context(context)?;
    STACK.with_borrow_mut(|stack| stack.push(Some(device)));
    Ok(())
}

pub(crate) unsafe fn pop_current(_: &mut World, context: *mut usize) -> Answer {
    let device = STACK.with_borrow_mut(Vec::pop).flatten().ok_or(INVALID_CONTEXT)?;
    if context.is_null() {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe { put(context, handle(device)) }
}

pub(crate) unsafe fn get_device(world: &mut World, device: *mut c_int) -> Answer {
    let current = world.current_even_lost()?;
    // SAFETY: the caller's promise.
    unsafe { put(device, current as c_int) }
}

pub(crate) unsafe fn priorities(world: &mut World, least: *mut c_int, greatest: *mut c_int) -> Answer {
    world.current()?;
    // SAFETY: the caller's promise.
    unsafe { put(least, 0).and(put(greatest, -5)) }
}

pub(crate) fn enable_peer(world: &mut World, context: usize, flags: c_uint) -> Answer {
    let (own, peer) = (world.current()?, world.context(context)?);
    if flags != 0 || own == peer {
        return Err(INVALID_VALUE);
    }
    if !world.settings.peers {
        return Err(217);
    }
    if world.memory.enable_peer(own, peer) { Ok(()) } else { Err(PEER_ACCESS_ALREADY_ENABLED) }
}

pub(crate) fn synchronize() -> Code {
    let mut device = 0;
    let code = answer(Function::cuCtxSynchronize, |world| {
        device = world.current()?;
        Ok(())
    });
    if code != 0 {
        return code;
    }
    let streams: Vec<usize> = {
        let world = MACHINE.lock();
        world.streams.iter().filter(|(_, stream)| stream.device == device).map(|(handle, _)| *handle).collect()
    };
    streams.into_iter().for_each(|stream| wait(Goal::Stream(stream)));
    MACHINE.lock().working(device).err().unwrap_or(0)
}
