//! Events.

use std::ffi::c_uint;

use super::codes::{Code, INVALID_HANDLE, INVALID_VALUE, NOT_READY};
use super::functions::Function;
use super::host::put;
use super::progress::{Goal, wait};
use super::queue::{Event, Work};
use super::world::{Answer, MACHINE, World, answer};

const DISABLE_TIMING: c_uint = 2;

pub(crate) unsafe fn create(world: &mut World, event: *mut usize, flags: c_uint) -> Answer {
    let device = world.current()?;
    // Blocking, without timing, for other processes: the last needs the second, and is not simulated.
    if flags & !3 != 0 {
        return Err(INVALID_VALUE);
    }
    let handle = world.handle();
    let timing = flags & DISABLE_TIMING == 0;
    let new = Event { device, session: world.session, timing, ..Event::default() };
    world.events.insert(handle, new);
    // SAFETY: the caller's promise.
    unsafe { put(event, handle) }
}

pub(crate) fn destroy(world: &mut World, event: usize) -> Answer {
    let current = world.current_even_lost()?;
    world.event(event)?.closed = true;
    // What is queued may still wait for it; then it is kept.
    let waited = |work: &Work| matches!(work, Work::Record { event: other, .. } | Work::Wait { event: other, .. } if *other == event);
    if !world.streams.values().flat_map(|stream| &stream.queue).any(|item| waited(&item.work)) {
        world.events.remove(&event);
    }
    world.working(current)
}

pub(crate) fn record(world: &mut World, event: usize, stream: usize) -> Answer {
    let device = world.own_stream(stream)?;
    let found = world.event(event)?;
    if found.device != device {
        return Err(INVALID_HANDLE);
    }
    found.recorded += 1;
    let generation = found.recorded;
    world.queue(Function::cuEventRecord, stream, Work::Record { event, generation })
}

fn goal(world: &mut World, event: usize) -> Result<(usize, Goal), Code> {
    world.current_even_lost()?;
    let found = world.event(event)?;
    Ok((found.device, Goal::Event { event, generation: found.recorded }))
}

pub(crate) fn query(world: &mut World, event: usize) -> Answer {
    let (device, goal) = goal(world, event)?;
    let reached = world.ask(goal);
    world.working(device)?;
    if reached { Ok(()) } else { Err(NOT_READY) }
}

pub(crate) fn synchronize(event: usize) -> Code {
    let mut found = None;
    let code = answer(Function::cuEventSynchronize, |world| {
        found = Some(goal(world, event)?);
        Ok(())
    });
    let Some((device, goal)) = found else { return code };
    wait(goal);
    MACHINE.lock().working(device).err().unwrap_or(0)
}

/// On the simulated clock, where every piece of work takes a microsecond.
pub(crate) unsafe fn elapsed(world: &mut World, milliseconds: *mut f32, start: usize, end: usize) -> Answer {
    world.current()?;
    let mut times = [0; 2];
    for (time, event) in times.iter_mut().zip([start, end]) {
        let found = world.event(event)?;
        if !found.timing || found.recorded == 0 {
            return Err(INVALID_HANDLE);
        }
        if found.reached < found.recorded {
            return Err(NOT_READY);
        }
        *time = found.time;
    }
    // SAFETY: the caller's promise.
    unsafe { put(milliseconds, (times[1] as f32 - times[0] as f32) / 1000.0) }
}
