//! Launches of kernels, and of host functions.

use std::ffi::{c_uint, c_void};

use super::codes::{INVALID_CONTEXT, INVALID_VALUE, LAUNCH_OUT_OF_RESOURCES, NOT_SUPPORTED};
use super::context::SHARED;
use super::functions::{Function, INSTANT};
use super::host;
use super::queue::{Launch, Work};
use super::world::{Answer, HostCall, MACHINE, World};

#[allow(clippy::too_many_arguments, reason = "the driver's own")]
pub(crate) unsafe fn kernel(
    world: &mut World,
    function: usize,
    blocks_x: c_uint,
    blocks_y: c_uint,
    blocks_z: c_uint,
    threads_x: c_uint,
    threads_y: c_uint,
    threads_z: c_uint,
    shared: c_uint,
    stream: usize,
    parameters: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Answer {
    let device = world.own_stream(stream)?;
    let (module, owner, loaded) = world.loaded(function)?;
    let (kernel, dynamic) = (loaded.kernel.clone(), loaded.dynamic);
    if owner != device {
        return Err(INVALID_CONTEXT);
    }
    let (blocks, threads) = ([blocks_x, blocks_y, blocks_z], [threads_x, threads_y, threads_z]);
    let within = |sizes: [u32; 3], most: [u32; 3]| sizes.iter().zip(most).all(|(n, most)| (1..=most).contains(n));
    if !within(blocks, [i32::MAX as u32, 65_535, 65_535]) || !within(threads, [1024, 1024, 64]) {
        return Err(INVALID_VALUE);
    }
    let count: u32 = threads.iter().product();
    if count > 1024 {
        return Err(INVALID_VALUE);
    }
    if kernel.max_threads.is_some_and(|most| count > most) {
        return Err(LAUNCH_OUT_OF_RESOURCES);
    }
    let shared = shared as usize;
    if shared > dynamic && kernel.shared + shared > SHARED {
        return Err(INVALID_VALUE);
    }
    if !extra.is_null() {
        return Err(NOT_SUPPORTED);
    }
    if parameters.is_null() && !kernel.parameters.is_empty() {
        return Err(INVALID_VALUE);
    }
    let mut values = vec![0; kernel.parameter_bytes];
    for (i, parameter) in kernel.parameters.iter().enumerate() {
        // SAFETY: the caller's promise: as many pointers as the kernel has parameters.
        let from = unsafe { *parameters.add(i) };
        if from.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: the caller's promise: each points to a value of its parameter's size.
        let value = unsafe { host::bytes(from, parameter.bytes) };
        values[parameter.offset..parameter.offset + parameter.bytes].copy_from_slice(&value);
    }
    let launch = Launch { kernel, module, blocks, threads, shared, parameters: values };
    world.queue(Function::cuLaunchKernel, stream, Work::Launch(Box::new(launch)))
}

pub(crate) fn host_function(world: &mut World, stream: usize, function: *const c_void, data: *mut c_void) -> Answer {
    if function.is_null() {
        return Err(INVALID_VALUE);
    }
    let device = world.own_stream(stream)?;
    let (function, data) = (function as usize, data as usize);
    MACHINE.called.notify_all();
    if INSTANT.load(std::sync::atomic::Ordering::Relaxed) {
        world.devices[device].calls.push_back(HostCall { stream: None, function, data });
        return Ok(());
    }
    world.queue(Function::cuLaunchHostFunc, stream, Work::Host { function, data })
}
