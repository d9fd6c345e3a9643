//! Streams, and the copies that are put into them.

use std::ffi::{c_int, c_uchar, c_uint, c_void};

use super::codes::{Code, INVALID_VALUE, NOT_READY};
use super::functions::Function;
use super::host::{self, put};
use super::progress::{Goal, wait};
use super::queue::{Item, Stream, Work};
use super::world::{Answer, MACHINE, World, answer};

const NON_BLOCKING: c_uint = 1;

impl World {
    /// Puts work into a stream.
    pub(crate) fn queue(&mut self, function: Function, stream: usize, work: Work) -> Answer {
        let fails = self.injected_later(function);
        self.stream(stream)?.queue.push_back(Item { work, fails });
        Ok(())
    }

    /// Checks a range of a device's memory before a copy is queued.
    fn range(&mut self, function: Function, address: u64, bytes: usize) -> Result<usize, Code> {
        let found = self.memory.device_of(address, bytes);
        found.map_err(|problem| {
            self.violation(format!("{}: {problem}", function.name()));
            INVALID_VALUE
        })
    }

    /// Whether a range of the host is pinned. If it is not, that is counted, or refused.
    fn pinned(&mut self, function: Function, address: usize, bytes: usize) -> Result<bool, Code> {
        if self.pinned.has(address, bytes) {
            return Ok(true);
        }
        if self.pinned.had(address) {
            self.violation(format!("{}: pinned memory that was given back", function.name()));
            return Err(INVALID_VALUE);
        }
        self.traffic.pageable += 1;
        if self.settings.refuse_pageable {
            self.violation(format!("{}: {bytes} bytes of the host that are not pinned", function.name()));
            return Err(INVALID_VALUE);
        }
        Ok(false)
    }
}

pub(crate) unsafe fn create(world: &mut World, stream: *mut usize, flags: c_uint) -> Answer {
    let device = world.current()?;
    if flags & !NON_BLOCKING != 0 {
        return Err(INVALID_VALUE);
    }
    if flags & NON_BLOCKING == 0 {
        world.violation("a stream was created that waits for the legacy stream: without NON_BLOCKING".to_owned());
    }
    let handle = world.handle();
    let (session, number) = (world.session, world.streams_made);
    world.streams_made += 1;
    world.streams.insert(handle, Stream { device, session, number, ..Stream::default() });
    // SAFETY: the caller's promise.
    unsafe { put(stream, handle) }
}

pub(crate) unsafe fn create_with_priority(
    world: &mut World,
    stream: *mut usize,
    flags: c_uint,
    _priority: c_int,
) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { create(world, stream, flags) }
}

pub(crate) fn destroy(world: &mut World, stream: usize) -> Answer {
    let current = world.current_even_lost()?;
    world.stream(stream)?.closed = true;
    world.forget_stream(stream);
    world.working(current)
}

fn known(world: &mut World, stream: usize) -> Result<usize, Code> {
    world.current_even_lost()?;
    world.stream(stream).map(|stream| stream.device)
}

pub(crate) fn query(world: &mut World, stream: usize) -> Answer {
    let device = known(world, stream)?;
    let done = world.ask(Goal::Stream(stream));
    world.working(device)?;
    if done { Ok(()) } else { Err(NOT_READY) }
}

pub(crate) fn synchronize(stream: usize) -> Code {
    let mut device = None;
    let code = answer(Function::cuStreamSynchronize, |world| {
        device = Some(known(world, stream)?);
        Ok(())
    });
    let Some(device) = device else { return code };
    wait(Goal::Stream(stream));
    MACHINE.lock().working(device).err().unwrap_or(0)
}

pub(crate) fn wait_event(world: &mut World, stream: usize, event: usize, flags: c_uint) -> Answer {
    if flags != 0 {
        return Err(INVALID_VALUE);
    }
    world.own_stream(stream)?;
    let generation = world.event(event)?.recorded;
    world.queue(Function::cuStreamWaitEvent, stream, Work::Wait { event, generation })
}

pub(crate) unsafe fn copy_in(world: &mut World, to: u64, from: *const c_void, bytes: usize, stream: usize) -> Answer {
    let function = Function::cuMemcpyHtoDAsync_v2;
    world.own_stream(stream)?;
    world.range(function, to, bytes)?;
    let work = if world.pinned(function, from as usize, bytes)? {
        Work::CopyIn { to, from: from as usize, bytes }
    } else {
        world.traffic.to_device += bytes as u64;
        // SAFETY: the caller's promise.
        Work::Write { to, content: unsafe { host::bytes(from, bytes) } }
    };
    world.queue(function, stream, work)
}

pub(crate) unsafe fn copy_out(to: *mut c_void, from: u64, bytes: usize, stream: usize) -> Code {
    let function = Function::cuMemcpyDtoHAsync_v2;
    let mut pageable = false;
    let code = answer(function, |world| {
        world.own_stream(stream)?;
        world.range(function, from, bytes)?;
        pageable = !world.pinned(function, to as usize, bytes)?;
        if pageable { Ok(()) } else { world.queue(function, stream, Work::CopyOut { to: to as usize, from, bytes }) }
    });
    if code != 0 || !pageable {
        return code;
    }
    // A driver waits for the stream, and copies.
    wait(Goal::Stream(stream));
    let mut world = MACHINE.lock();
    copy_out_at_once(&mut world, to, from, bytes).err().unwrap_or(0)
}

fn copy_out_at_once(world: &mut World, to: *mut c_void, from: u64, bytes: usize) -> Answer {
    let device = world.range(Function::cuMemcpyDtoH_v2, from, bytes)?;
    world.working(device)?;
    world.traffic.to_host += bytes as u64;
    let content = world.memory.read(from, bytes).map_err(|_| INVALID_VALUE)?;
    host::write(to as usize, content);
    Ok(())
}

/// The copies that are not put into a stream wait for those streams alone that we refuse; and so for nothing.
pub(crate) unsafe fn copy_in_now(to: u64, from: *const c_void, bytes: usize) -> Code {
    answer(Function::cuMemcpyHtoD_v2, |world| {
        world.current()?;
        world.range(Function::cuMemcpyHtoD_v2, to, bytes)?;
        world.traffic.to_device += bytes as u64;
        host::read(from as usize, world.memory.write(to, bytes).map_err(|_| INVALID_VALUE)?);
        Ok(())
    })
}

pub(crate) unsafe fn copy_out_now(to: *mut c_void, from: u64, bytes: usize) -> Code {
    answer(Function::cuMemcpyDtoH_v2, |world| {
        world.current()?;
        copy_out_at_once(world, to, from, bytes)
    })
}

pub(crate) fn copy_within(world: &mut World, to: u64, from: u64, bytes: usize, stream: usize) -> Answer {
    let function = Function::cuMemcpyDtoDAsync_v2;
    world.own_stream(stream)?;
    world.range(function, from, bytes)?;
    world.range(function, to, bytes)?;
    world.queue(function, stream, Work::Copy { to, from, bytes })
}

pub(crate) fn copy_peer(
    world: &mut World,
    to: u64,
    to_context: usize,
    from: u64,
    from_context: usize,
    bytes: usize,
    stream: usize,
) -> Answer {
    let function = Function::cuMemcpyPeerAsync;
    world.own_stream(stream)?;
    for (address, context) in [(to, to_context), (from, from_context)] {
        let (found, said) = (world.range(function, address, bytes)?, world.context(context)?);
        if found != said {
            world.violation(format!("cuMemcpyPeerAsync: memory of device {found} was called device {said}'s"));
            return Err(INVALID_VALUE);
        }
    }
    world.queue(function, stream, Work::Copy { to, from, bytes })
}

pub(crate) fn set_8(world: &mut World, to: u64, value: c_uchar, count: usize, stream: usize) -> Answer {
    world.own_stream(stream)?;
    world.range(Function::cuMemsetD8Async, to, count)?;
    world.queue(Function::cuMemsetD8Async, stream, Work::Write { to, content: vec![value; count] })
}

pub(crate) fn set_32(world: &mut World, to: u64, value: c_uint, count: usize, stream: usize) -> Answer {
    world.own_stream(stream)?;
    let bytes = count.checked_mul(4).ok_or(INVALID_VALUE)?;
    world.range(Function::cuMemsetD32Async, to, bytes)?;
    world.queue(Function::cuMemsetD32Async, stream, Work::Write { to, content: value.to_le_bytes().repeat(count) })
}
